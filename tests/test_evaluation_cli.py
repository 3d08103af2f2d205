"""`nedsvc evaluate` as a shell sees it, over the starter index."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nedsvc.cli import main

TEXT = "Putin met Xi Jinping in Kiev, near Xyzzyville."
PUTIN, XI, KYIV, NOWHERE = (0, 5), (10, 20), (24, 28), (35, 45)
HEAD = "doc\tstart\tend\tsystem\tqid\n"


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    """A benchmark of one document: two mentions that are known, one labelled wrongly, one NIL."""
    meant = {PUTIN: "Q7747", XI: "Q1", KYIV: "Q1899", NOWHERE: "<NIL>"}
    labels = [{"id": 0, "span": span, "entity_id": qid, "type": "OTHER"} for span, qid in meant.items()]
    document = {"id": 5, "title": "", "text": TEXT, "evaluation_span": [0, len(TEXT)], "labels": labels}
    file = tmp_path / "small.benchmark.jsonl"
    file.write_text(json.dumps(document) + "\n")
    return file


@pytest.fixture
def peers(tmp_path: Path) -> Path:
    """Another system's links for it."""
    file = tmp_path / "small.tsv"
    file.write_text(f"{HEAD}5\t0\t5\twat\tQ7747\n5\t24\t28\twat\tQ1\n")
    return file


@pytest.fixture
def run(starter: Path) -> Any:
    """Runs the command over the starter index with the gazetteer."""

    def call(*arguments: object) -> Result:
        chosen = ["--index", str(starter), "--detector", "gazetteer"]
        return CliRunner().invoke(main, ["evaluate", *chosen, *map(str, arguments)])

    return call


def test_given_spans_are_scored_by_the_best_candidate(run: Any, gold: Path) -> None:
    result = run(gold, "--format", "json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    (one,) = report["sets"]
    assert (report["spans"], report["ids"], report["index"][:8]) == ("gold", None, "starter-")
    assert (one["name"], one["mentions"], round(one["accuracy"], 3)) == ("small", 3, 0.667)
    assert one["errors"] == {"candidate missing": 1}
    assert one["nil_recall"] == 1.0
    assert set(one["recall_at"]) == {"1", "5", "20", "100"}


def test_detected_mentions_are_scored_by_exact_span_and_link(run: Any, gold: Path) -> None:
    (one,) = json.loads(run(gold, "--spans", "detected", "--format", "json").stdout)["sets"]
    assert [round(one[name], 3) for name in ("precision", "recall", "f1")] == [0.667, 0.667, 0.667]
    assert one["accuracy"] is None


def test_only_gold_whose_id_is_given_counts(run: Any, gold: Path, tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("Q7747\nQ15031\n")
    report = json.loads(run(gold, "--ids", ids, "--format", "json").stdout)
    assert (report["ids"], report["sets"][0]["mentions"], report["sets"][0]["accuracy"]) == (2, 1, 1.0)


def test_several_files_of_other_systems_may_follow_one_peers(run: Any, gold: Path, peers: Path, tmp_path: Path) -> None:
    other = tmp_path / "small.more.tsv"
    other.write_text(f"{HEAD}5\t0\t5\trel\tQ1\n")
    for arguments in (("--peers", peers, other), ("--peers", peers, "--peers", other)):
        (one,) = json.loads(run(gold, "--format", "json", *arguments).stdout)["sets"]
        assert [(peer["system"], peer["accuracy"], peer["ours"]) for peer in one["peers"]] == [
            ("wat", 0.5, 1.0),
            ("rel", 0.0, 1.0),
        ]


@pytest.mark.parametrize(("threshold", "linked"), [("0.01", ["Q7747", "Q15031", "Q1899", None]), ("1", [None] * 4)])
def test_predictions_tell_links_and_best_candidates(
    run: Any, gold: Path, tmp_path: Path, threshold: str, linked: list[str | None]
) -> None:
    out = tmp_path / "out.jsonl"
    assert run(gold, "--predictions", out, "--threshold", threshold).exit_code == 0
    (line,) = map(json.loads, out.read_text().splitlines())
    assert line["id"] == 5
    assert [(mention["start"], mention["end"]) for mention in line["mentions"]] == [PUTIN, XI, KYIV, NOWHERE]
    assert [mention["qid"] for mention in line["mentions"]] == linked
    assert [mention["best"] for mention in line["mentions"]] == ["Q7747", "Q15031", "Q1899", None]


@pytest.mark.parametrize("spans", ["gold", "detected"])
@pytest.mark.parametrize("output", ["table", "markdown"])
def test_tables_hold_other_systems_and_errors(run: Any, gold: Path, peers: Path, spans: str, output: str) -> None:
    shown = run(gold, "--spans", spans, "--peers", peers, "--format", output).stdout
    assert "wat" in shown
    assert "errors" in shown
    assert ("| small | 3 |" in shown) == (output == "markdown")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--peers", "{gold}"], "must have the columns doc, start, end, system, qid"),
        (["--ids", "{gold}.none"], "--ids: there is no file"),
        (["--ids", "{gold}"], "line 1: is no item of a dump"),
        (["--predictions", "{gold}/x/out.jsonl"], "--predictions: there is no folder"),
        (["--language", "xx"], "language: 'xx' is not known here"),
        (["{gold}.none"], "cannot be read"),
        (["{gold}"], "another benchmark is called small too"),
        (["--threshold", "2"], "threshold: must be a number from 0 to 1"),
    ],
)
def test_what_cannot_be_used_is_refused_with_one_sentence(
    run: Any, gold: Path, arguments: list[str], part: str
) -> None:
    assert is_refused(run(gold, *(argument.format(gold=gold) for argument in arguments)), part)


def test_links_of_other_systems_that_belong_nowhere_are_refused(run: Any, gold: Path, peers: Path) -> None:
    assert is_refused(run(peers), "GOLD: is missing")
    assert is_refused(run(gold, "--peers", peers.rename(peers.with_name("large.tsv"))), "none of the benchmarks small")
    peers.write_text(f"{HEAD}6\t0\t5\twat\tQ7747\n")
    assert is_refused(run(gold, "--peers", peers), "names the document 6")


def is_refused(result: Result, part: str) -> bool:
    """Whether the command ended with code 2 and one sentence that has this part, and printed nothing else."""
    sentence = result.stderr.strip()
    assert result.exit_code == 2, result.output
    assert part in sentence
    assert "\n" not in sentence
    return not result.stdout
