"""How a Redis server is asked: soon answered or done without, and left alone for a while once it fails."""

import logging
from collections.abc import Callable
from typing import TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, ConnectionError, InvalidResponse, OutOfMemoryError, TimeoutError
from redis.retry import Retry

from nedsvc.cache.breaker import Breaker
from nedsvc.errors import InvalidInput

_log = logging.getLogger(__name__)

FAILURES_UNTIL_OPEN = 3
LEFT_ALONE = 2.0  # seconds without asking a server that failed

_UNUSABLE = (
    "is no address of a Redis server; they look like redis://:password@host:6379/0, with %-codes for what is special"
)

# What an operator reads; the first that fits.
_TROUBLES: tuple[tuple[type[Exception], str], ...] = (
    (OutOfMemoryError, "is full"),
    (AuthenticationError, "refuses the password"),
    (TimeoutError, "does not answer in time"),
    (ConnectionError, "cannot be reached"),
    (InvalidResponse, "does not speak the protocol of Redis"),
    (Exception, "refuses what it is asked"),
)

Result = TypeVar("Result")


class NoAnswer(Exception):  # noqa: N818 (it ends no request)
    """The server failed, refused or is left alone."""


class Guard:
    """Stands before a server: it notes what is wrong with it, and leaves it alone after a few failures in a row.

    `without` says in the log what becomes of a request that the server did not answer.
    """

    def __init__(self, without: str) -> None:
        self.trouble = ""  # what was wrong when the server last failed
        self._without = without
        self._breaker = Breaker(FAILURES_UNTIL_OPEN, LEFT_ALONE)

    def ask(self, command: Callable[[], Result]) -> Result:
        """What the server answers. Raises `NoAnswer` where it fails, refuses or is left alone."""
        if not self._breaker.lets_through():
            raise NoAnswer
        try:
            answer = command()
        except Exception as error:  # a server that is no Redis makes the client fail in ways of its own
            self._breaker.failed()
            self.trouble = next(words for kind, words in _TROUBLES if isinstance(error, kind))
            _log.warning("Redis %s (%s); %s", self.trouble, error, self._without)
            raise NoAnswer from error
        self._breaker.succeeded()
        return answer


def redis_client(url: str, connect_within: float, answer_within: float) -> Redis:
    """A client that tries once and waits for so many seconds. It connects when it is first used.

    Raises `InvalidInput` for an address that cannot be used.
    """
    try:
        client = Redis.from_url(
            url,
            protocol=2,  # which needs no greeting
            socket_timeout=answer_within,
            socket_connect_timeout=connect_within,
            retry=Retry(NoBackoff(), 0),
        )
        client.connection_pool.make_connection()  # opens nothing, but takes only what a connection takes
    except (TypeError, ValueError) as error:
        # What the client says of it may hold a part of the password.
        raise InvalidInput("NEDSVC_REDIS_URL", _UNUSABLE) from error
    return client
