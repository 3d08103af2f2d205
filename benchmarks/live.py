"""Live Wikidata, served from the sample: requests, time, and what faults do to the answers.

    python benchmarks/live.py [--documents 1000] [--minutes 3] [--whole]

The documents are the texts of the open benchmarks, cut into pieces. The server answers names and items as Wikidata's
API does, from the items of the sample that the documents' names may lead to; it keeps the log that the figures are
taken from. Redis and the pace are real. `--whole` runs all documents at the default rate, which takes as long as the
requests divided by 180 a minute; otherwise that is computed, and the rate is watched for some minutes.
"""

import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import msgspec
from common import chosen_index, gold_sets, index_parser, run, shared_folder
from processes import RedisServer
from seed import Gold, Verdict, report

from nedsvc import tables
from nedsvc.evaluation.report import aligned
from nedsvc.factory import linker_from_index, linker_from_settings
from nedsvc.models import Annotation, Document, annotation_or_raise
from nedsvc.settings import Settings
from nedsvc.starter import starter_index

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # the servers that stand for Wikidata

from faults import Faults
from sample_slices import names_slice
from wikibase_servers import SampleWikibase

_LONGEST_PIECE = 400  # characters
_UNBOUNDED = 10_000_000
_RATE = 180
_PATIENCE = 3600.0
_FAULTY_DOCUMENTS = 100


class World(msgspec.Struct, frozen=True):
    """What is asked, of whom, and where answers and the budget are kept."""

    server: SampleWikibase
    redis: RedisServer
    index: Path

    def settings(self, source: str, rate: int = _UNBOUNDED, index: Path | None = None) -> Settings:
        """The settings of a linker over the server; names are detected with the starter index."""
        return Settings(
            index=index or starter_index(),
            source=source,  # type: ignore[arg-type]
            contact="benchmarks@example.org",
            redis_url=self.redis.url,
            wikidata_url=self.server.url,
            wikidata_rate=rate,
            wikidata_deadline=_PATIENCE,
        )

    def forget(self) -> None:
        """Empties the cache and the log."""
        self.redis.client.flushall()
        self.server.clear()


def pieces(most: int) -> list[Document]:
    """So many documents made of the texts of the open benchmarks, of whole sentences where that goes."""
    texts = (document.text for each in gold_sets() for document in each.documents)
    found = [piece for text in texts for piece in _cut(text)]
    return [Document(text=text, id=str(number)) for number, text in enumerate(found[:most])]


def _cut(text: str) -> Iterator[str]:
    piece = ""
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        if piece and len(piece) + len(sentence) > _LONGEST_PIECE:
            yield piece
            piece = ""
        piece = f"{piece} {sentence}".strip()
    if piece:
        yield piece


def links(annotation: Annotation) -> dict[tuple[int, int], str]:
    """What each mention was linked with, else its status."""
    return {
        (link.mention.start, link.mention.end): link.entity.id if link.entity else link.status
        for link in annotation.links
    }


def annotate(settings: Settings, documents: Sequence[Document]) -> list[dict[tuple[int, int], str]]:
    """The links of each document, by a linker of its own."""
    return [links(annotation_or_raise(found)) for found in linker_from_settings(settings).annotate_batch(documents)]


def counts(server: SampleWikibase) -> tuple[int, int, int]:
    """The prefix searches, full-text searches and fetches in the log."""
    return server.count("wbsearchentities"), server.count("query"), server.count("wbgetentities")


def measure_seed(world: World) -> None:
    """The seed article, cold and warm, by two linkers that share a cache."""
    world.forget()
    folder = shared_folder() / "seed"
    gold = msgspec.json.decode((folder / "gold.json").read_bytes(), type=Gold)
    text = (folder / "article.txt").read_bytes().decode()
    rows = []
    for state in ("cold", "warm"):
        world.server.clear()
        begin = time.monotonic()
        annotation = linker_from_settings(world.settings("wikidata")).annotate(text)
        rows.append((state, *map(str, counts(world.server)), f"{time.monotonic() - begin:.1f}"))
    verdicts = report(annotation.links, gold)
    print(aligned(("seed article", "prefix", "words", "fetches", "s"), rows))
    print(f"right {verdicts[Verdict.RIGHT]} of {len(gold.counted())}, wrong links {verdicts[Verdict.WRONG]}\n")


def measure_documents(world: World, documents: Sequence[Document]) -> None:
    """Requests for the documents, live alone and behind each index."""
    rows = []
    settings = {
        "wikidata": world.settings("wikidata"),
        "auto, starter index": world.settings("auto"),
        "auto, sample index": world.settings("auto", index=world.index),
    }
    for name, chosen in settings.items():
        world.forget()
        found = annotate(chosen, documents)
        rows.append((name, *_requests(world.server, found)))
    head = ("source", "mentions", "linked", "names", "prefix", "words", "fetches", "ids/50", "min at 180")
    print(aligned((f"{len(documents)} documents: {head[0]}", *head[1:]), rows), "\n")


