"""The date of a document: in the text where none is given."""

import re
from collections.abc import Iterator
from datetime import date

DATELINE = 200  # characters in which a text's own date stands

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4})"
_WRITTEN = tuple(
    re.compile(rf"(?<![\w-]){form}(?![\w-])", re.IGNORECASE)
    for form in (
        rf"{_YEAR}-(?P<month>\d{{2}})-(?P<day>\d{{2}})(?:T[\d:.]+Z?)?",
        rf"{_MONTH}\s+{_DAY},?\s+{_YEAR}",
        rf"{_DAY}\s+{_MONTH},?\s+{_YEAR}",
    )
)


def date_in(text: str, today: date) -> date | None:
    """The day on which an English text was written, as far as it tells; None where it names no day before tomorrow.

    It is the first full date at its head, else the last day that it names.
    """
    found = sorted((place, day) for place, day in _dates(text) if day <= today)
    if not found:
        return None
    place, day = found[0]
    return day if place < DATELINE else max(day for _, day in found)


def _dates(text: str) -> Iterator[tuple[int, date]]:
    for form in _WRITTEN:
        for match in form.finditer(text):
            day = _day(match)
            if day is not None:
                yield match.start(), day


def _day(match: re.Match[str]) -> date | None:
    month = match["month"].lower()
    try:
        return date(
            int(match["year"]), int(month) if month.isdigit() else _MONTHS.index(month[:3]) + 1, int(match["day"])
        )
    except ValueError:
        return None
