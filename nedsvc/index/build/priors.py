"""What the links of a wiki say of the names of an index (`nedsvc.anchors`), joined by the titles of its pages."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from nedsvc.anchors import AnchorText, read_anchors
from nedsvc.index.arrays import Ints, expand, pack, rows_of
from nedsvc.index.build.columns import title_number
from nedsvc.index.build.stages import Result, Stage
from nedsvc.index.build.texts import by_part, texts_of
from nedsvc.index.build.workspace import Workspace
from nedsvc.index.tries import first_word_hash, parts_of

STAGE = "anchors"
COLUMNS = ("posting_anchors", "key_linked", "key_unlinked")
_AT_ONCE = 100_000


def spread_anchors(work: Workspace, path: Path, parts: int) -> Stage:
    """The texts of a file, with the rows that their links lead to, by the part of the names that each belongs to.

    Raises `InvalidInput` for a file that cannot be used.
    """
    _, texts = read_anchors(path)
    numbers, rows = _titles(work)
    return Stage(work.folder, STAGE).run_each(lambda some: _spread(some, numbers, rows, parts), _some(texts))


def _titles(work: Workspace) -> tuple[Ints, Ints]:
    """The numbers of the titles of the entities' pages, sorted, and the row of each."""
    titles = work.column("item_titles")[work.rows("order")]
    titled = np.flatnonzero(titles)
    order = np.argsort(titles[titled], kind="stable")
    return titles[titled][order], titled[order].astype(np.uint32)


def _some(texts: Iterator[AnchorText]) -> Iterator[list[AnchorText]]:
    while some := list(islice(texts, _AT_ONCE)):
        yield some


def _spread(texts: Sequence[AnchorText], numbers: Ints, rows: Ints, parts: int) -> Result:
    part = parts_of(np.array([first_word_hash(text.key) for text in texts], dtype=np.uint32), parts)
    order = np.argsort(part, kind="stable")
    texts = [texts[place] for place in order.tolist()]
    titles = [title_number(title) for text in texts for title, _ in text.targets]
    places = rows_of(numbers, np.array(titles, dtype=np.uint64))
    owners = np.repeat(np.arange(len(texts)), [len(text.targets) for text in texts])
    known = places >= 0
    return {
        "linked": np.array([text.linked for text in texts], dtype=np.uint32),
        "unlinked": np.array([text.unlinked for text in texts], dtype=np.uint32),
        "target_counts": np.bincount(owners[known], minlength=len(texts)),
        "target_rows": rows[places[known]],
        "target_links": np.array([count for text in texts for _, count in text.targets], dtype=np.uint32)[known],
        **by_part([text.key for text in texts], part, parts, "keys"),
    }


def anchor_columns(work: Workspace, part: int, keys: Sequence[str], numbers: Ints, postings: tuple[Ints, Ints]) -> Result:
    """The columns `COLUMNS` of a part of the names; `postings` are their key and row, by key and standing.

    `numbers` are those of the texts `keys` of the part's names.
    """
