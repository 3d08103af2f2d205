"""Spark: data frames and files, with the same records as without it, also where an executor is killed."""

import datetime
import doctest
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet
import pytest

from nedsvc import EntityLinker, InvalidInput
from nedsvc.bulk.columns import Shown
from nedsvc.bulk.inputs import Columns
from nedsvc.bulk.records import Manner
from nedsvc.bulk.run import Plan, run
from nedsvc.bulk.work import Tally
from nedsvc.cluster import annotate
from nedsvc.cluster.numbering import numbered
from nedsvc.cluster.places import check_spark_inputs, place_of
from nedsvc.cluster.run import ClusterPlan, check_spark_output, run_on_spark
from nedsvc.cluster.session import ClusterFailed, spark_session
from nedsvc.cluster.tasks import Job, Told, told_error, with_index_here, with_local_index
from nedsvc.errors import IndexNotFound, NedError
from nedsvc.models import Markup, Options
from nedsvc.settings import Settings
from nedsvc.workers import link_tasks

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.java, pytest.mark.xdist_group("spark")]

PLAIN = Options()
ROOT = Path(__file__).parents[1]
TEXTS = ("Putin met Xi in Beijing.", "Kiev is Kyiv.", "Blinken left Brussels for Berlin.", "Nothing is named here.")
# The options of Java and of code generation are for a quick start, which is most of the time that these tests take.
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
LOOPBACK = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": QUICK,
    "spark.executor.extraJavaOptions": QUICK,
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.shuffle.partitions": "2",
}


