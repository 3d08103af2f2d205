"""Other ways to write a name: without what a text adds to it, in another number, with the full first name."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from nedsvc.names import ARTICLES, fold, title_length

LONGEST_VARIANT = 12  # words; what is longer is a sentence

_OWNER = re.compile(r"['’]s(?!\w)")
_ASIDE = re.compile(r"\([^()]*\)|[\"“„«][^\"“”„«»]*[\"“”»]")
_JOINED = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ][a-zà-ÿ])")
_DIGITS = {
    "1": "one", "2": "two", "3": "three", "4": "four", "5": "five",
    "6": "six", "7": "seven", "8": "eight", "9": "nine", "10": "ten",
}  # fmt: skip
_SHORT = {"st": "saint", "mt": "mount", "ft": "fort"}
_WRITTEN_OUT = _DIGITS | _SHORT
_OTHERWISE = _WRITTEN_OUT | {out: short for short, out in _WRITTEN_OUT.items()}
_UMLAUTS = {"ae": "a", "oe": "o", "ue": "u"}  # as German is written without its own letters
_UMLAUT = re.compile("|".join(_UMLAUTS))
_SHORTEST_BENT = 4  # letters of a word that has another number


class Spelling(msgspec.Struct, frozen=True):
    """What the rules read: full first names by nickname, and words that say what form a company has; all folded."""

    titles: frozenset[str]
    nicknames: Mapping[str, Sequence[str]]
    company_forms: Collection[str]


def variants(name: str, spelling: Spelling) -> Iterator[str]:
    """Other folded keys under which the name may be known, the closest first.

    The place before a comma that says where it lies ("Lille, France"), a name without an aside in brackets or quotes,
    without its article, title or form of a company ("Target Corp."), the singular and the plural, the full first name
    for a nickname ("Bob Nardelli"), digits for words, words written together, and German umlauts.
    """
    own = fold(name)
    return (key for key in dict.fromkeys(_written_otherwise(name, own.split(), spelling)) if key not in ("", own))


def _written_otherwise(name: str, words: Sequence[str], spelling: Spelling) -> Iterator[str]:
    for plain in (name.partition(",")[0], _ASIDE.sub(" ", name), _JOINED.sub(" ", name)):
        if plain != name:
            yield fold(plain)
    if not words or len(words) > LONGEST_VARIANT:
        return
    if len(words) > 1:
        yield _bare(words, spelling)
        yield bare_key(name, spelling)
        yield from (" ".join((full, *words[1:])) for full in spelling.nicknames.get(words[0], ()))
        yield " ".join(_OTHERWISE.get(word, word) for word in words)
    if not name.isupper():
        yield from (" ".join((*words[:-1], other)) for other in _bent(words[-1]))
    yield _UMLAUT.sub(lambda match: _UMLAUTS[match.group()], " ".join(words))


def bare_key(name: str, spelling: Spelling) -> str:
    """The folded name without article, title, possessive and the form of a company; never nothing of it."""
    return _bare(fold(_OWNER.sub("", name)).split() or fold(name).split(), spelling)


def _bare(words: Sequence[str], spelling: Spelling) -> str:
    first, last = (1 if len(words) > 1 and words[0] in ARTICLES else 0), len(words)
    while last - first > 1 and words[last - 1] in spelling.company_forms:
        last -= 1
    return " ".join(words[first + title_length(words[first:last], spelling.titles) : last])


def _bent(word: str) -> Iterator[str]:
    """The plural of a singular and the singular of a plural."""
    if len(word) < _SHORTEST_BENT or not word.isalpha():
        return
    if word.endswith("ies"):
        yield word[:-3] + "y"
    if word.endswith("es"):
        yield word[:-2]
    if word.endswith("s"):
        yield word[:-1]
    elif word.endswith("y"):
        yield word[:-1] + "ies"
    else:
        yield word + "s"
