"""From initials to the entities whose names they are the initials of ("RIAA")."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nedsvc.index.arrays import Ints, distinct, pack, positions_in_group, starts_of

SHORTEST, LONGEST = 2, 6  # letters
MOST_NAMED = 40  # entities that are kept of those with the same initials
_LETTER_BITS = 5
CODES = 1 << _LETTER_BITS * LONGEST
_NO_LETTER = -1


def initials(words: Ints, owners: Ints, letters: Ints, said: Ints, standing: Ints) -> NDArray[np.uint64]:
    """The initials of names, each packed with the standing of who bears it, sorted.

    `words` are those of all names, `owners` the name of each, `letters` (`letters_of`) and `said` tell of each word its
    letter and whether it says something. Initials are those of all words, and of those that say something.
    """
    pairs = [
        pack(code, standing[places])
        for told in (np.ones(len(words), dtype=bool), said[words])
        for places, code in [_codes(owners[told], letters[words[told]], len(standing))]
    ]
    return distinct(np.concatenate(pairs))


def letters_of(words: Sequence[str]) -> Ints:
    """The number of each word's first letter; -1 for what is no plain letter."""
    return np.array([_letter(word[:1]) for word in words], dtype=np.int64)


def best_known(packed: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Of initials with standings, sorted, no more for each than are kept."""
    return packed[positions_in_group(packed >> np.uint64(32)) < MOST_NAMED]


def acronym_code(letters: str) -> int | None:
    """The number of folded initials; None for what can be none."""
    places = [_letter(letter) for letter in letters]
    if not SHORTEST <= len(letters) <= LONGEST or _NO_LETTER in places:
        return None
    return sum(place << _LETTER_BITS * position for position, place in enumerate(places))


def bearers_of_initials(
    acronyms: NDArray[np.uint32], begin: NDArray[np.uint32], rows: NDArray[np.uint32], code: int
) -> NDArray[np.uint32]:
    """The rows of the entities whose names have the initials with this number, the most popular first."""
    place = int(np.searchsorted(acronyms, np.uint32(code)))
    if place == len(acronyms) or acronyms[place] != code:
        return rows[:0]
    return rows[begin[place] : begin[place + 1]]


def _codes(owners: Ints, letters: Ints, count: int) -> tuple[Ints, Ints]:
    """Which of so many names have initials of a length that acronyms have, and the number of these."""
    lengths = np.bincount(owners, minlength=count)
    spelt = np.bincount(owners, weights=letters == _NO_LETTER, minlength=count) == 0
    fit = spelt & (lengths >= SHORTEST) & (lengths <= LONGEST)
    inside = fit[owners]
    shifted = letters[inside] << _LETTER_BITS * positions_in_group(owners[inside])
    places = np.flatnonzero(fit)
    if not len(places):
        return places, places
    return places, np.add.reduceat(shifted, starts_of(lengths[fit]))


def _letter(letter: str) -> int:
    return ord(letter) - ord("a") + 1 if "a" <= letter <= "z" else _NO_LETTER
