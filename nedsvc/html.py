"""The article in a page of HTML."""

from collections.abc import Callable

from nedsvc.errors import InvalidInput, ModelNotInstalled


def article(page: str) -> str:
    """The main text of a page, without its menus, comments and advertisements.

    Raises `InvalidInput` where it has none, and `ModelNotInstalled` without the extra that reads HTML.
    """
    text = _extractor()(page, include_comments=False)
    if not text:
        raise InvalidInput("text", "holds no article; give HTML that has some paragraphs of text")
    return text


def check_html() -> None:
    """Refuses to begin where HTML cannot be read. Raises `ModelNotInstalled`."""
    _extractor()


def _extractor() -> Callable[..., str | None]:
    try:
        from trafilatura import extract  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise ModelNotInstalled("HTML needs trafilatura, which is not installed: pip install 'nedsvc[html]'") from error
    return extract
