"""From initials to the entities whose names they are the initials of ("RIAA")."""

import numpy as np
from numpy.typing import NDArray

from nedsvc.index.arrays import Ints, distinct, expand, pack, positions_in_group, starts_of, unpack
from nedsvc.index.entities import Entities
from nedsvc.index.format import Kind
from nedsvc.index.naming import Naming

SHORTEST, LONGEST = 2, 6  # letters
MOST_NAMED = 40  # entities that are kept of those with the same initials
_LETTER_BITS = 5
_NO_LETTER = -1


def acronym_columns(naming: Naming, entities: Entities, stop_words: frozenset[str]) -> dict[str, Ints]:
    """The arrays that lead from initials to the most popular entities with such a name.

    Initials are those of all words of a proper name, and of those that are no stop words.
    """
    letters = np.array([_letter(word[:1]) for word in naming.keys.words], dtype=np.int64)
    idle = np.array([word in stop_words or word == "s" for word in naming.keys.words], dtype=bool)
    postings = naming.postings
    own_names = np.isin(naming.names.kinds[postings.places], (Kind.LABEL, Kind.ALIAS))
    chosen = naming.proper[postings.rows] & own_names
    keys, standing = postings.keys[chosen], entities.standing[postings.rows[chosen]]
    words, owners = expand(naming.keys.word_start, naming.keys.word_ids, keys)
    pairs = [
        pack(code, standing[places])
        for told in (np.ones(len(words), dtype=bool), ~idle[words])
        for places, code in [_codes(owners[told], letters[words[told]], len(keys))]
    ]
    codes, standing = unpack(distinct(np.concatenate(pairs)))
    few = positions_in_group(codes) < MOST_NAMED
    found, begin = np.unique(codes[few], return_index=True)
    return {
        "acronyms": found.astype(np.uint32),
        "acronym_start": np.append(begin, few.sum()).astype(np.uint32),
        "acronym_rows": entities.by_standing[standing[few].astype(np.int64)],
    }


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
