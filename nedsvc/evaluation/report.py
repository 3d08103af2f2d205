"""All figures of an evaluation, as a record, and as tables for terminals and pages."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from nedsvc.evaluation.calibration import Bin, Judged, accuracy_at, expected_error, judged, reliability
from nedsvc.evaluation.errors import ERROR_CLASSES, Show, error_classes
from nedsvc.evaluation.gold import GoldSet
from nedsvc.evaluation.ids import Ids
from nedsvc.evaluation.peers import Comparison, Peer, compare, pooled
from nedsvc.evaluation.predictions import Prediction
from nedsvc.evaluation.scores import RANKS, accuracy, end_to_end, nil, recall_at

SpanSource = Literal["gold", "detected"]
PeerFigures = Mapping[str, float | int | str]
COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class SetReport(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one benchmark. `recall` is by rank; those of given spans are empty where they were detected."""

    name: str
    mentions: int
    accuracy: float | None
    precision: float
    recall: float
    f1: float
    recall_at: Mapping[str, float]
    nil_precision: float | None
    nil_recall: float | None
    errors: Mapping[str, int]
    peers: Sequence[PeerFigures]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of all benchmarks. Means are over the sets, each weighing the same.

    `ids` is the number of ids that count (null: all do). `peers` pools the sets, and `rich_peers` of these the gold
    whose item has an English description and a statement, where the ids tell which these are.
    """

    spans: SpanSource
    index: str
    ids: int | None
    sets: Sequence[SetReport]
    mean_accuracy: float | None
    mean_f1: float
    calibration_error: float | None
    reliability: Sequence[Bin]
    accuracy_at_coverage: Mapping[str, float]
    peers: Sequence[PeerFigures]
    rich_peers: Sequence[PeerFigures]


class Evaluated(msgspec.Struct, frozen=True):
    """A benchmark with what was predicted and what other systems say."""

    gold: GoldSet
    predictions: Sequence[Prediction]
    peers: Sequence[Peer] = ()


def report(evaluated: Sequence[Evaluated], ids: Ids, spans: SpanSource, index: str, show: Show) -> Report:
    """All figures."""
    given = spans == "gold"
    sets = [_set_report(each, ids, given, show) for each in evaluated]
    answers: Judged = [one for each in evaluated for one in judged(each.gold, each.predictions, ids)] if given else []
    bins = reliability(answers)
    mentions = sum(each.mentions for each in sets)
    return Report(
        spans=spans,
        index=index,
        ids=None if ids.known is None else len(ids.known),
        sets=sets,
        mean_accuracy=_mean(each.accuracy or 0.0 for each in sets) if given else None,
        mean_f1=_mean(each.f1 for each in sets),
        calibration_error=_rounded(expected_error(bins)) if bins else None,
        reliability=bins,
        accuracy_at_coverage={f"{share:.0%}": _rounded(accuracy_at(answers, share, mentions)) for share in COVERAGES}
        if answers
        else {},
        peers=_pooled(evaluated, ids),
        rich_peers=_on_rich(evaluated, ids) if given else [],
    )


def _pooled(evaluated: Sequence[Evaluated], ids: Ids) -> list[PeerFigures]:
    comparisons = (compare(each.gold, each.predictions, peer, ids) for each in evaluated for peer in each.peers)
    return list(map(_peer, pooled(comparisons)))


def _on_rich(evaluated: Sequence[Evaluated], ids: Ids) -> list[PeerFigures]:
    """The accuracies on the gold with rich items; an F1 would need to know which links lie on others."""
    if ids.rich is None:
        return []
    return [{name: value for name, value in peer.items() if name != "f1"} for peer in _pooled(evaluated, Ids(ids.rich))]


def _set_report(each: Evaluated, known: Ids, given: bool, show: Show) -> SetReport:
    gold, predictions = each.gold, each.predictions
    found = end_to_end(gold, predictions, known)
    missing = nil(gold, predictions, known) if given else None
    ranks = {str(rank): recall_at(gold, predictions, known, rank).share for rank in RANKS} if given else {}
    classes = error_classes(gold, predictions, known, show, given=given)
    return SetReport(
        name=gold.name,
        mentions=found.gold,
        accuracy=_rounded(accuracy(gold, predictions, known).share) if given else None,
        precision=_rounded(found.precision),
        recall=_rounded(found.recall),
        f1=_rounded(found.f1),
        recall_at={rank: _rounded(share) for rank, share in ranks.items()},
        nil_precision=_rounded(missing.precision) if missing else None,
        nil_recall=_rounded(missing.recall) if missing else None,
        errors={name: classes[name] for name in ERROR_CLASSES if classes[name]},
        peers=[_peer(compare(gold, predictions, peer, known)) for peer in each.peers],
    )


def _peer(one: Comparison) -> PeerFigures:
    return {
        "system": one.name,
        "f1": _rounded(one.found.f1),
        "mentions": one.theirs.total,
        "accuracy": _rounded(one.theirs.share),
        "ours": _rounded(one.ours.share),
    }


def text(figures: Report) -> str:
    """The figures as tables for a terminal."""
    return "\n\n".join(aligned(head, rows) for head, rows in _tables(figures)) + "\n"


def markdown(figures: Report) -> str:
    """The figures as tables of a page."""
    return "\n\n".join(of_page(head, rows) for head, rows in _tables(figures)) + "\n"


def aligned(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as lines of columns, the first to the left, the others to the right."""
    lines = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


