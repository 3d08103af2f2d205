"""The bulk command: documents of files, annotated by processes, and nothing lost."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import blake2b
from pathlib import Path
from time import monotonic

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from nedsvc.bulk.columns import Shown
from nedsvc.bulk.inputs import Columns, check_inputs, total_size
from nedsvc.bulk.output import check_output
from nedsvc.bulk.records import Manner, Markup
from nedsvc.bulk.run import Plan, Told, run
from nedsvc.bulk.work import Tally
from nedsvc.cli_errors import reports_errors
from nedsvc.cli_options import annotation_options, comma_separated, language_option, source_options
from nedsvc.html import check_html
from nedsvc.linker import EntityLinker
from nedsvc.models import Options
from nedsvc.settings import read_settings
from nedsvc.workers import link_tasks, own_linker


@click.command()
@click.argument("inputs", metavar="INPUT…", nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="File to write.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes that link.")
@click.option("--resume", is_flag=True, help="Go on where a run was stopped.")
@click.option("--max-errors", type=click.IntRange(0), help="Stop where more records fail [never].")
@click.option("--input", "markup", type=click.Choice(["text", "html"]), default="text", show_default=True,
              help="What the texts are; of html the article is read.")  # fmt: skip
@click.option("--text-field", default="text", show_default=True, help="Field or column of the text.")
@click.option("--id-field", default="id", show_default=True, help="Field or column of the id.")
@click.option("--keep", callback=comma_separated, help="Fields to pass through, such as url,title.")
@click.option("--date", help="Day of the texts that name none (2023-03-21), for --roles.")
@source_options()
@language_option("texts that name none")
@reports_errors
@annotation_options
def bulk(
    inputs: tuple[str, ...],
    output: Path,
    workers: int,
    resume: bool,
    max_errors: int | None,
    markup: Markup,
    text_field: str,
    id_field: str,
    keep: tuple[str, ...],
    date: str | None,
    index_folder: Path | None,
    source: str | None,
    language: str,
    detector: str,
    model: str | None,
    options: Options,
) -> None:
    """Annotate the documents of files: JSON lines, CSV, TSV, Parquet, folders of texts; .gz and .zst too; - for stdin.

    A document that cannot be annotated is told in OUTPUT.errors.jsonl and stops nothing.
    """
    check_inputs(inputs)
    check_output(output)
    if markup == "html":
        check_html()
    settings = read_settings(os.environ, index=index_folder, model=model, source=source)
    manner = Manner(
        columns=Columns(text_field, id_field, keep),
        input=markup,
        language=language,
        date=date,
        dated=options.roles,
        offsets=options.offsets,
        keep=keep,
        most=settings.max_text,
    )
    linker = own_linker(settings, detector)
    plan = Plan(
        inputs=inputs,
        output=output,
        manner=manner,
        shown=Shown(options, keep, markup == "html"),
        run=_run(inputs, manner, options, linker),
        workers=workers,
        resume=resume,
        most_errors=max_errors,
    )
    with _progress(total_size(inputs)) as told:
        start = monotonic()
        tally = run(plan, partial(link_tasks, settings, detector, options), told)
    click.echo(_summary(tally, monotonic() - start), err=True)
    if tally.failed:
        click.echo(f"{tally.failed} records failed; {output.name}.errors.jsonl says why", err=True)


def _run(inputs: Sequence[str], manner: Manner, options: Options, linker: EntityLinker) -> dict[str, object]:
    """All that the answers depend on, in JSON's own types."""
    named = {"inputs": inputs, "manner": manner, "options": options, "index": linker.index, "linker": linker.identity}
    digest = blake2b(msgspec.json.encode(list(linker.identity)), digest_size=8).hexdigest()
    return msgspec.json.decode(msgspec.json.encode(named | {"linker": digest}))  # type: ignore[no-any-return]


@contextmanager
def _progress(total: int | None) -> Iterator[Told]:
    """What shows on a terminal how far a run is."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _tally, _position: None
        return
    columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    # Nothing is drawn by a thread: the processes that link are forked from this one.
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as bar:
        start = monotonic()
        task = bar.add_task("", total=total)

        def told(tally: Tally, position: int) -> None:
            bar.update(task, completed=position, description=_rates(tally, monotonic() - start), refresh=True)

        yield told


def _rates(tally: Tally, seconds: float) -> str:
    rates = ((tally.documents, "documents"), (tally.mentions, "mentions"), (tally.words, "words"))
    return " · ".join(f"{number:,} {name} ({number / seconds:,.0f}/s)" for number, name in rates)


def _summary(tally: Tally, seconds: float) -> str:
    return (
        f"{tally.documents:,} documents, {tally.mentions:,} mentions: {tally.linked:,} linked, {tally.nil:,} NIL, "
        f"{tally.ambiguous:,} ambiguous, {tally.unknown:,} could not be asked; {tally.failed:,} failed, "
        f"{tally.repeated:,} repeated; {seconds:.1f} s, {tally.documents / max(seconds, 1e-9):,.0f} documents a second"
    )
