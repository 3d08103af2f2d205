"""Words of an index: each of those that its names are made of, the names and the entities that they lead to."""

from collections.abc import Sequence
from itertools import islice

import msgspec
import numpy as np

from nedsvc import tables
from nedsvc.context import WORD_BITS, says_something, word_number
from nedsvc.index.acronyms import best_known, initials, letters_of
from nedsvc.index.arrays import Ints, bounds_of, distinct, expand, is_first, pack, positions_in_group, unpack
from nedsvc.index.build.names import TRIE, PartTask, part_tasks, trie_of
from nedsvc.index.build.stages import Result, Stage
from nedsvc.index.build.texts import texts_of
from nedsvc.index.build.workspace import Workspace
from nedsvc.index.format import MAX_BEARERS, MAX_NAMES_OF_WORD, Kind
from nedsvc.index.fuzzy import HASH_BITS, WORD_ID_BITS, deletion_table
from nedsvc.index.tries import Tries
from nedsvc.matching import WORDS_OF_WHOLE_NAME

NO_WORD = -1


class _Part(msgspec.Struct, frozen=True):
    """A part of the names, with the number of each of its words in the index and the text of each."""

    texts: list[str]
    ids: Ints
    first_key: int
    word_begin: Ints
    words: Ints
    posting_begin: Ints
    posting_keys: Ints
    posting_rows: Ints
    posting_kinds: Ints
    standing: Ints
    proper: Ints


def lay_words(work: Workspace, workers: int) -> Stage:
    """What words lead to: a stage of which each task has the columns of a part of the words.

    Stages before it have a trie of each part's words, and from each part of the names what its words lead to.
    """
    tasks = part_tasks(work, work.stage("names").count)
    tries = Stage(work.folder, "words").run(_lay_tries, tasks, workers)
    work.keep("word_parts", bounds_of(tries.joined("count")))
    Stage(work.folder, "leading").run(_lead, tasks, workers)
    Stage(work.folder, "deletions").run(_merge_deletions, tasks, workers)
    return Stage(work.folder, "word_columns").run(_lay_columns, tasks, workers)


def _lay_tries(task: PartTask) -> Result:
    names = Workspace(task.folder).stage("names")
    words = {word for number in range(names.count) for word in texts_of(names, number, "words", task.part)}
    texts = sorted(words)
    trie, numbers = trie_of(texts)
    by_number = [texts[place] for place in np.argsort(numbers).tolist()]
    return {TRIE: trie.tobytes(), "count": np.array([len(trie)]), "deletions": deletion_table(by_number)}


