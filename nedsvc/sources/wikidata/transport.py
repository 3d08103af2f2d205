"""One request to the API and its answer: at the common pace, with time-outs, tried again as long as there is time."""

import random
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy

import msgspec
import requests
from urllib3.exceptions import HTTPError

from nedsvc.cache.breaker import Breaker
from nedsvc.errors import SourceUnavailable
from nedsvc.etiquette import user_agent
from nedsvc.pace import NoPermit, Pace, permitted
from nedsvc.sources.wikidata.api import Trouble, trouble

_CHUNK = 1 << 16
_MOST_BYTES = 50_000_000
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0  # seconds between two tries
_LEAST_TIME = 0.05  # seconds; with less left nothing is sent
_LONGEST_REQUEST = 60.0  # seconds; less than the lease of a permit


class TimeOuts(msgspec.Struct, frozen=True):
    """Seconds to wait for a connection, and for the next bytes of an answer.

    A server of which every answer failed for the time of an `outage` is left `alone` for a while: texts that come then
    do not each wait for it anew. An answer in between ends that, however many fail beside it.
    """

    connect: float = 3.0
    read: float = 10.0
    outage: float = 10.0
    alone: float = 10.0


TIME_OUTS = TimeOuts()


class Transport:
    """Sends requests to an API, for all threads of a process."""

    def __init__(self, url: str, contact: str, pace: Pace, timeouts: TimeOuts = TIME_OUTS) -> None:
        self.url = url
        self._pace = pace
        self._timeouts = timeouts
        self._breaker = Breaker(1, timeouts.alone)
        self._failing_since: float | None = None
        self._session = _Session()
        self._session.headers["User-Agent"] = user_agent(contact, "requests")
        self._session.headers["Accept-Encoding"] = "gzip"

    def get(self, parameters: Mapping[str, str], until: float, *, insist: bool = False) -> bytes:
        """The JSON that the API answers. Raises `SourceUnavailable` where there is none until then.

        `insist` asks also a server that is left alone.
        """
        if not insist and not self._breaker.lets_through():
            raise self._unavailable("it brought no answer for a while, and is left alone for another while")
        answer = self._tried(parameters, until)
        if isinstance(answer, bytes):
            return answer
        raise self._unavailable(answer.reason)

    def _tried(self, parameters: Mapping[str, str], until: float) -> bytes | Trouble:
        """The answer of one of the tries for which there is time, or what was wrong with the last one."""
        tries = 0
        last: Trouble | None = None
        while True:
            try:
                answer = self._try(parameters, until)
            except NoPermit as error:
                return last or Trouble(str(error), again=False)
            self._note(failed=isinstance(answer, Trouble) and answer.again)
            if isinstance(answer, bytes) or not answer.again:
                return answer
            last = answer
            wait = self._wait(answer, tries)
            if time.monotonic() + wait + _LEAST_TIME > until:
                return answer
            time.sleep(wait)
            tries += 1

    def _note(self, *, failed: bool) -> None:
        """Opens the breaker once every answer has failed for the time of an outage. Threads may race: it is a hint."""
        if not failed:
            self._failing_since = None
            self._breaker.succeeded()
            return
        now = time.monotonic()
        since = self._failing_since = self._failing_since or now
        if now - since >= self._timeouts.outage:
            self._breaker.failed()

    def _wait(self, trouble: Trouble, tries: int) -> float:
        """Seconds before another try; a pause that the server asks for is for all, and is kept by the pace."""
        if trouble.pause is not None:
            self._pace.pause(trouble.pause)
        return _back_off(tries)

    def _try(self, parameters: Mapping[str, str], until: float) -> bytes | Trouble:
        """The answer to one request, or what is wrong with it. Raises `NoPermit` where none can be sent in time."""
        _check_time(until)  # leave that is not used costs the others as much as a request
        with permitted(self._pace, until):
            return self._answer(parameters, until)

    def _answer(self, parameters: Mapping[str, str], until: float) -> bytes | Trouble:
        left = _check_time(until)
        limits = (min(self._timeouts.connect, left), min(self._timeouts.read, left))
        try:
            with self._session.get(self.url, params=dict(parameters), timeout=limits, stream=True) as response:
                body = _read(response, min(until, time.monotonic() + _LONGEST_REQUEST))
                return trouble(response.status_code, response.headers, body) or body
        except _TooLong as error:
            return Trouble(str(error), again=False)
        except requests.exceptions.SSLError:
            return Trouble("its certificate cannot be verified", again=False)
        except (requests.ConnectionError, requests.Timeout) as error:
            return Trouble(_words(error), again=True)
        except HTTPError:
            return Trouble("its answer broke off", again=True)
        except requests.RequestException as error:
            return Trouble(f"it cannot be asked ({type(error).__name__})", again=False)

    def _unavailable(self, reason: str) -> SourceUnavailable:
        return SourceUnavailable(f"{self.url} could not be asked: {reason}")


class _Session(requests.Session):
    """Connections that are used again, without what a browser would do: redirects and cookies."""

    def __init__(self) -> None:
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: a redirect would be a request that nobody counts, perhaps to somebody else."""


class _TooLong(Exception):  # noqa: N818
    """The answer takes more time or bytes than it may."""


def _check_time(until: float) -> float:
    """The seconds that are left. Raises `NoPermit` where they are too few to ask."""
    left = until - time.monotonic()
    if left < _LEAST_TIME:
        raise NoPermit("there was no time left to ask")
    return left


def _read(response: requests.Response, until: float) -> bytes:
    """The body, unpacked, as it comes: whoever sends it byte by byte is not waited for beyond the time.

    Raises `_TooLong`, and `urllib3.exceptions.HTTPError` for a body that breaks off or cannot be unpacked.
    """
    body = bytearray()
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > _MOST_BYTES:
            raise _TooLong(f"its answer is larger than {_MOST_BYTES:,} bytes")
        if time.monotonic() > until:
            raise _TooLong("its answer did not come to its end in time")
    return bytes(body)


def _words(error: Exception) -> str:
    if isinstance(error, requests.ConnectTimeout):
        return "it takes no connection in time"
    return "it does not answer in time" if isinstance(error, requests.Timeout) else "it cannot be reached"


def _back_off(tries: int) -> float:
    """Seconds before the next try: twice the range each time, and any moment in it, so that not all come at once.

    "Full jitter": https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    return random.uniform(0, min(_LONGEST_WAIT, _FIRST_WAIT * 2**tries))  # noqa: S311 (no secret)
