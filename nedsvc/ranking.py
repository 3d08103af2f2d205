"""From features to probabilities: a conditional logit with "none of these" (NIL) as one more choice."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Ranker(msgspec.Struct, frozen=True):
    """Weights by feature name, and the score of NIL; `provenance` says where they come from."""

    provenance: str
    nil: float
    weights: Mapping[str, float]

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


@cache
def default_ranker() -> Ranker:
    """The ranker with the weights that come with the package."""
    content = files("nedsvc").joinpath("data/weights.json").read_bytes()
    return msgspec.json.decode(content, type=Ranker)
