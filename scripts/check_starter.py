"""Compare every id of the starter data with a Wikidata dump.

    python scripts/check_starter.py DUMP...

An id must be in one of the dumps. Where the starter names it (a record's own id, the place of a demonym, the
label of a shorthand), a label or an alias of the dump, in any language, must be one of those names once both
are folded. Prints a line for each id that fails; exit code 1 if there is any.
"""

import argparse
import gzip
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

import nedsvc
from nedsvc.names import fold

PACKAGED = Path(nedsvc.__file__).parent / "data"


class Claim(msgspec.Struct, frozen=True):
    """That an id exists and, where there are names, that the entity bears one of them."""

    source: str
    id: str
    names: tuple[str, ...] = ()


class Office(msgspec.Struct):
    """What is read of an office held."""

    id: str


class Record(msgspec.Struct):
    """What is read of a starter record."""

    id: str
    label: str
    names: dict[str, list[str]] = {}
    links: list[str] = []
    offices: list[Office] = []


class Identity(msgspec.Struct):
    """The id of a line of a dump: all that is read of most lines."""

    id: str


class Term(msgspec.Struct):
    """A label or an alias of a dump."""

    value: str


class Names(msgspec.Struct):
    """The names of an item of a dump, which writes an empty map as an empty list."""

    labels: dict[str, Term] | list[Term] = {}
    aliases: dict[str, list[Term]] | list[Term] = {}


def claims_of(data: Path) -> list[Claim]:
    """All that the starter data and the tables that go with it claim of Wikidata."""
    records = [claim for file in sorted((data / "starter").glob("*.jsonl")) for claim in _record_claims(file)]
    named = {claim.id: claim.names for claim in records if claim.names}
    demonyms = _table_claims(data / "demonyms.tsv", named, id_column=1, name_column=2)
    shorthand = _table_claims(data / "shorthand.tsv", named, id_column=1, name_column=3)
    return [*records, *demonyms, *shorthand]


def _record_claims(file: Path) -> Iterator[Claim]:
    decoder = msgspec.json.Decoder(Record)
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        record = decoder.decode(line)
        source = f"{file.name}:{number}"
        names = (record.label, *(name for each in record.names.values() for name in each))
        yield Claim(source, record.id, names)
        yield from (Claim(f"{source} links", link) for link in record.links)
        yield from (Claim(f"{source} offices", office.id) for office in record.offices)


def _table_claims(
    file: Path, named: Mapping[str, tuple[str, ...]], *, id_column: int, name_column: int
) -> Iterator[Claim]:
    """What a table claims; where a record gives the name to the same id, its other names will do too."""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if line and not line.startswith("#"):
            cells = line.split("\t")
            qid, name = cells[id_column], cells[name_column]
            others = named.get(qid, ())
            yield Claim(f"{file.name}:{number}", qid, (name, *others) if name in others else (name,))


def dump_names(dumps: Iterable[Path], wanted: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """The folded labels and aliases of the wanted items that the dumps hold, all languages together."""
    identity, names = msgspec.json.Decoder(Identity), msgspec.json.Decoder(Names)
    found: dict[str, tuple[str, ...]] = {}
    for dump in dumps:
        with _open(dump) as lines:
            for line in lines:
                content = line.rstrip(b",\r\n ")
                if len(content) > 1 and (qid := identity.decode(content).id) in wanted:
                    found[qid] = tuple(dict.fromkeys(map(fold, _terms(names.decode(content)))))
    return found


def _open(dump: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(dump, "rb")) if dump.suffix == ".gz" else dump.open("rb")


def _terms(names: Names) -> Iterator[str]:
    if isinstance(names.labels, dict):
        yield from (term.value for term in names.labels.values())
    if isinstance(names.aliases, dict):
        yield from (term.value for terms in names.aliases.values() for term in terms)


def failures(claims: Iterable[Claim], known: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """A line for each claim that does not hold."""
    for claim in claims:
        names = known.get(claim.id)
        if names is None:
            yield f"{claim.source}: {claim.id} is not in the dump"
        elif claim.names and set(names).isdisjoint(map(fold, claim.names)):
            known_names = ", ".join(names[:5])
            yield f"{claim.source}: {claim.id} is not {claim.names[0]!r}; the dump has {known_names}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("dumps", nargs="+", type=Path, metavar="DUMP", help="a dump, .json or .json.gz")
    parser.add_argument("--data", type=Path, default=PACKAGED, help="the folder of the data (default: the package's)")
    options: Any = parser.parse_args(arguments)
    claims = claims_of(options.data)
    known = dump_names(options.dumps, frozenset(claim.id for claim in claims))
    lines = list(failures(claims, known))
    print(*lines, f"{len(claims)} claims, {len(lines)} fail", sep="\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
