"""`nedsvc evaluate`: what counts, and what the figures mean."""

import bz2
import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fakes import candidate, linker
from hypothesis import given
from hypothesis import strategies as st

from nedsvc import InvalidInput
from nedsvc.evaluation.calibration import accuracy_at, expected_error, judged, reliability
from nedsvc.evaluation.errors import error_classes
from nedsvc.evaluation.gold import GoldDocument, GoldSet, Label, read_gold
from nedsvc.evaluation.ids import Ids, read_ids
from nedsvc.evaluation.peers import Peer, compare, read_peers
from nedsvc.evaluation.predictions import PredictedMention, Prediction, predict
from nedsvc.evaluation.report import Evaluated, markdown, report, text
from nedsvc.evaluation.scores import Found, Ratio, accuracy, end_to_end, nil, recall_at
from nedsvc.models import Entity

TEXT = "Kyiv and Sumy met Ukrainian and Nobody on Monday; it rained in Lviv."
PEERS_HEAD = "doc\tstart\tend\tsystem\tqid\n"
KNOWN = Ids(frozenset({"Q1899", "Q212", "Q157055", "Q77"}))


def label(surface: str, qid: str, **rest: Any) -> Label:
    start = TEXT.index(surface)
    return Label((start, start + len(surface)), qid, **rest)


LABELS = (
    label("Kyiv", "Q1899"),
    label("Sumy", "Q157055"),
    label("Ukrainian", "Q212"),
    label("Nobody", "<NIL>"),
    label("Monday", "Q105", type="DATETIME"),
    label("it", "Q1899"),
    label("Lviv", "Q36036"),
)
DOCUMENT = GoldDocument(1, TEXT, (0, len(TEXT)), LABELS)
GOLD = GoldSet("small", (DOCUMENT,))


def mention(
    surface: str, best: str | None, *, linked: bool = True, confidence: float = 0.9, candidates: tuple[str, ...] = ()
) -> PredictedMention:
    start = TEXT.index(surface)
    ids = candidates or ((best,) if best else ())
    return PredictedMention(start, start + len(surface), best if linked else None, best, confidence, None, ids)


def predicted(*mentions: PredictedMention) -> list[Prediction]:
    return [Prediction(1, mentions)]


def test_only_linkable_gold_of_the_dump_counts() -> None:
    """No NIL, no date, no pronoun, nothing whose QID the dump lacks."""
    assert sorted(DOCUMENT.counted(KNOWN).values()) == ["Q157055", "Q1899", "Q212"]
    assert DOCUMENT.nil() == {label("Nobody", "<NIL>").span}


@pytest.mark.parametrize("rest", [{"optional": True}, {"parent": 3}, {"coref": 0.5}, {"type": "QUANTITY"}])
def test_what_is_optional_nested_coreferent_or_a_quantity_does_not_count(rest: dict[str, Any]) -> None:
    document = GoldDocument(1, TEXT, (0, len(TEXT)), (label("Kyiv", "Q1899", **rest),))
    assert not document.counted(KNOWN)
    assert document.uncounted(KNOWN)


def test_accuracy_is_of_the_best_candidate_whatever_its_status() -> None:
    found = predicted(mention("Kyiv", "Q1899", linked=False), mention("Sumy", "Q77"), mention("Ukrainian", "Q212"))
    assert accuracy(GOLD, found, KNOWN) == Ratio(2, 3)


def test_end_to_end_counts_links_with_exact_spans() -> None:
    wrong_span = PredictedMention(0, 3, "Q1899", "Q1899")
    found = predicted(wrong_span, mention("Sumy", "Q157055"), mention("Ukrainian", "Q212", linked=False))
    assert end_to_end(GOLD, found, KNOWN) == Found(hits=1, predicted=2, gold=3)


