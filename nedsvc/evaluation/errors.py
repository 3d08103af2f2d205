"""What went wrong with a mention: one class each, the first that fits."""

from collections import Counter
from collections.abc import Callable, Container, Sequence
from functools import cache
from typing import Literal, get_args

from nedsvc import tables
from nedsvc.evaluation.gold import GoldSet
from nedsvc.evaluation.predictions import PredictedMention, Prediction
from nedsvc.models import Entity
from nedsvc.names import fold

ErrorClass = Literal[
    "missed span",
    "held back",
    "candidate missing",
    "demonym",
    "metonym",
    "partial name",
    "wrong type",
    "rare",
    "ranked wrong",
]
ERROR_CLASSES: tuple[ErrorClass, ...] = get_args(ErrorClass)

_RARE = 0.15  # the popularity under which an entity counts as little known
_PLACES = frozenset({"GPE", "LOC", "FAC"})

Show = Callable[[str], Entity | None]


def error_classes(
    gold: GoldSet, predictions: Sequence[Prediction], known: Container[str], show: Show, *, given: bool
) -> Counter[ErrorClass]:
    """How many of the counted mentions that are not right fell to each class.

    With spans `given` the best candidate is what must be right, else the link. `missed span`: nothing was detected
    there. `held back`: the best candidate is right, but not sure enough for a link. `candidate missing`: the entity was
    not among the candidates. Else by what the mention is (`demonym`; `metonym`, a place for an organisation or the
    other way round; `partial name`, a word of a longer one), by what was taken for it (`wrong type`), `rare` where
    little is known of the entity, and `ranked wrong` for the rest.
    """
    found: Counter[ErrorClass] = Counter()
    for document, prediction in zip(gold.documents, predictions, strict=True):
        by_span = prediction.by_span()
        for span, qid in document.counted(known).items():
            mention = by_span.get(span)
            if mention is None or (mention.best if given else mention.qid) != qid:
                found[_class(document.text[slice(*span)], qid, mention, show)] += 1
    return found


def _class(surface: str, qid: str, mention: PredictedMention | None, show: Show) -> ErrorClass:
    if mention is None:
        return "missed span"
    if mention.best == qid:
        return "held back"
    if qid not in mention.candidates or mention.best is None:
        return "candidate missing"
    if fold(surface) in _demonyms():
        return "demonym"
    meant, taken = show(qid), show(mention.best)
    if meant is None or taken is None:
        return "ranked wrong"
    return _of_entities(surface, meant, taken)


def _of_entities(surface: str, meant: Entity, taken: Entity) -> ErrorClass:
    types, others = set(meant.types), set(taken.types)
    if ("ORG" in types and others & _PLACES) or ("ORG" in others and types & _PLACES):
        return "metonym"
    words = fold(meant.label).split()
    if len(words) > 1 and fold(surface) in words:
        return "partial name"
    if types and others and not types & others:
        return "wrong type"
    return "rare" if meant.popularity < _RARE else "ranked wrong"


@cache
def _demonyms() -> frozenset[str]:
    return frozenset(fold(name) for name, _ in tables.demonyms())