def _requests(server: SampleWikibase, found: Sequence[Mapping[tuple[int, int], str]]) -> Iterator[str]:
    prefixes, words, fetches = counts(server)
    searched = Counter(entry.params["search"] for entry in server.log if "search" in entry.params)
    ids = [id_ for entry in server.log if "ids" in entry.params for id_ in entry.params["ids"].split("|")]
    twice = [name for name, times in searched.items() if times > 1]
    if twice or words > len(searched):
        raise SystemExit(f"names were searched for more than once: {twice}")
    yield str(sum(map(len, found)))
    yield str(sum(status.startswith("Q") for each in found for status in each.values()))
    yield str(len(searched))
    yield from map(str, (prefixes, words, fetches))
    yield f"{len(ids) / 50:.0f}"
    yield f"{(prefixes + words + fetches) / _RATE:.1f}"


def measure_faults(world: World, documents: Sequence[Document]) -> None:
    """The same documents with 30 % of the answers faulty, against a run without faults."""
    some = documents[:: max(1, len(documents) // _FAULTY_DOCUMENTS)]
    world.forget()
    clean = annotate(world.settings("wikidata"), some)
    rows = []
    for patience in (_PATIENCE, 0.5):
        world.forget()
        world.server.faults = Faults(share=0.3, retry_after="0", seconds=12.0)
        settings = msgspec.structs.replace(world.settings("wikidata"), wikidata_deadline=patience)
        found = annotate(settings, some)
        world.server.faults = None
        rows.append((f"{patience * len(some):.0f} s for all", *_outcomes(clean, found), str(world.server.count())))
    head = (f"{len(some)} documents, 30 % faulty", "same", "named as error", "wrong NIL", "other", "requests")
    print(aligned(head, rows), "\n")


def _outcomes(
    clean: Sequence[Mapping[tuple[int, int], str]], found: Sequence[Mapping[tuple[int, int], str]]
) -> Iterator[str]:
    pairs = [(right, got[span]) for each, got in zip(clean, found, strict=True) for span, right in each.items()]
    yield str(sum(right == got for right, got in pairs))
    yield str(sum(got == "error" for _, got in pairs))
    yield str(sum(got == "nil" and right != "nil" for right, got in pairs))
    yield str(sum(got not in {right, "error", "nil"} for right, got in pairs))


def measure_pace(world: World, documents: Sequence[Document], minutes: float | None) -> None:
    """Four processes at the default rate: what the server's log shows of it."""
    world.forget()
    settings = world.settings("wikidata", rate=_RATE)
    begin = time.monotonic()
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        parts = [documents[number::4] for number in range(4)]
        until = None if minutes is None else time.time() + 60 * minutes
        done = sum(pool.map(_annotate_until, [settings] * 4, parts, [until] * 4))
    took = (time.monotonic() - begin) / 60
    server = world.server
    row = (str(done), f"{took:.1f}", str(server.count()), str(server.most_in_a_window()), str(server.most_in_flight()))
    head = (f"4 processes, {_RATE} a minute: documents", "minutes", "requests", "most in a minute", "most in flight")
    print(aligned(head, [row]), "\n")


def _annotate_until(settings: Settings, documents: Sequence[Document], until: float | None) -> int:
    linker = linker_from_settings(settings)
    done = 0
    for batch in _batched(documents, 10):
        if until and time.time() > until:
            break
        done += len(list(linker.annotate_batch(batch)))
    return done


def _batched(documents: Sequence[Document], size: int) -> Iterator[Sequence[Document]]:
    return (documents[first : first + size] for first in range(0, len(documents), size))


def names_of(index: Path, documents: Sequence[Document]) -> set[str]:
    """The names that are detected in the documents and in the seed article."""
    article = Document(text=(shared_folder() / "seed" / "article.txt").read_bytes().decode())
    found: set[str] = set()
    for folder in (index, starter_index()):
        for annotation in map(annotation_or_raise, linker_from_index(folder).annotate_batch([article, *documents])):
            found |= {link.mention.surface for link in annotation.links}
    return found


def _in_tables() -> Iterator[str]:
    """The entities that the package's tables lead to, whatever their names."""
    return (f"Q{number}" for _, number in (*tables.demonyms(), *tables.shorthand()))


def _in_gold() -> Iterator[str]:
    """What the texts mean, which a full-text search on all of Wikidata may find."""
    article = msgspec.json.decode((shared_folder() / "seed" / "gold.json").read_bytes(), type=Gold)
    yield from (mention.qid for mention in article.mentions if mention.qid)
    yield from (label.entity_id for each in gold_sets() for document in each.documents for label in document.labels)


def main() -> None:
    """Measure and print."""
    parser = index_parser((__doc__ or "").partition("\n")[0])
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=3.0, help="how long the rate is watched")
    parser.add_argument("--whole", action="store_true", help="run all documents at the default rate")
    arguments = parser.parse_args()
    index = chosen_index(arguments)
    documents = pieces(arguments.documents)
    items = names_slice(shared_folder(), names_of(index, documents), extra={*_in_tables(), *_in_gold()})
    print(f"{len(documents)} documents, {len(items)} items served, index {index.name}\n")
    with SampleWikibase(items) as server, RedisServer() as redis:
        world = World(server, redis, index)
        measure_seed(world)
        measure_documents(world, documents)
        measure_faults(world, documents)
        measure_pace(world, documents, None if arguments.whole else arguments.minutes)


if __name__ == "__main__":
    run(main)
