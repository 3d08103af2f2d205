"""What bulk is worth: killed at any moment, with two workers, and over many documents.

    python benchmarks/bulk.py kills|scaling|memory|length [--index DIR | --starter]

kills: a run of 5,000 documents is killed (the parent, then a worker, in turns) at moments chosen by chance and goes on;
its output must be that of a run that nobody stopped. scaling: one worker, two, and two processes that have half of the
documents each and know nothing of each other, beside spaCy's NER alone; all in turns, each a process of its own.
memory: PSS with one to three workers. length: PSS at each tenth of 200,000 short documents. The documents are
paragraphs of the open benchmarks, chosen by chance.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

import msgspec
from common import SEED, chosen_index, index_parser, run, write_documents
from processes import children, memory_of

from nedsvc.evaluation.report import aligned

KILLS, KILLED_DOCUMENTS = 20, 5_000
DOCUMENTS = {"gazetteer": 6_000, "both": 2_000}  # for some half a minute of work
LONG_DOCUMENTS, TENTHS = 200_000, 10
GOAL = 0.9
NER = (
    "import sys, json, spacy; from nedsvc.detect.spacy_ner import DEFAULT_MODEL, load_model; "
    "texts = [json.loads(line)['text'] for line in open(sys.argv[1])]; "
    "print(sum(1 for _ in load_model(DEFAULT_MODEL).pipe(texts)))"
)


def command(index: Path, detector: str, source: Path, output: Path, workers: int, *more: str) -> list[str]:
    """The command line of a run."""
    chosen = ["--index", str(index), "--detector", detector, "--workers", str(workers)]
    return [sys.executable, "-m", "nedsvc", "bulk", str(source), "-o", str(output), *chosen, *more]


def started(line: Sequence[str]) -> subprocess.Popen[bytes]:
    """The run, begun; what it says is not shown."""
    return subprocess.Popen(line, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def seconds(*lines: Sequence[str]) -> float:
    """The time until all commands, begun together, have ended well."""
    start = perf_counter()
    for process in [started(line) for line in lines]:
        if process.wait():
            raise SystemExit(f"a run ended with {process.returncode}")
    return perf_counter() - start


def kills(index: Path, folder: Path) -> None:
    """Kill runs at moments chosen by chance, let them go on, and compare."""
    source, whole = folder / "in.jsonl", folder / "whole.jsonl"
    write_documents(source, KILLED_DOCUMENTS, 2)
    length = seconds(command(index, "gazetteer", source, whole, 2))
    chance = random.Random(SEED)
    left, runs, stopped = KILLS, 0, 0
    while left:
        output = folder / f"out{runs}.jsonl"
        runs += 1
        line = command(index, "gazetteer", source, output, 2, "--resume")
        while left and not output.exists():
            stopped += _kill(line, chance.uniform(0, length), worker=left % 2 == 0)
            left -= 1
        seconds(line)
        ids = [msgspec.json.decode(each)["id"] for each in output.read_bytes().splitlines()]
        same = output.read_bytes() == whole.read_bytes()
        print(f"run {runs}: {len(ids)} documents, {len(set(ids))} of them once, the same bytes: {same}")
        if not same or len(set(ids)) != KILLED_DOCUMENTS:
            raise SystemExit("documents were lost, repeated or changed")
    print(f"{KILLS} kills, {stopped} of them before the run was done, {runs} outputs, all the same")


def _kill(line: Sequence[str], after: float, *, worker: bool) -> bool:
    """Whether the run was still going on when it, or one of its workers, was killed."""
    process = started(line)
    sleep(after)
    if process.poll() is None:
        victims = children(process.pid) if worker else []
        os.kill(victims[0] if victims else process.pid, signal.SIGKILL)
    return process.wait() != 0


def scaling(index: Path, folder: Path, rounds: int) -> None:
    """Measure one worker, two, and two processes apart, in turns."""
    rows = []
    for detector, count in DOCUMENTS.items():
        source = folder / f"{detector}.jsonl"
        write_documents(source, count, 2)
        lines = source.read_bytes().splitlines(keepends=True)
        halves = [folder / f"{detector}{half}.jsonl" for half in (0, 1)]
        for half, path in enumerate(halves):
            path.write_bytes(b"".join(lines[half * count // 2 : (half + 1) * count // 2]))
        times: dict[str, list[float]] = {"one worker": [], "two workers": [], "two apart": [], "NER alone": []}
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(dir=folder) as name:
                out = Path(name)
                times["one worker"].append(seconds(command(index, detector, source, out / "a.jsonl", 1)))
                times["two workers"].append(seconds(command(index, detector, source, out / "b.jsonl", 2)))
                apart = [command(index, detector, half, out / f"{half.name}", 1) for half in halves]
                times["two apart"].append(seconds(*apart))
                times["NER alone"].append(seconds([sys.executable, "-c", NER, str(source)]))
        ratio = median(apart / two for apart, two in zip(times["two apart"], times["two workers"], strict=True))
        rows += [
            (detector, what, f"{count / median(each):,.0f}", f"{ratio:.2f}" if what == "two workers" else "")
            for what, each in times.items()
        ]
    print(f"{rounds} rounds, medians; goal of two workers beside two apart: {GOAL}")
    print(aligned(("detector", "", "documents/s", "beside two apart"), rows))


def memory(index: Path, folder: Path) -> None:
    """Measure the memory of runs with several workers, in the middle of them."""
    rows = []
    for detector, count in DOCUMENTS.items():
        source = folder / f"{detector}.jsonl"
        write_documents(source, count, 2)
        before = 0.0
        for workers in (1, 2, 3):
            process = started(command(index, detector, source, folder / f"{detector}{workers}.jsonl", workers))
            most = max(_sampled(process, memory_of))
            rows.append((detector, str(workers), f"{most:,.0f}", f"{most - before:+,.0f}" if before else ""))
            before = most
    print(aligned(("detector", "workers", "MB (PSS)", "more"), rows))


def length(index: Path, folder: Path) -> None:
    """Measure the memory at each tenth of many short documents."""
    source = folder / "in.jsonl"
    write_documents(source, LONG_DOCUMENTS, 1)
    start = perf_counter()
    samples = _sampled(started(command(index, "gazetteer", source, folder / "out.jsonl", 2)), memory_of)
    took = perf_counter() - start
    size = len(samples) / TENTHS
    rows = [
        (f"{tenth + 1}", f"{median(samples[int(tenth * size) : int((tenth + 1) * size)]):,.0f}")
        for tenth in range(TENTHS)
    ]
    print(f"{LONG_DOCUMENTS:,} documents, {LONG_DOCUMENTS / took:,.0f} a second")
    print(aligned(("tenth of the time", "MB (PSS)"), rows))


def _sampled(process: subprocess.Popen[bytes], sample: Callable[[int], float]) -> list[float]:
    """Samples of a run until it ends, several a second."""
    samples = []
    while process.poll() is None:
        try:
            samples.append(sample(process.pid))
        except (OSError, StopIteration):  # a process that ended meanwhile
            continue
        sleep(0.2)
    if process.returncode:
        raise SystemExit(f"a run ended with {process.returncode}")
    return samples


def parse() -> argparse.Namespace:
    """The command line."""
    parser = index_parser((__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("kills", "scaling", "memory", "length"), help="what to measure")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of scaling (default: 3)")
    return parser.parse_args()


def main() -> None:
    """Measure."""
    arguments = parse()
    index = chosen_index(arguments)
    with tempfile.TemporaryDirectory() as name:
        if arguments.what == "scaling":
            scaling(index, Path(name), arguments.rounds)
        else:
            {"kills": kills, "memory": memory, "length": length}[arguments.what](index, Path(name))


if __name__ == "__main__":
    run(main)
