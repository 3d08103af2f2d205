"""What callers give, a text or a page with spans in their own unit, as a document; the same for every shell."""

from collections.abc import Sequence

import msgspec

from nedsvc.errors import TooLarge
from nedsvc.html import article
from nedsvc.models import Document, Markup, Offsets, Span
from nedsvc.offsets import code_point_spans


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A text to annotate as a caller gives it; `spans` count in `offsets`, and in the article where it is a page."""

    text: str
    input: Markup = "text"
    language: str = "en"
    date: str | None = None
    spans: Sequence[Span] | None = None
    offsets: Offsets = "codepoint"

    @property
    def shows_text(self) -> bool:
        """Whether what is read is not what was given, and so belongs to the answer."""
        return self.input == "html"


def read_document(asked: Asked, id_: str | None = None) -> Document:
    """The document. Raises `InvalidInput`; for a page also `ModelNotInstalled` and `DocumentFailed`."""
    text = article(asked.text) if asked.input == "html" else asked.text
    spans = None if asked.spans is None else code_point_spans(text, asked.spans, asked.offsets)
    return Document(text=text, id=id_, language=asked.language, mentions=spans, date=asked.date)


def check_size(field: str, text: str, most: int) -> None:
    """Raises `TooLarge` for a text of more than so many bytes."""
    # A text has at least as many bytes as characters; only near the limit is it encoded to count them.
    if len(text) > most or len(text.encode("utf-8", "surrogatepass")) > most:
        raise TooLarge(field, f"may have {most} bytes; split it, or raise NEDSVC_MAX_TEXT")
