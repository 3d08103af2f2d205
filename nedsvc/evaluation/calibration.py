"""Whether confidence means what it says."""

from collections.abc import Container, Sequence

import msgspec
import numpy as np

from nedsvc.evaluation.gold import GoldSet
from nedsvc.evaluation.predictions import Prediction

BINS = 15
Judged = list[tuple[float, bool]]  # the confidence of a best candidate, and whether it is right


class Bin(msgspec.Struct, frozen=True):
    """Mentions of like confidence: their number, mean confidence, and the share that is right."""

    mentions: int
    confidence: float
    accuracy: float


def judged(gold: GoldSet, predictions: Sequence[Prediction], known: Container[str]) -> Judged:
    """The best candidate of each counted span that has one."""
    found: Judged = []
    for document, prediction in zip(gold.documents, predictions, strict=True):
        by_span = prediction.by_span()
        for span, qid in document.counted(known).items():
            mention = by_span.get(span)
            if mention and mention.best:
                found.append((mention.confidence, mention.best == qid))
    return found


def reliability(answers: Judged, bins: int = BINS) -> list[Bin]:
    """Equally filled bins by rising confidence."""
    ordered = sorted(answers)
    parts = np.array_split(np.array(ordered, dtype=np.float64).reshape(-1, 2), bins)
    return [Bin(len(part), float(part[:, 0].mean()), float(part[:, 1].mean())) for part in parts if len(part)]


def expected_error(bins: Sequence[Bin]) -> float:
    """The expected calibration error: |confidence - accuracy| averaged over the mentions of the bins.

    Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning".
    """
    total = sum(each.mentions for each in bins)
    return sum(each.mentions * abs(each.confidence - each.accuracy) for each in bins) / total if total else 0.0


def accuracy_at(answers: Judged, coverage: float, mentions: int) -> float:
    """The accuracy over the surest mentions that make up this share of all; what has no answer is least sure."""
    number = max(1, round(coverage * mentions))
    return sum(right for _, right in sorted(answers, reverse=True)[:number]) / number
