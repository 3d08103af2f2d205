"""What is kept of how names are written, against the plain way."""

from hypothesis import given
from hypothesis import strategies as st

from nedsvc.index.build.spellings import spell
from nedsvc.index.tries import first_word_hash
from nedsvc.names import fold, shape


@given(st.lists(st.text(st.sampled_from("aZé .-習1")) | st.text(), max_size=8))
def test_keys_and_shapes_are_those_of_each_name(names: list[str]) -> None:
    spelt = spell(names)
    assert spelt.keys == [fold(name) for name in names]
    assert list(spelt.shapes) == [shape(name) for name in names]
    assert spelt.heads == [first_word_hash(fold(name)) for name in names]


def test_diacritics_and_a_lower_case_first_word_are_marked() -> None:
    spelt = spell(["Kyiv", "Kyïv", "Київ", "universe", "al-Jazeera Media", "习近平"])
    assert list(spelt.accents) == [0, 1, 1, 0, 0, 0]
    assert list(spelt.low) == [0, 0, 0, 1, 0, 0]
