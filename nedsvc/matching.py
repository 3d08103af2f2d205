"""How a name that is asked for matches a name that an entity bears: the rules that every knowledge source shares."""

from collections.abc import Callable, Iterator

from nedsvc.names import Shape, fold, slash_parts, strip_possessive, title_length
from nedsvc.similarity import name_similarity

WORDS_OF_WHOLE_NAME = range(2, 6)  # how many words a name has whose bearer may be called by one of them
PARTIAL = 0.6  # the similarity of a name to the part of it that is asked for
OTHER_LANGUAGE = 0.95  # for a name in another language than the text's
_OTHER_CASE = 0.9
_SHORT_ACRONYM = 0.5  # of a capitalised word to an acronym of two or three letters: Us is seldom the US
_LETTERS_OF_SHORT_ACRONYM = 3
_COMMON_NOUN = 0.75  # of a capitalised name to one that is written in lower case
_INNER_FORM = 0.95  # of a name that was found without its title or as one side of a slash
_LEAST_SIMILAR = 0.5


def forms(name: str, titles: frozenset[str]) -> Iterator[tuple[str, float]]:
    """The name as it stands, then the names in it, each with how much it counts.

    These are the sides of a slash, what is owned, and what follows a title.
    """
    yield name, 1.0
    bare = strip_possessive(name)
    parts = slash_parts(bare)
    if bare != name or len(parts) > 1:
        yield from ((part, _INNER_FORM) for part in parts)
    owner, _, owned = bare.rpartition("'s ") if "'s " in bare else bare.rpartition("’s ")
    if owner:
        yield owned, _INNER_FORM
    words = bare.split()
    keys = [fold(word) for word in words]
    for position in range(len(words)):
        length = title_length(keys[position:], titles)
        if length:
            yield " ".join(words[position + length :]), _INNER_FORM
            return


def case_similarity(written: Shape, known: int, letters: int) -> float:
    """How well the capitals of a name of so many letters agree with those of the known one, which has its key."""
    if written == known or {written, known} == {Shape.TITLE, Shape.LOW_END}:
        return 1.0
    if written == Shape.TITLE and known == Shape.UPPER and letters <= _LETTERS_OF_SHORT_ACRONYM:
        return _SHORT_ACRONYM
    return _COMMON_NOUN if known == Shape.LOWER else _OTHER_CASE


def likeness(asked: str, known: str, says: Callable[[str], bool], idle: frozenset[str]) -> float:
    """`name_similarity` of two folded names where it is enough to be a candidate, else 0."""
    similarity = name_similarity(asked, known, says, idle)
    return similarity if similarity >= _LEAST_SIMILAR else 0.0
