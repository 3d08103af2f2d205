"""The pace at which a server elsewhere is asked, by all processes together: one protocol.

The budget is a bucket of tokens. A request takes one with it, and the token comes back a minute after the request has
ended. So whatever the requests take, no minute at the server sees more of them than there are tokens: of those that
arrive within it, the one that was let through last found every other one's token gone, since none of these could be
back before a minute after its own request had arrived.
"""

import random
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import msgspec

LONGEST_PAUSE = 3600.0  # seconds; whoever asks for more gets this
_JITTER = 0.1


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests there may be in a minute, and at a time.

    After `lease` seconds a request counts as ended though nobody said so: its process died. It must be longer than any
    request takes. `window` is how long the minute is, in seconds.
    """

    a_minute: int = 180
    in_flight: int = 3
    lease: float = 75.0
    window: float = 60.0


class Permit(msgspec.Struct, frozen=True):
    """Leave to send one request. `holder` tells which bucket it is from, where there are several."""

    token: str
    holder: str = ""


class Wait(msgspec.Struct, frozen=True):
    """No leave now: the seconds after which to ask again, and why."""

    seconds: float
    reason: str


class Pace(Protocol):
    """Lets requests through."""

    def ask(self) -> Permit | Wait:
        """Leave to send one request now, or how long to wait before asking again."""

    def give_back(self, permit: Permit) -> None:
        """The request has ended."""

    def pause(self, seconds: float) -> None:
        """Nobody sends anything for so long: the server asked for it. A longer pause that is on stays."""


class NoPermit(Exception):  # noqa: N818 (it tells of a full budget, of which nothing is broken)
    """There was no leave in time; its text says why."""


@contextmanager
def permitted(pace: Pace, until: float) -> Iterator[None]:
    """Holds leave to send one request, once there is one.

    Raises `NoPermit` as soon as it is clear that there will be none until then (`time.monotonic`).
    """
    permit = _wait(pace, until)
    # Also where the process ends before: its requests end with it.
    give_back = weakref.finalize(pace, pace.give_back, permit)
    try:
        yield
    finally:
        give_back()


def _wait(pace: Pace, until: float) -> Permit:
    while isinstance(answer := pace.ask(), Wait):
        left = until - time.monotonic()
        if answer.seconds > left:
            raise NoPermit(answer.reason)
        time.sleep(nap(answer.seconds, left))
    return answer


def nap(seconds: float, left: float) -> float:
    """Seconds to sleep for a wait: a little more, so that not all wake at once, but no more than is left."""
    return min(seconds * random.uniform(1, 1 + _JITTER), left)  # noqa: S311 (no secret)


def in_flight(limits: Limits) -> Wait:
    """The wait while as many requests are under way as may be."""
    return Wait(0.03, f"{limits.in_flight} requests are in flight, and no more may be at a time")


def used_up(limits: Limits, seconds: float) -> Wait:
    """The wait until a token is back."""
    # That of a request under way is noted for the end of its lease, but the request may end at any moment.
    return Wait(
        min(max(seconds, 0.001), limits.window), f"the budget of {limits.a_minute} requests a minute is used up"
    )


def paused(seconds: float) -> Wait:
    """The wait for the end of a pause."""
    return Wait(max(seconds, 0.001), f"it asked to be left alone for another {seconds:.0f} s")
