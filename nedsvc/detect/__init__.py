"""Finding mentions: one protocol, several detectors."""

from collections.abc import Sequence
from typing import Protocol

from nedsvc.models import Mention
from nedsvc.text import Text


class Detector(Protocol):
    """Finds what a text names. Mentions come in the order of the text and do not overlap."""

    def detect(self, texts: Sequence[Text]) -> list[list[Mention]]:
        """The mentions of each text."""
