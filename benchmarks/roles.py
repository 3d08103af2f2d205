"""Roles by date: how often the linker tells rightly who held an office on a day.

    python benchmarks/roles.py [--index DIR] [--detector both] [--seed 6] [--show]

The cases are drawn from the offices held (P39) with dates in the sample of Wikidata, whose office is called after
a country or region or linked with one. What is right is counted here from the dump, apart from nedsvc's own reading:
one holder whose dates leave no doubt is to be `linked`; several, or one whose dates leave a doubt (a year only, say),
`ambiguous` with just these candidates; where nobody held it `nil`. Plain cases lie inside a single tenure; hard ones on
the day of a handover, inside a year that is all that is known, before the first tenure, or in a gap.
"""

import calendar
import gzip
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
from common import chosen_index, index_parser, open_linker, run, shared_folder

from nedsvc import EntityLinker, Options
from nedsvc.evaluation.report import aligned
from nedsvc.models import Role

KINDS = {"one holder": 60, "handover": 12, "a year only": 8, "before the first": 8, "gap": 8}
MOST_A_PLACE = 3
FIRST_DAY, LAST_DAY = date(1800, 1, 1), date(2023, 1, 1)
OWNERS = ("P1001", "P17")
FORMS = (
    "{demonym} {role}",
    "{place}'s {role}",
    "{role} of {place}",
    "the {demonym} {role}",
)
TEXTS = (
    "Reporters in the room were told that {who} had agreed.",
    "A letter was sent to {who} on Monday.",
    "{day} - The talks ended late, and {who} left without a word.",
)
_NOTHING: Mapping[str, Any] = {"claims": {}}
_NO_ROLES = {"monarchy"}  # nobody is called so
_OF = re.compile(r"(?P<role>[A-Z]?[^,()]*?) of (?:the )?(?P<place>[A-Z].*)")


class Tenure(msgspec.Struct, frozen=True):
    """Who held an office; each end is the first and the last day that its date may mean, None where unknown."""

    holder: str
    start: tuple[date, date] | None
    end: tuple[date, date] | None


class Office(msgspec.Struct, frozen=True):
    """An office as texts call it, with all its tenures in the sample."""

    role: str
    place: str
    place_id: str
    demonym: str | None
    tenures: tuple[Tenure, ...]

    def holders(self, day: date) -> dict[str, bool]:
        """Who may have held it on the day, and whether the dates leave no doubt."""
        found: dict[str, bool] = {}
        for tenure in self.tenures:
            started = tenure.start is None or tenure.start[0] <= day
            if started and (tenure.end is None or day <= tenure.end[1]):
                sure = tenure.start is not None and tenure.start[1] <= day
                sure = sure and (tenure.end is None or day <= tenure.end[0])
                found[tenure.holder] = found.get(tenure.holder, False) or sure
        return found


class Case(msgspec.Struct, frozen=True):
    """A text with a role in it, its day (None: the text tells it), and who is meant."""

    kind: str
    place: str
    text: str
    who: str
    day: date
    given: bool
    holders: Mapping[str, bool]

    @property
    def status(self) -> str:
        """The status that is right."""
        if not self.holders:
            return "nil"
        return "linked" if list(self.holders.values()) == [True] else "ambiguous"


def read_items(dump: Path) -> dict[str, dict[str, Any]]:
    """What the cases need of the sample: labels, demonyms, owners, deaths and offices held, by id."""
    items = {}
    with gzip.open(dump, "rb") as lines:
        for line in lines:
            content = line.rstrip(b",\r\n ")
            if len(content) > 2:
                item = msgspec.json.decode(content)
                claims = item["claims"] or {}
                kept = {name: claims[name] for name in (*OWNERS, "P39", "P570", "P1549", "P31") if name in claims}
                items[item["id"]] = {"label": _english(item["labels"]), "claims": kept}
    return items


def _english(terms: Any) -> str | None:
    return next((terms[code]["value"] for code in ("en", "mul") if code in (terms or ())), None)


def _values(item: Mapping[str, Any], name: str) -> Iterator[Any]:
    for statement in item["claims"].get(name, ()):
        if statement["rank"] != "deprecated" and "datavalue" in statement["mainsnak"]:
            yield statement["mainsnak"]["datavalue"]["value"]


