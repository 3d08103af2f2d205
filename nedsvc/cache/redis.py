"""The cache that processes share: a Redis server, and how to do without it."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from secrets import token_hex
from typing import Any, TypeVar
from zlib import crc32

from pybreaker import CircuitBreaker, CircuitBreakerError
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from nedsvc.cache import Entry, Outcome
from nedsvc.cache.flights import Flights

_log = logging.getLogger(__name__)

ANSWER_WITHIN = 0.5  # seconds; a cache that is slower than this is of no use
FAILURES_UNTIL_OPEN = 3
LEFT_ALONE = 2.0  # seconds without asking a server that failed
FLIGHT = 10.0  # seconds that one process may take for an answer before another one starts
_STEP = 1.0  # seconds between two looks at whether a flight still goes on
_LANDED = 5.0  # seconds for which waiting processes find what a flight brought

_VERSION = b"\x01"
_HEAD = len(_VERSION) + 4

# The kept value; else whether the flight is ours now. One round trip for all of it.
_CLAIM = """
local kept = redis.call('GET', KEYS[1])
if kept then return kept end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
"""

# Ends a flight, if it is still ours, before anything that a full server may refuse; then keeps what it brought and
# hands it to those who wait.
_LAND = """
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
if ARGV[2] == '' then return end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('RPUSH', KEYS[3], ARGV[2])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
"""

Result = TypeVar("Result")


class RedisCache:
    """Keeps answers in Redis, for all processes.

    A server that is away, slow or full costs an answer nothing but the time: it is computed, and after a few failures
    the server is left alone for `LEFT_ALONE` seconds.
    """

    def __init__(self, url: str) -> None:
        self._redis = _client(url, ANSWER_WITHIN)
        self._waiting = _client(url, ANSWER_WITHIN + _STEP)
        self._breaker = CircuitBreaker(
            fail_max=FAILURES_UNTIL_OPEN,
            reset_timeout=LEFT_ALONE,
            exclude=[ResponseError],  # a server that answers is not away, even where it refuses
            throw_new_error_on_trip=False,
        )
        self._flights: Flights[tuple[bytes, Outcome]] = Flights()

    def get_many(self, keys: Sequence[str]) -> tuple[list[bytes | None], Outcome]:
        """The kept answer of each key, in one round trip."""
        values = self._ask(lambda: self._redis.mget(keys))
        if values is None:
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
        self._ask(pipeline.execute)

    def get_or_compute(self, key: str, compute: Callable[[], Entry]) -> tuple[bytes, Outcome]:
        """The kept answer, or the one computed now; other threads and processes that ask for the same wait for it."""
        (body, outcome), first = self._flights.run(key, lambda: self._claim(key, compute))
        return body, outcome if first or outcome == "bypass" else "hit"

    def state(self) -> str:
        """Whether the server answers."""
        return "redis" if self._ask(self._redis.ping) else "redis does not answer; answers are not cached"

    def _claim(self, key: str, compute: Callable[[], Entry]) -> tuple[bytes, Outcome]:
        token, end = token_hex(8), time.monotonic() + FLIGHT
        while time.monotonic() < end:
            claimed = self._run(self._redis, _CLAIM, [key, _flight(key)], [token, _milliseconds(FLIGHT)])
            if claimed is None:
                return compute().body, "bypass"
            if claimed == 1:
                return self._fly(key, token, compute), "miss"
            body = _body(claimed) if claimed else self._landed(key)
            if body is not None:
                return body, "hit"
            if claimed:  # a value that is not ours: computed anew and written over
                break
        return self._fly(key, token, compute), "miss"

    def _fly(self, key: str, token: str, compute: Callable[[], Entry]) -> bytes:
        value, seconds = b"", 0.0
        try:
            entry = compute()
            value, seconds = _value(entry.body), entry.seconds
            return entry.body
        finally:
            arguments = [token, value, _milliseconds(seconds), _milliseconds(_LANDED)]
            self._run(self._redis, _LAND, [key, _flight(key), _landing(key)], arguments)

    def _landed(self, key: str) -> bytes | None:
        """What another process's flight brings within a step; it stays there for all who wait."""
        landing = _landing(key)
        value = self._ask(lambda: self._waiting.blmove(landing, landing, int(_STEP), "LEFT", "LEFT"))
        return _body(value)

    def _run(self, client: "Redis", script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        return self._ask(lambda: client.eval(script, len(keys), *keys, *arguments))

    def _ask(self, command: Callable[[], Result]) -> Result | None:
        """What the server answers; None where it does not."""
        try:
            return self._breaker.call(command)
        except CircuitBreakerError:
            return None
        except RedisError as error:
            _log.warning("Redis failed (%s: %s); the answer is not cached", type(error).__name__, error)
            return None


def _client(url: str, answer_within: float) -> Redis:
    return Redis.from_url(
        url,
        socket_timeout=answer_within,
        socket_connect_timeout=ANSWER_WITHIN,
        retry=Retry(NoBackoff(), 0),
    )


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
    return int(seconds * 1000)
