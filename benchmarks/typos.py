"""Slips of the pen for measuring a fuzzy search: names as people write them who do not look them up."""

import random
import unicodedata
from collections.abc import Callable, Mapping

SHORTEST = 4  # letters of a name with one edit
SHORTEST_WITH_TWO = 6  # as usual: full-text engines allow for a second edit from six letters on
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "ß": "ss", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"})


def one_edit(name: str, chance: random.Random) -> str | None:
    """The name with a letter replaced, left out, added or swapped with the next, each as often."""
    return _edited(name, 1, SHORTEST, chance)


def two_edits(name: str, chance: random.Random) -> str | None:
    """The name with two such edits."""
    return _edited(name, 2, SHORTEST_WITH_TWO, chance)


def swapped_words(name: str, chance: random.Random) -> str | None:
    """The name with two neighbouring words swapped."""
    words = name.split()
    if len(words) < 2:
        return None
    place = chance.randrange(len(words) - 1)
    words[place : place + 2] = reversed(words[place : place + 2])
    return " ".join(words)


def without_diacritics(name: str, chance: random.Random) -> str | None:  # noqa: ARG001
    """The name with plain letters for those with a diacritic or a stroke."""
    decomposed = unicodedata.normalize("NFKD", name.translate(_STROKES))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def without_middle(name: str, chance: random.Random) -> str | None:
    """The name without one of the words between its first and its last."""
    words = name.split()
    if len(words) < 3:
        return None
    del words[chance.randrange(1, len(words) - 1)]
    return " ".join(words)


Slip = Callable[[str, random.Random], str | None]
SLIPS: Mapping[str, Slip] = {
    "one edit": one_edit,
    "two edits": two_edits,
    "swapped words": swapped_words,
    "folded diacritics": without_diacritics,
    "missing middle name": without_middle,
}


def slip(kind: str, name: str, chance: random.Random) -> str | None:
    """The name with a slip of this kind; None where the name cannot have it, or it changes nothing."""
    slipped = SLIPS[kind](name, chance)
    return None if slipped == name else slipped


def _edited(name: str, edits: int, shortest: int, chance: random.Random) -> str | None:
    letters = sum(map(str.isalpha, name))
    if letters < shortest:
        return None
    for _ in range(edits):
        name = _edit(name, chance)
    return name


def _edit(name: str, chance: random.Random) -> str:
    place = chance.choice([place for place, letter in enumerate(name) if letter.isalpha()])
    kind = chance.randrange(4)
    before, letter, after = name[:place], name[place], name[place + 1 :]
    if kind == 0:
        return before + chance.choice(_LETTERS.replace(letter, "")) + after
    if kind == 1:
        return before + after
    if kind == 2 or not after or not after[0].isalpha():
        return before + chance.choice(_LETTERS) + letter + after
    return before + after[0] + letter + after[1:]