def span_of(value: Mapping[str, Any]) -> tuple[date, date] | None:
    """The first and the last day of a date; None for one before our era or of no known year."""
    found = re.match(r"\+(\d{4})-(\d\d)-(\d\d)T", value["time"])
    if not found or value["precision"] < 9:
        return None
    year, month, day = map(int, found.groups())
    if value["precision"] == 9 or not month:
        return date(year, 1, 1), date(year, 12, 31)
    if value["precision"] == 10 or not day:
        return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])
    return date(year, month, day), date(year, month, day)


def tenures(items: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Tenure]]:
    """The dated tenures of each office; death ends them all."""
    found = defaultdict(list)
    for holder, item in items.items():
        died = next(filter(None, map(span_of, _values(item, "P570"))), None)
        for statement in item["claims"].get("P39", ()):
            if statement["rank"] == "deprecated" or "datavalue" not in statement["mainsnak"] or not item["label"]:
                continue
            start, end = (_qualifier(statement, name) for name in ("P580", "P582"))
            if start or end:
                office = statement["mainsnak"]["datavalue"]["value"]["id"]
                found[office].append(Tenure(holder, start, end or died))
    return found


def _qualifier(statement: Mapping[str, Any], name: str) -> tuple[date, date] | None:
    snaks = (statement.get("qualifiers") or {}).get(name, ())
    return next((span for snak in snaks if "datavalue" in snak and (span := span_of(snak["datavalue"]["value"]))), None)


def offices(items: Mapping[str, Mapping[str, Any]]) -> list[Office]:
    """The offices that texts can call by a role and a place; items that are called the same are one office."""
    held = tenures(items)
    places = _places(items, held)
    by_name: defaultdict[tuple[str, str], list[Tenure]] = defaultdict(list)
    for office, each in held.items():
        named = _role_and_place(items, office, places)
        if named:
            by_name[named].extend(each)
    return [
        Office(role, str(items[place]["label"]), place, _demonym(items[place]), tuple(each))
        for (role, place), each in sorted(by_name.items())
    ]


def _places(items: Mapping[str, Mapping[str, Any]], held: Iterable[str]) -> dict[str, str]:
    """The ids of the places that offices are linked with, by label."""
    owners = [value["id"] for office in held for name in OWNERS for value in _values(items.get(office, _NOTHING), name)]
    return {str(items[owner]["label"]): owner for owner in owners if owner in items}


def _role_and_place(
    items: Mapping[str, Mapping[str, Any]], office: str, places: Mapping[str, str]
) -> tuple[str, str] | None:
    """The role without the place, and the id of the place, of "Prime Minister of Japan", be they linked or not."""
    item = items.get(office)
    if not item or not item["label"]:
        return None
    owners = [value["id"] for name in OWNERS for value in _values(item, name) if value["id"] in items]
    labels = {str(items[owner]["label"]): owner for owner in owners}
    found = _OF.fullmatch(item["label"])
    if found and found["role"].lower() in _NO_ROLES:
        return None
    if found and found["place"] in (labels or places):
        return found["role"].lower(), (labels or places)[found["place"]]
    if len(labels) == 1 and not found and re.fullmatch(r"(?:[A-Z]\w+ )?Minister", item["label"]):
        return item["label"].lower(), owners[0]
    return None


def _demonym(item: Mapping[str, Any]) -> str | None:
    texts = [value["text"] for value in _values(item, "P1549") if value["language"] == "en"]
    return next((text for text in texts if text[:1].isupper() and not text.endswith("s")), None)


def cases(all_offices: Sequence[Office], seed: int) -> list[Case]:
    """The cases that a seed draws, so many of each kind where there are."""
    chance = random.Random(seed)
    shuffled = chance.sample(all_offices, len(all_offices))
    drawn: list[Case] = []
    for kind, wanted in KINDS.items():
        places: Counter[str] = Counter()
        for office in shuffled:
            days = [day for name, day in _days(office) if name == kind and FIRST_DAY <= day <= LAST_DAY]
            if days and places[office.place] < MOST_A_PLACE and places.total() < wanted:
                places[office.place] += 1
                drawn.append(_case(chance, kind, office, chance.choice(days)))
    return drawn


def _days(office: Office) -> Iterator[tuple[str, date]]:
    """Days to ask for, each with its kind of case."""
    yield from _plain_days(office)
    yield from _hard_days(office)


