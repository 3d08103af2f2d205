"""What a linker makes of a benchmark, and the file of that."""

from collections.abc import Iterable, Iterator

import msgspec

from nedsvc.evaluation.gold import GoldDocument, GoldSet, Place
from nedsvc.linker import EntityLinker
from nedsvc.models import Annotation, Document, EntityType, Link, Options, Span, Status, annotation_or_raise

MOST_CANDIDATES = 100
_DEFAULTS = Options()


class PredictedMention(msgspec.Struct, frozen=True):
    """A mention: `qid` is set where it was linked, `best` is the best candidate whatever its status.

    `candidates` are the ids of all candidates, the best first.
    """

    start: int
    end: int
    qid: str | None
    best: str | None
    confidence: float = 0.0
    type: EntityType | None = None
    candidates: tuple[str, ...] = ()
    status: Status = "linked"

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


def predict(
    linker: EntityLinker, gold: GoldSet, *, given: bool, options: Options = _DEFAULTS, language: str = "en"
) -> list[Prediction]:
    """Links a benchmark: its labelled spans (`given`, NIL ones too, and nothing tells them apart), or what is found.

    A text without a word has no mentions. Raises `InvalidInput` for a language that the linker does not know.
    """
    documents = (
        Document(text=document.text, language=language, mentions=labelled(document) if given else None)
        for document in gold.documents
        if document.text.strip()
    )
    found = linker.annotate_batch(documents, msgspec.structs.replace(options, limit=MOST_CANDIDATES, types=()))
    annotations = map(annotation_or_raise, found)
    return [
        _prediction(document, next(annotations)) if document.text.strip() else Prediction(document.id, ())
        for document in gold.documents
    ]


def labelled(document: GoldDocument) -> list[Span]:
    """The labelled spans in the order of the text, each once; a label on white space names nothing."""
    spans = sorted({label.span for label in document.labels})
    return [Span(*span) for span in spans if document.text[slice(*span)].strip()]


def prediction_lines(predictions: Iterable[Prediction]) -> Iterator[bytes]:
    """The lines of a prediction file."""
    for prediction in predictions:
        mentions = [
            {name: getattr(one, name) for name in ("start", "end", "qid", "best", "status")}
            | {"confidence": round(one.confidence, 4)}
            for one in prediction.mentions
        ]
        yield msgspec.json.encode({"id": prediction.id, "mentions": mentions}) + b"\n"


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
        status=link.status,
    )