def test_a_link_on_gold_that_does_not_count_is_neither_right_nor_wrong() -> None:
    found = predicted(mention("Monday", "Q77"), mention("Nobody", "Q77"), mention("Lviv", "Q77"))
    assert end_to_end(GOLD, found, KNOWN) == Found(0, 0, 3)


def test_a_link_outside_what_is_labelled_or_to_an_unknown_id_does_not_count() -> None:
    document = msgspec.structs.replace(DOCUMENT, evaluation_span=(0, 13))
    found = [Prediction(1, (mention("rained", "Q77"), mention("Sumy", "Q36036")))]
    assert end_to_end(GoldSet("small", (document,)), found, KNOWN).predicted == 0


def test_links_that_overlap_a_span_with_two_labels_are_judged_by_the_one_that_counts() -> None:
    nested = Label(label("Kyiv", "").span, "<NIL>", parent=0)
    document = msgspec.structs.replace(DOCUMENT, labels=(*LABELS, nested))
    wide = PredictedMention(0, label("Kyiv", "").span[1] + 4, "Q77", "Q77")
    assert end_to_end(GoldSet("small", (document,)), predicted(wide), KNOWN).predicted == 1


def test_nil_is_what_was_not_linked() -> None:
    found = predicted(mention("Nobody", None), mention("Kyiv", "Q1899", linked=False), mention("Sumy", "Q157055"))
    assert nil(GOLD, found, KNOWN) == Found(hits=1, predicted=2, gold=1)


def test_recall_asks_whether_the_right_one_is_among_the_first_candidates() -> None:
    found = predicted(mention("Kyiv", "Q77", candidates=("Q77", "Q1899")), mention("Sumy", "Q157055"))
    assert recall_at(GOLD, found, KNOWN, 1) == Ratio(1, 3)
    assert recall_at(GOLD, found, KNOWN, 5) == Ratio(2, 3)


ENTITIES = {
    "Q1899": Entity(id="Q1899", label="Kyiv", types=("GPE",), popularity=0.5),
    "Q77": Entity(id="Q77", label="Kyiv FC", types=("ORG",), popularity=0.1),
    "Q157055": Entity(id="Q157055", label="City of Sumy", types=("GPE",), popularity=0.1),
    "Q5": Entity(id="Q5", label="Sumy Sumyson", types=("PERSON",), popularity=0.1),
    "Q212": Entity(id="Q212", label="Ukraine", types=("GPE",), popularity=0.5),
}


@pytest.mark.parametrize(
    ("one", "qid", "expected"),
    [
        (mention("Kyiv", "Q77", candidates=("Q77", "Q1899")), "Q1899", "metonym"),
        (mention("Kyiv", "Q77", candidates=("Q77",)), "Q1899", "candidate missing"),
        (mention("Sumy", "Q1899", candidates=("Q1899", "Q157055")), "Q157055", "partial name"),
        (mention("Ukrainian", "Q1899", candidates=("Q1899", "Q212")), "Q212", "demonym"),
        (mention("Kyiv", "Q5", candidates=("Q5", "Q1899")), "Q1899", "wrong type"),
        (mention("Kyiv", "Q212", candidates=("Q212", "Q1899")), "Q1899", "ranked wrong"),
    ],
)
def test_each_error_has_one_class(one: PredictedMention, qid: str, expected: str) -> None:
    document = GoldDocument(1, TEXT, (0, len(TEXT)), (Label(one.span, qid),))
    found = error_classes(GoldSet("small", (document,)), predicted(one), Ids(), ENTITIES.get, given=True)
    assert dict(found) == {expected: 1}


def test_what_was_not_detected_is_a_missed_span() -> None:
    assert dict(error_classes(GOLD, predicted(), KNOWN, ENTITIES.get, given=True)) == {"missed span": 3}


