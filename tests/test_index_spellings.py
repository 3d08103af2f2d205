"""What is kept of how names are written, against the plain way."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nedsvc.index.spellings import Spellings
from nedsvc.names import fold, shape

NAMES = st.lists(st.text(st.sampled_from("aZé .-習1")) | st.text(), max_size=8)


@given(st.lists(NAMES, max_size=4))
def test_keys_words_and_shapes_are_those_of_each_name(batches: list[list[str]]) -> None:
    spellings = Spellings()
    for batch in batches:
        spellings.take(batch)
    names = [name for batch in batches for name in batch]
    words = spellings.words()
    parts = np.split(np.asarray(spellings.word_places), np.cumsum(spellings.word_counts, dtype=np.int64)[:-1])
    assert spellings.keys == [fold(name) for name in names]
    assert list(spellings.shapes) == [shape(name) for name in names]
    assert [[words[place] for place in part] for part in parts[: len(names)]] == [fold(name).split() for name in names]


def test_diacritics_and_a_lower_case_first_word_are_marked() -> None:
    spellings = Spellings()
    spellings.take(["Kyiv", "Kyïv", "Київ", "universe", "al-Jazeera Media", "习近平"])
    assert list(spellings.accents) == [0, 1, 1, 0, 0, 0]
    assert list(spellings.low) == [0, 0, 0, 1, 0, 0]