def _merge_deletions(task: PartTask) -> Result:
    """The deletions of all words in a range of hashes."""
    work = Workspace(task.folder)
    begins = work.rows("word_parts")
    # No hash is in two ranges, as the words with one hash are sorted anew.
    low, high = ((1 << HASH_BITS) * place // task.parts << WORD_ID_BITS for place in (task.part, task.part + 1))
    merged = []
    for number, table in enumerate(work.stage("words").each("deletions")):
        first = np.searchsorted(table, np.uint64(low))
        end = len(table) if task.part + 1 == task.parts else np.searchsorted(table, np.uint64(high))
        merged.append(table[first:end] + np.uint64(begins[number]))
    return {"deletions": np.sort(np.concatenate(merged))}


def _lead(task: PartTask) -> Result:
    """What the words of a part of the names lead to, by the part of the words, and by row."""
    work = Workspace(task.folder)
    part = _part(work, task)
    begins = work.rows("word_parts")
    numbers = _word_numbers(part.texts)
    return {
        "key_words": part.ids[part.words],
        **_names_of_words(part, begins),
        **_bearers(part, begins),
        **_by_row(work, "own", pack(*_own_words(part, numbers), WORD_BITS)),
        **_by_row(work, "label", pack(*_label_words(work, task, part, numbers), WORD_BITS)),
        "initials": _initials(part),
    }


def _part(work: Workspace, task: PartTask) -> _Part:
    names, tries = work.stage("names"), work.stage("words")
    known = Tries.open([tries.path(number, TRIE) for number in range(tries.count)])
    texts = [text for part in range(task.parts) for text in texts_of(names, task.part, "words", part)]
    counts = names.of(task.part, "key_word_counts")
    posting_counts = names.of(task.part, "posting_counts")
    rows = names.of(task.part, "posting_rows")
    return _Part(
        texts=texts,
        ids=np.fromiter(map(known.get, texts), dtype=np.uint32, count=len(texts)),
        first_key=sum(map(len, islice(names.each("posting_counts"), task.part))),
        word_begin=bounds_of(counts),
        words=names.of(task.part, "key_words"),
        posting_begin=bounds_of(posting_counts),
        posting_keys=np.repeat(np.arange(len(counts)), posting_counts),
        posting_rows=rows,
        posting_kinds=names.of(task.part, "posting_kinds"),
        standing=work.rows("standing")[rows],
        proper=work.rows("proper")[rows],
    )


def _word_numbers(words: Sequence[str]) -> Ints:
    """The number of each word in contexts, or -1 for one that says nothing."""
    idle = tables.stop_words()
    numbers = (word_number(word) if says_something(word, idle) else NO_WORD for word in words)
    return np.fromiter(numbers, dtype=np.int64, count=len(words))


def _names_of_words(part: _Part, begins: Ints) -> Result:
    """Each word with the names that it stands in, and how well known the best known bearer of these is."""
    keys = np.repeat(np.arange(len(part.word_begin) - 1), np.diff(part.word_begin))
    standing = part.standing[part.posting_begin[:-1]][keys]
    packed = pack(part.ids[part.words], standing)
    order = np.argsort(packed, kind="stable")
    packed, keys = packed[order], keys[order]
    # A word that a name has twice stands in two lines that follow each other.
    once = is_first(packed, keys)
    return {
        "words": packed[once],
        "words_keys": (keys[once] + part.first_key).astype(np.uint32),
        "words_begin": _begins(packed[once], begins),
    }


def _begins(packed: Ints, begins: Ints, bits: int = 32) -> Ints:
    """Where the parts begin in numbers that are packed and sorted."""
    return np.searchsorted(packed, begins.astype(np.uint64) << np.uint64(bits))


def _bearers(part: _Part, begins: Ints) -> Result:
    """Each word with the entities in whose names of some words it stands, the best known first."""
    lengths = np.diff(part.word_begin)[part.posting_keys]
    some_words = (lengths >= WORDS_OF_WHOLE_NAME.start) & (lengths < WORDS_OF_WHOLE_NAME.stop)
    chosen = some_words & part.proper
    words, owners = expand(part.word_begin, part.words, part.posting_keys[chosen])
    packed = distinct(pack(part.ids[words], part.standing[chosen][owners]))
    few = positions_in_group(packed >> np.uint64(32)) < MAX_BEARERS
    return {"bearers": packed[few], "bearers_begin": _begins(packed[few], begins)}


def _own_words(part: _Part, numbers: Ints) -> tuple[Ints, Ints]:
    """Each entity with the words of its names."""
    words, owners = expand(part.word_begin, part.words, part.posting_keys)
    return _telling(part.posting_rows[owners], numbers[words])


def _label_words(work: Workspace, task: PartTask, part: _Part, numbers: Ints) -> tuple[Ints, Ints]:
    """Each entity with the words of its label."""
    names = work.stage("names")
    rows, keys = names.of(task.part, "label_rows"), names.of(task.part, "label_keys")
    words, owners = expand(part.word_begin, part.words, keys.astype(np.int64))
    return _telling(rows[owners], numbers[words])


def _telling(rows: Ints, words: Ints) -> tuple[Ints, Ints]:
    kept = words != NO_WORD
    return rows[kept], words[kept]


def _by_row(work: Workspace, name: str, pairs: Ints) -> Result:
    """Distinct pairs that begin with a row, and where each task's rows begin in them."""
    pairs = distinct(pairs)
    return {name: pairs, f"{name}_begin": _begins(pairs, work.rows("row_parts"), WORD_BITS)}


def _initials(part: _Part) -> Ints:
    """The initials of proper names, each with the best known that bear one, packed and sorted."""
    own_names = np.isin(part.posting_kinds, (Kind.LABEL, Kind.ALIAS))
    chosen = part.proper & own_names
    words, owners = expand(part.word_begin, part.words, part.posting_keys[chosen])
    idle = tables.stop_words() | {"s"}
    said = np.array([word not in idle for word in part.texts], dtype=bool)
    letters = letters_of(part.texts)
    return best_known(initials(words, owners, letters, said, part.standing[chosen]))


def _lay_columns(task: PartTask) -> Result:
    """The columns of a part of the words."""
    work = Workspace(task.folder)
    names, leading = work.stage("names"), work.stage("leading")
    first, end = work.rows("word_parts")[task.part : task.part + 2].tolist()
    packed, keys, bearers = (
        np.concatenate(
            [leading.of(number, name)[leading.part(number, begins, task.part)] for number in range(task.parts)]
        )
        for name, begins in (("words", "words_begin"), ("words_keys", "words_begin"), ("bearers", "bearers_begin"))
    )
    order = np.argsort(packed, kind="stable")  # the tasks come by key, so that it decides where all else is the same
    words, _ = unpack(packed[order])
    counts = np.bincount((words - np.uint64(first)).astype(np.int64), minlength=end - first)
    few = positions_in_group(words) < MAX_NAMES_OF_WORD
    bearer_words, standing = unpack(distinct(bearers))
    best = positions_in_group(bearer_words) < MAX_BEARERS
    in_all = sum(map(len, names.each("posting_counts")))
    return {
        "word_key_counts": np.minimum(counts, MAX_NAMES_OF_WORD).astype(np.uint32),
        "word_keys": keys[order][few],
        "word_weights": np.log1p(in_all / np.maximum(counts, 1)).astype(np.float32),
        "bearer_counts": np.bincount(
            (bearer_words[best] - np.uint64(first)).astype(np.int64), minlength=end - first
        ).astype(np.uint32),
        "bearer_rows": work.rows("by_standing")[standing[best].astype(np.int64)],
    }
