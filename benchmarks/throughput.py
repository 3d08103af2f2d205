"""Tokens a second on the open benchmark texts: spaCy's NER alone, and linking with two detectors.

An index with vectors is measured with the accurate ranker too.

    python benchmarks/throughput.py [--index DIR | --starter] [--rounds 3]

Each measurement has a process of its own, so that it sees each text for the first time; loading is not timed.
The rounds are interleaved, and it is processor time that counts, so that whatever else the machine does falls on all
alike. Tokens are those of spaCy's tokenizer.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from time import process_time

import spacy
from common import chosen_index, gold_sets, index_parser, open_linker, run

from nedsvc import Document, Options
from nedsvc.detect.spacy_ner import DEFAULT_MODEL
from nedsvc.evaluation.report import aligned
from nedsvc.index.format import read_manifest

NER = "ner"
GOALS = {NER: 1.0, "both": 0.85, "gazetteer": 10.0, "accurate": 0.33}
NAMES = {
    NER: "spaCy NER alone",
    "both": "linking, both detectors",
    "gazetteer": "linking, gazetteer",
    "accurate": "linking, both detectors, accurate ranker",
}
WARM_UP = "Ada Lovelace wrote to Charles Babbage from London before the winter."

Work = Callable[[Sequence[str]], Iterable[object]]


def benchmark_texts() -> list[str]:
    """The texts of all open benchmarks."""
    return [document.text for gold_set in gold_sets() for document in gold_set.documents]


def ner_alone() -> Work:
    """What spaCy's entity recogniser does by itself."""
    nlp = spacy.load(DEFAULT_MODEL)
    nlp.select_pipes(enable=[name for name in ("tok2vec", "ner") if name in nlp.pipe_names])
    return nlp.pipe


def linking(index: Path, variant: str) -> Work:
    """What linking with a detector does, or with both and the accurate ranker."""
    accurate = variant == "accurate"
    linker = open_linker(index, "both" if accurate else variant)
    options = Options(ranker="accurate" if accurate else "fast")
    return lambda texts: linker.annotate_batch((Document(text=text) for text in texts), options)


def seconds(work: Work, texts: Sequence[str]) -> float:
    """The processor time that the work takes on the texts, after a first sentence that is not in them."""
    list(work([WARM_UP]))
    start = process_time()
    for _ in work(texts):
        pass
    return process_time() - start


def measure_apart(variant: str, index: Path) -> float:
    """The seconds of one measurement in a process of its own."""
    command = [sys.executable, __file__, "--index", str(index), "--measure", variant]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def count_tokens(texts: Iterable[str]) -> int:
    """The number of tokens, by spaCy's tokenizer."""
    tokenizer = spacy.blank("en").tokenizer
    return sum(len(tokenizer(text)) for text in texts)


def report(index: Path, rounds: int) -> None:
    """Measure all variants in turns and print the table."""
    goals = {name: goal for name, goal in GOALS.items() if name != "accurate" or read_manifest(index).encoder}
    times: dict[str, list[float]] = {variant: [] for variant in goals}
    for _ in range(rounds):
        for variant, measured in times.items():
            measured.append(measure_apart(variant, index))
    texts = benchmark_texts()
    tokens = count_tokens(texts)
    middle = {variant: median(measured) for variant, measured in times.items()}
    rows = [
        (
            NAMES[variant],
            f"{tokens / middle[variant]:,.0f}",
            f"{tokens / max(times[variant]):,.0f}-{tokens / min(times[variant]):,.0f}",
            f"{middle[NER] / middle[variant]:.2f}",
            f"{goal:.2f}",
        )
        for variant, goal in goals.items()
    ]
    print(f"{len(texts)} texts, {tokens:,} tokens, {rounds} rounds, index {index.name}")
    print(aligned(("", "tokens/s, median", "range", "ratio", "goal"), rows))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = index_parser((__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each variant (default: 3)")
    parser.add_argument("--measure", choices=GOALS, help="measure one variant here and print its seconds")
    return parser.parse_args()


def main() -> None:
    """Measure one variant, or all of them in processes of their own."""
    arguments = parse()
    index = chosen_index(arguments)
    if not arguments.measure:
        report(index, arguments.rounds)
        return
    work = ner_alone() if arguments.measure == NER else linking(index, arguments.measure)
    print(seconds(work, benchmark_texts()))


if __name__ == "__main__":
    run(main)
