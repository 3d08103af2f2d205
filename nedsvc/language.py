"""Guessing the language of a text."""

from collections.abc import Callable, Sequence
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier


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
