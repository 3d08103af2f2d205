"""Writes nedsvc/data/common_classes.tsv: the coarse types of the classes that are most used, from a dump of Wikidata.

    python scripts/common_classes.py DUMP… [--most 3000]

A class counts once for each instance, and once more for each link to an instance: what is linked is what texts name.
Classes that `nedsvc/data/classes.tsv` names are left out, as are those of which the hierarchy says nothing.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from nedsvc import tables
from nedsvc.classes import GENERAL, Hierarchy
from nedsvc.index.dump import batches
from nedsvc.index.format import TYPE_BITS
from nedsvc.wikibase import BrokenItem, Item, ItemReader

TABLE = Path(__file__).parents[1] / "nedsvc" / "data" / "common_classes.tsv"
HEADER = """\
# Coarse types of the classes of Wikidata that are most used and that classes.tsv does not name, for entities that are
# asked live, of whose classes no hierarchy is at hand. Written by scripts/common_classes.py. Source: Wikidata's
# hierarchy of classes (P279) below the classes of classes.tsv; the nearest count. Sorted by number. A class that is
# marked "general" counts only where no other class of the item gives a type.
# qid	types	general	label
"""


class Usage(msgspec.Struct):
    """What the dump says of classes."""

    labels: dict[int, str]
    subclasses: list[int]
    superclasses: list[int]
    instances: dict[int, Sequence[int]]
    links: Counter[int]


def items(dumps: Sequence[Path]) -> Iterator[Item]:
    """The readable items of dumps."""
    reader = ItemReader(("en",))
    for dump in dumps:
        for batch in batches(dump):
            for line in batch.lines:
                text = line.strip(b" \t\r\n,")
                try:
                    item = reader.read(text) if len(text) > 1 else None
                except BrokenItem:
                    continue
                if item:
                    yield item


def read_usage(dumps: Sequence[Path]) -> Usage:
    """Reads the dumps once."""
    usage = Usage({}, [], [], {}, Counter())
    for item in items(dumps):
        if item.labels:
            usage.labels[item.number] = next(iter(item.labels.values()))
        usage.subclasses += [item.number] * len(item.superclasses)
        usage.superclasses += item.superclasses
        if item.classes:
            usage.instances[item.number] = item.classes
        usage.links.update(set(item.links))
    return usage


def weights(usage: Usage) -> Counter[int]:
    """How much each class is used."""
    found: defaultdict[int, int] = defaultdict(int)
    for number, classes in usage.instances.items():
        for class_ in classes:
            found[class_] += 1 + usage.links[number]
    return Counter(found)


def row(class_: int, mask: int, labels: Mapping[int, str]) -> str:
    """A line of the table."""
    general = mask >> GENERAL
    names = ",".join(name for name, bit in TYPE_BITS.items() if (general or mask) & bit)
    return f"Q{class_}\t{names}\t{'general' if general else ''}\t{labels.get(class_, '')}\n"


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("dumps", nargs="+", type=Path)
    parser.add_argument("--most", type=int, default=3000)
    arguments = parser.parse_args()
    usage = read_usage(arguments.dumps)
    hierarchy = Hierarchy(np.array(usage.subclasses, np.uint32), np.array(usage.superclasses, np.uint32))
    masks = hierarchy.types(tables.roots())
    roots = {root.number for root in tables.roots()}
    used = [class_ for class_, _ in weights(usage).most_common() if masks.get(class_) and class_ not in roots]
    chosen = sorted(used[: arguments.most])
    TABLE.write_text(HEADER + "".join(row(class_, masks[class_], usage.labels) for class_ in chosen), encoding="utf-8")
    print(f"{len(chosen)} of {len(used)} classes, {TABLE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
