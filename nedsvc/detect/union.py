"""What several detectors find together."""

from collections.abc import Iterable, Sequence

from nedsvc.detect import Detector
from nedsvc.models import Mention
from nedsvc.text import Text


class UnionDetector:
    """What several detectors find; where mentions overlap the longest wins, then the first.

    A mention takes its label from the first detector that gave the same span one.
    """

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._detectors = detectors

    def detect(self, texts: Sequence[Text]) -> list[list[Mention]]:
        """The union for each text."""
        found = [detector.detect(texts) for detector in self._detectors]
        return [longest(mention for mentions in each for mention in mentions) for each in zip(*found, strict=True)]


def longest(mentions: Iterable[Mention]) -> list[Mention]:
    """The mentions that remain when of overlapping ones the longest is taken, then the first; in order."""
    spans: dict[tuple[int, int], Mention] = {}
    for mention in mentions:
        known = spans.setdefault((mention.start, mention.end), mention)
        if known.label is None:
            spans[mention.start, mention.end] = mention
    chosen: list[Mention] = []
    taken: set[int] = set()
    for mention in sorted(spans.values(), key=lambda one: (one.start - one.end, one.start)):
        if taken.isdisjoint(range(mention.start, mention.end)):
            taken.update(range(mention.start, mention.end))
            chosen.append(mention)
    return sorted(chosen, key=lambda one: one.start)