Table = tuple[Sequence[str], Sequence[Sequence[str]]]


def _tables(figures: Report) -> Iterable[Table]:
    given = figures.spans == "gold"
    yield _scores(figures, given)
    yield _errors(figures.sets)
    if any(each.peers for each in figures.sets):
        yield _peers(figures, given)
    if figures.rich_peers:
        yield _rich_peers(figures.rich_peers)
    if figures.reliability:
        rows = [(str(one.mentions), f"{one.confidence:.3f}", f"{one.accuracy:.3f}") for one in figures.reliability]
        yield (f"mentions (ECE {figures.calibration_error:.3f})", "confidence", "right"), rows
        yield ("coverage", "accuracy"), [(name, f"{value:.3f}") for name, value in figures.accuracy_at_coverage.items()]


def _scores(figures: Report, given: bool) -> Table:
    head = ["set", "mentions", *(("accuracy", *(f"R@{rank}" for rank in RANKS), "NIL P", "NIL R") if given else ())]
    rows = []
    for each in figures.sets:
        of_spans = (each.accuracy, *each.recall_at.values(), each.nil_precision, each.nil_recall) if given else ()
        rows.append((each.name, str(each.mentions), *map(_cell, (*of_spans, each.precision, each.recall, each.f1))))
    blanks = [""] * (len(RANKS) + 2) if given else []
    mean = [_cell(figures.mean_accuracy), *blanks] if given else []
    rows.append(("mean", "", *mean, "", "", _cell(figures.mean_f1)))
    return (*head, "P", "R", "F1"), rows


def _errors(sets: Sequence[SetReport]) -> Table:
    total: Counter[str] = Counter()
    for each in sets:
        total.update(each.errors)
    names = [name for name in ERROR_CLASSES if total[name]]
    rows = [(each.name, *(str(each.errors.get(name, 0)) for name in names)) for each in sets]
    return ("errors", *names), [*rows, ("all", *(str(total[name]) for name in names))]


def _peers(figures: Report, given: bool) -> Table:
    rows = [
        (name, str(peer["system"]), _cell(peer["f1"]), str(peer["mentions"]), _cell(peer["accuracy"]))
        + ((_cell(peer["ours"]),) if given else ())
        for name, peers in [*((each.name, each.peers) for each in figures.sets), ("all", figures.peers)]
        for peer in peers
    ]
    return ("set", "system", "F1", "its mentions", "its accuracy", *(("ours there",) if given else ())), rows


def _rich_peers(peers: Sequence[PeerFigures]) -> Table:
    rows = [
        (str(peer["system"]), str(peer["mentions"]), _cell(peer["accuracy"]), _cell(peer["ours"])) for peer in peers
    ]
    return ("on rich items", "its mentions", "its accuracy", "ours there"), rows


def of_page(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of a page in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: float | int | str | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return _rounded(sum(found) / len(found)) if found else 0.0


def _rounded(value: float) -> float:
    """Six places: the same bytes on machines whose last bits differ, and no third place moves in the tables."""
    return round(value, 6)
