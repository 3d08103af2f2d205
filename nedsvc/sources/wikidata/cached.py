"""A Wikibase behind a cache: what is known is not asked again, and what is old is asked again in the background.

The cache stands here, and not before the whole source, because the candidates of different names are the same items.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Generic, TypeVar

import msgspec

from nedsvc.cache import ITEM, NAME, Cache, Entry, Kind
from nedsvc.errors import SourceUnavailable
from nedsvc.sources.wikidata.records import Ids, LiveAnswer, LiveItem, Way, Wikibase
from nedsvc.sources.wikidata.together import ask_together

_LAYOUT = 2  # of kept items: counted up when `Item` changes, as an old value would pass for a new one
REFRESH_WITHIN = 30.0  # seconds that renewing old entries may take

_SHARE_OF_WAITING = 0.5  # of the time that is left, for what another one asks for already

Value = TypeVar("Value")


class _Kept(msgspec.Struct, Generic[Value], frozen=True, array_like=True):
    """A value and when it was found (seconds since 1970)."""

    at: float
    value: Value


_encode = msgspec.msgpack.Encoder().encode
_decode_ids: Callable[[bytes], _Kept[tuple[str, ...]]] = msgspec.msgpack.Decoder(_Kept[tuple[str, ...]]).decode
_decode_item: Callable[[bytes], _Kept[LiveItem | None]] = msgspec.msgpack.Decoder(_Kept[LiveItem | None]).decode


class CachedWikibase:
    """A `Wikibase` that asks another one for what the cache does not hold; `name` tells its entries from others'.

    A name that many processes miss at once is asked for by one of them. Old entries are served while one process
    asks for them again.
    """

    def __init__(self, wikibase: Wikibase, cache: Cache, name: str, clock: Callable[[], float] = time.time) -> None:
        self._wikibase = wikibase
        self._cache = cache
        self._name = name
        self._clock = clock
        self._background: ThreadPoolExecutor | None = None
        self._lock = Lock()

    def find(self, names: Sequence[str], language: str, way: Way, until: float) -> dict[str, Ids]:
        """The ids that each name leads to."""
        keys = {name: NAME.key(self._name, (name, language, way)) for name in names}
        kept = self._kept(keys, _decode_ids)
        missing = [name for name in keys if name not in kept]
        answers = ask_together(lambda name: self._find(name, keys[name], language, way, until), missing)
        self._renew(
            {name: keys[name] for name in kept if self._is_old(NAME, kept[name].at)},
            lambda old: self._keep(NAME, keys, self._wikibase.find(old, language, way, _soon())),
        )
        return {name: entry.value for name, entry in kept.items()} | dict(zip(missing, answers, strict=True))

    def items(self, ids: Sequence[str], language: str, until: float) -> dict[str, LiveAnswer]:
        """The item of each id."""
        keys = {id_: ITEM.key(self._name, (_LAYOUT, id_, language)) for id_ in ids}
        kept = self._kept(keys, _decode_item)
        missing = [id_ for id_ in keys if id_ not in kept]
        answers = self._wikibase.items(missing, language, until) if missing else {}
        self._keep(ITEM, keys, answers)
        self._renew(
            {id_: keys[id_] for id_ in kept if self._is_old(ITEM, kept[id_].at)},
            lambda old: self._keep(ITEM, keys, self._wikibase.items(old, language, _soon())),
        )
        return {id_: entry.value for id_, entry in kept.items()} | answers

    def _find(self, name: str, key: str, language: str, way: Way, until: float) -> tuple[str, ...]:
        def compute() -> Entry:
            found = self._wikibase.find([name], language, way, until)[name]
            if isinstance(found, SourceUnavailable):
                raise found
            return self._entry(NAME, found)

        # Whoever asks for the same may have more time, or be gone.
        wait = _SHARE_OF_WAITING * max(0.0, until - time.monotonic())
        body, _ = self._cache.get_or_compute(key, compute, wait)
        kept = _read(body, _decode_ids)
        if kept is None:
            entry = compute()
            self._cache.set_many({key: entry})
            kept = _decode_ids(entry.body)
        return kept.value

    def _kept(self, keys: Mapping[str, str], decode: Callable[[bytes], _Kept[Value]]) -> dict[str, _Kept[Value]]:
        bodies, _ = self._cache.get_many(list(keys.values()))
        read = {asked: _read(body, decode) for asked, body in zip(keys, bodies, strict=True) if body is not None}
        return {asked: kept for asked, kept in read.items() if kept is not None}

    def _keep(self, kind: Kind, keys: Mapping[str, str], answers: Mapping[str, Ids] | Mapping[str, LiveAnswer]) -> None:
        found = {keys[asked]: value for asked, value in answers.items() if not isinstance(value, SourceUnavailable)}
        self._cache.set_many({key: self._entry(kind, value) for key, value in found.items()})

    def _entry(self, kind: Kind, value: tuple[str, ...] | LiveItem | None) -> Entry:
        return Entry(_encode(_Kept(self._clock(), value)), kind.lifetime(known=bool(value)))

    def _is_old(self, kind: Kind, at: float) -> bool:
        return self._clock() - at > kind.fresh

    def _renew(self, keys: Mapping[str, str], ask: Callable[[list[str]], None]) -> None:
        """Asks again in the background for those old entries that no other process asks for."""
        if not keys:
            return
        claimed = self._cache.claim(list(keys.values()), REFRESH_WITHIN)
        old = [asked for asked, ours in zip(keys, claimed, strict=True) if ours]
        if old:
            self._executor().submit(ask, old)

    def _executor(self) -> ThreadPoolExecutor:
        # Made when it is first needed: a thread would not survive the forking of a server.
        with self._lock:
            if self._background is None:
                self._background = ThreadPoolExecutor(1, thread_name_prefix="nedsvc-renewing")
            return self._background


def _read(body: bytes, decode: Callable[[bytes], _Kept[Value]]) -> _Kept[Value] | None:
    """What was kept; None for what another version kept in a way that is not known here."""
    try:
        return decode(body)
    except (msgspec.MsgspecError, ValueError):
        return None


def _soon() -> float:
    return time.monotonic() + REFRESH_WITHIN
