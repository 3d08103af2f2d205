"""What a text says around a mention, as a direction in the space of the entities' vectors."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nedsvc.encoders import Encoder
from nedsvc.text import Text

Directions = NDArray[np.float32]

MOST_SENTENCES = 3  # that are read of those in which a name stands, the first ones
LONGEST_SENTENCE = 60  # words
_SHORTEST_SENTENCE = 3  # words
_SENTENCE_END = re.compile(r"[.!?…][\"“”'’»)\]]*\s|\n")


class Contexts(Protocol):
    """Reads a text around mentions."""

    def read(self, text: Text, chains: Sequence[Sequence[range]]) -> Directions:
        """A row for each chain, given by the positions of the words of its mentions: of length 1, or zeros."""


class WordContexts:
    """Reads the words of the whole text but the mentions' own, each by its vector. No encoder is needed."""

    def __init__(self, words: NDArray[np.uint32], vectors: NDArray[np.float16]) -> None:
        self._words = words
        self._vectors = vectors

    def read(self, text: Text, chains: Sequence[Sequence[range]]) -> Directions:
        """A row for each chain: the direction of the sum of the vectors of the words around it."""
        places = np.minimum(np.searchsorted(self._words, text.words), len(self._words) - 1)
        known = self._words[places] == text.words
        vectors = np.zeros((len(places), self._vectors.shape[1]), dtype=np.float32)
        vectors[known] = self._vectors[places[known]]
        own = [[position for span in spans for position in span] for spans in chains]
        return unit(vectors.sum(axis=0) - np.array([vectors[positions].sum(axis=0) for positions in own]))


class SentenceContexts:
    """Reads the sentences in which a name stands with a sentence encoder.

    Of the encoder's vectors `plain` is taken off, and the rest is cut to the `axes` of the entities' vectors.
    """

    def __init__(self, encoder: Encoder, plain: NDArray[np.float32], axes: NDArray[np.float32]) -> None:
        self._encoder = encoder
        self._plain = plain
        self._axes = axes

    def read(self, text: Text, chains: Sequence[Sequence[range]]) -> Directions:
        """A row for each chain: the direction of the mean of its first sentences; a sentence is encoded once."""
        begins = sentences(text)
        held = [
            list(dict.fromkeys(max(0, bisect_right(begins, span.start) - 1) for span in spans))[:MOST_SENTENCES]
            for spans in chains
        ]
        wanted = sorted({sentence for own in held for sentence in own})
        row = {sentence: place for place, sentence in enumerate(wanted)}
        vectors = self._encode([_written(text, begins, sentence) for sentence in wanted])
        means = [vectors[[row[sentence] for sentence in own]].mean(axis=0) for own in held]
        return unit(np.array(means).astype(np.float32))

    def _encode(self, texts: Sequence[str]) -> Directions:
        vectors = (self._encoder.encode(texts) - self._plain) @ self._axes
        return unit(vectors.astype(np.float32))


def sentences(text: Text) -> list[int]:
    """The positions of the words with which sentences begin; a long one is cut."""
    begins = [0]
    for position in range(1, len(text.tokens)):
        length = position - begins[-1]
        if length == LONGEST_SENTENCE or (length >= _SHORTEST_SENTENCE and _ends_before(text, position)):
            begins.append(position)
    return begins


def unit(vectors: Directions) -> Directions:
    """The rows with length 1; zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def _ends_before(text: Text, position: int) -> bool:
    """Whether a sentence ends before the word; the dot of an initial or of "Mr." ends none."""
    previous, this = text.tokens[position - 1], text.tokens[position]
    gap = text.text[previous.end : this.start]
    return _SENTENCE_END.search(gap) is not None and ("\n" in gap or gap[0] != "." or len(previous.key) > 2)


def _written(text: Text, begins: Sequence[int], sentence: int) -> str:
    """The sentence as it is written, with the marks that follow it."""
    start = text.tokens[begins[sentence]].start if text.tokens else 0
    last = sentence + 1 == len(begins)
    return text.text[start : None if last else text.tokens[begins[sentence + 1]].start].strip()
