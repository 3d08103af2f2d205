"""What is shown on a terminal: answers as tables, and how far a long command is."""

import sys

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from nedsvc.models import Annotation, Lookup

_UNBOUNDED = 10_000


def progress_bar(console: Console, *columns: ProgressColumn) -> Progress:
    """A bar with what the columns tell, that is gone in the end; nothing where the console is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def annotation_text(annotation: Annotation) -> str:
    """The mentions of a document as a table."""
    table = _table("surface", "type", "QID", "label", "confidence")
    for link in annotation.links:
        entity = link.entity
        table.add_row(
            Text(link.mention.surface),
            link.type or "",
            entity.id if entity else link.status.upper(),
            Text(entity.label if entity else ""),
            f"{link.confidence:.2f}",
        )
    return _lines(table) + (f"\n\n{_roles_text(annotation)}" if annotation.roles else "")


def _roles_text(annotation: Annotation) -> str:
    """The roles of a document as a table of its own, under the day that they are told for."""
    table = _table(f"role on {annotation.date}", "QID", "holder", "office", "confidence")
    for role in annotation.roles:
        table.add_row(
            Text(role.mention.surface),
            role.entity.id if role.entity else role.status.upper(),
            Text(role.entity.label if role.entity else ""),
            Text(role.office.label if role.office else ""),
            f"{role.confidence:.2f}",
        )
    return _lines(table)


def lookup_text(lookup: Lookup) -> str:
    """The candidates of a name as a table under its status, which stands alone where there are none."""
    status = f"{lookup.mention}: {lookup.link.status}\n"
    if not lookup.link.candidates:
        return status
    table = _table("QID", "label", "description", "confidence")
    for candidate in lookup.link.candidates:
        label, description = (candidate.entity.label, candidate.entity.description) if candidate.entity else ("", "")
        table.add_row(candidate.id, Text(label), Text(description or ""), f"{candidate.score:.2f}")
    return f"{status}{_lines(table)}\n"


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column == "confidence" else "left", overflow="fold")
    return table


def _lines(table: Table) -> str:
    """The table as lines: as wide as the terminal, or as it needs where there is none."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _UNBOUNDED)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().strip("\n").splitlines())
