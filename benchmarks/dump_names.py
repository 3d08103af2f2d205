"""Made names for `made_dumps.py`: words without an end, frequent ones short, and names of each kind made of them."""

import random
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nedsvc import tables

_ONSETS = ("", *"bcdfghjklmnprstvwz", "br", "ch", "dr", "gr", "kr", "sh", "st", "tr", "kh")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ou")
_CODAS = ("", "", "", "n", "r", "l", "s")
_SYLLABLES = sorted({a + b + c for a in _ONSETS for b in _VOWELS for c in _CODAS})
_ACCENTS = str.maketrans("aeoucn", "áéöüčñ")
COMMON_WORDS = sorted(tables.common_words())
_KEPT_WORDS = 40_000
_MOST_WORDS = 1 << 40


def made_word(kind: int, rank: int) -> str:
    """The word of this rank among given names (0), family names (1), places (2) or terms (3): frequent ones are short.

    The rank is multiplied by a constant modulo the number of words with so many syllables, so that words are distinct.
    """
    syllables = len(_SYLLABLES)
    size, room = 2, syllables**2
    if rank >= room // 8:
        size, room = 3, syllables**3
        if rank >= room // 8:
            size, room = 5, syllables**5
    number = (rank * 2_654_435_761 + kind * 40_503_001 + 12_345) % room
    parts = []
    for _ in range(size):
        number, place = divmod(number, syllables)
        parts.append(_SYLLABLES[place])
    word = "".join(parts)
    if (rank * 40_503 + kind) % 100 < 12:
        word = word[0] + word[1:].translate(_ACCENTS)
    return word if kind == 3 else word.capitalize()


@cache
def _frequent(kind: int) -> list[str]:
    words = [made_word(kind, rank) for rank in range(_KEPT_WORDS)]
    if kind == 3:
        chosen = random.Random(3).sample(COMMON_WORDS, len(COMMON_WORDS))
        words[: len(chosen)] = chosen
    return words


def word_of(kind: int, rank: int) -> str:
    """The word of this rank; the frequent ones are kept."""
    return _frequent(kind)[rank] if rank < _KEPT_WORDS else made_word(kind, rank)


class Vocabulary(NamedTuple):
    """P(rank > k) = (1 + k / shift) ** -slope: Zipf-Mandelbrot without an end."""

    shift: float
    slope: float
    draws: int

    def ranks(self, uniform: NDArray[np.float64]) -> NDArray[np.int64]:
        """Ranks of words for numbers that are evenly spread over [0, 1)."""
        ranks = self.shift * ((1 - uniform) ** (-1 / self.slope) - 1)
        return ranks.clip(max=_MOST_WORDS).astype(np.int64)


# Given names, family names, places, terms.
VOCABULARIES = (Vocabulary(60, 0.7, 2), Vocabulary(300, 0.55, 2), Vocabulary(1500, 0.6, 2), Vocabulary(150, 0.7, 12))


class Drawn(NamedTuple):
    """What was drawn for one item: words of each vocabulary by rank, and numbers to choose with."""

    given: list[int]
    family: list[int]
    places: list[int]
    terms: list[int]
    numbers: list[int]
    uniform: list[float]


def given_name(drawn: Drawn) -> str:
    """A given name."""
    return word_of(0, drawn.given[0])


def family_name(drawn: Drawn) -> str:
    """A family name."""
    return word_of(1, drawn.family[0])


def _place(drawn: Drawn) -> str:
    return word_of(2, drawn.places[0])


def _terms(drawn: Drawn, count: int) -> list[str]:
    return [word_of(3, rank) for rank in drawn.terms[:count]]


_PARTICLES = ("van", "de", "al", "von", "da")


def person_name(drawn: Drawn) -> str:
    """Most have a given and a family name."""
    form = drawn.numbers[0] % 100
    first, last = given_name(drawn), family_name(drawn)
    if form < 70:
        return f"{first} {last}"
    if form < 85:
        return f"{first} {word_of(0, drawn.given[1])} {last}"
    if form < 90:
        return f"{first} {_PARTICLES[form % 5]} {last}"
    if form < 94:
        return f"{first} {last}-{word_of(1, drawn.family[1])}"
    return f"{last} {first}" if form < 97 else f"{first}-{word_of(0, drawn.given[1])} {last}"


def title(drawn: Drawn) -> str:
    """The title of a paper."""
    return " ".join(_terms(drawn, 6 + drawn.numbers[0] % 7)).capitalize()


_CATALOGUES = ("2MASS", "SDSS", "2MASX", "WISEA", "Gaia DR2", "OGLE BLG-ECL", "[VV96]", "NVSS", "TYC")


