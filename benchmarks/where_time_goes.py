"""Where the time of linking goes: a profile of one pass over the open benchmark texts, by stage.

    python benchmarks/where_time_goes.py [--index DIR | --starter] [--detector gazetteer]

The times are those of cProfile, which makes Python code look slower beside numpy than it is. Inner stages are part of
the ones above them.
"""

import cProfile
import pstats

from common import chosen_index, gold_sets, index_parser, open_linker, print_table, run

from nedsvc import Document
from nedsvc.factory import DETECTORS

# What is shown, and the functions (the end of the file's path, the name) whose time it is.
STAGES = (
    ("mentions", (("detect/recurring.py", "detect"),)),
    ("- the gazetteer", (("detect/gazetteer.py", "detect"),)),
    ("- spaCy", (("detect/spacy_ner.py", "detect"),)),
    ("candidates", (("sources/local.py", "search"),)),
    ("- similar names", (("index/fuzzy.py", "find"),)),
    ("- longer names", (("index/fuzzy.py", "longer"),)),
    ("- other writings", (("sources/local.py", "_varied"),)),
    ("- their facts", (("index/reader.py", "candidate_columns"),)),
    ("grouping mentions", (("decision.py", "sheet"),)),
    ("one table of all candidates", (("nedsvc/candidate_table.py", "candidate_table"),)),
    ("features and decisions", (("decision.py", "decide_table"),)),
    ("entities that are shown", (("sources/local.py", "fetch"),)),
)


def main() -> None:
    """Link the texts once and print the shares."""
    parser = index_parser((__doc__ or "").partition("\n")[0])
    parser.add_argument("--detector", choices=DETECTORS, default="gazetteer")
    arguments = parser.parse_args()
    linker = open_linker(chosen_index(arguments), arguments.detector)
    linker.annotate("Ada Lovelace wrote to Charles Babbage from London before the winter.")
    documents = [Document(text=document.text) for gold_set in gold_sets() for document in gold_set.documents]
    profile = cProfile.Profile()
    profile.runcall(lambda: list(linker.annotate_batch(documents)))
    stats = pstats.Stats(profile)
    times = {(file, name): figures[3] for (file, _, name), figures in stats.stats.items()}  # type: ignore[attr-defined]
    total = stats.total_tt  # type: ignore[attr-defined]
    rows = [(stage, sum(_time(times, *function) for function in functions)) for stage, functions in STAGES]
    print_table(("stage", "seconds", "share"), [(stage, f"{time:.2f}", f"{time / total:.0%}") for stage, time in rows])
    print(f"\n{len(documents)} texts, {total:.2f} s in all, profiled")


def _time(times: dict[tuple[str, str], float], end: str, name: str) -> float:
    return max((time for (file, own), time in times.items() if own == name and file.endswith(end)), default=0.0)


if __name__ == "__main__":
    run(main)