def test_what_was_right_but_not_linked_was_held_back() -> None:
    """An error only where the linker was to find the mentions: with spans given the best candidate is asked for."""
    found = predicted(mention("Kyiv", "Q1899", linked=False))
    assert error_classes(GOLD, found, KNOWN, ENTITIES.get, given=False)["held back"] == 1
    assert error_classes(GOLD, found, KNOWN, ENTITIES.get, given=True)["held back"] == 0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=100))
def test_the_bins_hold_all_answers_and_the_error_is_a_share(answers: list[tuple[float, bool]]) -> None:
    bins = reliability(answers)
    assert sum(each.mentions for each in bins) == len(answers)
    assert max(each.mentions for each in bins) - min(each.mentions for each in bins) <= 1
    assert 0 <= expected_error(bins) <= 1
    assert accuracy_at(answers, 1.0, len(answers)) == pytest.approx(sum(right for _, right in answers) / len(answers))


def test_confidence_that_means_what_it_says_has_no_error() -> None:
    answers = [(0.25, place % 4 == 0) for place in range(100)]
    assert expected_error(reliability(answers, bins=1)) == pytest.approx(0)
    assert expected_error(reliability([(0.75, right) for _, right in answers], bins=1)) == pytest.approx(0.5)


def test_the_surest_answers_come_first() -> None:
    answers = [(0.1, False), (0.9, True), (0.2, False), (0.8, True)]
    assert accuracy_at(answers, 0.5, mentions=4) == 1.0
    assert accuracy_at(answers, 1.0, mentions=5) == 0.4  # one has no candidate at all
    assert judged(GOLD, predicted(mention("Kyiv", "Q1899")), KNOWN) == [(0.9, True)]


def test_a_peer_is_compared_on_the_mentions_that_it_found(tmp_path: Path) -> None:
    """A span for which it found no entity is a mention of it, and wrong."""
    file = tmp_path / "small.tsv"
    spans = {surface: label(surface, "").span for surface in ("Kyiv", "Sumy")}
    rows = [("1", *map(str, spans["Kyiv"]), "x", "<NIL>"), ("1", *map(str, spans["Sumy"]), "x", "Q157055")]
    file.write_text(PEERS_HEAD + "".join("\t".join(row) + "\n" for row in rows))
    (peer,) = read_peers(file)
    both = compare(GOLD, predicted(mention("Kyiv", "Q1899"), mention("Sumy", "Q77")), peer, KNOWN)
    assert (both.theirs, both.ours, both.found.hits) == (Ratio(1, 2), Ratio(1, 2), 1)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "holds no document"),
        ("{}\n", "line 1: is no document"),
        (
            '{"id": 1, "text": "ab", "evaluation_span": [0, 2], "labels": [{"span": [0, 3], "entity_id": "Q1"}]}',
            "line 1: the label at 0-3 lies outside the text of 2 characters",
        ),
        ('{"id": 1, "text": "a"}\n\n{"id": "1", "text": "b"}', "line 3: has the id 1 of a document before it"),
    ],
)
def test_gold_that_cannot_be_read_is_refused_by_line(tmp_path: Path, content: str, reason: str) -> None:
    file = tmp_path / "gold.jsonl"
    file.write_text(content)
    with pytest.raises(InvalidInput, match=reason):
        read_gold(file)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_gold(tmp_path / "missing.jsonl")


@given(texts=st.lists(st.sampled_from(["", "  ", "Bob", "Ann and Bob"]), min_size=1))
def test_each_text_has_its_prediction_also_where_it_has_no_word(texts: list[str]) -> None:
    documents = tuple(GoldDocument(place, text) for place, text in enumerate(texts))
    predictions = predict(linker({"Bob": [candidate(1)]}), GoldSet("small", documents), given=False)
    assert [one.id for one in predictions] == list(range(len(texts)))
    assert [len(one.mentions) for one in predictions] == [len(re.findall(r"[A-Z]", text)) for text in texts]


