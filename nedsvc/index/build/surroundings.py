"""Words around an entity: its description and names, its classes' labels and those of what it is linked with."""

import numpy as np

from nedsvc.context import LINKS_WITH_WORDS, WORD_BITS, WORDS
from nedsvc.index.arrays import Ints, distinct, expand, pack, positions_in_group, rows_of, unpack
from nedsvc.index.build.entities import RowTask, row_tasks, values_of
from nedsvc.index.build.stages import Result, Stage
from nedsvc.index.build.workspace import Workspace

_COMMON_SHARE = 0.05
_COMMON_FROM = 1000


def lay_surroundings(work: Workspace, workers: int) -> Stage:
    """The numbers of the words around entities: a stage with `words` and `word_counts` by row.

    A word that is around too many of them is left out.
    """
    tasks = row_tasks(work)
    labels = Stage(work.folder, "labels").run(_lay_labels, tasks, workers)
    _keep_labels(work, labels)
    around = Stage(work.folder, "around").run(_lay_words, tasks, workers)
    _keep_telling(work, around)
    return Stage(work.folder, "surroundings").run(_leave_common_out, tasks, workers)


def _pairs(work: Workspace, task: RowTask, name: str) -> Ints:
    """The rows of the task, packed with the words that the parts of the names gave for them."""
    leading = work.stage("leading")
    return np.concatenate(
        [leading.of(number, name)[leading.part(number, f"{name}_begin", task.part)] for number in range(leading.count)]
    )


def _lay_labels(task: RowTask) -> Result:
    work = Workspace(task.folder)
    rows, words = unpack(np.sort(_pairs(work, task, "label")), WORD_BITS)
    counts = np.bincount(rows.astype(np.int64) - task.begin, minlength=task.end - task.begin)
    return {"counts": counts.astype(np.uint32), "words": words.astype(np.uint32)}


def _keep_labels(work: Workspace, labels: Stage) -> None:
    """Keep the words of all labels where any task finds those of any row."""
    words = work.grown("label_words", np.uint32, sum(map(len, labels.each("words"))))
    begins = work.grown("label_begin", np.uint64, len(work.rows("numbers")) + 1)
    begins[0] = row = end = 0
    for number in range(labels.count):
        found, counts = labels.of(number, "words"), labels.of(number, "counts")
        words[end : end + len(found)] = found
        begins[row + 1 : row + 1 + len(counts)] = end + np.cumsum(counts, dtype=np.uint64)
        row, end = row + len(counts), end + len(found)
    words.flush()
    begins.flush()


def _lay_words(task: RowTask) -> Result:
    work = Workspace(task.folder)
    described, described_rows = values_of(work, "descriptions", task)
    pairs = (
        pack(described_rows, described, WORD_BITS),
        _pairs(work, task, "own"),
        _label_pairs(work, *_known_classes(work, task)),
        _label_pairs(work, *_near_links(work, task)),
    )
    packed = distinct(np.concatenate(pairs))
    _, words = unpack(packed, WORD_BITS)
    return {"packed": packed, "numbers": np.bincount(words.astype(np.int64), minlength=WORDS).astype(np.uint32)}


def _known_classes(work: Workspace, task: RowTask) -> tuple[Ints, Ints]:
    """The rows of the task's entities and of their classes."""
    classes, rows = values_of(work, "classes", task)
    others = rows_of(work.rows("numbers"), classes)
    return rows[others >= 0], others[others >= 0]


def _near_links(work: Workspace, task: RowTask) -> tuple[Ints, Ints]:
    """The rows of the task's entities and of the first that each is linked with."""
    entities = work.stage("entities")
    counts = entities.of(task.part, "link_counts")
    rows = np.repeat(np.arange(task.begin, task.end), counts)
    near = positions_in_group(rows) < LINKS_WITH_WORDS
    return rows[near], entities.of(task.part, "link_rows")[near]


def _label_pairs(work: Workspace, rows: Ints, others: Ints) -> Ints:
    words, owners = expand(work.rows("label_begin"), work.rows("label_words"), others.astype(np.int64))
    return pack(rows[owners], words, WORD_BITS)


def _keep_telling(work: Workspace, around: Stage) -> None:
    """Keep which words are not around too many entities."""
    total = np.zeros(WORDS, dtype=np.int64)
    for numbers in around.each("numbers"):
        total += numbers
    entities = len(work.rows("numbers"))
    work.keep("telling", (total <= _COMMON_SHARE * entities) | (entities <= _COMMON_FROM))


def _leave_common_out(task: RowTask) -> Result:
    work = Workspace(task.folder)
    rows, words = unpack(work.stage("around").of(task.part, "packed"), WORD_BITS)
    telling = work.rows("telling")[words.astype(np.int64)]
    counts = np.bincount(rows[telling].astype(np.int64) - task.begin, minlength=task.end - task.begin)
    return {"words": words[telling].astype(np.uint32), "word_counts": counts.astype(np.uint32)}
