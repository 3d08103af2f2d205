"""Fits the weights of the features on the open gold sets and prints them as JSON with their provenance.

    python benchmarks/fit_weights.py --index DIR --weights plain > weights.json   # then move it to nedsvc/data

For the weights "fast" and "accurate" the index needs vectors (`nedsvc index vectors DIR`); "plain" are those of an
index without.
The model is the ranker's own: a conditional logit with NIL as one more choice (McFadden 1974), fitted by maximum
likelihood with an L2 penalty. A labelled mention chooses its gold entity, or NIL where no candidate is that; a
detected one that overlaps no label chooses NIL. Each set weighs the same. The features of the later stages depend on
the weights, so fitting and linking alternate for a few rounds. No feature looks at a benchmark's strings.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
from common import chosen_index, gold_sets, index_parser, run
from numpy.typing import NDArray
from scipy.optimize import minimize

from nedsvc import Document, EntityLinker, Link, Options, Span
from nedsvc.evaluation.gold import GoldDocument, GoldSet, overlaps
from nedsvc.factory import linker_from_index
from nedsvc.features import FEATURES
from nedsvc.ranking import Ranker, default_ranker

ROUNDS = 3
PENALTY = 0.01
BY_HAND = ("demonym", "shorthand")  # the weights of what our tables say are kept as they are
NAMES = tuple(feature.name for feature in FEATURES)

Floats = NDArray[np.float64]


class Observation(msgspec.Struct, frozen=True):
    """A mention: the features of its candidates, which of them is meant (None: NIL) and how much it weighs."""

    features: Floats
    chosen: int | None
    weight: float


def observe(linker: EntityLinker, gold_set: GoldSet, options: Options) -> list[Observation]:
    """What the mentions of a set teach; together they weigh 1."""
    found = [*_labelled(linker, gold_set.documents, options), *_unlabelled(linker, gold_set.documents, options)]
    return [
        Observation(_features(link), _position(link, qid), 1 / len(found))
        for link, qid in found
        if link.candidates and not _is_listed(link)
    ]


def _labelled(
    linker: EntityLinker, documents: Sequence[GoldDocument], options: Options
) -> Iterator[tuple[Link, str | None]]:
    wanted = [{label.span: label.entity_id for label in document.labels if not label.coref} for document in documents]
    asked = (
        Document(text=document.text, mentions=[Span(*span) for span in sorted(spans)])
        for document, spans in zip(documents, wanted, strict=True)
    )
    for annotation, spans in zip(linker.annotate_batch(asked, options), wanted, strict=True):
        for link in annotation.links:
            yield link, spans[link.mention.start, link.mention.end]


def _unlabelled(
    linker: EntityLinker, documents: Sequence[GoldDocument], options: Options
) -> Iterator[tuple[Link, None]]:
    annotations = linker.annotate_batch((Document(text=document.text) for document in documents), options)
    for annotation, document in zip(annotations, documents, strict=True):
        first, last = document.evaluation_span
        labels = [label.span for label in document.labels]
        for link in annotation.links:
            span = (link.mention.start, link.mention.end)
            inside = first <= span[0] and span[1] <= last
            if inside and not overlaps(span, labels):
                yield link, None


def _is_listed(link: Link) -> bool:
    """Whether the mention is in one of our tables of demonyms and shorthand names.

    These teach nothing: by our convention a demonym means the country, while the sets link some to peoples and
    languages and leave most unlabelled, and of the shorthand names they hold too few.
    """
    return any(candidate.features[name] for candidate in link.candidates for name in BY_HAND)


def _features(link: Link) -> Floats:
    return np.array([[candidate.features[name] for name in NAMES] for candidate in link.candidates])


def _position(link: Link, qid: str | None) -> int | None:
    return next((place for place, candidate in enumerate(link.candidates) if candidate.id == qid), None)


def fit(observations: Sequence[Observation], start: Ranker, sets: int) -> Ranker:
    """The weights of greatest likelihood under the penalty, starting from those of a ranker."""
    rows = np.concatenate([observation.features for observation in observations])
    sizes = np.array([len(observation.features) for observation in observations])
    first = np.cumsum(sizes) - sizes
    weight = np.array([observation.weight for observation in observations]) / sets
    has_choice = np.array([observation.chosen is not None for observation in observations])
    chosen = first + np.array([observation.chosen or 0 for observation in observations])

    def loss(parameters: Floats) -> tuple[float, Floats]:
        scores, nil = rows @ parameters[:-1], parameters[-1]
        top = np.maximum(np.maximum.reduceat(scores, first), nil)
        exponentials = np.exp(scores - np.repeat(top, sizes))
        totals = np.add.reduceat(exponentials, first) + np.exp(nil - top)
        probabilities = exponentials / np.repeat(totals, sizes)
        likelihood = weight @ (np.where(has_choice, scores[chosen], nil) - top - np.log(totals))
        pulls = -probabilities * np.repeat(weight, sizes)
        np.add.at(pulls, chosen[has_choice], weight[has_choice])
        nil_pull = weight @ (~has_choice - np.exp(nil - top) / totals)
        gradient = np.append(rows.T @ pulls, nil_pull)
        return -likelihood + PENALTY * parameters @ parameters / 200, -gradient + PENALTY * parameters / 100

    begin = np.array([*(start.weights.get(name, 0.0) for name in NAMES), start.nil])
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=_bounds()).x.round(4).tolist()
    weights = dict(zip(NAMES, found, strict=False)) | {name: start.weights[name] for name in BY_HAND}
    return Ranker(provenance=_provenance(len(observations)), nil=found[-1], weights=weights)


def _bounds() -> list[tuple[float | None, float | None]]:
    """A similar name must not count for more than the name itself, nor an alias for more than the label."""
    bounds: dict[str, tuple[float | None, float | None]] = {"similar": (None, 0.0), "label": (0.0, None)}
    return [bounds.get(name, (None, None)) for name in (*NAMES, "nil")]


def _provenance(mentions: int) -> str:
    return (
        f"benchmarks/fit_weights.py on {mentions} mentions of kore50, msnbc-updated, oke-2015-train, news-fair, "
        f"wiki-fair and derczynski over an index of a sample of Wikidata; conditional logit, L2 penalty {PENALTY}"
    )


def main() -> None:
    """Alternate linking and fitting; print the last weights."""
    parser = index_parser((__doc__ or "").partition("\n")[0])
    parser.add_argument("--weights", choices=("plain", "fast", "accurate"), default="plain", help="which to fit")
    arguments = parser.parse_args()
    path: Path = chosen_index(arguments)
    options = Options(limit=1000, explain=True, ranker="accurate" if arguments.weights == "accurate" else "fast")
    sets, ranker = gold_sets(), default_ranker(arguments.weights)
    for turn in range(ROUNDS):
        linker = linker_from_index(path, rankers={options.ranker: ranker})
        observations = [observation for gold_set in sets for observation in observe(linker, gold_set, options)]
        ranker = fit(observations, ranker, len(sets))
        print(f"round {turn + 1}: {ranker.weights} nil {ranker.nil}", file=sys.stderr)
    print(msgspec.json.format(msgspec.json.encode(ranker), indent=2).decode())


if __name__ == "__main__":
    run(main)
