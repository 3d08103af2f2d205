"""The command `nedsvc index anchors`."""

from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, TaskID, TaskProgressColumn, TimeElapsedColumn, TimeRemainingColumn

from nedsvc.anchors import Header
from nedsvc.cli_errors import reports_errors, stopped_like_ctrl_c
from nedsvc.cli_options import processors_option
from nedsvc.index.anchors import Progress as Counted
from nedsvc.index.anchors import count_anchors
from nedsvc.terminal import progress_bar
from nedsvc.unpacking import STDIN


@click.command()
@click.argument("dump", metavar="DUMP")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The file to write (gzip).")
@processors_option("--workers")
@click.option(
    "--min-count", type=click.IntRange(1), default=2, show_default=True, help="Leave out texts of fewer links."
)
@reports_errors
def anchors(dump: str, output: Path, workers: int, min_count: int) -> None:
    """Count what the links of a Wikipedia dump say of names (pages-articles: .xml.bz2, .xml.gz, .xml, or - for stdin).

    For each text: how often it is a link to which page, and how often it is none. Beside the file there must be room
    for a tenth of the unpacked dump while this runs.
    """
    console = Console(stderr=True)
    path = STDIN if dump == STDIN else Path(dump)
    columns = (TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with stopped_like_ctrl_c(), progress_bar(console, *columns) as bar:
        task = bar.add_task("reading", total=None)
        header = count_anchors(
            path, output, workers=workers, min_count=min_count, report=lambda counted: _show(bar, task, counted)
        )
    _summarize(console, output, header)


def _show(bar: Progress, task: TaskID, counted: Counted) -> None:
    bar.update(task, description=counted.stage, completed=counted.done, total=counted.of)


def _summarize(console: Console, output: Path, header: Header) -> None:
    lines = [
        f"{output}: {header.texts:,} texts of {header.links:,} links in {header.pages:,} pages of {header.wiki}",
        f"  left out: {header.rare:,} texts that are links less than {header.min_count} times",
        *(f"  left out: {number:,} links, {reason}" for reason, number in header.left_out.items()),
    ]
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
