"""What a linker makes of a benchmark, and the file of that."""

from collections.abc import Iterable, Iterator

import msgspec

from nedsvc.evaluation.gold import GoldDocument, GoldSet, Place
from nedsvc.linker import EntityLinker
from nedsvc.models import Annotation, Document, EntityType, Link, Options, Span

MOST_CANDIDATES = 100


class PredictedMention(msgspec.Struct, frozen=True):
    """A mention: `qid` is set where it was linked, `best` is the best candidate whatever its status.

    `candidates` are the ids of all candidates, the best first, and `kind` says how the best one's name matched.
    """

    start: int
    end: int
    qid: str | None
    best: str | None
    confidence: float = 0.0
    type: EntityType | None = None
    candidates: tuple[str, ...] = ()

    @property
    def span(self) -> Place:
        """The range in code points."""
        return self.start, self.end


class Prediction(msgspec.Struct, frozen=True):
    """The mentions of a document."""

    id: int | str
    mentions: tuple[PredictedMention, ...]

    def by_span(self) -> dict[Place, PredictedMention]:
        """The mentions by their span."""
        return {mention.span: mention for mention in self.mentions}


def predict(linker: EntityLinker, gold: GoldSet, *, given: bool) -> list[Prediction]:
    """Links a benchmark: its labelled spans (`given`, NIL ones too, and nothing tells them apart), or what is found."""
    documents = (
        Document(text=document.text, mentions=labelled(document) if given else None) for document in gold.documents
    )
    annotations = linker.annotate_batch(documents, Options(limit=MOST_CANDIDATES))
    return [_prediction(document, annotation) for document, annotation in zip(gold.documents, annotations, strict=True)]


def labelled(document: GoldDocument) -> list[Span]:
    """The labelled spans in the order of the text, each once."""
    return [Span(*span) for span in sorted({label.span for label in document.labels})]


def prediction_lines(predictions: Iterable[Prediction]) -> Iterator[bytes]:
    """The lines of a prediction file."""
    for prediction in predictions:
        mentions = [
            {"start": one.start, "end": one.end, "qid": one.qid, "best": one.best, "confidence": _rounded(one)}
            for one in prediction.mentions
        ]
        yield msgspec.json.encode({"id": prediction.id, "mentions": mentions}) + b"\n"


def _rounded(mention: PredictedMention) -> float:
    return round(mention.confidence, 4)


def _prediction(document: GoldDocument, annotation: Annotation) -> Prediction:
    return Prediction(document.id, tuple(map(_mention, annotation.links)))


def _mention(link: Link) -> PredictedMention:
    return PredictedMention(
        start=link.mention.start,
        end=link.mention.end,
        qid=link.entity.id if link.entity else None,
        best=link.candidates[0].id if link.candidates else None,
        confidence=link.confidence,
        type=link.type,
        candidates=tuple(candidate.id for candidate in link.candidates),
    )
