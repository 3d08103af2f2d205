"""From features to probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nedsvc.features import FEATURES
from nedsvc.ranking import Ranker, default_ranker

RANKER = Ranker(provenance="test", nil=0.0, weights={"similarity": 2.0})


@given(st.lists(st.lists(st.floats(-500, 500), min_size=1, max_size=5), min_size=1, max_size=5))
def test_the_probabilities_of_a_chain_and_nil_are_those_of_the_obvious_formula(
    chains: list[list[float]],
) -> None:
    scores = np.array([score for chain in chains for score in chain])
    first = np.cumsum([0, *(len(chain) for chain in chains[:-1])])
    found = RANKER.probabilities(scores, first)
    for start, chain in zip(first, chains, strict=True):
        everything = np.exp(np.array([*chain, RANKER.nil]) - max(*chain, RANKER.nil))
        assert found[start : start + len(chain)] == pytest.approx(everything[:-1] / everything.sum())


def test_a_feature_without_a_weight_counts_nothing() -> None:
    values = {"similarity": np.array([1.0, 0.5]), "unknown": np.array([9.0, 9.0])}
    assert RANKER.scores(values).tolist() == [2.0, 1.0]


def test_the_shipped_weights_are_those_of_the_declared_features() -> None:
    names = {feature.name for feature in FEATURES}
    assert set(default_ranker("fast").weights) == set(default_ranker("accurate").weights) == names
    assert set(default_ranker("plain").weights) == names - {"meaning", "related"}


def test_every_feature_is_documented() -> None:
    assert all(feature.function.__doc__ for feature in FEATURES)
