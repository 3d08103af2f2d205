"""The word lists and tables that come with the package (`nedsvc/data`). Lines that begin with # are comments."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from nedsvc.models import qid_number

_DATA = files("nedsvc") / "data"


class TableName(NamedTuple):
    """A name that a table gives to an entity: a demonym or a shorthand of world news."""

    name: str
    number: int


class Root(NamedTuple):
    """A class with the coarse type of its instances; a general one counts only where no other gives a type."""

    number: int
    type: str
    general: bool = False


class CommonClass(NamedTuple):
    """A class with the coarse types of its instances; a general one counts only where no other gives a type."""

    types: tuple[str, ...]
    general: bool
    label: str


@cache
def demonyms() -> tuple[TableName, ...]:
    """Adjectives and names of peoples ("Ukrainian") with the place that they stand for."""
    return tuple(TableName(name, qid_number(qid)) for name, qid, *_ in _rows("demonyms.tsv"))


@cache
def shorthand() -> tuple[TableName, ...]:
    """Names by which news means something else than the words say ("the West", "Downing Street")."""
    return tuple(TableName(name, qid_number(qid)) for name, qid, *_ in _rows("shorthand.tsv"))


@cache
def titles() -> frozenset[str]:
    """Folded honorifics, ranks and offices that stand before a name."""
    return _words("titles.txt")


@cache
def common_words() -> frozenset[str]:
    """Folded common English words, which are seldom a name even when capitalised."""
    return _words("common_words.txt")


@cache
def calendar_words() -> frozenset[str]:
    """Folded names of months and days, which make dates rather than names."""
    return _words("calendar.txt")


@cache
def stop_words() -> frozenset[str]:
    """Folded English function words, which say nothing of what a text is about."""
    return _words("stop_words.txt")


@cache
def demonyms_of_places() -> Mapping[int, tuple[str, ...]]:
    """The demonyms of each place, by its number."""
    found: dict[int, list[str]] = {}
    for name, number in demonyms():
        found.setdefault(number, []).append(name)
    return {number: tuple(names) for number, names in found.items()}


@cache
def role_nouns() -> frozenset[str]:
    """Folded nouns for who holds an office ("prime minister")."""
    return _words("role_nouns.txt")


@cache
def role_names() -> Mapping[str, tuple[str, ...]]:
    """What else the same office may be called, the likeliest first, by what news calls it; all folded."""
    return {role: tuple(others) for role, *others in _rows("roles.tsv")}


@cache
def leaders() -> Mapping[int, str]:
    """The office in which the power of a country lies, by the country's number."""
    return {qid_number(qid): role for qid, role, *_ in _rows("leaders.tsv")}


@cache
def seats() -> Mapping[str, int]:
    """The states that are governed from seats of power, by the folded name of the seat."""
    return {name: qid_number(qid) for name, qid, *_ in _rows("seats.tsv")}


@cache
def group_nouns() -> Mapping[str, frozenset[str]]:
    """Nouns by which a text calls what it has named before, with the types of what they may mean."""
    return {noun: frozenset(types.split(",")) for noun, types in _rows("group_nouns.tsv")}


@cache
def nicknames() -> Mapping[str, tuple[str, ...]]:
    """Folded full first names by folded nickname."""
    return {nickname: tuple(names) for nickname, *names in _rows("nicknames.tsv")}


@cache
def company_forms() -> frozenset[str]:
    """Folded words that say what form a company has ("inc")."""
    return _words("company_forms.txt")


@cache
def shortened_words() -> frozenset[str]:
    """Folded last words of names that are written with a dot ("inc", "calif")."""
    return _words("shortened_words.txt")


@cache
def actor_verbs() -> frozenset[str]:
    """Folded forms of verbs of what a government does and a city does not."""
    return _words("actor_verbs.txt")


@cache
def actor_nouns() -> frozenset[str]:
    """Folded nouns of what a government has and a city has not."""
    return _words("actor_nouns.txt")


@cache
def other_wikis() -> frozenset[str]:
    """Prefixes, in lower case, by which links of a wiki lead to other wikis ("de", "wikt")."""
    return frozenset(prefix for line in _lines("interwiki.txt") for prefix in line.split())


@cache
def plain_sentences() -> tuple[str, ...]:
    """English sentences such as any text may hold."""
    return tuple(_lines("plain_sentences.txt"))


@cache
def roots() -> tuple[Root, ...]:
    """Classes of Wikidata whose instances have a coarse type."""
    return tuple(Root(qid_number(qid), type_, "general" in rest) for qid, type_, _, *rest in _rows("classes.tsv"))


@cache
def common_classes() -> Mapping[int, CommonClass]:
    """The coarse types and labels of the classes of Wikidata that are most used, by number; `roots` are among them."""
    below = {
        qid_number(qid): CommonClass(tuple(types.split(",")), bool(general), label)
        for qid, types, general, label in _rows("common_classes.tsv")
    }
    named = {
        qid_number(qid): CommonClass((type_,), "general" in rest, label)
        for qid, type_, label, *rest in _rows("classes.tsv")
    }
    return below | named


def starter_files() -> Iterator[tuple[str, bytes]]:
    """The names and contents of the starter's text files."""
    starter = _DATA / "starter"
    for file in sorted(starter.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".jsonl"):
            yield file.name, file.read_bytes()


def table_bytes() -> bytes:
    """All that the tables which go into an index hold, to tell one version of them from another."""
    names = ("demonyms.tsv", "shorthand.tsv", "classes.tsv", "stop_words.txt")
    return b"".join((_DATA / name).read_bytes() for name in names)


def _lines(name: str) -> Iterator[str]:
    for line in (_DATA / name).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line


def _words(name: str) -> frozenset[str]:
    return frozenset(line.strip() for line in _lines(name))


def _rows(name: str) -> Iterator[list[str]]:
    return (line.split("\t") for line in _lines(name))
