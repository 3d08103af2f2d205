"""The cache that processes share: a Redis server, and how to do without it."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from secrets import token_hex
from typing import Any
from zlib import crc32

from redis.exceptions import InvalidResponse

from nedsvc.cache import PROBE, Entry, Outcome
from nedsvc.cache.client import Guard, NoAnswer, redis_client
from nedsvc.cache.flights import Flights

ANSWER_WITHIN = 0.5  # seconds; a cache that is slower than this is of no use
FLIGHT = 10.0  # seconds that one process may take for an answer before another one starts
_STEP = 1.0  # seconds between two looks at whether a flight still goes on
_LANDED = 5.0  # seconds for which waiting processes find what a flight brought

_VERSION = b"\x01"
_HEAD = len(_VERSION) + 4

# The kept value, unless it is the one that was found damaged; else whether the flight is ours now. One round trip.
_CLAIM = """
local kept = redis.pcall('GET', KEYS[1])
if type(kept) == 'string' and kept ~= ARGV[3] then return kept end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
"""

# Ends a flight, if it is still ours, before anything that a full server may refuse; then keeps what it brought and
# hands it to those who wait.
_LAND = """
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
if ARGV[2] == '' then return end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[3])
redis.call('RPUSH', KEYS[3], ARGV[2])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
"""


class RedisCache:
    """Keeps answers in Redis, for all processes.

    A server that is away, slow or full costs an answer nothing but the time: it is computed, and after a few failures
    the server is left alone for a while. Raises `InvalidInput` for an address that cannot be used.
    """

    def __init__(self, url: str, flight: float = FLIGHT) -> None:
        self._redis = redis_client(url, ANSWER_WITHIN, ANSWER_WITHIN)
        self._waiting = redis_client(url, ANSWER_WITHIN, ANSWER_WITHIN + _STEP)
        self._flight = flight
        self._guard = Guard("the answer is not cached")
        self._flights: Flights[tuple[bytes, Outcome]] = Flights()

    def get_many(self, keys: Sequence[str]) -> tuple[list[bytes | None], Outcome]:
        """The kept answer of each key, in one round trip."""
        if not keys:
            return [], "hit"
        try:
            values = self._guard.ask(lambda: _list(self._redis.mget(keys), len(keys)))
        except NoAnswer:
            return [None] * len(keys), "bypass"
        bodies = [_body(value) for value in values]
        return bodies, "miss" if None in bodies else "hit"

    def set_many(self, entries: Mapping[str, Entry]) -> None:
        """Keeps the answers, in one round trip."""
        if not entries:
            return
        pipeline = self._redis.pipeline(transaction=False)
        for key, entry in entries.items():
            pipeline.set(key, _value(entry.body), px=_milliseconds(entry.seconds))
        with suppress(NoAnswer):
            self._guard.ask(pipeline.execute)

    def get_or_compute(
        self, key: str, compute: Callable[[], Entry], wait: float | None = None
    ) -> tuple[bytes, Outcome]:
        """The kept answer, or the one computed now; other threads and processes that ask for the same wait for it."""
        end = time.monotonic() + (self._flight if wait is None else min(wait, self._flight))
        (body, outcome), first = self._flights.run(key, lambda: self._found_or_computed(key, compute, end), wait)
        return body, outcome if first or outcome == "bypass" else "hit"

    def claim(self, keys: Sequence[str], seconds: float) -> list[bool]:
        """Whether each key is the caller's to work on, in one round trip; none is while the server cannot be asked."""
        pipeline = self._redis.pipeline(transaction=False)
        for key in keys:
            pipeline.set(f"{key}:claim", b"", nx=True, px=_milliseconds(seconds))
        try:
            return [bool(claimed) for claimed in self._guard.ask(pipeline.execute)]
        except NoAnswer:
            return [False] * len(keys)

    def state(self) -> str:
        """Whether the server keeps what it is given."""
        try:
            self._guard.ask(lambda: self._redis.set(PROBE, b"", px=1000))
        except NoAnswer:
            return f"redis {self._guard.trouble}; answers are not cached"
        return "redis"

    def _found_or_computed(self, key: str, compute: Callable[[], Entry], end: float) -> tuple[bytes, Outcome]:
        token, damaged = token_hex(8), b""
        while time.monotonic() < end:
            try:
                found = self._look(key, token, damaged)
            except NoAnswer:
                return compute().body, "bypass"
            if found is True:
                break
            if found and (body := _body(found)) is not None:
                return body, "hit"
            damaged = found or b""
        return self._fly(key, token, compute), "miss"

    def _look(self, key: str, token: str, damaged: bytes) -> bytes | bool:
        """The value kept or just landed; else whether the flight is ours, or else that another goes on."""
        arguments = [token, _milliseconds(self._flight), damaged]
        claimed = self._guard.ask(lambda: _claimed(self._run(_CLAIM, [key, _flight(key)], arguments), damaged))
        if claimed is not False:
            return claimed
        landing = _landing(key)
        # What the flight brings stays there for all who wait.
        return self._guard.ask(lambda: _landed(self._waiting.blmove(landing, landing, int(_STEP), "LEFT", "LEFT")))

    def _fly(self, key: str, token: str, compute: Callable[[], Entry]) -> bytes:
        value, seconds = b"", 0.0
        try:
            entry = compute()
            value, seconds = _value(entry.body), entry.seconds
            return entry.body
        finally:
            arguments = [token, value, _milliseconds(seconds), _milliseconds(_LANDED)]
            with suppress(NoAnswer):
                self._guard.ask(lambda: self._run(_LAND, [key, _flight(key), _landing(key)], arguments))

    def _run(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        return self._redis.eval(script, len(keys), *keys, *arguments)


# Something that is no Redis may stand at the address: what it answers is looked at before it is believed.


def _list(values: Any, length: int) -> list[Any]:
    if not isinstance(values, list) or len(values) != length:
        raise InvalidResponse("no list of values")
    return values


def _claimed(answer: Any, damaged: bytes) -> bytes | bool:
    if isinstance(answer, bytes) and answer != damaged:
        return answer
    if answer not in (0, 1):
        raise InvalidResponse("no answer of the script")
    return bool(answer)


def _landed(answer: Any) -> bytes | bool:
    if answer is not None and not isinstance(answer, bytes):
        raise InvalidResponse("no value of a list")
    return answer or False


def _value(body: bytes) -> bytes:
    return _VERSION + crc32(body).to_bytes(4, "big") + body


def _body(value: Any) -> bytes | None:
    """The answer in a value; None for one of another version, or damaged, or none at all."""
    if not isinstance(value, bytes) or not value.startswith(_VERSION):
        return None
    body = value[_HEAD:]
    return body if value[len(_VERSION) : _HEAD] == crc32(body).to_bytes(4, "big") else None


def _flight(key: str) -> str:
    return f"{key}:flight"


def _landing(key: str) -> str:
    return f"{key}:landed"


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
