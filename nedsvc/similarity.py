"""Whether two names that are written differently are one name."""

from collections.abc import Callable, Sequence

from rapidfuzz.distance import DamerauLevenshtein

_SHORTEST_MISSPELT = 5  # letters of the longer word: Perm is no misspelt Peru
_LONG = 9  # letters from which on two edits are one word
_REST = 0.95  # for each word that one of the names has alone


def name_similarity(asked: str, known: str, says: Callable[[str], bool], idle: frozenset[str]) -> float:
    """How surely the name asked for is the known one, 0 to 1; both are folded keys.

    Words are paired where they are the same but for a typo. What remains may stand on one side only, since two names
    that differ in a word are two names (Brian Kemp, Brian May), and beside two words that agree. What remains of the
    name asked for must be something that the entity's description `says` (Power 2 *gas pipeline* of Siberia). Words
    in `idle` (of, the) do not count. The similarity of the letters is squared: a typo is rare, another name is not.
    """
    asked_words = [word for word in asked.split() if word not in idle]
    known_words = [word for word in known.split() if word not in idle]
    pairs = _pairs(asked_words, known_words)
    more = [word for word in asked_words if word not in dict(pairs)]
    less = [word for word in known_words if word not in {known_word for _, known_word in pairs}]
    rest = len(more) + len(less)
    if not pairs or (rest and len(pairs) < 2) or not all(map(says, more)):
        return 0.0
    letters = DamerauLevenshtein.normalized_similarity(
        " ".join(word for word, _ in pairs), " ".join(word for _, word in pairs)
    )
    return float(letters**2 * _REST**rest)


def _pairs(asked: Sequence[str], known: Sequence[str]) -> list[tuple[str, str]]:
    """Each word asked for with the known word that it is, the same word first; none where both sides have others."""
    free = list(known)
    pairs: list[tuple[str, str]] = []
    alone = max(0, len(asked) - len(known))  # words asked for that may have no partner
    for word in sorted(asked, key=lambda word: word not in known):
        match = word if word in free else next((other for other in free if _same(word, other)), None)
        if match is not None:
            free.remove(match)
            pairs.append((word, match))
        elif alone:
            alone -= 1
        else:
            return []
    return pairs


def _same(word: str, other: str) -> bool:
    """Whether the words are one but for a typo, or two in a long one; in others the first letter is right."""
    if word == other:
        return True
    length = max(len(word), len(other))
    if length < _SHORTEST_MISSPELT or word.isdigit() or other.isdigit():
        return False
    if length >= _LONG:
        return DamerauLevenshtein.distance(word, other) <= 2
    return word[0] == other[0] and DamerauLevenshtein.distance(word, other) <= 1
