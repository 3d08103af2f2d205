"""Where the redirects of a wiki lead to."""

from collections.abc import Callable, Iterable
from itertools import chain

import marisa_trie
import numpy as np
from numpy.typing import NDArray


class Redirects:
    """The last page of each chain of redirects. Titles are in a trie, as large wikis have ten million redirects."""

    def __init__(self, titles: marisa_trie.Trie, last: NDArray[np.uint32]) -> None:
        self._titles = titles
        self._last = last

    def follow(self, title: str) -> str:
        """The page that a title leads to: itself for a page, for what there is not, and for redirects in a circle."""
        number = self._titles.get(title)
        return title if number is None else self._titles.restore_key(int(self._last[number]))


def redirects(pairs: Callable[[], Iterable[tuple[str, str]]]) -> Redirects:
    """The redirects of titles to titles; `pairs` gives them, twice."""
    titles = marisa_trie.Trie(chain.from_iterable(pairs()))
    following = np.arange(len(titles), dtype=np.uint32)
    for title, target in pairs():
        following[titles[title]] = titles[target]
    return Redirects(titles, _last(following))


def _last(following: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The end of each chain, by steps that double each time."""
    last = following
    for _ in range(len(following).bit_length()):
        farther = last[last]
        if np.array_equal(farther, last):
            break
        last = farther
    is_end = following[last] == last
    return np.where(is_end, last, np.arange(len(following), dtype=np.uint32))
