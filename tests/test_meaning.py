"""What a text says around a mention."""

from collections.abc import Sequence

import numpy as np
import pytest
from fakes import JUDGES, FakeDetector, FakeSource, candidate

from nedsvc import EntityLinker, InvalidInput, Options
from nedsvc.context import word_number
from nedsvc.encoders import Vectors
from nedsvc.meaning import LONGEST_SENTENCE, SentenceContexts, WordContexts, sentences
from nedsvc.models import Candidate, Mention, RankerName
from nedsvc.ranking import Judge, Judges, default_ranker
from nedsvc.text import read_text

SPORT, POLITICS = [1.0, 0.0], [0.0, 1.0]
LEXICON = dict(sorted((word_number(word), way) for word, way in {"goal": SPORT, "vote": POLITICS}.items()))
WORDS = WordContexts(np.array(list(LEXICON), dtype=np.uint32), np.array(list(LEXICON.values()), dtype=np.float16))


class KeywordEncoder:
    """Turns a sentence to sport where it has a goal, to politics where it has a vote; remembers what it was asked."""

    name = "keywords"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.asked.extend(texts)
        return np.array([["goal" in text, "vote" in text] for text in texts], dtype=np.float32)


def sentence_contexts(encoder: KeywordEncoder) -> SentenceContexts:
    return SentenceContexts(encoder, np.zeros(2, dtype=np.float32), np.eye(2, dtype=np.float32))


def spans(text: str, *names: str) -> list[list[range]]:
    """The positions of the words of each name, where it stands first."""
    read = read_text(text, "en")
    places = [(text.index(name), name) for name in names]
    return [[read.positions(Mention(start, start + len(name), name))] for start, name in places]


def known(number: int, way: Sequence[float] | None) -> Candidate:
    vector = None if way is None else np.array(way, dtype=np.int8)
    return Candidate(
        **{field: getattr(candidate(number), field) for field in candidate(number).__struct_fields__}
        | {"vector": vector}
    )


def linker(candidates: Sequence[Candidate], encoder: KeywordEncoder) -> EntityLinker:
    fast = default_ranker()
    weighed = type(fast)(provenance="test", nil=-9.0, weights={"meaning": 5.0})
    judges = Judges(Judge(weighed, WORDS), weighed, lambda: sentence_contexts(encoder))
    return EntityLinker([FakeSource({"Smith": candidates})], FakeDetector(), judges, lambda text: "en")


def test_the_words_of_the_text_tell_what_it_is_about_and_the_mention_itself_does_not() -> None:
    text = "A goal by Vote in a game."
    assert WORDS.read(read_text(text, "en"), spans(text, "Vote")).tolist() == [SPORT]


def test_a_text_of_unknown_words_says_nothing() -> None:
    text = "Nothing of Smith here"
    assert WORDS.read(read_text(text, "en"), spans(text, "Smith")).tolist() == [[0.0, 0.0]]


def test_each_name_has_the_meaning_of_its_own_sentence() -> None:
    text = "There was a goal by Smith today. We had a vote on Jones today."
    encoder = KeywordEncoder()
    assert sentence_contexts(encoder).read(read_text(text, "en"), spans(text, "Smith", "Jones")).tolist() == [
        SPORT,
        POLITICS,
    ]


def test_only_sentences_with_the_names_asked_for_are_encoded_and_each_once() -> None:
    text = "It was late here. There was a goal by Smith for Jones today. Then all went home."
    encoder = KeywordEncoder()
    sentence_contexts(encoder).read(read_text(text, "en"), spans(text, "Smith", "Jones"))
    assert encoder.asked == ["There was a goal by Smith for Jones today."]


@pytest.mark.parametrize(
    ("text", "first_words"),
    [
        ("One two three. Four five", ["One", "Four"]),
        ("One two three\nfour five six", ["One", "four"]),
        ("They met Mr. Smith and J. Jones", ["They"]),
        ("No. Yes. Never", ["No"]),
        ("", []),
    ],
)
def test_sentences_end_at_marks_and_lines_but_not_at_initials(text: str, first_words: list[str]) -> None:
    read = read_text(text, "en")
    assert [read.surface(read.tokens[place]) for place in sentences(read) if read.tokens] == first_words


def test_a_text_without_marks_is_cut() -> None:
    assert sentences(read_text("word " * (2 * LONGEST_SENTENCE), "en")) == [0, LONGEST_SENTENCE]


@pytest.mark.parametrize("ranker", ["fast", "accurate"])
@pytest.mark.parametrize(("text", "meant"), [("The goal by Smith won", "Q1"), ("The vote for Smith won", "Q2")])
def test_the_candidate_whose_vector_is_near_the_text_is_chosen(ranker: RankerName, text: str, meant: str) -> None:
    world = linker([known(1, [127, 0]), known(2, [0, 127])], KeywordEncoder())
    (_, link) = world.annotate(text, options=Options(ranker=ranker, threshold=0.0)).links
    assert link.candidates[0].id == meant


def test_that_a_vector_is_known_speaks_neither_for_nor_against_a_candidate() -> None:
    world = linker([known(1, [127, 0]), known(2, None), known(3, [0, 0])], KeywordEncoder())
    (_, link) = world.annotate("The goal by Smith won", options=Options(explain=True)).links
    assert [each.features["meaning"] for each in link.candidates] == [0.0, 0.0, 0.0]


def test_the_fast_ranker_never_asks_the_encoder() -> None:
    encoder = KeywordEncoder()
    linker([known(1, [127, 0]), known(2, [0, 127])], encoder).annotate("The goal by Smith won")
    assert encoder.asked == []


def test_the_accurate_ranker_needs_vectors_and_says_so() -> None:
    world = EntityLinker([FakeSource({})], FakeDetector(), JUDGES, lambda text: "en")
    with pytest.raises(InvalidInput, match="nedsvc index vectors"):
        world.annotate("Smith won", options=Options(ranker="accurate"))


def test_an_unknown_ranker_is_refused() -> None:
    with pytest.raises(InvalidInput, match="ranker"):
        Options(ranker="slow")  # type: ignore[arg-type]
