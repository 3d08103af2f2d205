"""Counting: accuracy on given spans, precision, recall and F1 end to end, NIL, and where the right one stands."""

from collections.abc import Container, Sequence

import msgspec

from nedsvc.evaluation.gold import GoldDocument, GoldSet, Spans, overlaps
from nedsvc.evaluation.predictions import Prediction

RANKS = (1, 5, 20, 100)


class Ratio(msgspec.Struct, frozen=True):
    """So many of so many."""

    hits: int
    total: int

    @property
    def share(self) -> float:
        """The hits divided by the total; 0 of nothing."""
        return self.hits / self.total if self.total else 0.0

    def __add__(self, other: "Ratio") -> "Ratio":
        return Ratio(self.hits + other.hits, self.total + other.total)


class Found(msgspec.Struct, frozen=True):
    """What was predicted, of what there is: precision and recall with their harmonic mean."""

    hits: int
    predicted: int
    gold: int

    @property
    def precision(self) -> float:
        """The share of the predictions that are right."""
        return Ratio(self.hits, self.predicted).share

    @property
    def recall(self) -> float:
        """The share of the gold that was predicted."""
        return Ratio(self.hits, self.gold).share

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.hits / (self.predicted + self.gold) if self.predicted + self.gold else 0.0

    def __add__(self, other: "Found") -> "Found":
        return Found(self.hits + other.hits, self.predicted + other.predicted, self.gold + other.gold)


def accuracy(gold: GoldSet, predictions: Sequence[Prediction], known: Container[str]) -> Ratio:
    """The counted spans whose best candidate is right, whatever its status."""
    total = Ratio(0, 0)
    for document, prediction in zip(gold.documents, predictions, strict=True):
        best = {mention.span: mention.best for mention in prediction.mentions}
        counted = document.counted(known)
        total += Ratio(sum(best.get(span) == qid for span, qid in counted.items()), len(counted))
    return total


def end_to_end(gold: GoldSet, predictions: Sequence[Prediction], known: Container[str]) -> Found:
    """Exact span and QID, micro-averaged."""
    total = Found(0, 0, 0)
    for document, prediction in zip(gold.documents, predictions, strict=True):
        linked = {mention.span: mention.qid for mention in prediction.mentions if mention.qid}
        total += matches(document, linked, known)
    return total


def matches(document: GoldDocument, linked: Spans, known: Container[str]) -> Found:
    """How the links of a document agree with its gold.

    A link counts unless it lies outside what is labelled, names a QID that is not known, or overlaps gold that does
    not count.
    """
    counted, rest = document.counted(known), document.uncounted(known)
    links = {
        span: qid
        for span, qid in linked.items()
        if document.within(span) and qid in known and (span in counted or not overlaps(span, rest))
    }
    return Found(sum(counted.get(span) == qid for span, qid in links.items()), len(links), len(counted))


def nil(gold: GoldSet, predictions: Sequence[Prediction], known: Container[str]) -> Found:
    """Given spans that are said to be NIL (not linked), of those that are."""
    total = Found(0, 0, 0)
    for document, prediction in zip(gold.documents, predictions, strict=True):
        missing = document.nil()
        asked = missing | set(document.counted(known))
        said = {mention.span for mention in prediction.mentions if mention.qid is None and mention.span in asked}
        total += Found(len(said & missing), len(said), len(missing))
    return total


def recall_at(gold: GoldSet, predictions: Sequence[Prediction], known: Container[str], rank: int) -> Ratio:
    """The counted spans whose entity is among the first so many candidates."""
    total = Ratio(0, 0)
    for document, prediction in zip(gold.documents, predictions, strict=True):
        candidates = {mention.span: mention.candidates[:rank] for mention in prediction.mentions}
        counted = document.counted(known)
        total += Ratio(sum(qid in candidates.get(span, ()) for span, qid in counted.items()), len(counted))
    return total