def _plain_days(office: Office) -> Iterator[tuple[str, date]]:
    for tenure in office.tenures:
        if tenure.start is None:
            continue
        end = tenure.end[0] if tenure.end else tenure.start[1] + timedelta(days=200)
        day = tenure.start[1] + (end - tenure.start[1]) // 2
        if list(office.holders(day).values()) == [True]:
            yield "one holder", day


def _hard_days(office: Office) -> Iterator[tuple[str, date]]:
    starts = [tenure.start for tenure in office.tenures if tenure.start]
    if len(starts) == len(office.tenures) and starts:
        yield "before the first", min(start[0] for start in starts) - timedelta(days=1)
    for tenure in office.tenures:
        if tenure.start and tenure.start[0] == tenure.start[1] and len(office.holders(tenure.start[0])) > 1:
            yield "handover", tenure.start[0]
        if tenure.start and tenure.start[0] != tenure.start[1]:
            yield "a year only", tenure.start[0] + timedelta(days=90)
        if tenure.end and not office.holders(tenure.end[1] + timedelta(days=1)):
            yield "gap", tenure.end[1] + timedelta(days=1)


def _case(chance: random.Random, kind: str, office: Office, day: date) -> Case:
    forms = [form for form in FORMS if office.demonym or "{demonym}" not in form]
    who = chance.choice(forms).format(role=office.role, place=office.place, demonym=office.demonym)
    if not who.startswith("the ") and "'s " not in who:
        who = f"the {who}"
    text = chance.choice(TEXTS)
    written = f"{calendar.month_name[day.month]} {day.day}, {day.year}"
    return Case(
        kind, office.place, text.format(who=who, day=written), who, day, "{day}" not in text, office.holders(day)
    )


def answer(linker: EntityLinker, case: Case) -> Role | None:
    """What the linker makes of the role."""
    given = case.day.isoformat() if case.given else None
    roles = linker.annotate(case.text, date=given, options=Options(roles=True, limit=100)).roles
    start = case.text.index(case.who)
    return next(
        (role for role in roles if role.mention.start < start + len(case.who) and role.mention.end > start), None
    )


def is_right(case: Case, role: Role | None) -> bool:
    """Whether the answer is just what the dates say."""
    if role is None or role.status != case.status:
        return False
    if case.status == "linked":
        return role.entity is not None and role.entity.id in case.holders
    return {candidate.id for candidate in role.candidates} == set(case.holders)


def report(judged: Sequence[tuple[Case, bool]]) -> str:
    """The share that is right, by kind of case."""
    kinds = dict.fromkeys(case.kind for case, _ in judged)
    rows = [_row(kind, [right for case, right in judged if case.kind == kind]) for kind in kinds]
    return aligned(("case", "number", "right"), [*rows, _row("all", [right for _, right in judged])])


def _row(name: str, right: Sequence[bool]) -> tuple[str, str, str]:
    return name, str(len(right)), f"{sum(right) / len(right):.3f}"


def wrong_lines(judged: Iterable[tuple[Case, Role | None]]) -> Iterator[str]:
    """A line for each case that is not right."""
    for case, role in judged:
        if not is_right(case, role):
            made = f"{role.status} {[one.id for one in role.candidates]} {role.office}" if role else "no role"
            yield f"{case.kind}: {case.text} ({case.day}) is {case.status} {list(case.holders)}; got {made}"


def main() -> None:
    """Draw the cases, ask the linker and print the figures."""
    parser = index_parser((__doc__ or "").partition("\n")[0])
    parser.add_argument("--detector", default="both", help="both, spacy or gazetteer")
    parser.add_argument("--seed", type=int, default=6, help="of the draw")
    parser.add_argument("--show", action="store_true", help="show what is wrong")
    arguments = parser.parse_args()
    drawn = cases(offices(read_items(shared_folder() / "wikidata-sample" / "sample.json.gz")), arguments.seed)
    linker = open_linker(chosen_index(arguments), arguments.detector)
    answers = [(case, answer(linker, case)) for case in drawn]
    if arguments.show:
        print(*wrong_lines(answers), sep="\n")
    print(report([(case, is_right(case, role)) for case, role in answers]))
    print(f"places: {len({case.place for case in drawn})}")


if __name__ == "__main__":
    run(main)
