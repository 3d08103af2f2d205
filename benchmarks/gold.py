"""A quick check of accuracy on the open benchmarks, for comparing changes.

    python benchmarks/gold.py [--index DIR | --starter] [--detector both]

Accuracy: every labelled span is given to the linker as a mention; the share of the counted ones whose best
candidate, whatever its status, is right. F1: the linker detects by itself; exact span and QID, micro-averaged
over a set. What is counted follows the benchmarks' README: linkable gold with a QID of the dump, neither
optional nor a part of another label nor coreference, pronoun, quantity or date; and the links inside the
evaluated span whose QID the dump has and that lie on counted gold or overlap none of the rest.
"""

from collections.abc import Iterator

import msgspec
from common import (
    GoldDocument,
    GoldSet,
    Spans,
    chosen_index,
    gold_sets,
    index_parser,
    known_ids,
    open_linker,
    overlaps,
    run,
    table,
)

from nedsvc import Annotation, Document, EntityLinker, Span


class Scores(msgspec.Struct, frozen=True):
    """The figures of a set."""

    name: str
    gold: int
    accuracy: float
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def row(self) -> tuple[str, ...]:
        """The cells of the table."""
        figures = (self.accuracy, self.precision, self.recall, self.f1)
        return self.name, str(self.gold), *(f"{figure:.3f}" for figure in figures)


def annotations(linker: EntityLinker, documents: tuple[GoldDocument, ...], *, given: bool) -> Iterator[Annotation]:
    """The documents' annotations, of their labelled spans or of what the linker detects."""
    return linker.annotate_batch(
        Document(text=document.text, mentions=_labelled(document) if given else None) for document in documents
    )


def _labelled(document: GoldDocument) -> list[Span]:
    return [Span(*span) for span in sorted({label.span for label in document.labels})]


def best(annotation: Annotation) -> Spans:
    """The best candidate of each mention, whatever its status."""
    return {
        (link.mention.start, link.mention.end): link.candidates[0].id for link in annotation.links if link.candidates
    }


def counted_links(annotation: Annotation, document: GoldDocument, known: frozenset[str]) -> Spans:
    """The links that are counted."""
    gold, rest = document.counted(known), document.uncounted(known)
    first, last = document.evaluation_span
    links = {(link.mention.start, link.mention.end): link.entity.id for link in annotation.links if link.entity}
    return {
        span: qid
        for span, qid in links.items()
        if first <= span[0] and span[1] <= last and qid in known and (span in gold or not overlaps(span, rest))
    }


def _hits(found: Spans, gold: Spans) -> int:
    return sum(found.get(span) == qid for span, qid in gold.items())


def score(linker: EntityLinker, gold_set: GoldSet, known: frozenset[str]) -> Scores:
    """Link a set both ways and count."""
    documents = gold_set.documents
    gold = [document.counted(known) for document in documents]
    total = sum(map(len, gold))
    given = [best(annotation) for annotation in annotations(linker, documents, given=True)]
    found = [
        counted_links(annotation, document, known)
        for annotation, document in zip(annotations(linker, documents, given=False), documents, strict=True)
    ]
    hits = sum(map(_hits, found, gold))
    return Scores(
        name=gold_set.name,
        gold=total,
        accuracy=sum(map(_hits, given, gold)) / total,
        precision=hits / (sum(map(len, found)) or 1),
        recall=hits / total,
    )


def main() -> None:
    """Score every set and print the table."""
    parser = index_parser((__doc__ or "").partition("\n")[0])
    parser.add_argument("--detector", default="both", help="both, spacy or gazetteer")
    arguments = parser.parse_args()
    linker, known = open_linker(chosen_index(arguments), arguments.detector), known_ids()
    scores = [score(linker, gold_set, known) for gold_set in gold_sets()]
    count = len(scores)
    accuracy, f1 = sum(each.accuracy for each in scores) / count, sum(each.f1 for each in scores) / count
    mean = ("mean", "", f"{accuracy:.3f}", "", "", f"{f1:.3f}")
    print(table(("set", "gold", "accuracy", "P", "R", "F1"), [*(each.row() for each in scores), mean]))
    print("The sample lacks most of Wikidata's namesakes: for comparing changes, no accuracy on Wikidata.")


if __name__ == "__main__":
    run(main)