def test_every_labelled_span_is_given_to_the_linker_and_no_other() -> None:
    """NIL ones and nested ones too, but none on white space, which names nothing."""
    blank = Label((4, 5), "<NIL>")
    document = GoldDocument(1, TEXT, (0, len(TEXT)), (*LABELS, blank, LABELS[0]))
    (found,) = predict(linker({"Kyiv": [candidate(1899)]}), GoldSet("small", (document,)), given=True)
    assert [one.span for one in found.mentions] == sorted(one.span for one in LABELS)
    assert found.mentions[0].best == "Q1899"


@pytest.mark.parametrize("content", ["doc\tqid\n", f"{PEERS_HEAD}1\tx\t2\ty\tQ1\n", f"{PEERS_HEAD}1\t2\n"])
def test_peers_that_cannot_be_read_are_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "peers.tsv"
    file.write_text(content)
    with pytest.raises(InvalidInput, match=r"peers\.tsv"):
        read_peers(file)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_ids_come_one_a_line(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "ids"
    file.write_bytes(pack(b"Q42\nQ5\n\n"))
    assert read_ids(file) == Ids(frozenset({"Q42", "Q5"}))


def test_ids_of_a_dump_tell_which_items_have_a_description_and_a_statement(tmp_path: Path) -> None:
    english, german = {"en": {"value": "city"}}, {"de": {"value": "Stadt"}}
    items = [
        {"id": "Q1", "descriptions": english, "claims": {"P31": [{"type": "statement"}]}},
        {"id": "Q2", "descriptions": german, "claims": {"P31": [{"type": "statement"}]}},
        {"id": "Q3", "descriptions": english, "claims": []},
        {"id": "Q4", "descriptions": [], "claims": []},
    ]
    dump = tmp_path / "dump.json"
    dump.write_text("[\n" + ",\n".join(map(json.dumps, items)) + "\n]\n")
    assert read_ids(dump) == Ids(frozenset({"Q1", "Q2", "Q3", "Q4"}), frozenset({"Q1"}))


@pytest.mark.parametrize(
    ("content", "reason"),
    [("Q1\nMoscow\n", "line 2: 'Moscow' is no id"), ("", "holds no id"), ('{"id": 3}\n', "line 1: is no item")],
)
def test_ids_that_cannot_be_read_are_refused_by_line(tmp_path: Path, content: str, reason: str) -> None:
    file = tmp_path / "ids.txt"
    file.write_text(content)
    with pytest.raises(InvalidInput) as refused:
        read_ids(file)
    assert reason in str(refused.value)


def test_peers_are_pooled_over_the_sets_and_over_rich_items_alone() -> None:
    """On the gold with rich items only those count; with a list of ids nobody knows which they are."""
    links = {surface: label(surface, "").span for surface in ("Kyiv", "Sumy")}
    peer = Peer("x", {"1": {links["Kyiv"]: "Q1899", links["Sumy"]: "Q77"}})
    each = Evaluated(GOLD, predicted(mention("Kyiv", "Q77"), mention("Sumy", "Q77")), [peer])
    ids = Ids(KNOWN.known, frozenset({"Q1899"}))
    figures = report([each, each], ids, "gold", "i-1", ENTITIES.get)
    assert [(one["mentions"], one["accuracy"], one["ours"]) for one in figures.peers] == [(4, 0.5, 0.0)]
    assert list(figures.rich_peers) == [{"system": "x", "mentions": 2, "accuracy": 1.0, "ours": 0.0}]
    assert "on rich items" in text(figures)
    assert not report([each], KNOWN, "gold", "i-1", ENTITIES.get).rich_peers


def test_the_tables_hold_what_the_record_says() -> None:
    figures = report([Evaluated(GOLD, predicted(mention("Kyiv", "Q1899")))], KNOWN, "gold", "i-1", ENTITIES.get)
    assert figures.sets[0].accuracy == pytest.approx(1 / 3, abs=1e-4)
    for shown in (text(figures), markdown(figures)):
        assert "0.333" in shown
        assert "missed span" in shown
