"""Fits the weights of a ranker on the open gold sets and prints them as JSON with their provenance.

    python benchmarks/fit_weights.py --index DIR --weights plain > weights.json   # then move it to nedsvc/data

For the weights "fast" and "accurate" the index needs vectors (`nedsvc index vectors DIR`); "plain" are those of an
index without. How they are fitted and calibrated is in `training.py`.
"""

import sys

import msgspec
import training
from common import chosen_index, gold_sets, index_parser, known_ids, run

from nedsvc.factory import parts_of_index
from nedsvc.models import RankerName

RANKERS: dict[training.Weights, RankerName] = {"plain": "fast", "fast": "fast", "accurate": "accurate"}


def main() -> None:
    """Fit on all documents, calibrate on held-out ones, and print."""
    parser = index_parser((__doc__ or "").partition("\n")[0])
    parser.add_argument("--weights", choices=list(RANKERS), default="plain", help="which to fit")
    arguments = parser.parse_args()
    name: training.Weights = arguments.weights
    gold = training.Gold(gold_sets(), known_ids())
    cases = training.cases(parts_of_index(chosen_index(arguments)), gold, RANKERS[name])
    begin, without = training.beginning(name), training.VECTORS if name == "plain" else ()
    ranker = training.train(cases, begin, without)
    folds = training.by_folds(cases, begin, without)
    provenance = (
        f"benchmarks/fit_weights.py --weights {name}: {ranker.provenance} of kore50, msnbc-updated, oke-2015-train, "
        "news-fair, wiki-fair and derczynski over an index of a sample of Wikidata; conditional logit, L2 penalty "
        f"{training.PENALTY}; calibrated on {training.FOLDS} folds of the documents"
    )
    finished = msgspec.structs.replace(ranker, provenance=provenance, calibration=training.calibration(folds, gold))
    print(training.score(training.calibrated(folds, gold), gold), file=sys.stderr)
    print(msgspec.json.format(msgspec.json.encode(finished), indent=2).decode())


if __name__ == "__main__":
    run(main)
