"""The candidates of a document side by side, as columns that features compute with."""

from collections.abc import Sequence
from itertools import pairwise
from typing import get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from nedsvc.context import WORDS
from nedsvc.grouping import Chain
from nedsvc.meaning import Contexts, Directions, unit
from nedsvc.models import Candidate, Mention, NameKind
from nedsvc.text import Text

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

GUESSES: frozenset[NameKind] = frozenset({"inner", "akin"})
_KINDS: dict[NameKind, int] = {kind: place for place, kind in enumerate(get_args(NameKind))}
_GUESSES = [_KINDS[kind] for kind in sorted(GUESSES)]


class SharedWords(msgspec.Struct, frozen=True):
    """The words that a text shares with the surroundings of its candidates.

    Pairs of a row and of one of the `count` distinct words of the text, sorted by row; `places` holds the number of
    each word of the text among the distinct ones.
    """

    rows: Ints
    words: Ints
    places: Ints
    count: int


class CandidateTable(msgspec.Struct, frozen=True):
    """The candidates of a document, one row each, sorted by chain.

    `spans` holds the positions of the words of each mention.
    `chain` is the row's chain and `first` the row where each chain begins (a chain without candidates has no row and
    no place in `first`). `numbers`, `popularity` and `kinds` are the candidates' own. `probability` is the row's
    probability by the features of the stages before. `vectors` holds the direction of each row's entity (zeros: too
    little is known of it); `contexts` reads the text for them.
    """

    text: Text
    mentions: Sequence[Mention]
    spans: Sequence[range]
    chains: Sequence[Chain]
    candidates: Sequence[Candidate]
    chain: Ints
    first: Ints
    numbers: Ints
    popularity: Floats
    kinds: NDArray[np.int8]
    shared: SharedWords
    probability: Floats
    contexts: Contexts | None = None
    vectors: Directions | None = None

    @property
    def sizes(self) -> Ints:
        """How many rows each chain has that has some."""
        return np.diff(np.append(self.first, len(self.candidates)))

    def is_kind(self, kind: NameKind) -> Floats:
        """1 where the candidate's name matches in this way."""
        found: Floats = (self.kinds == _KINDS[kind]).astype(np.float64)
        return found

    def is_guess(self) -> NDArray[np.bool_]:
        """Whether the candidate's name is only a hint at what the mention may be."""
        return np.isin(self.kinds, _GUESSES)

    def bounds(self) -> list[int]:
        """The row where each chain begins, and after the last where all end."""
        found: list[int] = np.searchsorted(self.chain, np.arange(len(self.chains) + 1)).tolist()
        return found

    def with_candidates(self, candidates: Sequence[Candidate]) -> "CandidateTable":
        """The table with what is known of others in its rows."""
        rows = [candidates[start:stop] for start, stop in pairwise(self.bounds())]
        return candidate_table(self.text, self.mentions, self.chains, rows, self.contexts)


def candidate_table(
    text: Text,
    mentions: Sequence[Mention],
    chains: Sequence[Chain],
    rows: Sequence[Sequence[Candidate]],
    contexts: Contexts | None = None,
) -> CandidateTable:
    """The table of each chain's candidates, none weighed yet."""
    sizes = np.array([len(row) for row in rows], dtype=np.int64)
    candidates = [candidate for row in rows for candidate in row]
    return CandidateTable(
        text=text,
        mentions=mentions,
        spans=[text.positions(mention) for mention in mentions],
        chains=chains,
        candidates=candidates,
        chain=np.repeat(np.arange(len(rows)), sizes),
        first=(np.cumsum(sizes) - sizes)[sizes > 0],
        numbers=np.array([candidate.number for candidate in candidates], dtype=np.int64),
        popularity=np.array([candidate.popularity for candidate in candidates], dtype=np.float64),
        kinds=np.array([_KINDS[candidate.kind] for candidate in candidates], dtype=np.int8),
        shared=_shared_words(text, candidates),
        probability=np.zeros(len(candidates)),
        contexts=contexts,
        vectors=_vectors(candidates),
    )


def _shared_words(text: Text, candidates: Sequence[Candidate]) -> SharedWords:
    known, places = np.unique(text.words, return_inverse=True)
    around = [candidate.words for candidate in candidates]
    if not around:
        none = np.zeros(0, dtype=np.int64)
        return SharedWords(none, none, places, len(known))
    words = np.concatenate(around)
    is_known = np.zeros(WORDS, dtype=bool)
    is_known[known] = True
    hits = np.flatnonzero(is_known[words])
    rows = np.searchsorted(np.cumsum([len(each) for each in around]), hits, side="right")
    return SharedWords(rows, np.searchsorted(known, words[hits]), places, len(known))


def _vectors(candidates: Sequence[Candidate]) -> Directions | None:
    """The candidates' vectors with length 1, zeros for those without; None where nobody has one."""
    width = next((len(candidate.vector) for candidate in candidates if candidate.vector is not None), None)
    if width is None:
        return None
    unknown = np.zeros(width, dtype=np.int8)
    vectors = [unknown if candidate.vector is None else candidate.vector for candidate in candidates]
    return unit(np.concatenate(vectors).reshape(-1, width).astype(np.float32))
