"""What the links of a wiki say of the names of an index (`nedsvc.anchors`), joined by the titles of its pages."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import marisa_trie
import numpy as np

from nedsvc.anchors import AnchorText, read_anchors
from nedsvc.index.arrays import Ints, pack, rows_of
from nedsvc.index.build.columns import title_number
from nedsvc.index.build.entities import NO_ROW
from nedsvc.index.build.stages import Result, Stage
from nedsvc.index.build.texts import part_begins, texts_by_part, texts_of
from nedsvc.index.build.workspace import Workspace
from nedsvc.index.tries import first_word_hash, parts_of

STAGE = "anchors"
ANCHOR_COLUMNS = ("posting_anchors", "key_linked", "key_unlinked")
_AT_ONCE = 100_000
_CHECKED = "anchors_checked"


def wiki_of(work: Workspace, path: Path) -> str:
    """The wiki that a file is of. All of it is read, once: told later of damage, one would have read the dumps in vain.

    Raises `InvalidInput` for a file that cannot be used.
    """
    header, texts = read_anchors(path)
    if not work.has_rows(_CHECKED):
        number = sum(1 for _ in texts)
        work.keep(_CHECKED, np.array([number]))
    return header.wiki


def spread_anchors(work: Workspace, path: Path, parts: int) -> Stage:
    """The texts of a file, with the rows that their links lead to, by the part of the names that each belongs to.

    Raises `InvalidInput` for a file that cannot be used.
    """
    _, texts = read_anchors(path)
    numbers, rows = _titles(work)
    return Stage(work.folder, STAGE).run_each(
        partial(_spread, numbers=numbers, rows=rows, parts=parts), _some(texts), 1
    )


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
    texts = [texts[place] for place in np.argsort(part, kind="stable").tolist()]
    begins = part_begins(part, parts)
    titles = [title_number(title) for text in texts for title, _ in text.targets]
    places = rows_of(numbers, np.array(titles, dtype=np.uint64))
    return {
        "begin": begins,
        "linked": np.array([text.linked for text in texts], dtype=np.uint32),
        "unlinked": np.array([text.unlinked for text in texts], dtype=np.uint32),
        "target_begin": np.cumsum([0, *(len(text.targets) for text in texts)]),
        "target_rows": np.where(places >= 0, rows[places] if len(rows) else NO_ROW, NO_ROW).astype(np.uint32),
        "target_links": np.array([count for text in texts for _, count in text.targets], dtype=np.uint32),
        **texts_by_part([text.key for text in texts], begins, "keys"),
    }


def anchor_columns(work: Workspace, part: int, trie: marisa_trie.Trie, postings: Ints) -> Result:
    """The columns `ANCHOR_COLUMNS` of a part of the names, whose postings are packed keys and standings.

    None without anchors.
    """
    stage = work.stage(STAGE)
    if not stage.was_run:
        return {}
    meant = np.zeros(len(postings), dtype=np.uint32)
    linked, unlinked = (np.zeros(len(trie), dtype=np.uint32) for _ in range(2))
    for number in range(stage.count):
        of_part = stage.part(number, "begin", part)
        keys = np.array([trie.get(text, -1) for text in texts_of(stage, number, "keys", part)], dtype=np.int64)
        known = keys >= 0
        linked[keys[known]] = stage.of(number, "linked")[of_part][known]
        unlinked[keys[known]] = stage.of(number, "unlinked")[of_part][known]
        owners, rows, links = _known_links(stage, number, of_part)
        borne = rows_of(postings, pack(keys[owners], work.rows("standing")[rows]))
        counted = (borne >= 0) & known[owners]
        np.add.at(meant, borne[counted], links[counted])
    return {"posting_anchors": meant, "key_linked": linked, "key_unlinked": unlinked}


def _known_links(stage: Stage, number: int, texts: slice) -> tuple[Ints, Ints, Ints]:
    """Links to entities from some of a task's texts: the place of each's text, the row, and how many they are."""
    begins = stage.of(number, "target_begin")[texts.start : texts.stop + 1]
    targets = slice(*begins[[0, -1]].tolist())
    rows = stage.of(number, "target_rows")[targets]
    known = rows != NO_ROW
    owners = np.repeat(np.arange(len(begins) - 1), np.diff(begins))
    return owners[known], rows[known], stage.of(number, "target_links")[targets][known]
