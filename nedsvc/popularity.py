"""How well known entities are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_IN_DEGREE, _AGE, _SITELINKS, _STATEMENTS = 0.45, 0.30, 0.15, 0.10
_LINKS_BY_SITELINKS = 0.6


def popularity(
    sitelinks: NDArray[Any],
    statements: NDArray[Any],
    in_degree: NDArray[Any] | None,
    numbers: NDArray[Any],
    views: NDArray[Any] | None = None,
) -> NDArray[np.float32]:
    """How well known entities are, from 0 to 1.

    Four signs, the first three on a logarithmic scale cut at 1: links from other entities (weight 0.45, full at
    10,000), the age of the QID (0.30), as what was known early was entered early, sitelinks (0.15, full at 350) and
    statements (0.10, full at 600). Links weigh most because they are the sign that depends least on how much was
    entered about the entity itself. The full marks are fixed, so that a value means the same in any index. Where the
    links to an entity cannot be counted (`in_degree` is None), sitelinks stand for them with six tenths of their
    value: a person with 100 sitelinks has some 100 links. Page views in a year (full at 10 million) take the place of
    sitelinks and statements where they say more.
    """
    age = 1 - np.log(np.maximum(numbers, 1)) / np.log(2.0**31)
    entered = _SITELINKS * _scale(sitelinks, 350) + _STATEMENTS * _scale(statements, 600)
    if views is not None:
        entered = np.maximum(entered, (_SITELINKS + _STATEMENTS) * _scale(views, 10_000_000))
    total = entered + _AGE * np.clip(age, 0, 1)
    links = _LINKS_BY_SITELINKS * _scale(sitelinks, 350) if in_degree is None else _scale(in_degree, 10_000)
    return (total + _IN_DEGREE * links).astype(np.float32)  # type: ignore[no-any-return]


def _scale(count: NDArray[Any], full: int) -> NDArray[np.float64]:
    return np.minimum(np.log1p(count) / np.log1p(full), 1.0)  # type: ignore[no-any-return]
