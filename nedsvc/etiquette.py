"""What Wikimedia asks of those who send it requests, wherever these go: who asks, and when to ask again."""

import email.utils
import time
from importlib.metadata import version

# Answers that another request, some time later, may not meet: overload, and what is broken for the moment.
PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
# Answers to a client that is not let in, whatever it asks for.
REFUSING_STATUSES = frozenset({401, 403})


def user_agent(contact: str, *libraries: str) -> str:
    """The name under which requests go out: the client, whom to write to, and the installed libraries that send them.

    https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_User-Agent_Policy
    """
    sent_by = " ".join(f"{library}/{version(library)}" for library in libraries)
    return f"nedsvc/{version('nedsvc')} ({contact}) {sent_by}"


def retry_after(header: str | None) -> float | None:
    """The seconds in a `Retry-After` header, a number or a date (RFC 9110, section 10.2.3); None for neither."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None
