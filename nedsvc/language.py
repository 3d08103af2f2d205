"""Languages of texts."""

from collections.abc import Callable, Sequence
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

# Languages that both Wikidata and the guessing model know; English first.
_CODES = """
en af am ar as az ba be bg bn br bs ca cs cy da de el eo es et eu fa fi fo fr fy ga gd gl gu ha he hi hr ht hu
hy id ig is it ja jv ka kab kk km kn ko ku ky la lb lij lo lt lv mg mk ml mn mr ms mt my ne nl nn no oc or pa
pl ps pt qu ro ru rw sa si sk sl so sq sr sv sw ta te tg th tk tl tr tt ug uk ur uz vec vi vo wa wuu xh yo yue
zh zu
"""
KNOWN_LANGUAGES = tuple(_CODES.split())


def language_guesser(languages: Sequence[str]) -> Callable[[str], str]:
    """A function that tells which of these languages a text is written in; the first where the model knows none.

    The model (py3langid) is loaded at the first text, as most callers never need it.
    """

    @cache
    def identifier() -> LanguageIdentifier | None:
        model = LanguageIdentifier.from_model_file(MODEL_FILE)
        known = set(languages) & set(model.labels)
        model.set_languages(known)
        return model if known else None

    def guess(text: str) -> str:
        model = identifier()
        return str(model.classify(text)[0]) if model else languages[0]

    return guess