def star_name(drawn: Drawn) -> str:
    """A star or galaxy in a catalogue."""
    a, b = drawn.numbers[0], drawn.numbers[1]
    return f"{_CATALOGUES[a % 9]} J{a % 10**8:08}{'+-'[b & 1]}{b % 10**7:07}"


def taxon_name(drawn: Drawn) -> str:
    """Genus and species."""
    return f"{_place(drawn)}{('a', 'us', 'ia', 'um')[drawn.numbers[0] & 3]} {word_of(3, 30_000 + drawn.terms[0])}"


def category_name(drawn: Drawn) -> str:
    """A category of a Wikipedia."""
    first, second = _terms(drawn, 2)
    return f"Category:{first.capitalize()} {second} {('in', 'of', 'from', 'by')[drawn.numbers[0] & 3]} {_place(drawn)}"


def template_name(drawn: Drawn) -> str:
    """A template of a Wikipedia."""
    return f"Template:{' '.join(_terms(drawn, 2)).capitalize()}"


def ambiguous_name(drawn: Drawn) -> str:
    """What a page is about that tells namesakes apart."""
    return family_name(drawn) if drawn.numbers[0] & 1 else _place(drawn)


def place_name(drawn: Drawn) -> str:
    """A town or village."""
    form, place = drawn.numbers[0] % 100, _place(drawn)
    if form < 72:
        return place
    if form < 82:
        return f"{('New', 'Saint', 'Upper', 'North', 'Old')[form % 5]} {place}"
    return f"{place} {word_of(2, drawn.places[1])}" if form < 95 else f"{place} {given_name(drawn)}"


def landscape_name(drawn: Drawn) -> str:
    """A river, mountain, lake."""
    return f"{_place(drawn)} {('River', 'Lake', 'Creek', 'Hill', 'Island', 'Mountain', 'Bay')[drawn.numbers[0] % 7]}"


_BUILT = ("Street", "House", "Church", "Station", "Bridge", "Castle", "Road", "Park", "School", "Farm")


def building_name(drawn: Drawn) -> str:
    """A building or street."""
    number = drawn.numbers[0]
    return f"{_place(drawn) if number & 1 else family_name(drawn)} {_BUILT[number % 10]}"


_BODIES = ("University", "School", "Group", "Club", "Institute", "Museum", "Company", "F.C.", "Party", "Hospital")


def organisation_name(drawn: Drawn) -> str:
    """A company, school, club, with common words in it."""
    form, body = drawn.numbers[0] % 100, _BODIES[drawn.numbers[1] % 10]
    if form < 40:
        return f"{_place(drawn)} {body}"
    if form < 55:
        return f"{family_name(drawn)} & {word_of(1, drawn.family[1])}"
    first, second = (word.capitalize() for word in _terms(drawn, 2))
    if form < 70:
        return f"{first} {second} {body}"
    return f"{first} {body} of {_place(drawn)}" if form < 85 else f"{first} {second}"


def work_name(drawn: Drawn) -> str:
    """A painting, film, album, book."""
    form = drawn.numbers[0] % 10
    if form < 2:
        return f"Portrait of {given_name(drawn)} {family_name(drawn)}"
    words = _terms(drawn, 1 + form % 4)
    return f"The {' '.join(words).title()}" if form > 7 else " ".join(words).title()


def code(drawn: Drawn) -> str:
    """A gene, or another thing with a code for a name."""
    number = drawn.numbers[0]
    letters = "".join(chr(65 + (number >> shift) % 26) for shift in (0, 5, 10))
    return f"{letters}{'_' if number & 64 else ''}{drawn.numbers[1] % 100_000}"


def protein_name(drawn: Drawn) -> str:
    """A protein."""
    return f"{_terms(drawn, 1)[0].capitalize()} protein {code(drawn)}"


def chemical_name(drawn: Drawn) -> str:
    """A chemical compound."""
    a, b = drawn.numbers[0], drawn.numbers[1]
    rest = f"{made_word(3, 50_000 + a % 9000)}yl-{made_word(3, 70_000 + b % 900_000)}"
    return f"({a % 9 + 1}{'RS'[a & 1]})-{b % 9 + 1}-{rest}ine"


def event_name(drawn: Drawn) -> str:
    """A tournament, election, battle."""
    year = 1900 + drawn.numbers[1] % 125
    what = ("Championship", "Open", "election", "Cup", "season", "Battle")[drawn.numbers[0] % 6]
    return f"{year} {_place(drawn)} {what}"


def other_name(drawn: Drawn) -> str:
    """Anything else."""
    form = drawn.numbers[0] % 4
    if form == 0:
        return code(drawn)
    return " ".join(_terms(drawn, 1 + form)) if form < 3 else f"{_place(drawn)} {_terms(drawn, 1)[0]}"
