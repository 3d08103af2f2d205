"""Adding vectors to an index: what its entities and the words around them mean, as directions in one space.

An entity's vector is the sentence encoder's of its summary. The vectors of single words, by the same encoder, stand in
for it where a text is to be read without one (as in Model2Vec, Tulkens & van Dongen 2024): each is weighed by how
rare the word is (Arora et al. 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings"), so that the sum
over a text points to what the text is about. All of it is cut to the axes along which the entities differ most.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from nedsvc import tables
from nedsvc.context import word_number
from nedsvc.encoders import Encoder, Vectors
from nedsvc.errors import InvalidInput
from nedsvc.index.files import built_aside, file_entry, link_files, write_array
from nedsvc.index.format import VECTORS, Manifest, with_files, write_manifest
from nedsvc.index.reader import Index
from nedsvc.index.summaries import summary
from nedsvc.names import fold_all

WIDTH = 128  # numbers kept of a vector
MOST_WORDS = 60_000
_RARE = 1e-3  # the share of summaries that hold a word from which on it weighs less than half
_SAMPLE = 20_000  # entities that tell along which axes all of them differ
_AT_ONCE = 5_000

Told = Callable[[int, int], None]


def add_vectors(folder: Path, encoder: Encoder, told: Told) -> Manifest:
    """Give the index in this folder the vectors of an encoder, in place of those that it may have.

    `told` is called with the number of entities and words that are done, and of all. Raises `IndexNotFound`,
    `IndexFormatError`, `InvalidInput` where nothing is known of the entities, and `BuildError` for what fails on the
    way; the index then stays as it was.
    """
    index = Index.open(folder)
    with built_aside(folder) as aside:
        files = {name: entry for name, entry in index.manifest.files.items() if name not in VECTORS}
        link_files(folder, aside, files)
        for name, array in _arrays(index, encoder, told).items():
            path = aside / f"{name}.npy"
            write_array(path, array)
            files[path.name] = file_entry(path)
        manifest = with_files(msgspec.structs.replace(index.manifest, encoder=encoder.name), files)
        write_manifest(aside, manifest)
        return manifest


def _arrays(index: Index, encoder: Encoder, told: Told) -> dict[str, NDArray[np.generic]]:
    """The arrays named in `format.VECTORS`, without their suffix."""
    count = len(index)
    sample = [text for _, text in _summaries(index, range(0, count, 1 + count // _SAMPLE))]
    if len(sample) < 2:
        raise InvalidInput("DIR", "the entities of the index have no descriptions, classes or links to make vectors of")
    centre, axes = axes_of(encoder.encode(sample))
    entities = np.zeros((count, WIDTH), dtype=np.int8)
    words: Counter[str] = Counter()
    for start in range(0, count, _AT_ONCE):
        known = list(_summaries(index, range(start, min(start + _AT_ONCE, count))))
        if known:
            texts = [text for _, text in known]
            entities[[row for row, _ in known]] = _bytes((encoder.encode(texts) - centre) @ axes)
            words.update(word for text in fold_all(texts) for word in set(text.split()))
        told(start, count + MOST_WORDS)
    numbers, vectors = _words(words, count, encoder)
    told(count + MOST_WORDS, count + MOST_WORDS)
    return {
        "entity_vectors": entities,
        "vector_axes": axes,
        "plain_vector": encoder.encode(tables.plain_sentences()).mean(axis=0),
        "lexicon_words": numbers,
        "lexicon_vectors": (vectors @ axes).astype(np.float16),
    }


def _summaries(index: Index, rows: range) -> Iterator[tuple[int, str]]:
    for row in rows:
        text = summary(index, row)
        if text:
            yield row, text


def axes_of(sample: Vectors) -> tuple[Vectors, Vectors]:
    """The mean of vectors, and the directions in which they differ most from it, one a column."""
    centre: Vectors = sample.mean(axis=0, dtype=np.float32)
    _, directions = np.linalg.eigh(np.cov(sample - centre, rowvar=False))
    return centre, directions[:, ::-1][:, :WIDTH].astype(np.float32)


def _bytes(vectors: NDArray[np.floating]) -> NDArray[np.int8]:
    """The vectors' directions, as precise as a byte a number allows."""
    longest = np.abs(vectors).max(axis=1, keepdims=True)
    scaled: NDArray[np.int8] = np.rint(vectors * (127 / np.maximum(longest, 1e-9))).astype(np.int8)
    return scaled


def _words(counts: Counter[str], summaries: int, encoder: Encoder) -> tuple[NDArray[np.uint32], Vectors]:
    """The numbers of the words, sorted, and their vectors; of words with the same number the commonest one's."""
    by_number: dict[int, str] = {}
    for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_WORDS]:
        by_number.setdefault(word_number(word), word)
    numbers = sorted(by_number)
    words = [by_number[number] for number in numbers]
    vectors = encoder.encode(words)
    weighed = (vectors - vectors.mean(axis=0)) * _rarity(words, counts, summaries)
    return np.array(numbers, dtype=np.uint32), weighed


def _rarity(words: Sequence[str], counts: Counter[str], summaries: int) -> Vectors:
    shares = np.array([counts[word] for word in words], dtype=np.float32) / np.float32(summaries)
    rarity: Vectors = (_RARE / (_RARE + shares))[:, np.newaxis]
    return rarity
