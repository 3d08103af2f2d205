"""What an entity is, in a few words for a sentence encoder."""

from collections.abc import Iterable

from nedsvc.index.reader import Index

MOST_CLASSES = 3
MOST_LINKS = 8


def summary(index: Index, row: int) -> str | None:
    """An entity's label and description, with its classes and first links; None where all but the label is unknown.

    The label alone says too little to be compared with others, and whether more is known must not count.
    """
    record = index.record(row)
    description = index.described(record)
    classes = _labels(index, record.classes[:MOST_CLASSES])
    around = [*classes, *_labels(index, index.links(row)[:MOST_LINKS].tolist())]
    if not description and not around:
        return None
    return f"{next(iter(record.labels.values()))}: {description or ''}. {', '.join(around)}"


def _labels(index: Index, numbers: Iterable[int]) -> list[str]:
    return [label for label in map(index.label_of, numbers) if label]