@pytest.fixture(scope="module", autouse=True)
def _environment() -> Iterator[None]:
    """Workers that find the package where it is, on this machine alone."""
    spec = find_spec("pyspark")
    assert spec
    home = str(Path(str(spec.origin)).parent)
    root = str(Path(__file__).parents[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setenv("SPARK_HOME", home)
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH")))))
        patch.delenv("NEDSVC_INDEX", raising=False)
        yield


@pytest.fixture(scope="module")
def spark(_environment: None, starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator["SparkSession"]:
    """A session with two cores, to which an index was shipped as an archive."""
    archive = shutil.make_archive(str(tmp_path_factory.mktemp("archive") / "index"), "gztar", starter)
    with spark_session("local[2]", {**LOOPBACK, "spark.archives": f"{archive}#shipped"}) as session:
        yield session


def job(index: Path, *, keep: tuple[str, ...] = (), markup: Markup = "text", options: Options = PLAIN) -> Job:
    """A job with the gazetteer over an index."""
    columns = Columns(others=keep)
    manner = Manner(columns=columns, keep=keep, input=markup, dated=options.roles)
    return Job(
        settings=Settings(index=index),
        detector="gazetteer",
        options=options,
        manner=manner,
        shown=Shown(options, keep),
    )


def locally(inputs: tuple[str, ...], output: Path, done: Job) -> Tally:
    """What the local engine writes."""
    plan = Plan(inputs=inputs, output=output, manner=done.manner, shown=done.shown, run={})

    def work(tasks: Any) -> Any:
        return link_tasks(done.settings, done.detector, done.options, tasks)

    return run(plan, work, lambda _tally, _position: None)


def parts(folder: Path) -> bytes:
    """The bytes of the parts of a folder, in the order of their names."""
    unpack: Callable[[bytes], bytes] = gzip.decompress if folder.name.endswith(".gz") else bytes
    return b"".join(unpack(path.read_bytes()) for path in sorted(folder.glob("part-*")))


def many(count: int) -> list[bytes]:
    """Lines of JSON, each another, some of them bad."""
    lines = []
    for place in range(count):
        line = json.dumps(
            {"id": str(place), "text": f"{TEXTS[place % 4]} It is the year {place // 2 * 2}.", "n": place}
        )
        lines.append(b"\xff no JSON\n" if place % 97 == 5 else line.encode() + b"\n")
    return lines


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    """Two files with names that Spark has to be told carefully; one is packed."""
    lines = many(700)
    first, second = tmp_path / "b [1] ü%41.jsonl", tmp_path / "a{2}.jsonl.gz"
    first.write_bytes(
        b"\xef\xbb\xbf" + b"".join(lines[:300]) + b'\n{"id": 1}\r\n[]\n\n{"text": "Kiev\xc2\x85", "n": {"a": 1}}'
    )
    second.write_bytes(gzip.compress(b"".join(lines[300:500])) + gzip.compress(b"".join(lines[500:])))
    return str(first), str(second)


def test_lines_give_the_bytes_of_the_local_engine(
    spark: "SparkSession", starter: Path, tmp_path: Path, files: tuple[str, ...]
) -> None:
    done = job(starter, keep=("n",))
    expected = locally(files, tmp_path / "local.jsonl", done)
    output = tmp_path / "spark.jsonl"
    spark.conf.set("spark.sql.files.maxPartitionBytes", "4000")
    try:
        tally = run_on_spark(spark, ClusterPlan(inputs=files, output=str(output), job=done))
    finally:
        spark.conf.unset("spark.sql.files.maxPartitionBytes")
    assert parts(output) == (tmp_path / "local.jsonl").read_bytes()
    assert parts(tmp_path / "spark.jsonl.errors.jsonl") == (tmp_path / "local.jsonl.errors.jsonl").read_bytes()
    assert tally.failed == expected.failed > 9
    assert (tally.documents, tally.mentions, tally.words) == (expected.documents, expected.mentions, expected.words)
    assert len(list(output.glob("part-*"))) > 4
    assert sorted(path.name for path in tmp_path.glob("spark*")) == ["spark.jsonl", "spark.jsonl.errors.jsonl"]


def test_parquet_gives_the_rows_of_the_local_engine(spark: "SparkSession", starter: Path, tmp_path: Path) -> None:
    count = 300
    table = pa.table(
        {
            "id": list(range(count)),
            "text": [None if place == 7 else f"{TEXTS[place % 4]} {place}" for place in range(count)],
            "at": [datetime.datetime(2023, 3, 21, 10, tzinfo=datetime.UTC)] * count,
            "tags": [["a", None]] * count,
        }
    )
    source = tmp_path / "in.parquet"
    pyarrow.parquet.write_table(table, source, row_group_size=100)
    options = Options(candidates=True, explain=True, roles=True)
    done = job(starter, keep=("at", "tags"), options=options)
    inputs = (str(source),)
    locally(inputs, tmp_path / "local.parquet", done)
    run_on_spark(spark, ClusterPlan(inputs=inputs, output=str(tmp_path / "spark.parquet"), job=done))
    got, expected = (pyarrow.parquet.read_table(tmp_path / f"{name}.parquet") for name in ("spark", "local"))
    assert got.to_pylist() == expected.to_pylist()
    assert got.column_names == expected.column_names
    errors = parts(tmp_path / "spark.parquet.errors.jsonl")
    assert errors == (tmp_path / "local.parquet.errors.jsonl").read_bytes()
    assert json.loads(errors)["line"] == 8


def test_an_empty_input_and_a_packed_output(spark: "SparkSession", starter: Path, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"\n")
    plan = ClusterPlan(inputs=(str(tmp_path / "in.jsonl"),), output=str(tmp_path / "out.jsonl.gz"), job=job(starter))
    assert run_on_spark(spark, plan) == Tally()
    assert (tmp_path / "out.jsonl.gz").is_dir()
    assert parts(tmp_path / "out.jsonl.gz") == b""


def test_a_line_beyond_all_bounds_fails_alone(spark: "SparkSession", tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(b'{"a": 1}\n' + b"x" * 1_000 + b"\n{}\n")
    rows = numbered(spark, (str(source),), Columns(), 100).collect()
    assert [(row["line"], row["value"] and bytes(row["value"])) for row in rows] == [
        (1, b'{"a": 1}'),
        (2, None),
        (3, b"{}"),
    ]


def test_a_data_frame_gets_columns_of_answers(
    spark: "SparkSession", gazetteer_linker: EntityLinker, starter: Path
) -> None:
    day = datetime.date(2023, 3, 21)
    rows = [(7, TEXTS[0], [1, 2], day, None), (8, None, None, None, None), (9, "Kiev or Berlin", [], None, [(8, 14)])]
    frame = spark.createDataFrame(
        rows, "n long, body string, `a.b` array<int>, date date, mentions array<struct<start:int,end:int>>"
    )
    found = annotate(
        frame, "body", "n", index=starter, detector="gazetteer", keep=("a.b",), options=Options(roles=True)
    )
    assert found.columns == ["id", "a.b", "language", "index", "text", "mentions", "date", "roles", "error"]
    assert found.schema["a.b"] == frame.schema["a.b"]
    first, second, third = found.collect()
    expected = gazetteer_linker.annotate(TEXTS[0])
    assert [mention["entity"]["id"] for mention in first["mentions"]] == [
        link.entity.id for link in expected.links if link.entity
    ]
    assert (first["id"], first["a.b"], first["date"], first["error"]) == ("7", [1, 2], "2023-03-21", None)
    assert second["error"].asDict() == {"title": "Invalid input", "detail": "body: is missing"}
    assert (second["id"], second["mentions"]) == ("8", None)
    assert [mention["surface"] for mention in third["mentions"]] == ["Berlin"]
    with pytest.raises(InvalidInput, match="no column 'text'"):
        annotate(frame, index=starter)


def test_pages_are_read_and_texts_pass_through(spark: "SparkSession", starter: Path) -> None:
    rows = [
        ("a", "<article>" + "<p>Vladimir Putin spoke in Moscow on Monday about the war.</p>" * 3, "html"),
        ("b", "Kiev", None),
    ]
    frame = spark.createDataFrame(rows, "id string, text string, input string")
    page, text = annotate(frame, index=starter, detector="gazetteer", keep=("text",)).collect()
    assert [mention["surface"] for mention in page["mentions"]][:2] == ["Vladimir Putin", "Moscow"]
    assert page["text"].startswith("Vladimir Putin spoke in Moscow")
    assert text["text"] == "Kiev"


def test_the_examples_of_the_page_run(spark: "SparkSession", starter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEDSVC_CACHE", str(starter.parent))
    failed, tried = doctest.testfile(str(ROOT / "docs" / "spark.md"), module_relative=False, globs={"spark": spark})
    assert tried > 3
    assert not failed


def test_a_language_that_is_not_known_is_refused(spark: "SparkSession", starter: Path, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"".join(many(5)))
    asked = job(starter)
    asked = msgspec.structs.replace(asked, manner=msgspec.structs.replace(asked.manner, language="qq"))
    plan = ClusterPlan(inputs=(str(tmp_path / "in.jsonl"),), output=str(tmp_path / "out.jsonl"), job=asked)
    with pytest.raises(InvalidInput, match=r"^language: 'qq' is not known"):
        run_on_spark(spark, plan)


def test_an_index_that_was_shipped_is_found_by_its_name(spark: "SparkSession", tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"".join(many(5)))
    plan = ClusterPlan(
        inputs=(str(tmp_path / "in.jsonl"),), output=str(tmp_path / "out.jsonl"), job=job(Path("shipped"))
    )
    assert run_on_spark(spark, plan).documents == 5


def test_an_index_that_is_not_there_is_told_in_a_sentence(spark: "SparkSession", tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"".join(many(5)))
    plan = ClusterPlan(
        inputs=(str(tmp_path / "in.jsonl"),), output=str(tmp_path / "out.jsonl"), job=job(tmp_path / "none")
    )
    with pytest.raises(IndexNotFound, match="none") as caught:
        run_on_spark(spark, plan)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl"]


def test_an_input_that_is_cut_off_is_told_in_a_sentence(spark: "SparkSession", starter: Path, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(os.urandom(50_000))[:30_000])
    plan = ClusterPlan(inputs=(str(tmp_path / "in.jsonl.gz"),), output=str(tmp_path / "out.jsonl"), job=job(starter))
    with pytest.raises(ClusterFailed, match=r"while reading file .*in\.jsonl\.gz") as caught:
        run_on_spark(spark, plan)
    assert "\n" not in str(caught.value)


def test_an_output_that_is_there_is_refused(spark: "SparkSession", starter: Path, tmp_path: Path) -> None:
    plan = ClusterPlan(inputs=("in.jsonl",), output=str(tmp_path / "out.jsonl"), job=job(starter))
    (tmp_path / "out.jsonl.partial").mkdir()
    with pytest.raises(InvalidInput, match="partial is there"):
        run_on_spark(spark, plan)
    with pytest.raises(InvalidInput, match="partial is there"):
        check_spark_output(plan.output)
    assert (tmp_path / "out.jsonl.partial").is_dir()


@pytest.mark.parametrize(
    ("names", "part"),
    [
        (("-",), "reads .jsonl"),
        (("a.csv",), "reads .jsonl"),
        (("a.jsonl.zst",), "reads .jsonl"),
        (("none.jsonl",), "is not there"),
        (("_a.jsonl",), "rename it"),
        (("a.jsonl", "./a.jsonl"), "twice"),
        (("a.jsonl", "hdfs://x/b.parquet"), "not both"),
    ],
)
def test_what_spark_does_not_read_is_refused(
    names: tuple[str, ...], part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.jsonl", "_a.jsonl", "a.csv", "a.jsonl.zst"):
        Path(name).touch()
    with pytest.raises(InvalidInput, match=part):
        check_spark_inputs(names)


def test_files_have_the_names_that_users_gave() -> None:
    names = ("b/x.jsonl", "s3a://bucket/news.jsonl")
    here = str(Path.cwd())
    assert place_of(f"file://{here}/b/x.jsonl", names) == (0, "b/x.jsonl")
    assert place_of("s3a://bucket/news.jsonl/part%200", names) == (1, "s3a://bucket/news.jsonl/part 0")
    assert place_of("hdfs://other/x", names) == (2, "hdfs://other/x")


@pytest.mark.parametrize("error", [InvalidInput("detector", 'is "unknown"'), IndexNotFound("not there"), NedError("x")])
def test_errors_of_workers_are_found_in_what_spark_makes_of_them(error: NedError) -> None:
    found = told_error(f"org.apache.Spark: Traceback\n  File\nTold: {Told(error)}\n\n\tat java")
    assert type(found) is type(error)
    assert str(found) == str(error)
    assert told_error("java.lang.OutOfMemoryError") is None


def test_an_index_that_is_nowhere_keeps_its_name(spark: "SparkSession") -> None:
    settings = Settings(index=Path("nowhere"), overlay=Path("nowhere.jsonl"))
    assert with_index_here(settings) == settings


def test_index_and_overlay_of_this_machine_travel_by_their_whole_paths(
    starter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.jsonl").touch()
    monkeypatch.chdir(tmp_path)
    asked = msgspec.structs.replace(job(starter), settings=Settings(index=starter, overlay=Path("own.jsonl")))
    assert with_local_index(asked).settings == Settings(index=starter, overlay=tmp_path / "own.jsonl")


def command(folder: Path, *arguments: str, **environment: str) -> tuple[list[str], dict[str, Any]]:
    """The command line, and how it is started."""
    line = [sys.executable, "-m", "nedsvc", "bulk", "in.jsonl", "-o", "out.jsonl", "--engine", "spark", *arguments]
    return line, {"cwd": folder, "env": {**os.environ, **environment}, "stderr": subprocess.PIPE, "text": True}


def executors(of: int) -> list[int]:
    """The processes below this one that are executors of Spark."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    below = {of}
    for process in sorted(parents):  # a process is younger than its parent
        if parents[process] in below:
            below.add(process)
    return [process for process in sorted(below) if b"CoarseGrainedExecutorBackend" in _line(process)]


def _line(process: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


def test_an_executor_that_is_killed_changes_nothing(starter: Path, tmp_path: Path) -> None:
    """The command, on a cluster of two executors of which one is killed when a first part is done."""
    (tmp_path / "in.jsonl").write_bytes(b"".join(many(1_800)))
    expected = locally((str(tmp_path / "in.jsonl"),), tmp_path / "local.jsonl", job(starter))
    conf = [f"--conf={name}={value}" for name, value in LOOPBACK.items()]
    chosen = ("--index", str(starter), "--detector", "gazetteer", "--master", "local-cluster[2,1,1024]", *conf)
    line, how = command(tmp_path, *chosen)
    with subprocess.Popen(line, **how) as process:
        while process.poll() is None and not list(tmp_path.glob("out.jsonl.partial/_temporary/0/task_*")):
            time.sleep(0.02)
        victims = executors(process.pid)
        os.kill(victims[0], signal.SIGKILL)
        _, said = process.communicate()
    assert process.returncode == 0, said
    summary, failed = said.splitlines()
    assert summary.startswith(f"{expected.documents:,} documents, {expected.mentions:,} mentions: ")
    assert failed == f"{expected.failed} records failed; out.jsonl.errors.jsonl says why"
    assert parts(tmp_path / "out.jsonl") == (tmp_path / "local.jsonl").read_bytes()
    errors = (
        (tmp_path / "local.jsonl.errors.jsonl").read_bytes().replace(str(tmp_path / "in.jsonl").encode(), b"in.jsonl")
    )
    assert parts(tmp_path / "out.jsonl.errors.jsonl") == errors


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["--workers", "2"], 2, "--workers: means nothing with --engine spark"),
        (["--resume"], 2, "--resume: means nothing"),
        (["--max-errors", "0"], 2, "--max-errors: means nothing"),
        (["--engine", "local", "--master", "yarn"], 2, "--master: means nothing without"),
        (["--conf", "x"], 2, "--conf: must be as in"),
        (["--master", "nowhere"], 1, "Master must"),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path: Path, arguments: list[str], code: int, part: str) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"".join(many(1)))
    line, how = command(tmp_path, *arguments)
    done = subprocess.run(line, **how, check=False)
    assert done.returncode == code, done.stderr
    assert part in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_java_one_sentence_says_so(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").touch()
    line, how = command(tmp_path, JAVA_HOME=str(tmp_path))
    done = subprocess.run(line, **how, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("nedsvc: Spark needs Java 17")
    assert len(done.stderr.splitlines()) == 1
