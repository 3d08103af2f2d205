"""Recall of the fuzzy search on made typos, over an index of the sample of Wikidata.

    python benchmarks/fuzzy.py --index DIR [--names 2000] [--misses 20]

Names are drawn from the index by chance, half of them from all and half from the well known, and each gets one slip of
each kind that it can have (`typos.py`). A slip that makes another known name is left out, since no search could tell.
"Names" is the share of which the right name is among the first 20 that the index finds similar; "candidates" that of
which the name's best-known bearer is among the first 20 candidates of the source. Folded diacritics are no slip for an
index, as its keys are folded: there "names" is the share whose key is the right one.
"""

import random
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from common import SEED, chosen_index, index_parser, print_table, run, written_names
from typos import SLIPS, slip

from nedsvc.factory import parts_of_index
from nedsvc.index.reader import Index
from nedsvc.names import fold
from nedsvc.sources import KnowledgeSource

MOST = 20
FOLDED = "folded diacritics"
GOALS = {"one edit": 0.98, "two edits": 0.90, "swapped words": 0.95, FOLDED: 1.0}
LENGTHS = ((4, 6), (7, 9), (10, 14), (15, 24), (25, 200))
_MOST_LETTERS = 60


class Asked(msgspec.Struct, frozen=True):
    """A name with a slip, whose it is, and the places at which name and bearer were found (None: not among 20)."""

    kind: str
    name: str
    slipped: str
    name_place: int | None
    candidate_place: int | None
    nearest: tuple[str, ...]


Names = Iterable[tuple[str, int]]


def ask(index: Index, source: KnowledgeSource, names: Names, chance: random.Random) -> Iterator[Asked]:
    """Each name with each slip that it can have."""
    for name, row in names:
        key = fold(name)
        bearers = index.rows_named(key)
        if row not in bearers or not _is_latin(name) or len(name) > _MOST_LETTERS:
            continue
        for kind in SLIPS:
            slipped = slip(kind, name if kind == FOLDED else key, chance)
            if slipped is not None and (kind == FOLDED or index.postings(fold(slipped)) is None):
                yield _ask(index, source, kind, key, slipped)


def _is_latin(name: str) -> bool:
    return all("LATIN" in unicodedata.name(letter, "") for letter in name if letter.isalpha())


def _ask(index: Index, source: KnowledgeSource, kind: str, key: str, slipped: str) -> Asked:
    best = index.id_of(index.number(index.rows_named(key)[0]))
    found = [fold(slipped)] if kind == FOLDED else [name for name, _ in index.similar_names(fold(slipped), MOST)]
    candidates = source.search([slipped.title() if kind != FOLDED else slipped], "en", float("inf"))
    ids = [candidate.id for held in candidates.values() for candidate in held][:MOST]  # type: ignore[union-attr]
    return Asked(kind, key, slipped, _place(found, key), _place(ids, best), tuple(found[:3]))


def _place(found: list[str], wanted: str) -> int | None:
    return found.index(wanted) if wanted in found else None


def recall(asked: list[Asked], by_candidates: bool = False) -> float:
    """The share that was found."""
    places = [each.candidate_place if by_candidates else each.name_place for each in asked]
    return sum(place is not None for place in places) / len(asked) if asked else float("nan")


def measure(folder: Path, count: int, misses: int) -> None:
    """Ask and print."""
    index, source = Index.open(folder), parts_of_index(folder, "gazetteer").source
    chance = random.Random(SEED)
    of_kind: dict[str, list[Asked]] = defaultdict(list)
    for well_known in (False, True):
        for each in ask(index, source, written_names(index, count // 2, chance, well_known), chance):
            of_kind[each.kind].append(each)
    rows = []
    for kind, asked in of_kind.items():
        by_length = (recall([each for each in asked if low <= len(each.name) <= high]) for low, high in LENGTHS)
        figures = [f"{recall(asked):.3f}", f"{GOALS[kind]:.2f}" if kind in GOALS else "", f"{recall(asked, True):.3f}"]
        rows.append([kind, f"{len(asked):,}", *figures, *(f"{share:.3f}" for share in by_length)])
    lengths = [f"{low}–{high} characters" if high < 100 else f"{low} and more" for low, high in LENGTHS]
    print_table(("slip", "asked", f"names at {MOST}", "goal", f"candidates at {MOST}", *lengths), rows)
    for kind, asked in of_kind.items():
        missed = [each for each in asked if each.name_place is None]
        print(f"\n{kind}: {len(missed)} of {len(asked)} missed")
        for each in missed[:misses]:
            print(f"  {each.slipped!r} for {each.name!r}: {', '.join(each.nearest) or 'nothing'}")


def main() -> None:
    """Read the command line and measure."""
    parser = index_parser((__doc__ or "").partition("\n")[0])
    parser.add_argument("--names", type=int, default=2000, help="how many names are drawn")
    parser.add_argument("--misses", type=int, default=20, help="how many misses of each kind are shown")
    arguments = parser.parse_args()
    measure(chosen_index(arguments), arguments.names, arguments.misses)


if __name__ == "__main__":
    run(main)
