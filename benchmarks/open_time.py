"""How long opening an index takes: the median of five openings with the gazetteer, after a first.

python benchmarks/open_time.py [--index DIR | --starter]
"""

from pathlib import Path
from statistics import median
from time import perf_counter

from common import chosen_index, index_parser, open_linker, run

OPENINGS = 5
GOAL_MS = 50


def opening_ms(index: Path) -> float:
    """The milliseconds that one opening takes."""
    start = perf_counter()
    open_linker(index, "gazetteer")
    return (perf_counter() - start) * 1000


def main() -> None:
    """Open the index and print the figures."""
    index = chosen_index(index_parser((__doc__ or "").partition("\n")[0]).parse_args())
    first = opening_ms(index)
    later = [opening_ms(index) for _ in range(OPENINGS)]
    print(f"first: {first:.1f} ms")
    print(f"then, median of {OPENINGS}: {median(later):.1f} ms (goal: under {GOAL_MS} ms)")


if __name__ == "__main__":
    run(main)
