"""From features to probabilities: a conditional logit with "none of these" (NIL) as one more choice."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from nedsvc.errors import InvalidInput
from nedsvc.meaning import Contexts
from nedsvc.models import RankerName

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Ranker(msgspec.Struct, frozen=True):
    """Weights by feature name, and the score of NIL; `provenance` says where they come from.

    `calibration` are points (probability by these weights, share that was right on texts that these were not fitted
    on), both rising.
    """

    provenance: str
    nil: float
    weights: Mapping[str, float]
    calibration: tuple[tuple[float, float], ...] = ((0.0, 0.0), (1.0, 1.0))

    def scores(self, features: Mapping[str, Floats]) -> Floats:
        """The weighted sum of the features given; a feature without a weight counts nothing."""
        columns = [self.weights.get(name, 0.0) * values for name, values in features.items()]
        total: Floats = np.sum(columns, axis=0, dtype=np.float64)
        return total

    def probabilities(self, scores: Floats, first: Ints) -> Floats:
        """The probability of each candidate among its chain's and NIL (McFadden 1974, conditional logit).

        `first` holds the position at which each chain's candidates begin.
        """
        top = np.maximum(np.maximum.reduceat(scores, first), self.nil)
        sizes = np.diff(np.append(first, len(scores)))
        exponentials = np.exp(scores - np.repeat(top, sizes))
        totals = np.add.reduceat(exponentials, first) + np.exp(self.nil - top)
        probabilities: Floats = exponentials / np.repeat(totals, sizes)
        return probabilities

    def confidence(self, probabilities: Floats) -> Floats:
        """How often a candidate of this probability is right: the calibration, with straight lines between its points.

        Zadrozny & Elkan 2002, "Transforming Classifier Scores into Accurate Multiclass Probability Estimates".
        """
        given, right = zip(*self.calibration, strict=True)
        found: Floats = np.interp(probabilities, given, right)
        return found


class Judge(msgspec.Struct, frozen=True):
    """How to decide: the weights, and what reads texts for the entities' vectors (None: these do not count)."""

    ranker: Ranker
    contexts: Contexts | None = None


class Judges(msgspec.Struct, frozen=True):
    """The judges to choose from.

    The accurate one has weights of its own; `sentences` makes what it reads with when it is asked for first. It raises
    what tells why that cannot be.
    """

    fast: Judge
    accurate: Ranker
    sentences: Callable[[], Contexts]

    def chosen(self, name: RankerName) -> Judge:
        """The judge of this name. Raises `ModelNotInstalled` or `InvalidInput` where there is no accurate one."""
        return self.fast if name == "fast" else Judge(self.accurate, self.sentences())

    @property
    def identity(self) -> Iterator[str]:
        """All that their answers depend on beside the knowledge."""
        for ranker in (self.fast.ranker, self.accurate):
            yield f"nil {ranker.nil}"
            yield from (f"{name} {weight}" for name, weight in ranker.weights.items())
            yield f"calibration {ranker.calibration}"


@cache
def default_ranker(name: RankerName | Literal["plain"] = "plain") -> Ranker:
    """The ranker with the weights that come with the package; "plain" is for indexes without vectors.

    Weights that were fitted together with those of vectors are too weak where these are missing.
    """
    content = files("nedsvc").joinpath(f"data/weights_{name}.json").read_bytes()
    return msgspec.json.decode(content, type=Ranker)


def judges_without_vectors(ranker: Ranker) -> Judges:
    """The judges over knowledge that has no vectors."""
    return Judges(Judge(ranker), default_ranker("accurate"), _no_vectors)


def _no_vectors() -> Contexts:
    raise InvalidInput("ranker", "accurate needs an index with vectors; make them with `nedsvc index vectors DIR`")
