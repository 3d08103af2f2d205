"""spaCy's entity linker on the gold sets, for `side_by_side.py`: by its prior alone, or trained on half of them."""

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import spacy
from common import SEED
from peers import Name, knowledge_base, read_names
from spacy.kb import InMemoryLookupKB
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from nedsvc.detect.spacy_ner import DEFAULT_MODEL
from nedsvc.evaluation.gold import GoldDocument, GoldSet, Place
from nedsvc.evaluation.ids import Ids
from nedsvc.evaluation.predictions import PredictedMention, Prediction, labelled
from nedsvc.index.reader import Index
from nedsvc.models import qid_number

_SIZE = 96  # of the vectors that the small model gives
_LABEL = "MENTION"
_HALVES = 2


def predictions(index: Index, names: Path, sets: Sequence[GoldSet], ids: Ids, epochs: int) -> list[list[Prediction]]:
    """What spaCy's linker says of each set."""
    vectors = _vectors(index, _candidates(names, sets)) if epochs else {}
    documents = [document for gold in sets for document in gold.documents]
    random.Random(SEED).shuffle(documents)
    said: dict[int, Prediction] = {}
    for half in range(_HALVES if epochs else 1):
        asked = [document for place, document in enumerate(documents) if not epochs or place % _HALVES == half]
        taught = [document for place, document in enumerate(documents) if epochs and place % _HALVES != half]
        nlp = _pipeline(names, vectors, with_context=bool(epochs))
        if epochs:
            _train(nlp, taught, ids, epochs)
        said.update((id(document), _predicted(nlp, document)) for document in asked)
    return [[said[id(document)] for document in gold.documents] for gold in sets]


def _candidates(names: Path, sets: Sequence[GoldSet]) -> set[int]:
    """The entities that bear a name which a gold span has: no others are compared."""
    spans = {
        document.text[slice(*label.span)] for gold in sets for document in gold.documents for label in document.labels
    }
    return {name.number for name in read_names(names) if name.text in spans}


def _vectors(index: Index, numbers: set[int]) -> dict[int, list[float]]:
    """The mean vector of an entity's description, as spaCy's own example has it; of its label where it has none."""
    nlp = spacy.load(DEFAULT_MODEL, enable=["tok2vec"])
    rows = {number: index.row(number) for number in numbers}
    records = {number: index.record(row) for number, row in rows.items() if row is not None}
    texts = [index.described(record) or next(iter(record.labels.values())) for record in records.values()]
    docs = nlp.pipe(texts)
    return {number: doc.tensor.mean(axis=0).tolist() for number, doc in zip(records, docs, strict=True)}


def _pipeline(names: Path, vectors: Mapping[int, list[float]], with_context: bool) -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    linker = nlp.add_pipe("entity_linker", config={"incl_prior": True, "incl_context": with_context})
    load = partial(_base, names=read_names(names), vectors=vectors)
    linker.initialize(lambda: _examples(nlp), nlp=nlp, kb_loader=load)  # type: ignore[attr-defined]
    return nlp


def _base(vocab: Vocab, names: Iterator[Name], vectors: Mapping[int, list[float]]) -> InMemoryLookupKB:
    return knowledge_base(vocab, names, vectors, _SIZE)


def _examples(nlp: Language) -> list[Example]:
    """What the linker's sizes are inferred from."""
    doc = nlp.get_pipe("sentencizer")(nlp.make_doc("Ada wrote from London."))
    doc.ents = [Span(doc, 0, 1, label=_LABEL)]
    return [Example(doc, doc)]


def _train(nlp: Language, documents: Sequence[GoldDocument], ids: Ids, epochs: int) -> None:
    chance = random.Random(SEED)
    examples = []
    for document in documents:
        counted = {place: qid for place, qid in document.counted(ids).items() if qid_number(qid)}
        reference, _ = _marked(nlp, document, counted)
        predicted, _ = _marked(nlp, document, counted)
        if reference.ents:
            examples.append(Example(predicted, reference))
    optimizer = nlp.resume_training()
    for _ in range(epochs):
        chance.shuffle(examples)
        for start in range(0, len(examples), 16):
            nlp.update(examples[start : start + 16], sgd=optimizer, drop=0.2, annotates=["sentencizer"])


def _marked(nlp: Language, document: GoldDocument, qids: Mapping[Place, str]) -> tuple[Doc, list[Place]]:
    """The document with its labelled spans as entities, as far as they fall on tokens and do not overlap."""
    doc = nlp.get_pipe("sentencizer")(nlp.make_doc(document.text))
    spans: list[Span] = []
    places: list[Place] = []
    for place in qids or [(span.start, span.end) for span in labelled(document)]:
        span = doc.char_span(*place, label=_LABEL, kb_id=qids.get(place, ""), alignment_mode="expand")
        if span is not None and all(span.end <= other.start or other.end <= span.start for other in spans):
            spans.append(span)
            places.append(place)
    doc.ents = sorted(spans, key=lambda span: span.start)
    return doc, sorted(places)


def _predicted(nlp: Language, document: GoldDocument) -> Prediction:
    doc, places = _marked(nlp, document, {})
    doc = nlp.get_pipe("entity_linker")(doc)
    mentions = []
    for (start, end), entity in zip(places, doc.ents, strict=True):
        qid = entity.kb_id_ if entity.kb_id_.startswith("Q") else None
        mentions.append(PredictedMention(start, end, qid, qid))
    return Prediction(document.id, tuple(mentions))
