"""From features to probabilities."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import pytest
from fakes import candidate
from hypothesis import given
from hypothesis import strategies as st

from nedsvc.candidate_table import CandidateTable, Sheet, candidate_table
from nedsvc.decision import NAMES, Choice, Decision, reasons, status
from nedsvc.features import FEATURES, namesake, told
from nedsvc.grouping import chains
from nedsvc.models import Candidate, Mention, NameKind
from nedsvc.ranking import Ranker, default_ranker
from nedsvc.text import read_text

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


def table(found: dict[str, Sequence[Candidate]]) -> CandidateTable:
    """The candidates of a text in which these names stand."""
    text = "; ".join(found)
    mentions = [Mention(text.index(name), text.index(name) + len(name), name) for name in found]
    return candidate_table([Sheet(read_text(text, "en"), mentions, chains(mentions), list(found.values()))])


def test_a_namesake_bears_the_single_word_in_a_longer_name_of_a_person() -> None:
    person, place = (candidate(1, "partial", types=["PERSON"]), candidate(2, "partial", types=["GPE"]))
    called = candidate(3, "label", types=["PERSON"])
    found = table({"Lincoln": [person, place, called], "Mary Lincoln": [person], "Unknown": []})
    assert namesake(found).tolist() == [1, 0, 0, 0]


def test_a_longer_name_is_told_by_the_words_around_the_entity() -> None:
    town, football, other = candidate(1, about="lille city in france"), candidate(2, about="lille"), candidate(3)
    found = table({"Lille, France": [town, football, other], "Nowhere Here": [], "France": [town]})
    assert told(found).tolist() == [1, 0.5, 0, 0]


def test_words_that_say_nothing_or_come_twice_do_not_tell_a_name() -> None:
    found = table(
        {
            "the Bank of New York, New York": [candidate(1, about="bank of the")],
            "The Bank": [candidate(2, about="bank")],
        }
    )
    assert told(found).tolist() == [pytest.approx(1 / 3), 0]


def test_each_name_is_told_by_its_own_words() -> None:
    lille = candidate(1, about="lille france")
    assert told(table({"Lille, France": [lille], "Paris, France": [lille]})).tolist() == [1, 0.5]


def decision(kind: NameKind, *probabilities: float, nil: float = 0.1) -> Decision:
    """What is decided of a name whose candidates have these probabilities; the first matches in this way."""
    choices = [Choice(candidate(place, kind), each) for place, each in enumerate(probabilities, 1)]
    lead = probabilities[0] - probabilities[1] if len(probabilities) > 1 else 1.0
    return Decision(chains([Mention(0, 4, "Name")])[0], tuple(choices), nil, lead)


def test_a_link_needs_the_threshold_and_a_lead() -> None:
    assert status(decision("label", 0.6, 0.3), 0.5) == "linked"
    assert status(decision("label", 0.4, 0.3), 0.5) == "ambiguous"
    assert status(decision("label", 0.52, 0.51), 0.5) == "ambiguous"
    assert status(decision("label", 0.4, 0.1, nil=0.5), 0.5) == "nil"


def test_a_candidate_that_only_resembles_the_name_is_no_link_however_sure() -> None:
    assert status(decision("akin", 0.9), 0.5) == status(decision("inner", 0.9), 0.5) == "nil"
    assert status(decision("similar", 0.9), 0.5) == "linked"


@given(st.floats(0, 1), st.floats(0, 1))
def test_confidence_rises_with_probability(one: float, other: float) -> None:
    low, high = default_ranker("fast").confidence(np.array(sorted((one, other)))).tolist()
    assert 0 <= low <= high <= 1


@pytest.mark.parametrize("name", ["plain", "fast", "accurate"])
def test_the_calibration_goes_from_nothing_to_certainty_and_never_falls(
    name: Literal["plain", "fast", "accurate"],
) -> None:
    points = default_ranker(name).calibration
    assert [points[0], points[-1]] == [(0, 0), (1, 1)]
    assert all(before[0] < after[0] and before[1] <= after[1] for before, after in pairwise(points))


def choice(number: int, probability: float, features: dict[str, float]) -> Choice:
    """A choice of which these features are not 0."""
    return Choice(candidate(number), probability, np.array([features.get(name, 0.0) for name in NAMES]))


def test_the_reasons_for_the_best_against_the_next_are_their_weighed_difference_the_most_telling_first() -> None:
    best = choice(1, 0.6, {"popularity": 0.9, "context": 0.2, "label": 1.0})
    other = choice(2, 0.3, {"popularity": 0.4, "context": 0.5, "label": 1.0})
    chain = chains([Mention(0, 4, "Name")])[0]
    weights = {"context": 1.0, "popularity": 4.0, "label": 2.0}
    assert reasons(Decision(chain, (best, other), 0.1, 0.3, weights)) == pytest.approx(
        {"popularity": 2.0, "context": -0.3}
    )
    assert list(reasons(Decision(chain, (best, other), 0.1, 0.3, weights))) == ["popularity", "context"]
    assert reasons(Decision(chain, (best,), 0.1, 1.0, weights)) == {}
