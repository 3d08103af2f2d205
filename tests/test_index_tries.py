"""Texts in several tries are found as if they were in one."""

import marisa_trie
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nedsvc.index.tries import Tries, first_word_hash, part_of, parts_of

TEXTS = st.lists(
    st.lists(st.text("abcdé習", min_size=1, max_size=3), min_size=1, max_size=3).map(" ".join), max_size=20
)


def tries(texts: list[str], parts: int) -> Tries:
    spread: list[list[str]] = [[] for _ in range(parts)]
    for text in texts:
        spread[part_of(first_word_hash(text), parts)].append(text)
    return Tries([marisa_trie.Trie(part) for part in spread])


@given(TEXTS, st.integers(1, 5))
def test_every_text_has_a_number_of_its_own_that_leads_back_to_it(texts: list[str], parts: int) -> None:
    known = tries(texts, parts)
    numbers = {text: known.get(text) for text in texts}
    assert sorted(numbers.values(), key=str) == sorted(range(len(known)), key=str)
    assert {text: known.restore_key(number) for text, number in numbers.items() if number is not None} == {
        text: text for text in texts
    }
    assert sorted(known) == sorted(set(texts))


@given(TEXTS, st.integers(1, 5), TEXTS)
def test_what_is_not_there_has_no_number(texts: list[str], parts: int, others: list[str]) -> None:
    known = tries(texts, parts)
    assert [text for text in others if text in known] == [text for text in others if text in texts]


@given(TEXTS, st.integers(1, 5))
def test_prefixes_are_the_texts_that_another_one_begins_with_word_by_word(texts: list[str], parts: int) -> None:
    known = tries(texts, parts)
    for text in texts:
        words = text.split()
        wanted = [begin for size in range(1, len(words) + 1) if (begin := " ".join(words[:size])) in texts]
        assert [begin for begin in known.prefixes(text) if begin in wanted] == wanted


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1), st.integers(1, 10_000))
def test_parts_are_the_same_one_by_one_and_all_at_once(heads: list[int], parts: int) -> None:
    found = [part_of(head, parts) for head in heads]
    assert parts_of(np.array(heads, dtype=np.uint32), parts).tolist() == found
    assert all(0 <= part < parts for part in found)
