"""Answers kept for a while: one protocol, with all keys and lifetimes in one table."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Literal, Protocol

import msgspec

Outcome = Literal["hit", "miss", "bypass"]

_DAY = 86_400.0
_MINUTE = 60.0
_JITTER = 0.1


class Kind(msgspec.Struct, frozen=True):
    """What is kept under keys that begin with `nedsvc:v1:<name>:`, and for how many seconds.

    `unknown` is the lifetime of an answer that found nothing: a newer index or a fixed name may find it soon. After
    `fresh` seconds an answer is served still, and asked for again.
    """

    name: str
    known: float
    unknown: float
    fresh: float = math.inf

    def key(self, content_id: str, request: object) -> str:
        """The key of a request, which says what knowledge answered it and carries a digest of all it asked for."""
        digest = blake2b(msgspec.msgpack.encode(request, order="deterministic"), digest_size=16).hexdigest()
        return f"nedsvc:v1:{self.name}:{content_id}:{digest}"

    def lifetime(self, *, known: bool) -> float:
        """Seconds to keep an answer, a little more or less each time so that not all end at once."""
        seconds = self.known if known else self.unknown
        return seconds * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 (no secret)


LOOKUP = Kind("lookup", known=7 * _DAY, unknown=10 * _MINUTE)
ANNOTATION = Kind("annotation", known=1 * _DAY, unknown=10 * _MINUTE)
IDENTIFIER = Kind("identifier", known=1 * _DAY, unknown=10 * _MINUTE)
NAME = Kind("name", known=14 * _DAY, unknown=10 * _MINUTE, fresh=2 * _DAY)
ITEM = Kind("item", known=14 * _DAY, unknown=10 * _MINUTE, fresh=2 * _DAY)
PROBE = "nedsvc:v1:probe"  # written for a second to see whether anything can be kept


class Entry(msgspec.Struct, frozen=True):
    """An answer to keep: its bytes and for how many seconds."""

    body: bytes
    seconds: float


class Cache(Protocol):
    """Keeps answers. It never fails: what it cannot keep or read is computed anew."""

    def get_many(self, keys: Sequence[str]) -> tuple[list[bytes | None], Outcome]:
        """The kept answer of each key. The outcome is "bypass" where the cache could not be asked."""

    def set_many(self, entries: Mapping[str, Entry]) -> None:
        """Keeps the answers."""

    def get_or_compute(
        self, key: str, compute: Callable[[], Entry], wait: float | None = None
    ) -> tuple[bytes, Outcome]:
        """The kept answer, or the one computed now; of concurrent calls with one key only one computes.

        Who has waited for another's computation for `wait` seconds computes too; None is as long as the cache allows.
        """

    def claim(self, keys: Sequence[str], seconds: float) -> list[bool]:
        """Whether each key is the caller's to work on: for so long it is nobody else's."""

    def state(self) -> str:
        """How the cache is, for operators: "memory", "redis" or a sentence on what is wrong."""
