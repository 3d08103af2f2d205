"""The article in a page of HTML."""

from collections.abc import Callable

from nedsvc.errors import DocumentFailed, InvalidInput, ModelNotInstalled


def article(page: str) -> str:
    """The main text of a page, without its menus, comments and advertisements.

    Raises `InvalidInput` where it has none, `DocumentFailed` where the page breaks what reads it, and
    `ModelNotInstalled` without the extra that reads HTML.
    """
    extract = _extractor()
    try:
        text = extract(page, include_comments=False)
    except Exception as error:
        raise DocumentFailed(f"what reads the page broke on it ({type(error).__name__}: {error})") from error
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
