"""The command line, as a shell sees it: standard output, standard error, exit code."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nedsvc.cli import main

PIPELINES = Path(__file__).parent / "data" / "pipelines.json"
PIPELINE = "Q2147483001"  # made up, as its description in the dump says


@pytest.fixture
def run(starter: Path) -> Any:
    """Runs a command over the starter index with the gazetteer."""

    def call(*arguments: str, input: str | bytes | None = None, index: Path = starter) -> Result:
        chosen = ["--index", str(index), "--detector", "gazetteer"] if arguments[0] in {"annotate", "lookup"} else []
        return CliRunner().invoke(main, [arguments[0], *chosen, *arguments[1:]], input=input)

    return call


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of a small dump that holds Power of Siberia 2 under an id made up for tests."""
    folder = tmp_path_factory.mktemp("pipelines") / "index"
    result = CliRunner().invoke(main, ["index", "build", str(PIPELINES), "-o", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


def refused(result: Result, *parts: str) -> bool:
    """Whether the command ended with code 2 and one sentence that has these parts, and printed nothing else."""
    sentence = result.stderr.strip()
    assert result.exit_code == 2, result.output
    assert all(part in sentence for part in parts), sentence
    assert "\n" not in sentence
    assert not result.stdout
    return True


def test_a_text_from_standard_input_becomes_a_table(run: Any) -> None:
    result = run("annotate", input="Putin was in Kiev.")
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["surface", "type", "QID", "label", "confidence"]
    assert [line[:3] for line in lines[2:]] == [["Putin", "PERSON", "Q7747"], ["Kiev", "GPE", "Q1899"]]


def test_a_text_becomes_the_documented_json_object(run: Any) -> None:
    result = run("annotate", "--format", "json", input="😀 Putin spoke.")
    document = json.loads(result.stdout)
    assert document["id"] is None
    assert document["language"] == "en"
    assert document["index"].startswith("starter-")
    (mention,) = document["mentions"]
    assert 0 < mention.pop("confidence") <= 1
    assert mention == {
        "start": 2,
        "end": 7,
        "surface": "Putin",
        "type": "PERSON",
        "status": "linked",
        "entity": {
            "id": "Q7747",
            "label": "Vladimir Putin",
            "description": mention["entity"]["description"],
            "url": "https://www.wikidata.org/wiki/Q7747",
            "wikipedia": "https://en.wikipedia.org/wiki/Vladimir_Putin",
        },
    }


@pytest.mark.parametrize(("unit", "start"), [("codepoint", 2), ("utf16", 3), ("utf8", 5)])
def test_offsets_come_in_the_unit_asked_for(run: Any, unit: str, start: int) -> None:
    result = run("annotate", "--format", "json", "--offsets", unit, input="😀 Putin spoke.")
    (mention,) = json.loads(result.stdout)["mentions"]
    assert (mention["start"], mention["end"]) == (start, start + 5)


def test_candidates_and_explanation_are_shown_on_request(run: Any) -> None:
    result = run("annotate", "--format", "json", "--candidates", "--explain", "--limit", "2", input="in Jordan")
    (mention,) = json.loads(result.stdout)["mentions"]
    assert [set(candidate) for candidate in mention["candidates"]] == [{"id", "label", "score"}] * 2
    assert {"similarity", "popularity", "context", "coherence"} <= set(mention["explanation"])
    assert mention["against"]["id"] == mention["candidates"][1]["id"]
    assert mention["against"]["reasons"]["popularity"] > 0


def test_several_files_give_an_object_a_line_in_their_order(run: Any, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("b.txt", "a.txt")]
    for file in files:
        file.write_text("in Kyiv")
    lines = run("annotate", "--format", "json", *map(str, files)).stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [str(file) for file in files]


def test_the_same_input_gives_the_same_bytes(run: Any) -> None:
    text = "Blinken met Xi Jinping in Beijing; Washington and Moscow watched Jordan."
    arguments = ("annotate", "--format", "json", "--candidates", "--explain")
    assert len({run(*arguments, input=text).stdout_bytes for _ in range(3)}) == 1


def test_only_given_mentions_are_answered(run: Any, tmp_path: Path) -> None:
    spans = tmp_path / "spans.json"
    spans.write_text('[{"start": 9, "end": 13}]')
    result = run("annotate", "--format", "json", "--mentions", str(spans), input="Putin in Kiev.")
    assert [mention["surface"] for mention in json.loads(result.stdout)["mentions"]] == ["Kiev"]


def test_a_name_is_looked_up_with_its_context(run: Any) -> None:
    result = run("lookup", "Blinken", "--context", "The State Department spoke.", "--format", "json")
    answer = json.loads(result.stdout)
    assert (answer["mention"], answer["status"], answer["entity"]["id"]) == ("Blinken", "linked", "Q7821917")
    assert answer["candidates"][0]["id"] == "Q7821917"


@pytest.mark.parametrize(
    ("name", "qid"),
    [
        ("Kiev", "Q1899"),
        ("Kyiv", "Q1899"),
        ("Київ", "Q1899"),
        ("Kiew", "Q1899"),
        ("Kiev/Kyiv", "Q1899"),
        ("KYIV", "Q1899"),
        ("President Putin", "Q7747"),
        ("Anthony Blinken", "Q7821917"),
        ("Blnken", "Q7821917"),
        ("Blinken's", "Q7821917"),
        ("Volodymyr Zelensky", "Q3874799"),
        ("Volodymyr Zelenskiy", "Q3874799"),
        ("Chinese", "Q148"),
        ("U.S.", "Q30"),
    ],
)
def test_a_name_is_found_however_it_is_written(run: Any, name: str, qid: str) -> None:
    answer = json.loads(run("lookup", name, "--format", "json").stdout)
    assert answer["entity"]["id"] == qid


@pytest.mark.parametrize(("exact", "garbled"), [("Antony Blinken", "Anthony Blinken"), ("Kyiv", "Kyjiv")])
def test_a_garbled_name_is_less_sure_than_the_name(run: Any, exact: str, garbled: str) -> None:
    sure, unsure = (json.loads(run("lookup", name, "--format", "json").stdout) for name in (exact, garbled))
    assert sure["entity"] == unsure["entity"]
    assert sure["confidence"] > unsure["confidence"]


def test_a_garbled_name_of_many_words_reaches_its_entity(run: Any, pipelines: Path) -> None:
    answers = [
        json.loads(run("lookup", name, "--format", "json", index=pipelines).stdout)
        for name in ("Power of Siberia 2", "Power 2 gas pipeline of Siberia", "Siberia Power of 2")
    ]
    assert [answer["entity"]["id"] for answer in answers] == [PIPELINE] * 3
    assert answers[0]["confidence"] > answers[1]["confidence"]


@pytest.mark.parametrize(
    "name",
    [
        "Kazan",
        "Perm",
        "Lower Austria",
        "Brian Kemp",
        "Matthew Miller",
        "Chris Rock",
        "Chicago Bulls",
        "Us Weekly",
        "Bari",
    ],
)
def test_another_name_is_not_taken_for_a_misspelling(run: Any, name: str) -> None:
    assert json.loads(run("lookup", name, "--format", "json").stdout)["status"] == "nil"


@pytest.mark.parametrize(
    ("name", "qid"),
    [
        ("US Secretary of State Antony Blinken", "Q7821917"),
        ("Chinese President Xi Jinping", "Q15031"),
        ("Ukraine’s Zelenskyy", "Q3874799"),
    ],
)
def test_a_name_is_found_behind_what_describes_its_bearer(run: Any, name: str, qid: str) -> None:
    assert json.loads(run("lookup", name, "--format", "json").stdout)["entity"]["id"] == qid


def test_several_tables_are_told_apart_by_their_files(run: Any, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("b.txt", "a.txt")]
    for file in files:
        file.write_text("in Kyiv")
    lines = run("annotate", *map(str, files)).stdout.splitlines()
    assert [line for line in lines if line.endswith(".txt")] == [str(file) for file in files]


def test_an_unknown_name_is_nil(run: Any) -> None:
    answer = json.loads(run("lookup", "Zzyzxqq Qwrtyplk", "--format", "json").stdout)
    assert (answer["status"], answer["entity"], answer["candidates"]) == ("nil", None, [])
    assert run("lookup", "Zzyzxqq Qwrtyplk").stdout.splitlines() == ["Zzyzxqq Qwrtyplk: nil", ""]


def test_an_empty_text_is_refused(run: Any) -> None:
    assert refused(run("annotate", input="  \n"), "standard input", "is empty")


def test_a_missing_file_is_refused_by_name(run: Any, tmp_path: Path) -> None:
    assert refused(run("annotate", str(tmp_path / "gone.txt")), "gone.txt", "cannot be read")


def test_a_text_that_is_not_utf8_is_refused_by_its_byte(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "latin.txt"
    file.write_bytes("in Köln".encode("latin-1"))
    assert refused(run("annotate", str(file)), "latin.txt", "is not UTF-8 at byte 4")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("not json", "is not a JSON list"),
        ('[{"start": 1}]', "is not a JSON list"),
        ('[{"start": 0, "end": 99}]', "outside the text"),
        ('[{"start": 3, "end": 3}]', "the span 3-3"),
        ('[{"start": -2, "end": 3}]', "outside the text"),
    ],
)
def test_given_mentions_that_cannot_be_used_are_refused(run: Any, tmp_path: Path, content: str, reason: str) -> None:
    spans = tmp_path / "spans.json"
    spans.write_text(content)
    assert refused(run("annotate", "--mentions", str(spans), input="in Kyiv"), reason)


def test_given_mentions_go_with_one_text(run: Any, tmp_path: Path) -> None:
    assert refused(run("annotate", "a.txt", "b.txt", "--mentions", str(tmp_path)), "--mentions", "one text only")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("--language", "xx"), ("language", "'xx' is not known here")),
        (("--threshold", "3"), ("threshold", "from 0 to 1")),
        (("--limit", "0"), ("limit", "1 or more")),
        (("--types", "PERSON,CITY"), ("types", "'CITY' is unknown")),
        (("--detector", "spacy", "--model", "no_such_model"), ("no_such_model", "not installed")),
    ],
)
def test_options_that_cannot_be_used_are_refused(run: Any, arguments: tuple[str, ...], parts: tuple[str, ...]) -> None:
    assert refused(run("annotate", *arguments, input="in Kyiv"), *parts)


@pytest.mark.parametrize("arguments", [("--offsets", "bytes"), ("--frobnicate",)])
def test_unknown_options_are_refused_with_the_usage(run: Any, arguments: tuple[str, ...]) -> None:
    result = run("annotate", *arguments, input="in Kyiv")
    assert result.exit_code == 2
    assert arguments[0] in result.stderr


def test_a_missing_index_is_refused_with_what_to_do(run: Any, tmp_path: Path) -> None:
    assert refused(run("annotate", input="in Kyiv", index=tmp_path / "no"), "no", "nedsvc index build")


def test_a_damaged_index_is_refused_with_what_to_do(run: Any, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{")
    assert refused(run("annotate", input="in Kyiv", index=tmp_path), "manifest.json", "damaged")


def test_the_language_can_be_guessed(run: Any) -> None:
    result = run("annotate", "--language", "auto", "--format", "json", input="Reuters berichtet heute aus Kiew.")
    assert json.loads(result.stdout)["language"] == "de"
