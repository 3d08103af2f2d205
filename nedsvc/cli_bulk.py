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
from nedsvc.errors import NedError
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
    linker.check_language(language)
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
    rates = _Rates()
    try:
        with _progress(total_size(inputs), rates) as told:
            tally = run(plan, partial(link_tasks, settings, detector, options), told)
    except KeyboardInterrupt as error:
        raise Interrupted("interrupted: what is done is kept; go on with --resume") from error
    click.echo(_summary(tally, rates), err=True)
    if tally.failed:
        records = "1 record" if tally.failed == 1 else f"{tally.failed:,} records"
        click.echo(f"{records} failed; {output.name}.errors.jsonl says why", err=True)


class Interrupted(NedError):  # noqa: N818
    """The user stopped the run."""


class _Rates:
    """What was done a second since the run began or went on."""

    def __init__(self) -> None:
        self._start = monotonic()
        self._before: Tally | None = None

    def tell(self, tally: Tally) -> None:
        """The first time, what was done before."""
        if self._before is None:
            self._start, self._before = monotonic(), tally

    @property
    def seconds(self) -> float:
        """Since then."""
        return max(monotonic() - self._start, 1e-9)

    def of(self, tally: Tally, name: str) -> str:
        """How many of what has this name were done a second."""
        before = getattr(self._before, name) if self._before else 0
        return f"{(getattr(tally, name) - before) / self.seconds:,.0f}"


def _run(inputs: Sequence[str], manner: Manner, options: Options, linker: EntityLinker) -> dict[str, object]:
    """All that the answers depend on, in JSON's own types."""
    named = {"inputs": inputs, "manner": manner, "options": options, "index": linker.index, "linker": linker.identity}
    digest = blake2b(msgspec.json.encode(list(linker.identity)), digest_size=8).hexdigest()
    return msgspec.json.decode(msgspec.json.encode(named | {"linker": digest}))  # type: ignore[no-any-return]


@contextmanager
def _progress(total: int | None, rates: _Rates) -> Iterator[Told]:
    """What shows on a terminal how far a run is."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda tally, _position: rates.tell(tally)
        return
    columns = (BarColumn(bar_width=10), TextColumn("{task.description}"), TimeRemainingColumn(compact=True))
    # Nothing is drawn by a thread: the processes that link are forked from this one.
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as bar:
        task = bar.add_task("", total=total)

        def told(tally: Tally, position: int) -> None:
            rates.tell(tally)
            each = (f"{rates.of(tally, name)} {name}/s" for name in ("documents", "mentions", "words"))
            shown = f"{tally.documents:,}: {' '.join(each)}"
            bar.update(task, completed=position, description=shown, refresh=True)

        yield told


def _summary(tally: Tally, rates: _Rates) -> str:
    return (
        f"{tally.documents:,} documents, {tally.mentions:,} mentions: {tally.linked:,} linked, {tally.nil:,} NIL, "
        f"{tally.ambiguous:,} ambiguous, {tally.unknown:,} could not be asked; {tally.failed:,} failed, "
        f"{tally.repeated:,} repeated; {rates.seconds:.1f} s, {rates.of(tally, 'documents')} documents a second"
    )
