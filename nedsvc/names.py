"""Names as they are written and as they are compared: tokens, folding, case, titles, acronyms."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from functools import cache, lru_cache
from itertools import compress

import msgspec

# Scripts without spaces between words: each character is a token of its own there.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_MARKS = "\u200c\u200d" + "".join(
    chr(code)
    for code in range(0x300, 0x2000)
    if unicodedata.category(chr(code)).startswith("M") and not re.match(f"[{_UNSPACED}]", chr(code))
)
_WORD = rf"[^\W{_UNSPACED}]+(?:[{re.escape(_MARKS)}]+[^\W{_UNSPACED}]*)*"
_LETTER = rf"[^\W\d_{_UNSPACED}]"
_DOTTED = rf"(?:{_LETTER}\. ?)+{_LETTER}(?!\w)\.?"
_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
_NO_WORD = re.compile(rf"[^\w{re.escape(_MARKS)}{_UNSPACED}]")
_DOTTED_WORDS = re.compile(rf"(?<!\w){_DOTTED}")
TOKEN = re.compile(rf"{_DOTTED}|{_WORD}|[{_UNSPACED}]")

_STRIPPED = re.compile("[\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0640\u200c\u200d]")
# Letters that Unicode does not decompose although readers take them for a plain one.
_LETTERS = str.maketrans(
    {
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "ı": "i",
        "ħ": "h",
        "ŋ": "n",
        "ə": "e",
    }
)
_ASCII_PUNCTUATION = {code: " " for code in range(128) if not (chr(code).isalnum() or chr(code) == "_")}
_ASCII_PUNCTUATION_IN_LINES = _ASCII_PUNCTUATION | {ord("\n"): "\n"}

ARTICLES = frozenset({"the", "a", "an"})
LONGEST_TITLE = 5  # words
REMEMBERED_WORDS = 1 << 15
_LONGEST_WORD = 200  # characters that are compared of a word that is not ASCII

_POSSESSIVE = re.compile(r"(?:['’ʼ`]s|(?<=s)['’ʼ`])$", re.IGNORECASE)


class Shape(IntEnum):
    """How a name uses capitals; that of LOW_END has some, but none in its last word."""

    CASELESS = 0
    LOWER = 1
    TITLE = 2
    UPPER = 3
    LOW_END = 4


class Token(msgspec.Struct, frozen=True, gc=False):
    """A word of a text: its range in code points and its folded form."""

    start: int
    end: int
    key: str


def fold_token(token: str) -> str:
    """The form in which words are compared: no case, no diacritics, no dots ("U.S." is "us")."""
    if token.isascii():
        return token.lower().replace(".", "").replace(" ", "")
    if _UNSPACED_CHARACTER.fullmatch(token):
        composed = unicodedata.normalize("NFKC", token)
        return composed if len(composed) == 1 else token
    # Normalising takes the square of the number of marks on one letter.
    decomposed = unicodedata.normalize("NFKD", token[:_LONGEST_WORD])
    plain = _STRIPPED.sub("", decomposed).casefold().translate(_LETTERS)
    return _NO_WORD.sub("", unicodedata.normalize("NFKC", plain))


_fold_token = lru_cache(REMEMBERED_WORDS)(fold_token)


@lru_cache(REMEMBERED_WORDS)
def fold(name: str) -> str:
    """The key under which a name is kept: its folded words with one space between them; "" for no word."""
    if name.isascii() and "." not in name:
        return " ".join(name.lower().translate(_ASCII_PUNCTUATION).split())
    return " ".join(filter(None, map(_fold_token, TOKEN.findall(name))))


def fold_all(names: Iterable[str], fold_word: Callable[[str], str] | None = None) -> list[str]:
    """`fold` of many names, several times as fast: those in ASCII go as one text, others word by word with a memory.

    A name may be as long as a text. The memory can be given, so that it lasts longer: `fold_word` is `fold_token` with
    a cache.
    """
    names = list(names)
    plain = [name.isascii() and "\n" not in name for name in names]
    folded = iter(_fold_plain(compress(names, plain)))
    fold_word = fold_word or cache(fold_token)
    return [
        next(folded) if is_plain else " ".join(filter(None, map(fold_word, TOKEN.findall(name))))
        for name, is_plain in zip(names, plain, strict=True)
    ]


def _fold_plain(names: Iterable[str]) -> list[str]:
    """`fold` of names in ASCII without line breaks."""
    lines = "\n".join(names)
    if "." in lines:
        lines = _DOTTED_WORDS.sub(_without_dots, lines)
    lines = lines.lower().translate(_ASCII_PUNCTUATION_IN_LINES)
    while "  " in lines:
        lines = lines.replace("  ", " ")
    return lines.replace("\n ", "\n").replace(" \n", "\n").strip(" ").split("\n")


def _without_dots(match: re.Match[str]) -> str:
    """The word, with a space after it for the word that may follow its dot."""
    return match.group().replace(".", "").replace(" ", "") + " "


def tokenize(text: str) -> list[Token]:
    """The words of a text in order; those without a letter or digit that can be compared are left out."""
    return [
        Token(match.start(), match.end(), key) for match in TOKEN.finditer(text) if (key := _fold_token(match.group()))
    ]


def shape(name: str) -> Shape:
    """How the name uses capitals; a single capital letter counts as TITLE."""
    if name.islower():
        return Shape.LOWER
    if name.isupper():
        return Shape.UPPER if sum(map(str.isalpha, name)) > 1 else Shape.TITLE
    if name == name.lower():
        return Shape.CASELESS
    return Shape.LOW_END if name.rpartition(" ")[2].islower() else Shape.TITLE


def strip_possessive(name: str) -> str:
    """The name without a final 's or s'."""
    return _POSSESSIVE.sub("", name)


def slash_parts(name: str) -> tuple[str, ...]:
    """The names in a slash form ("Kiev/Kyiv"); one part for any other name."""
    return tuple(part.strip() for part in name.split("/") if part.strip())


def title_length(keys: Sequence[str], titles: frozenset[str]) -> int:
    """How many of the leading words are titles ("president", "prime minister"); never all of them."""
    begins = _first_words(titles)
    position = 0
    while position < len(keys) and keys[position] in begins:
        step = next(
            (
                size
                for size in range(LONGEST_TITLE, 0, -1)
                if position + size < len(keys) and " ".join(keys[position : position + size]) in titles
            ),
            0,
        )
        if not step:
            break
        position += step
    return position


@cache
def _first_words(titles: frozenset[str]) -> frozenset[str]:
    return frozenset(title.partition(" ")[0] for title in titles)


def is_acronym(surface: str) -> bool:
    """Whether the surface is written as an acronym: two to six capitals, perhaps with dots."""
    letters = surface.replace(".", "")
    return 2 <= len(letters) <= 6 and letters.isalpha() and letters.isupper()


def initials(surface: str) -> str:
    """The folded first letters of the capitalised words: "icc" for "International Criminal Court"."""
    words = TOKEN.findall(surface)
    return "".join(fold_token(word)[:1] for word in words if word[0].isupper())
