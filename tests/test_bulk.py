"""Bulk, as a shell sees it: what goes in, what comes out, and what is left where it is stopped."""

import csv
import gzip
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet
import pytest
from fakes import linker

from nedsvc import Document, EntityLinker
from nedsvc.answers import document_answer
from nedsvc.errors import DocumentFailed, InvalidInput, NedError, TooLarge
from nedsvc.models import FailedDocument, Mention, Options, annotation_or_raise
from nedsvc.text import Text

TEXTS = ("Putin met Xi in Beijing.", "Kiev is Kyiv.", "Blinken left Brussels for Berlin.", "Nothing is named here.")
PAGE = "<html><head><title>x</title></head><body><nav>Home | News</nav><article>{}</article></body></html>"
ARTICLE = "<p>Vladimir Putin spoke in Moscow on Monday about the war, and said that he would go on with it.</p>" * 3


class Bulk:
    """The command in a folder, over the starter index with the gazetteer."""

    def __init__(self, folder: Path, index: Path) -> None:
        self.folder = folder
        self._index = index

    def command(self, *arguments: str) -> list[str]:
        """The whole command line."""
        chosen = ("--index", str(self._index), "--detector", "gazetteer")
        return [sys.executable, "-m", "nedsvc", "bulk", *chosen, *arguments]

    def run(self, *arguments: str, stdin: bytes = b"", before: Callable[[], None] | None = None) -> Any:
        """What the command did."""
        return subprocess.run(
            self.command(*arguments), cwd=self.folder, input=stdin, capture_output=True, check=False, preexec_fn=before
        )

    def done(self, *arguments: str, stdin: bytes = b"") -> str:
        """What the command said; it ended well."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr.decode()
        assert done.stdout == b""
        return str(done.stderr.decode())

    def refused(self, *arguments: str, code: int = 2) -> str:
        """The one sentence with which the command ended."""
        done = self.run(*arguments)
        assert done.returncode == code, done.stderr.decode()
        sentence = done.stderr.decode().strip()
        assert "\n" not in sentence
        return str(sentence)

    def write(self, name: str, content: bytes | str) -> None:
        """A file with this content."""
        (self.folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    def read(self, name: str) -> list[dict[str, Any]]:
        """The objects of a file of JSON lines."""
        return [json.loads(line) for line in (self.folder / name).read_bytes().splitlines()]

    def left(self) -> set[str]:
        """The names that begin with that of the output."""
        return {path.name for path in self.folder.iterdir() if path.name.startswith("out")}


@pytest.fixture
def bulk(tmp_path: Path, starter: Path) -> Bulk:
    """The command in an empty folder."""
    return Bulk(tmp_path, starter)


def lines(texts: Sequence[str] = TEXTS) -> str:
    """JSON lines of these texts, the ids counted from 0."""
    return "".join(json.dumps({"id": str(place), "text": text}) + "\n" for place, text in enumerate(texts))


def many(count: int) -> str:
    """So many documents, each another."""
    return lines([f"{TEXTS[place % 3]} It is the year {place}." * 5 for place in range(count)])


@pytest.fixture
def expected(gazetteer_linker: EntityLinker) -> list[dict[str, Any]]:
    """What the library says of the texts."""
    documents = [Document(id=str(place), text=text) for place, text in enumerate(TEXTS)]
    return [_answer(annotation_or_raise(found)) for found in gazetteer_linker.annotate_batch(documents)]


def _answer(annotation: Any) -> dict[str, Any]:
    return json.loads(msgspec.json.encode(document_answer(annotation, Options())))  # type: ignore[no-any-return]


def _table() -> pa.Table:
    return pa.table({"id": [str(place) for place in range(len(TEXTS))], "text": list(TEXTS)})


def _as_parquet(path: Path) -> None:
    pyarrow.parquet.write_table(_table(), path, row_group_size=2)


def _as_csv(delimiter: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows([("id", "text"), *zip("0123", TEXTS, strict=True)])

    return write


INPUTS: dict[str, Callable[[Path], object]] = {
    "in.jsonl": lambda path: path.write_text(lines()),
    "in.jsonl.gz": lambda path: path.write_bytes(gzip.compress(lines().encode())),
    "in.jsonl.zst": lambda path: path.write_bytes(pa.Codec("zstd").compress(lines().encode(), asbytes=True)),
    "in.csv": _as_csv(","),
    "in.tsv": _as_csv("\t"),
    "in.parquet": _as_parquet,
}


@pytest.mark.parametrize("name", INPUTS)
def test_every_format_gives_what_the_library_says(bulk: Bulk, expected: list[dict[str, Any]], name: str) -> None:
    INPUTS[name](bulk.folder / name)
    said = bulk.done(name, "-o", "out.jsonl")
    assert bulk.read("out.jsonl") == expected
    assert said.startswith("4 documents, 8 mentions")
    assert bulk.left() == {"out.jsonl", "out.jsonl.run.json"}


def test_standard_input_is_json_lines(bulk: Bulk, expected: list[dict[str, Any]]) -> None:
    bulk.done("-", "-o", "out.jsonl", stdin=lines().encode())
    assert bulk.read("out.jsonl") == expected


def test_a_folder_gives_its_texts_by_their_paths(bulk: Bulk) -> None:
    for name in ("b.txt", "a/c.txt", "a/picture.png"):
        (bulk.folder / "texts" / name).parent.mkdir(parents=True, exist_ok=True)
        (bulk.folder / "texts" / name).write_text("Kiev")
    bulk.done("texts", "-o", "out.jsonl")
    assert [document["id"] for document in bulk.read("out.jsonl")] == ["texts/a/c.txt", "texts/b.txt"]


def test_several_inputs_follow_each_other(bulk: Bulk) -> None:
    bulk.write("one.jsonl", lines(TEXTS[:2]))
    bulk.write("two.jsonl", lines(TEXTS[2:]))
    bulk.done("two.jsonl", "one.jsonl", "-o", "out.jsonl")
    assert [document["mentions"][:1] for document in bulk.read("out.jsonl")][2][0]["surface"] == "Putin"


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_an_output_may_be_packed(bulk: Bulk, suffix: str) -> None:
    bulk.write("in.jsonl", many(300))
    bulk.done("in.jsonl", "-o", "plain.jsonl")
    bulk.done("in.jsonl", "-o", f"out.jsonl{suffix}")
    content = (bulk.folder / f"out.jsonl{suffix}").read_bytes()
    unpacked = (
        gzip.decompress(content)
        if suffix == ".gz"
        else pa.CompressedInputStream(pa.BufferReader(content), "zstd").read()
    )
    assert unpacked == (bulk.folder / "plain.jsonl").read_bytes()


def test_parquet_holds_the_same_answers_in_columns(bulk: Bulk, expected: list[dict[str, Any]]) -> None:
    bulk.write("in.jsonl", lines())
    bulk.done("in.jsonl", "-o", "out.parquet", "--candidates", "--explain", "--roles", "--date", "2023-03-21")
    table = pyarrow.parquet.read_table(bulk.folder / "out.parquet").to_pylist()
    assert [row["id"] for row in table] == [document["id"] for document in expected]
    found = [[mention["entity"] and mention["entity"]["id"] for mention in row["mentions"]] for row in table]
    assert found == [[one["entity"] and one["entity"]["id"] for one in each["mentions"]] for each in expected]
    assert table[0]["date"] == "2023-03-21"
    assert dict(table[0]["mentions"][0]["explanation"])["similarity"] == 1


def test_fields_are_passed_through(bulk: Bulk) -> None:
    bulk.write("in.jsonl", '{"id": 7, "text": "Kiev", "url": "http://x", "n": [1, 2], "other": 1}\n')
    bulk.done("in.jsonl", "-o", "out.jsonl", "--keep", "url,n,none")
    (document,) = bulk.read("out.jsonl")
    assert (document["id"], document["url"], document["n"]) == ("7", "http://x", [1, 2])
    assert "other" not in document
    bulk.done("in.jsonl", "-o", "out.parquet", "--keep", "url,n,none")
    (row,) = pyarrow.parquet.read_table(bulk.folder / "out.parquet").to_pylist()
    assert (row["url"], row["n"], row["none"]) == ("http://x", "[1,2]", None)
    assert "mentions is a field of the answer" in bulk.refused("in.jsonl", "-o", "o.jsonl", "--keep", "mentions")


def test_the_fields_of_text_and_id_have_the_names_that_are_given(bulk: Bulk) -> None:
    bulk.write("in.csv", 'url,body\nhttp://x,"Kiev, again"\n')
    bulk.done("in.csv", "-o", "out.jsonl", "--text-field", "body", "--id-field", "url")
    assert [one["id"] for one in bulk.read("out.jsonl")] == ["http://x"]
    assert "in.csv: has no column 'text'; it has 'url', 'body'" in bulk.refused("in.csv", "-o", "o.jsonl")


def test_a_row_may_tell_its_language_its_day_and_its_mentions(bulk: Bulk) -> None:
    row = {"text": "😀 Kiev and the Russian president", "date": "2023-03-21T10:00:00Z", "language": "en"}
    given = row | {"mentions": [{"start": 3, "end": 7}]}
    bulk.write("in.jsonl", json.dumps(row) + "\n" + json.dumps(given) + "\n")
    bulk.done("in.jsonl", "-o", "out.jsonl", "--roles", "--offsets", "utf16")
    first, second = bulk.read("out.jsonl")
    assert first["date"] == "2023-03-21"
    assert first["roles"][0]["entity"]["id"] == "Q7747"
    assert [(one["start"], one["end"], one["surface"]) for one in second["mentions"]] == [(3, 7, "Kiev")]


BAD = {
    b'{"text": ' + b"[" * 100_000: ("Invalid input", "record: is not a JSON object"),
    b"{not json}": ("Invalid input", "record: is not a JSON object"),
    b'["Kiev"]': ("Invalid input", "record: is not a JSON object"),
    b'{"id": "x"}': ("Invalid input", "text: is missing"),
    b'{"id": "x", "text": 7}': ("Invalid input", "text: must be a string"),
    b'{"id": "x", "text": " "}': ("Invalid input", "text: is empty"),
    b'{"id": "x", "text": "Kiev", "language": "qq"}': ("Invalid input", "language: 'qq' is not known here"),
    b'{"id": "x", "text": "Kiev", "mentions": [{"start": 0, "end": 9}]}': ("Invalid input", "mentions: the offset 9"),
    b'{"id": "x", "text": "\xff"}': ("Invalid input", "record: is not a JSON object"),
    b'{"id": "x", "text": "\\ud800"}': ("Invalid input", "record: is not a JSON object"),
    b'{"id": "x", "text": "Kiev", "input": "pdf"}': ("Invalid input", "input: must be text or html"),
    b'{"id": "x", "text": "' + b"a" * 1_000_001 + b'"}': ("Too large", "text: may have 1000000 bytes"),
    b'{"id": "x", "text": "' + b"a" * 7_000_001 + b'"}': ("Too large", "record: may have 7000000 bytes"),
}


def test_a_bad_record_is_told_with_its_line_and_stops_nothing(bulk: Bulk) -> None:
    good = b'{"id": "good", "text": "Kiev"}\n'
    bulk.write("in.jsonl", b"".join(good + bad + b"\n" for bad in BAD) + b"\n" + good)
    said = bulk.done("in.jsonl", "-o", "out.jsonl")
    assert [document["id"] for document in bulk.read("out.jsonl")] == ["good"] * (len(BAD) + 1)
    assert f"{len(BAD)} records failed; out.jsonl.errors.jsonl says why" in said
    errors = bulk.read("out.jsonl.errors.jsonl")
    assert [each["line"] for each in errors] == [2 * place for place in range(1, len(BAD) + 1)]
    assert {each["file"] for each in errors} == {"in.jsonl"}
    for each, (title, detail) in zip(errors, BAD.values(), strict=True):
        assert each["error"]["title"] == title
        assert each["error"]["detail"].startswith(detail)


def test_a_bad_row_of_csv_is_told_with_its_line(bulk: Bulk) -> None:
    bulk.write("in.csv", b'id,text\n1,Kiev\n2\n3,"two\nlines in Kiev"\n4,K\xff\n5,Kiev,more\n6,Kiev\n')
    bulk.done("in.csv", "-o", "out.jsonl")
    assert [document["id"] for document in bulk.read("out.jsonl")] == ["1", "3", "6"]
    errors = bulk.read("out.jsonl.errors.jsonl")
    assert [each["line"] for each in errors] == [3, 6, 7]
    assert "has 1 fields, and the header 2" in errors[0]["error"]["detail"]
    assert "is not UTF-8" in errors[1]["error"]["detail"]


def test_more_errors_than_may_be_stop_the_run_which_can_go_on(bulk: Bulk) -> None:
    bulk.write("in.jsonl", many(300).replace('"text"', '"txt"', 3))
    sentence = bulk.refused("in.jsonl", "-o", "out.jsonl", "--max-errors", "2", code=1)
    assert "3 records failed, and 2 may: stopped" in sentence
    assert not (bulk.folder / "out.jsonl").exists()
    bulk.done("in.jsonl", "-o", "out.jsonl", "--max-errors", "3", "--resume")
    assert len(bulk.read("out.jsonl")) == 297
    assert len(bulk.read("out.jsonl.errors.jsonl")) == 3


def test_documents_that_come_again_are_computed_once(bulk: Bulk) -> None:
    bulk.write("in.jsonl", lines([*TEXTS, *TEXTS, *TEXTS]))
    assert "8 repeated" in bulk.done("in.jsonl", "-o", "out.jsonl")
    documents = bulk.read("out.jsonl")
    assert [document["id"] for document in documents] == [str(place) for place in range(12)]
    assert documents[0]["mentions"] == documents[4]["mentions"] == documents[8]["mentions"]


def test_processes_give_the_bytes_of_one(bulk: Bulk) -> None:
    bulk.write("in.jsonl", many(1000) + many(500))
    bulk.done("in.jsonl", "-o", "one.jsonl")
    bulk.done("in.jsonl", "-o", "out.jsonl", "--workers", "3")
    assert (bulk.folder / "out.jsonl").read_bytes() == (bulk.folder / "one.jsonl").read_bytes()


def test_of_html_the_article_is_read_and_returned(bulk: Bulk) -> None:
    pages = [{"id": "a", "text": PAGE.format(ARTICLE)}, {"id": "b", "text": "<html></html>"}]
    bulk.write("in.jsonl", "".join(json.dumps(page) + "\n" for page in pages))
    bulk.done("in.jsonl", "-o", "out.jsonl", "--input", "html")
    (document,) = bulk.read("out.jsonl")
    assert document["text"].startswith("Vladimir Putin spoke in Moscow")
    first = document["mentions"][0]
    assert document["text"][first["start"] : first["end"]] == first["surface"] == "Vladimir Putin"
    (error,) = bulk.read("out.jsonl.errors.jsonl")
    assert "holds no article" in error["error"]["detail"]


def test_a_row_may_say_that_it_is_a_page_and_its_article_is_a_column(bulk: Bulk) -> None:
    page = {"id": "a", "text": PAGE.format(ARTICLE), "input": "html"}
    bulk.write("in.jsonl", json.dumps(page) + "\n" + json.dumps({"id": "b", "text": "Kiev"}) + "\n")
    bulk.done("in.jsonl", "-o", "out.parquet", "--keep", "text")
    article, text = pyarrow.parquet.read_table(bulk.folder / "out.parquet").column("text").to_pylist()
    assert article.startswith("Vladimir Putin spoke")
    assert text == "Kiev"
    bulk.done("in.jsonl", "-o", "out.jsonl", "--keep", "text")
    assert (bulk.folder / "out.jsonl").read_bytes().count(b'"text":') == 2


def test_of_a_file_of_html_the_article_is_read(bulk: Bulk) -> None:
    for name, content in (("a.html", PAGE.format(ARTICLE)), ("b.txt", "\ufeffKiev"), ("c.txt.gz", "")):
        (bulk.folder / "in").mkdir(exist_ok=True)
        packed = gzip.compress(b"Kyiv") if name.endswith(".gz") else content.encode()
        (bulk.folder / "in" / name).write_bytes(packed)
    bulk.done("in", "-o", "out.jsonl")
    page, text, packed_text = bulk.read("out.jsonl")
    assert page["text"].startswith("Vladimir Putin spoke")
    assert (text["mentions"][0]["start"], packed_text["mentions"][0]["surface"]) == (0, "Kyiv")


def test_columns_of_any_type_are_passed_through(bulk: Bulk) -> None:
    times = pa.array([1_700_000_000_000_000_001], pa.timestamp("ns"))
    pyarrow.parquet.write_table(pa.table({"text": ["Kiev"], "when": times}), bulk.folder / "in.parquet")
    bulk.done("in.parquet", "-o", "out.jsonl", "--keep", "when")
    assert bulk.read("out.jsonl")[0]["when"].startswith("2023-11-14 22:13:20")


def test_what_is_there_of_a_run_must_be_all_that_its_state_says(bulk: Bulk) -> None:
    bulk.write("in.jsonl", many(300).replace('"text"', '"txt"', 3))
    bulk.refused("in.jsonl", "-o", "out.jsonl", "--max-errors", "2", code=1)
    records = bulk.folder / "out.jsonl.partial" / "records"
    os.truncate(records, records.stat().st_size - 1)
    assert "records holds less than its state says" in bulk.refused("in.jsonl", "-o", "out.jsonl", "--resume")


def test_a_mistake_at_the_first_row_leaves_nothing_behind(bulk: Bulk) -> None:
    bulk.write("in.csv", "id,body\n1,Kiev\n")
    bulk.refused("in.csv", "-o", "out.jsonl")
    assert bulk.left() == set()
    bulk.done("in.csv", "-o", "out.jsonl", "--text-field", "body")


def test_other_columns_are_another_input(bulk: Bulk) -> None:
    rows = "".join(f"Kiev {row},Berlin {row}\n" for row in range(300))
    bulk.write("in.csv", f"text,id\n{rows}x\n")
    bulk.refused("in.csv", "-o", "out.jsonl", "--max-errors", "0", code=1)
    bulk.write("in.csv", f"id,text\n{rows}x\n")
    assert "the input is not what" in bulk.refused("in.csv", "-o", "out.jsonl", "--resume")


def test_what_cannot_be_done_for_any_document_is_told_before_processes_are_begun(bulk: Bulk) -> None:
    bulk.write("in.jsonl", lines())
    sentence = bulk.refused("in.jsonl", "-o", "out.jsonl", "--ranker", "accurate", "--workers", "2")
    assert "accurate needs an index with vectors" in sentence
    assert bulk.left() == set()


@pytest.mark.parametrize("error", [InvalidInput("text", "is empty"), TooLarge("text", "is long"), NedError("broke")])
def test_errors_travel_between_processes(error: NedError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("in.jsonl", "-o", "out.jsonl", "--keep", "url,url"), "keep: must name fields, each once"),
        (("empty", "-o", "out.jsonl"), "empty: is a folder without texts"),
        (("quote.csv", "-o", "out.jsonl"), "quote.csv: has no header that can be read"),
        (("gone.jsonl", "-o", "out.jsonl"), "gone.jsonl: is not there"),
        (("in.pdf", "-o", "out.jsonl"), "in.pdf: has no suffix that tells its format"),
        (("in.jsonl", "-o", "out.jsonl", "--language", "qq"), "language: 'qq' is not known here"),
        (("in.jsonl", "-o", "/proc/out.jsonl"), "/proc/out.jsonl cannot be written"),
        (("in.jsonl", "-o", "out.xml"), "out.xml has no suffix that tells its format"),
        (("in.jsonl", "-o", "out.jsonl", "--types", "PERSN"), "types: 'PERSN' is unknown"),
        (("in.jsonl", "-o", "out.jsonl", "--date", "yesterday"), "date: must be a day"),
        (("broken.parquet", "-o", "out.jsonl"), "broken.parquet: is no Parquet"),
    ],
)
def test_what_cannot_be_done_is_refused_with_one_sentence(bulk: Bulk, arguments: tuple[str, ...], parts: str) -> None:
    bulk.write("in.jsonl", lines())
    bulk.write("in.pdf", b"%PDF")
    bulk.write("broken.parquet", b"PAR1")
    bulk.write("quote.csv", '"a"b,text\n')
    (bulk.folder / "empty").mkdir()
    assert parts in bulk.refused(*arguments)


def test_an_output_that_is_there_is_not_written_over(bulk: Bulk) -> None:
    bulk.write("in.jsonl", lines())
    bulk.write("out.jsonl", "mine\n")
    assert "out.jsonl is there; go on with --resume" in bulk.refused("in.jsonl", "-o", "out.jsonl")
    assert "no out.jsonl.run.json tells of what run" in bulk.refused("in.jsonl", "-o", "out.jsonl", "--resume")
    assert (bulk.folder / "out.jsonl").read_text() == "mine\n"


def test_a_finished_run_is_left_alone(bulk: Bulk) -> None:
    bulk.write("in.jsonl", lines())
    bulk.done("in.jsonl", "-o", "out.jsonl", "--resume")
    before = (bulk.folder / "out.jsonl").stat()
    assert bulk.done("in.jsonl", "-o", "out.jsonl", "--resume").startswith("4 documents")
    assert (bulk.folder / "out.jsonl").stat().st_mtime_ns == before.st_mtime_ns
    assert "begun with threshold 0.45, and not 0.9" in bulk.refused(
        "in.jsonl", "-o", "out.jsonl", "--resume", "--threshold", "0.9"
    )
    bulk.write("in.jsonl", lines(TEXTS[:2]))
    assert "the input is not what out.jsonl was made of" in bulk.refused("in.jsonl", "-o", "out.jsonl", "--resume")


def killed(bulk: Bulk, arguments: Sequence[str], after: float, *, worker: bool) -> int:
    """The exit code of a run of which the parent or a worker was killed after so many seconds."""
    process = subprocess.Popen(bulk.command(*arguments), cwd=bulk.folder, stderr=subprocess.DEVNULL)
    time.sleep(after)
    victims = _children(process.pid) if worker else [process.pid]
    for victim in victims[:1]:
        os.kill(victim, signal.SIGKILL)
    return process.wait()


def _children(parent: int) -> list[int]:
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(child) for child in found]


def _alive(folder: Path) -> Iterator[int]:
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if (process / "cwd").resolve() == folder:
                    yield int(process.name)
            except OSError:
                continue


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".parquet"])
def test_a_run_that_was_killed_goes_on_to_the_same_bytes(bulk: Bulk, suffix: str) -> None:
    bulk.write("in.jsonl", many(6000).replace('"id": "77"', '"id": 77, "text": 7, "x"'))
    arguments = ("in.jsonl", "-o", f"out{suffix}", "--workers", "2", "--resume")
    bulk.done("in.jsonl", "-o", f"whole{suffix}")
    codes = [killed(bulk, arguments, 0.9 + 0.4 * turn, worker=bool(turn % 2)) for turn in range(4)]
    bulk.done(*arguments)
    assert (bulk.folder / f"out{suffix}").read_bytes() == (bulk.folder / f"whole{suffix}").read_bytes()
    errors = (bulk.folder / f"out{suffix}.errors.jsonl").read_bytes()
    assert errors == (bulk.folder / f"whole{suffix}.errors.jsonl").read_bytes()
    assert any(codes)
    assert not list(_alive(bulk.folder.resolve()))


def test_a_killed_worker_is_told_of(bulk: Bulk) -> None:
    bulk.write("in.jsonl", many(20_000))
    process = subprocess.Popen(
        bulk.command("in.jsonl", "-o", "out.jsonl", "--workers", "2"), cwd=bulk.folder, stderr=subprocess.PIPE
    )
    while not (workers := _children(process.pid)):
        time.sleep(0.05)
    os.kill(workers[0], signal.SIGKILL)
    _, said = process.communicate()
    assert process.returncode == 1
    assert b"A worker was killed" in said
    assert b"--resume" in said


def test_two_runs_do_not_write_the_same_output(bulk: Bulk) -> None:
    bulk.write("in.jsonl", many(20_000))
    with subprocess.Popen(
        bulk.command("in.jsonl", "-o", "out.jsonl"), cwd=bulk.folder, stderr=subprocess.PIPE
    ) as first:
        while not (bulk.folder / "out.jsonl.partial" / "records").exists():
            time.sleep(0.05)
        assert "another run is writing" in bulk.refused("in.jsonl", "-o", "out.jsonl", "--resume")
        first.kill()


def test_an_input_may_be_a_pipe(bulk: Bulk, expected: list[dict[str, Any]]) -> None:
    os.mkfifo(bulk.folder / "pipe.jsonl")
    with subprocess.Popen(bulk.command("pipe.jsonl", "-o", "out.jsonl"), cwd=bulk.folder) as process:
        bulk.write("pipe.jsonl", lines())
        assert process.wait() == 0
    assert bulk.read("out.jsonl") == expected


def test_an_interrupted_run_says_how_to_go_on(bulk: Bulk) -> None:
    bulk.write("in.jsonl", many(20_000))
    process = subprocess.Popen(
        bulk.command("in.jsonl", "-o", "out.jsonl", "--workers", "2"), cwd=bulk.folder, stderr=subprocess.PIPE
    )
    while not (bulk.folder / "out.jsonl.partial" / "records").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 1
    assert said.decode() == "nedsvc: interrupted: what is done is kept; go on with --resume\n"
    assert not list(_alive(bulk.folder.resolve()))


def test_an_input_that_is_cut_off_is_told_and_can_be_mended(bulk: Bulk) -> None:
    content = gzip.compress(many(2000).encode())
    bulk.write("in.jsonl.gz", content)
    bulk.done("in.jsonl.gz", "-o", "whole.jsonl")
    bulk.write("in.jsonl.gz", content[: len(content) // 2])
    sentence = bulk.refused("in.jsonl.gz", "-o", "out.jsonl", code=1)
    assert "in.jsonl.gz cannot be read beyond line" in sentence
    bulk.write("in.jsonl.gz", content)
    bulk.done("in.jsonl.gz", "-o", "out.jsonl", "--resume")
    assert (bulk.folder / "out.jsonl").read_bytes() == (bulk.folder / "whole.jsonl").read_bytes()


def test_a_full_disk_is_told_and_the_run_goes_on_where_there_is_room(bulk: Bulk) -> None:
    bulk.write("in.jsonl", many(2000))
    bulk.done("in.jsonl", "-o", "whole.jsonl")

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    done = bulk.run("in.jsonl", "-o", "out.jsonl", before=little_room)
    assert done.returncode == 1
    assert "out.jsonl cannot be written (File too large)" in done.stderr.decode()
    assert 0 < (bulk.folder / "out.jsonl.partial" / "records").stat().st_size <= 200_000
    bulk.done("in.jsonl", "-o", "out.jsonl", "--resume")
    assert (bulk.folder / "out.jsonl").read_bytes() == (bulk.folder / "whole.jsonl").read_bytes()


class _Breaks:
    """A detector that breaks on a text."""

    def detect(self, texts: Sequence[Text]) -> list[list[Mention]]:
        if any("broken" in text.text for text in texts):
            raise RecursionError("too deep")
        return [[] for _ in texts]


def test_a_text_that_breaks_a_component_fails_alone() -> None:
    world = linker({}, detector=_Breaks())
    texts = ["one", "two", "broken", "four", "five"]
    found = list(world.annotate_batch(Document(id=text, text=text) for text in texts))
    assert [each.id for each in found] == texts
    failed = [each for each in found if isinstance(each, FailedDocument)]
    assert [each.id for each in failed] == ["broken"]
    assert "broke on it (RecursionError: too deep)" in str(failed[0].error)
    with pytest.raises(DocumentFailed, match="too deep"):
        world.annotate("broken")
