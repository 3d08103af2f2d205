"""What is asked of those who send requests."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from nedsvc.etiquette import retry_after, user_agent


def test_the_user_agent_names_the_client_the_contact_and_the_libraries() -> None:
    client, contact, library = user_agent("operator@example.org", "requests").split()
    assert client.startswith("nedsvc/")
    assert contact == "(operator@example.org)"
    assert library.startswith("requests/")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("18", 18), (" 0 ", 0), (None, None), ("", None), ("soon", None), ("-3", None), ("Mon, 99 Foo 2026 0:0:0", None)],
)
def test_a_pause_is_a_number_of_seconds(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds


def test_a_pause_may_be_a_date() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=100)
    pause = retry_after(format_datetime(moment, usegmt=True))
    assert pause is not None
    assert 90 < pause <= 100
    assert retry_after(format_datetime(moment - timedelta(days=1), usegmt=True)) == 0
