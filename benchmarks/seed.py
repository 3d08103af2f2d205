"""The seed article: how many of its gold mentions are linked right, and how many links are wrong.

    python benchmarks/seed.py [--index DIR | --starter] [--detector both]

Right: a linked mention with the exact span of a gold mention and its QID or one of its `alt_qids`. A linked
mention that is not right is a wrong link, unless it lies on gold that has no checked QID, or is the mention
that is nested in another: neither is counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

import msgspec
from common import chosen_index, index_parser, open_linker, run, shared_folder

from nedsvc.evaluation.gold import overlaps
from nedsvc.models import Link

GOAL_RIGHT = {"starter": 112, "index": 119}
GOAL_WRONG = 5


class GoldMention(msgspec.Struct, frozen=True):
    """A mention of the seed article's gold."""

    surface: str
    start: int
    end: int
    qid: str | None
    label: str | None
    alt_qids: tuple[str, ...]
    nested: bool

    @property
    def span(self) -> tuple[int, int]:
        """The range in code points."""
        return self.start, self.end


class Gold(msgspec.Struct, frozen=True):
    """The seed article's gold."""

    mentions: tuple[GoldMention, ...]

    def counted(self) -> dict[tuple[int, int], GoldMention]:
        """The mentions that are counted, by span."""
        return {gold.span: gold for gold in self.mentions if gold.qid and not gold.nested}


class Verdict(Enum):
    """What a link counts as."""

    RIGHT = "right"
    WRONG = "wrong"
    UNCOUNTED = "not counted"


def verdict(link: Link, gold: Gold) -> Verdict:
    """What a linked mention counts as."""
    span = (link.mention.start, link.mention.end)
    meant = gold.counted().get(span)
    if meant and link.entity and link.entity.id in {meant.qid, *meant.alt_qids}:
        return Verdict.RIGHT
    if any(other.nested and other.span == span for other in gold.mentions):
        return Verdict.UNCOUNTED
    unchecked = (other.span for other in gold.mentions if not other.qid)
    on_unchecked_only = overlaps(span, unchecked) and not overlaps(span, gold.counted())
    return Verdict.UNCOUNTED if on_unchecked_only else Verdict.WRONG


def describe_missed(gold: GoldMention, links: Iterable[Link]) -> str:
    """A line on a gold mention without a right link, with what the linker made of its place."""
    there = [link for link in links if overlaps(gold.span, [(link.mention.start, link.mention.end)])]
    made = "; ".join(map(_summary, there)) or "not detected"
    return f"  missed {gold.start}-{gold.end} {gold.surface!r}, {gold.qid} {gold.label}: {made}"


def _label(link: Link) -> str:
    return link.candidates[0].entity.label if link.candidates[0].entity else "?"


def _summary(link: Link) -> str:
    best = f" best {link.candidates[0].id} {_label(link)}" if link.candidates else " no candidate"
    return f"{link.mention.surface!r} {link.status} {link.confidence:.2f}{best}"


def describe_wrong(link: Link, gold: Gold) -> str:
    """A line on a wrong link, with what is meant there."""
    span = (link.mention.start, link.mention.end)
    meant = [f"{other.surface!r} {other.qid} {other.label}" for other in gold.mentions if overlaps(span, [other.span])]
    return f"  wrong {span[0]}-{span[1]} {_summary(link)}; meant: {', '.join(meant) or 'nothing'}"


def report(links: Sequence[Link], gold: Gold) -> Mapping[Verdict, int]:
    """Print what is wrong and what is missed; the number of links by verdict."""
    linked = [link for link in links if link.status == "linked"]
    by_verdict = {each: [link for link in linked if verdict(link, gold) is each] for each in Verdict}
    right = {(link.mention.start, link.mention.end) for link in by_verdict[Verdict.RIGHT]}
    print(*(describe_wrong(link, gold) for link in by_verdict[Verdict.WRONG]), sep="\n")
    print(*(describe_missed(one, links) for span, one in gold.counted().items() if span not in right), sep="\n")
    return {each: len(found) for each, found in by_verdict.items()}


def main() -> None:
    """Link the article and print the figures."""
    parser = index_parser((__doc__ or "").partition("\n")[0])
    parser.add_argument("--detector", default="both", help="both, spacy or gazetteer")
    arguments = parser.parse_args()
    folder = shared_folder() / "seed"
    gold = msgspec.json.decode((folder / "gold.json").read_bytes(), type=Gold)
    annotation = open_linker(chosen_index(arguments), arguments.detector).annotate(
        (folder / "article.txt").read_bytes().decode()
    )
    counts = report(annotation.links, gold)
    goal = GOAL_RIGHT["starter" if annotation.index.startswith("starter") else "index"]
    print(f"index {annotation.index}, detector {arguments.detector}")
    print(f"right: {counts[Verdict.RIGHT]} of {len(gold.counted())} (goal: at least {goal})")
    print(f"wrong links: {counts[Verdict.WRONG]} (goal: at most {GOAL_WRONG})")


if __name__ == "__main__":
    run(main)
