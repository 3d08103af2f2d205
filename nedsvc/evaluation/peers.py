"""Other systems' links on the same documents, and both on the same mentions."""

import csv
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from nedsvc.errors import InvalidInput
from nedsvc.evaluation.gold import GoldSet, Spans
from nedsvc.evaluation.predictions import Prediction
from nedsvc.evaluation.scores import Found, Ratio, matches

_COLUMNS = ("doc", "start", "end", "system", "qid")


class Peer(msgspec.Struct, frozen=True):
    """A system's links by the document's id; a mention that it has no entity for is there too, with what is no QID."""

    name: str
    links: Mapping[str, Spans]


class Comparison(msgspec.Struct, frozen=True):
    """A system end to end, and its accuracy and ours on the counted mentions that it predicted."""

    name: str
    found: Found
    theirs: Ratio
    ours: Ratio

    def __add__(self, other: "Comparison") -> "Comparison":
        return Comparison(self.name, self.found + other.found, self.theirs + other.theirs, self.ours + other.ours)


def read_peers(file: Path) -> list[Peer]:
    """The systems in a file of tab-separated doc, start, end, system and qid; `doc` is the document's id.

    Raises `InvalidInput` with the file and the line.
    """
    links: defaultdict[str, defaultdict[str, Spans]] = defaultdict(lambda: defaultdict(dict))
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            if tuple(next(rows, ())) != _COLUMNS:
                raise InvalidInput(str(file), f"must have the columns {', '.join(_COLUMNS)}")
            for document, start, end, system, qid in rows:
                links[system][document][int(start), int(end)] = qid
    except OSError as error:
        raise InvalidInput(str(file), f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(str(file), f"is not UTF-8 at byte {error.start}") from error
    except ValueError as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"{file}, line {rows.line_num}", f"is no link ({error})") from error
    return [Peer(name, places) for name, places in sorted(links.items())]


def pooled(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """The comparisons of several benchmarks as one for each system, every mention weighing the same."""
    found: dict[str, Comparison] = {}
    for one in comparisons:
        found[one.name] = found[one.name] + one if one.name in found else one
    return list(found.values())


def compare(gold: GoldSet, ours: Sequence[Prediction], peer: Peer, known: Container[str]) -> Comparison:
    """The peer on a benchmark, and beside it our predictions on given spans."""
    found, theirs, own = Found(0, 0, 0), Ratio(0, 0), Ratio(0, 0)
    for document, prediction in zip(gold.documents, ours, strict=True):
        links = peer.links.get(str(document.id), {})
        found += matches(document, links, known)
        best = {mention.span: mention.best for mention in prediction.mentions}
        both = {span: qid for span, qid in document.counted(known).items() if span in links}
        theirs += Ratio(sum(links[span] == qid for span, qid in both.items()), len(both))
        own += Ratio(sum(best.get(span) == qid for span, qid in both.items()), len(both))
    return Comparison(peer.name, found, theirs, own)
