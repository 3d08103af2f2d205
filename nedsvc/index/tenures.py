"""When offices were held: dates as numbers that tell how exactly they are known."""

import re
from collections.abc import Iterator

from nedsvc.wikibase import Item

UNKNOWN = 0
_LONG_AGO = 1  # a date before our era
_DATE = re.compile(r"([0-9]{1,5})(?:-([0-9]{2}))?(?:-([0-9]{2}))?")
_MAX_NUMBER = (1 << 32) - 1
_LAST_MONTH, _LAST_DAY = 12_00, 31


def tenures(item: Item) -> Iterator[int]:
    """For each office that the item held its own number, the office's, and the first and last day (`date_number`).

    Nobody holds an office after death, whatever else is missing.
    """
    died = date_number(item.dates.get("died"))
    for office, start, end in item.offices:
        if office[1:].isdecimal() and int(office[1:]) <= _MAX_NUMBER:
            yield from (item.number, int(office[1:]), date_number(start), date_number(end) or died)


def date_number(date: str | None) -> int:
    """2023-03-21 as 20230321; what is not known of month and day is 0, and so is a date that is not known at all.

    So a number is also the first day that its date may mean.
    """
    found = _DATE.fullmatch(date or "")
    if found is None:
        return _LONG_AGO if (date or "").startswith("-") else UNKNOWN
    year, month, day = (int(part or 0) for part in found.groups())
    return year * 10_000 + month * 100 + day


def latest(date: int) -> int:
    """The last day that the date may mean; months count 31 days here, as days are only compared."""
    month = date // 100 % 100
    if not month:
        return date + _LAST_MONTH + _LAST_DAY
    return date if date % 100 else date + _LAST_DAY
