"""What `side_by_side.py` compares: ways to find names, each built in a folder and then opened in another process."""

import csv
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rapidfuzz import process
from spacy.kb import InMemoryLookupKB
from spacy.vocab import Vocab

from nedsvc.index.build import build_from_items
from nedsvc.index.options import BuildOptions
from nedsvc.index.reader import Index
from nedsvc.names import fold
from nedsvc.wikibase import Item

MOST = 20
_BATCH = 10_000
_SHARPNESS = 2  # a prior is the popularity to this power, shared among those who bear the name


class Name(NamedTuple):
    """A name, the number of who bears it, and how well known that is."""

    text: str
    number: int
    popularity: float


class Finder(NamedTuple):
    """How a system is asked: who bears exactly this name; which names are like it (None: it cannot tell)."""

    exact: Callable[[str], object]
    similar: Callable[[str], Sequence[str]] | None


class System(NamedTuple):
    """How a system is built of names in a folder, and opened."""

    build: Callable[[Path, Path], None]
    open: Callable[[Path, Path], Finder]


def write_names(index: Index, path: Path) -> None:
    """All names in an index, one a line, with their bearers."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter="\t")
        for row in range(len(index)):
            number, popularity = index.number(row), index.popularity(row)
            record = index.record(row)
            names = [*record.labels.values(), *(alias for held in record.aliases.values() for alias in held)]
            rows.writerows((name, number, popularity) for name in dict.fromkeys(names))


def read_names(path: Path) -> Iterator[Name]:
    """The names of such a file."""
    with path.open(encoding="utf-8", newline="") as file:
        for name, number, popularity in csv.reader(file, delimiter="\t"):
            yield Name(name, int(number), float(popularity))


def _nothing(names: Path, folder: Path) -> None:
    """What is made anew in each process has nothing to build."""


def _open_dict(names: Path, folder: Path) -> Finder:  # noqa: ARG001
    known: dict[str, list[int]] = defaultdict(list)
    for name in read_names(names):
        known[name.text.lower()].append(name.number)
    return Finder(lambda asked: known.get(asked.lower()), None)


def _open_rapidfuzz(names: Path, folder: Path) -> Finder:  # noqa: ARG001
    known = list(dict.fromkeys(name.text.lower() for name in read_names(names)))
    exact = frozenset(known)

    def similar(asked: str) -> list[str]:
        return [name for name, _, _ in process.extract(asked.lower(), known, limit=MOST)]

    return Finder(lambda asked: asked.lower() in exact, similar)


def _fts(tokenizer: str, query: Callable[[str], str]) -> System:
    """SQLite's full-text search; the best by its ranking (BM25)."""

    def build(names: Path, folder: Path) -> None:
        with sqlite3.connect(folder / "names.sqlite") as database:
            database.execute(f"CREATE VIRTUAL TABLE names USING fts5(name, number UNINDEXED, tokenize='{tokenizer}')")
            database.executemany("INSERT INTO names VALUES (?, ?)", (name[:2] for name in read_names(names)))
            database.execute("INSERT INTO names(names) VALUES ('optimize')")

    def open_(names: Path, folder: Path) -> Finder:  # noqa: ARG001
        database = sqlite3.connect(folder / "names.sqlite")
        select = f"SELECT {{}} FROM names WHERE names MATCH ? ORDER BY rank LIMIT {MOST}"

        def exact(asked: str) -> list[int]:
            return [number for (number,) in database.execute(select.format("number"), (_phrase(asked),))]

        def similar(asked: str) -> list[str]:
            return [name for (name,) in database.execute(select.format("name"), (query(asked),))]

        return Finder(exact, similar)

    return System(build, open_)


def _phrase(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _any_word(asked: str) -> str:
    return " OR ".join(map(_phrase, asked.split()))


def _any_trigram(asked: str) -> str:
    return " OR ".join(_phrase(asked[place : place + 3]) for place in range(max(1, len(asked) - 2)))


def priors(names: Sequence[Name]) -> dict[int, float]:
    """How likely each bearer of a name is: the better known, the likelier."""
    weights = {name.number: name.popularity**_SHARPNESS for name in names}
    total = sum(weights.values()) * 1.0001  # spaCy refuses more than 1
    return {number: weight / total for number, weight in weights.items()}


def knowledge_base(
    vocab: Vocab, names: Iterator[Name], vectors: Mapping[int, Sequence[float]], size: int
) -> InMemoryLookupKB:
    """spaCy's, with a vector for some entities."""
    by_text: dict[str, list[Name]] = defaultdict(list)
    for name in names:
        by_text[name.text].append(name)
    numbers = sorted({name.number for held in by_text.values() for name in held})
    base = InMemoryLookupKB(vocab, entity_vector_length=size)
    blank = [1.0] * size  # spaCy divides by the length
    base.set_entities([f"Q{n}" for n in numbers], [1] * len(numbers), [vectors.get(n, blank) for n in numbers])
    for text, held in by_text.items():
        likely = priors(held)
        base.add_alias(text, [f"Q{number}" for number in likely], list(likely.values()))
    return base


def _build_spacy(names: Path, folder: Path) -> None:
    vocab = Vocab()
    knowledge_base(vocab, read_names(names), {}, 64).to_disk(folder / "kb")
    vocab.strings.to_disk(folder / "strings.json")


def _open_spacy(names: Path, folder: Path) -> Finder:  # noqa: ARG001
    vocab = Vocab()
    vocab.strings.from_disk(folder / "strings.json")
    base = InMemoryLookupKB(vocab, entity_vector_length=64)
    base.from_disk(folder / "kb")
    return Finder(base.get_alias_candidates, None)


def _build_nedsvc(names: Path, folder: Path) -> None:
    held: dict[int, list[str]] = defaultdict(list)
    for name in read_names(names):
        held[name.number].append(name.text)
    items = (Item(number, {"en": texts[0]}, aliases={"en": texts[1:]}) for number, texts in sorted(held.items()))
    build_from_items(items, folder / "index", BuildOptions())


def _open_nedsvc(names: Path, folder: Path) -> Finder:  # noqa: ARG001
    index = Index.open(folder / "index")
    return Finder(
        lambda asked: index.postings(fold(asked)),
        lambda asked: [name for name, _ in index.similar_names(fold(asked), MOST)],
    )


SYSTEMS: Mapping[str, System] = {
    "nedsvc": System(_build_nedsvc, _open_nedsvc),
    "plain dict": System(_nothing, _open_dict),
    "rapidfuzz over all names": System(_nothing, _open_rapidfuzz),
    "SQLite FTS5, words": _fts("unicode61 remove_diacritics 2", _any_word),
    "SQLite FTS5, trigrams": _fts("trigram", _any_trigram),
    "spaCy KnowledgeBase": System(_build_spacy, _open_spacy),
}
