"""Documents a second on Spark beside the local engine, and a run in which an executor is killed.

    python benchmarks/spark.py [--index DIR | --starter] [--detector gazetteer] [--documents 20000] [--rounds 3]

Both have two processes that link: the local engine two workers, Spark the two executors of local-cluster[2,1,1024].
The runs take turns; those of Spark are in one session, whose start is told apart, as is its first run, in which Java
compiles what it runs and the executors open their linkers. In one more run an executor is killed in the middle. The
records must be the same in all. The documents are paragraphs of the open benchmarks, chosen by chance.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from types import TracebackType

from common import chosen_index, index_parser, run, write_documents

from nedsvc.bulk.columns import Shown
from nedsvc.bulk.records import Manner
from nedsvc.cluster.run import ClusterPlan, run_on_spark
from nedsvc.cluster.session import spark_session
from nedsvc.cluster.tasks import Job
from nedsvc.evaluation.report import aligned
from nedsvc.models import Options
from nedsvc.settings import Settings

LOCAL, FIRST, LATER, KILLED = "local engine", "Spark, first run", "Spark, later runs", "Spark, an executor killed"
EXECUTOR = b"CoarseGrainedExecutorBackend"
MASTER = "local-cluster[2,1,1024]"
CONF = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
PARTS_BEFORE_KILL = 4


def on_local_engine(index: Path, detector: str, source: Path, output: Path) -> float:
    """The seconds of linking, as the command tells them."""
    chosen = ["--index", str(index), "--detector", detector, "--workers", "2"]
    line = [sys.executable, "-m", "nedsvc", "bulk", str(source), "-o", str(output), *chosen]
    said = subprocess.run(line, stderr=subprocess.PIPE, text=True, check=True).stderr
    found = re.search(r"([0-9.]+) s, ", said)
    if not found:
        raise SystemExit(f"the command did not tell its time: {said}")
    return float(found[1])


class Session:
    """A session of Spark in a process of its own, which is told where to write."""

    def __init__(self, index: Path, detector: str, source: Path) -> None:
        line = [sys.executable, __file__, "--index", str(index), "--detector", detector, "--serve", str(source)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(line, env=_environment(), stdin=pipe, stdout=pipe, text=True)
        self.started = self._answer()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate()

    def run(self, output: Path, *, kill: bool = False) -> float:
        """The seconds of a run; an executor is killed in the middle of it where that is asked for."""
        if self._process.stdin:
            self._process.stdin.write(f"{output}\n")
            self._process.stdin.flush()
        if kill:
            partial = output.with_name(output.name + ".partial")
            while len(list(partial.glob("_temporary/0/task_*"))) < PARTS_BEFORE_KILL:
                sleep(0.02)
            os.kill(_executors(self._process.pid)[0], signal.SIGKILL)
        return self._answer()

    def _answer(self) -> float:
        answer = self._process.stdout.readline() if self._process.stdout else ""
        if not answer:
            raise SystemExit("the session has ended")
        return float(answer)


def serve(index: Path, detector: str, source: Path) -> None:
    """Print how long the session took to start, then of each output that is named how long its run took."""
    manner = Manner()
    settings = Settings(index=index)
    job = Job(settings=settings, detector=detector, options=Options(), manner=manner, shown=Shown())
    start = perf_counter()
    with spark_session(MASTER, CONF) as session:
        print(perf_counter() - start, flush=True)
        for line in sys.stdin:
            start = perf_counter()
            run_on_spark(session, ClusterPlan(inputs=(str(source),), output=line.rstrip("\n"), job=job))
            print(perf_counter() - start, flush=True)


def _environment() -> dict[str, str]:
    """What Spark's executors need to know on this machine."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise SystemExit("install nedsvc[spark]")
    root = str(Path(__file__).parents[1])
    own = {"SPARK_HOME": str(Path(spec.origin).parent), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    return {**os.environ, **own, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}


def _executors(of: int) -> list[int]:
    """The executors among the processes below this one, whichever of its threads began them."""
    here = [int(child) for path in Path(f"/proc/{of}/task").glob("*/children") for child in path.read_text().split()]
    found = [process for process in here if EXECUTOR in Path(f"/proc/{process}/cmdline").read_bytes()]
    return found + [inner for process in here for inner in _executors(process)]


def content(output: Path) -> bytes:
    """The bytes of an output, which is a file or a folder of parts."""
    files = sorted(output.glob("part-*")) if output.is_dir() else [output]
    return b"".join(file.read_bytes() for file in files)


def report(index: Path, detector: str, count: int, rounds: int, folder: Path) -> None:
    """Measure in turns, compare the records, and print the table."""
    source, expected = folder / "in.jsonl", folder / "local0.jsonl"
    write_documents(source, count, 2)
    times: dict[str, list[float]] = {LOCAL: [], FIRST: [], LATER: [], KILLED: []}
    with Session(index, detector, source) as session:
        for number in range(rounds):
            times[LOCAL].append(on_local_engine(index, detector, source, folder / f"local{number}.jsonl"))
            for what in (LATER,) if number else (FIRST, LATER):
                output = folder / f"spark{number}{what == FIRST}.jsonl"
                times[what].append(session.run(output))
                _compare(output, expected)
        output = folder / "killed.jsonl"
        times[KILLED].append(session.run(output, kill=True))
        _compare(output, expected)
    rows = [(what, f"{median(each):.1f}", f"{count / median(each):,.0f}") for what, each in times.items()]
    print(f"{count:,} documents, {detector}, {rounds} rounds, medians; index {index.name}; all records the same")
    print(f"Spark's session took {session.started:.1f} s to start")
    print(aligned(("two processes each", "seconds", "documents/s"), rows))


def _compare(output: Path, expected: Path) -> None:
    if content(output) != content(expected):
        raise SystemExit(f"the records of {output.name} are others")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = index_parser((__doc__ or "").partition("\n")[0])
    parser.add_argument("--detector", choices=["gazetteer", "spacy", "both"], default="gazetteer")
    parser.add_argument("--documents", type=int, default=20_000, help="documents of a run (default: 20000)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each (default: 3)")
    parser.add_argument("--serve", type=Path, metavar="FILE", help="be the session of Spark that links this file")
    return parser.parse_args()


def main() -> None:
    """Measure in a folder of its own, or be the session that is measured."""
    arguments = parse()
    index = chosen_index(arguments).absolute()
    if arguments.serve:
        serve(index, arguments.detector, arguments.serve)
        return
    with tempfile.TemporaryDirectory() as name:
        report(index, arguments.detector, arguments.documents, arguments.rounds, Path(name))


if __name__ == "__main__":
    run(main)
