"""The candidates of documents side by side, as columns that features compute with."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from nedsvc.context import WORDS
from nedsvc.grouping import Chain
from nedsvc.meaning import Contexts, Directions, unit
from nedsvc.models import Candidate, Mention, NameKind
from nedsvc.names import Token
from nedsvc.text import Text

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

GUESSES: frozenset[NameKind] = frozenset({"inner", "akin"})
_KINDS: dict[NameKind, int] = {kind: place for place, kind in enumerate(get_args(NameKind))}


class Sheet(msgspec.Struct, frozen=True):
    """A document with its mentions, their chains, and the candidates of each chain."""

    text: Text
    mentions: Sequence[Mention]
    chains: Sequence[Chain]
    candidates: Sequence[Sequence[Candidate]]


class SharedWords(msgspec.Struct, frozen=True):
    """The words that texts share with the surroundings of their candidates.

    Pairs of a row and of a distinct word of its text, sorted by row. The words of all texts are numbered together, and
    the same word in two texts has two numbers: `places` holds that of each word of the texts, `documents` the document
    of each number.
    """

    rows: Ints
    words: Ints
    places: Ints
    documents: Ints

    @property
    def count(self) -> int:
        """How many distinct words there are."""
        return len(self.documents)


class CandidateTable(msgspec.Struct, frozen=True):
    """The candidates of documents, one row each, sorted by chain; documents that are decided together, each by itself.

    The tokens, spans and chains of all documents follow each other, and count on: `spans` holds the positions of the
    words of each mention among all `tokens`, `begins` the position where each document begins (and where all end),
    `documents` the document of each chain. `chain` is the row's chain and `first` the row where each chain begins (a
    chain without candidates has no row and no place in `first`). `numbers`, `popularity` and `kinds` are those of the
    candidates. `probability` is the row's probability by the features of the stages before. `vectors` holds the
    direction of each row's entity (zeros: too little is known of it); `contexts` reads the texts for them.
    `anchors` has three columns, those of `models.AnchorCounts` (zeros: nothing is known); None where nobody has any.
    """

    sheets: Sequence[Sheet]
    tokens: Sequence[Token]
    begins: Sequence[int]
    spans: Sequence[range]
    chains: Sequence[Chain]
    documents: Ints
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
    anchors: Floats | None = None

    @property
    def sizes(self) -> Ints:
        """How many rows each chain has that has some."""
        return np.diff(np.append(self.first, len(self.candidates)))

    @property
    def is_anchored(self) -> bool:
        """Whether anything is known of what a wiki's links say."""
        return self.anchors is not None

    @property
    def document(self) -> Ints:
        """The document of each row."""
        return self.documents[self.chain]

    def is_kind(self, kind: NameKind) -> Floats:
        """1 where the candidate's name matches in this way."""
        found: Floats = (self.kinds == _KINDS[kind]).astype(np.float64)
        return found

    def bounds(self) -> list[int]:
        """The row where each chain begins, and after the last where all end."""
        found: list[int] = np.searchsorted(self.chain, np.arange(len(self.chains) + 1)).tolist()
        return found


def candidate_table(sheets: Sequence[Sheet], contexts: Contexts | None = None) -> CandidateTable:
    """The table of documents, none weighed yet."""
    rows = [row for sheet in sheets for row in sheet.candidates]
    sizes = np.array([len(row) for row in rows], dtype=np.int64)
    candidates = [candidate for row in rows for candidate in row]
    begins = [0, *accumulate(len(sheet.text.tokens) for sheet in sheets)]
    documents = np.repeat(np.arange(len(sheets)), [len(sheet.chains) for sheet in sheets])
    chain = np.repeat(np.arange(len(rows)), sizes)
    return CandidateTable(
        sheets=sheets,
        tokens=[token for sheet in sheets for token in sheet.text.tokens],
        begins=begins,
        spans=[span for sheet, begin in zip(sheets, begins, strict=False) for span in _spans(sheet, begin)],
        chains=_counted_on(sheets),
        documents=documents,
        candidates=candidates,
        chain=chain,
        first=(np.cumsum(sizes) - sizes)[sizes > 0],
        numbers=np.array([candidate.number for candidate in candidates], dtype=np.int64),
        popularity=np.array([candidate.popularity for candidate in candidates], dtype=np.float64),
        kinds=np.array([_KINDS[candidate.kind] for candidate in candidates], dtype=np.int8),
        shared=_shared_words(sheets, candidates, np.bincount(documents[chain], minlength=len(sheets))),
        probability=np.zeros(len(candidates)),
        contexts=contexts,
        vectors=_vectors(candidates),
        anchors=_anchors(candidates),
    )


def _spans(sheet: Sheet, begin: int) -> list[range]:
    spans = [sheet.text.positions(mention) for mention in sheet.mentions]
    return [range(span.start + begin, span.stop + begin) for span in spans] if begin else spans


def _counted_on(sheets: Sequence[Sheet]) -> Sequence[Chain]:
    """The chains of all documents, with the mentions and chains that they name counted through all of them."""
    if len(sheets) == 1:
        return sheets[0].chains
    found: list[Chain] = []
    mentions = 0
    for sheet in sheets:
        before = len(found)
        found += [
            Chain(
                chain.name,
                chain.label,
                tuple(mention + mentions for mention in chain.mentions),
                tuple(longer + before for longer in chain.expansions),
            )
            for chain in sheet.chains
        ]
        mentions += len(sheet.mentions)
    return found


def _shared_words(sheets: Sequence[Sheet], candidates: Sequence[Candidate], sizes: Ints) -> SharedWords:
    """The words shared by documents and their candidates, of which each has so many."""
    ends = np.cumsum([len(candidate.words) for candidate in candidates], dtype=np.int64)
    around = np.concatenate([candidate.words for candidate in candidates]) if candidates else np.zeros(0, np.uint32)
    stops = np.append(0, ends)[np.cumsum(sizes)].tolist()
    is_known = np.zeros(WORDS, dtype=bool)
    hits, words, places, counts = [], [], [], [0]
    for sheet, (start, stop) in zip(sheets, pairwise([0, *stops]), strict=True):
        known, own_places = np.unique(sheet.text.words, return_inverse=True)
        is_known[known] = True
        own = np.flatnonzero(is_known[around[start:stop]]) + start
        is_known[known] = False
        hits.append(own)
        words.append(np.searchsorted(known, around[own]) + counts[-1])
        places.append(own_places + counts[-1])
        counts.append(counts[-1] + len(known))
    found = np.concatenate(hits)
    return SharedWords(
        rows=np.searchsorted(ends, found, side="right"),
        words=np.concatenate(words),
        places=np.concatenate(places),
        documents=np.repeat(np.arange(len(sheets)), np.diff(counts)),
    )


def _anchors(candidates: Sequence[Candidate]) -> Floats | None:
    """What links say of each candidate, zeros where they say nothing; None where they say nothing of any."""
    if all(candidate.anchors is None for candidate in candidates):
        return None
    return np.array([candidate.anchors or (0, 0, 0) for candidate in candidates], dtype=np.float64)


def _vectors(candidates: Sequence[Candidate]) -> Directions | None:
    """The candidates' vectors with length 1, zeros for those without; None where nobody has one."""
    width = next((len(candidate.vector) for candidate in candidates if candidate.vector is not None), None)
    if width is None:
        return None
    unknown = np.zeros(width, dtype=np.int8)
    vectors = [unknown if candidate.vector is None else candidate.vector for candidate in candidates]
    return unit(np.concatenate(vectors).reshape(-1, width).astype(np.float32))
