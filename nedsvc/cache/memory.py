"""The cache of one process: least recently used answers go first."""

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from cachetools import TLRUCache

from nedsvc.cache import Entry, Outcome
from nedsvc.cache.flights import Flights

MOST_BYTES = 64_000_000
_OVERHEAD = 300  # bytes that an entry takes besides its body


class MemoryCache:
    """Keeps answers in the memory of the process, up to a number of bytes."""

    def __init__(self, most_bytes: int = MOST_BYTES, timer: Callable[[], float] = time.monotonic) -> None:
        self._entries: TLRUCache[str, Entry] = TLRUCache(most_bytes, ttu=_end, timer=timer, getsizeof=_size)
        self._lock = Lock()
        self._flights: Flights[bytes] = Flights()

    def get_many(self, keys: Sequence[str]) -> tuple[list[bytes | None], Outcome]:
        """The kept answer of each key."""
        with self._lock:
            found = [self._entries.get(key) for key in keys]
        return [entry.body if entry else None for entry in found], "hit" if all(found) else "miss"

    def set_many(self, entries: Mapping[str, Entry]) -> None:
        """Keeps the answers; one that is larger than the whole cache is not kept."""
        with self._lock:
            for key, entry in entries.items():
                if _size(entry) <= self._entries.maxsize:
                    self._entries[key] = entry

    def get_or_compute(
        self, key: str, compute: Callable[[], Entry], wait: float | None = None
    ) -> tuple[bytes, Outcome]:
        """The kept answer, or the one computed now; other threads that ask for the same wait for it."""
        (kept,), _ = self.get_many([key])
        if kept is not None:
            return kept, "hit"
        body, first = self._flights.run(key, lambda: self._compute(key, compute), wait)
        return body, "miss" if first else "hit"

    def claim(self, keys: Sequence[str], seconds: float) -> list[bool]:
        """Whether each key is the caller's to work on, among the threads of the process."""
        with self._lock:
            claimed = [_claim(key) not in self._entries for key in keys]
            self._entries.update({_claim(key): Entry(b"", seconds) for key in keys if _claim(key) not in self._entries})
        return claimed

    def state(self) -> str:
        """Always in order."""
        return "memory"

    def _compute(self, key: str, compute: Callable[[], Entry]) -> bytes:
        # Another thread may have landed between the look and the flight.
        (kept,), _ = self.get_many([key])
        if kept is not None:
            return kept
        entry = compute()
        self.set_many({key: entry})
        return entry.body


def _claim(key: str) -> str:
    return f"{key}:claim"


def _end(_key: str, entry: Entry, now: float) -> float:
    return now + entry.seconds


def _size(entry: Entry) -> int:
    return len(entry.body) + _OVERHEAD
