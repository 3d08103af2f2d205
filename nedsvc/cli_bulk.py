"""The bulk command: documents of files, annotated by processes, and nothing lost."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date as day
from functools import partial
from hashlib import blake2b
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from nedsvc.bulk.columns import Shown
from nedsvc.bulk.inputs import Columns, check_inputs, total_size
from nedsvc.bulk.output import check_output
from nedsvc.bulk.records import Manner, manner_of
from nedsvc.bulk.run import Plan, Told, run
from nedsvc.bulk.work import Tally
from nedsvc.cli_errors import reports_errors
from nedsvc.cli_options import annotation_options, comma_separated, language_option, source_options
from nedsvc.cluster.places import check_spark_inputs
from nedsvc.cluster.run import ClusterPlan, check_spark_output, run_on_spark
from nedsvc.cluster.session import read_conf, spark_session
from nedsvc.cluster.tasks import Job, with_local_index
from nedsvc.errors import InvalidInput, NedError
from nedsvc.html import check_html
from nedsvc.linker import EntityLinker
from nedsvc.models import Markup, Options
from nedsvc.settings import read_settings
from nedsvc.workers import link_tasks, own_linker


@click.command()
@click.argument("inputs", metavar="INPUT…", nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(), required=True, help="File to write; with Spark a folder of parts.")
@click.option("--workers", type=click.IntRange(1), help="Processes that link [1].")
@click.option("--resume", is_flag=True, help="Go on where a run was stopped.")
@click.option("--max-errors", type=click.IntRange(0), help="Stop where more records fail [never].")
@click.option("--input", "markup", type=click.Choice(["text", "html"]), default="text", show_default=True,
              help="What the texts are; of html the article is read.")  # fmt: skip
@click.option("--text-field", default="text", show_default=True, help="Field or column of the text.")
@click.option("--id-field", default="id", show_default=True, help="Field or column of the id.")
@click.option("--keep", callback=comma_separated, help="Fields to pass through, such as url,title.")
@click.option("--date", help="Day of the texts that name none (2023-03-21), for --roles.")
@click.option("--engine", type=click.Choice(["local", "spark"]), default="local", show_default=True,
              help="What does the work: processes here, or Spark, which reads JSON lines and Parquet.")  # fmt: skip
@click.option("--master", help="Master of Spark, such as yarn, or local[4] [local[*]].")
@click.option("--conf", multiple=True, metavar="NAME=VALUE", help="A setting of Spark; may be given several times.")
@source_options()
@language_option("texts that name none")
@reports_errors
@annotation_options
def bulk(
    inputs: tuple[str, ...],
    output: str,
    workers: int | None,
    resume: bool,
    max_errors: int | None,
    markup: Markup,
    text_field: str,
    id_field: str,
    keep: tuple[str, ...],
    date: str | None,
    engine: str,
    master: str | None,
    conf: tuple[str, ...],
    index_folder: Path | None,
    overlay: Path | None,
    source: str | None,
    language: str,
    detector: str,
    model: str | None,
    options: Options,
) -> None:
    """Annotate the documents of files: JSON lines, CSV, TSV, Parquet, folders of texts; .gz and .zst too; - for stdin.

    A document that cannot be annotated is told in OUTPUT.errors.jsonl and stops nothing.
    """
    if markup == "html":
        check_html()
    settings = read_settings(os.environ, index=index_folder, overlay=overlay, model=model, source=source)
    columns = Columns(text_field, id_field, keep)
    manner = manner_of(options, settings.max_text, columns, markup, language, date)
    shown = Shown(options, keep)
    job = Job(settings=settings, detector=detector, options=options, manner=manner, shown=shown)
    if engine == "spark":
        _refuse({"--workers": workers, "--resume": resume, "--max-errors": max_errors}, "with --engine spark")
        tally, rates = _on_spark(inputs, output, job, master or "local[*]", conf)
    else:
        _refuse({"--master": master, "--conf": conf}, "without --engine spark")
        tally, rates = _here(inputs, Path(output), job, Course(workers or 1, resume, max_errors))
    click.echo(_summary(tally, rates), err=True)
    if tally.failed:
        records = "1 record" if tally.failed == 1 else f"{tally.failed:,} records"
        click.echo(f"{records} failed; {Path(output).name}.errors.jsonl says why", err=True)


class Course(NamedTuple):
    """How a run goes that is done here."""

    workers: int
    resume: bool
    most_errors: int | None


def _refuse(given: Mapping[str, object], where: str) -> None:
    """Refuses options that mean nothing there. Raises `InvalidInput`."""
    for name, value in given.items():
        if value is not None and value is not False and value != ():
            raise InvalidInput(name, f"means nothing {where}")


def _here(inputs: tuple[str, ...], output: Path, job: Job, course: Course) -> tuple[Tally, "_Rates"]:
    """What processes of this machine do."""
    check_inputs(inputs)
    check_output(output)
    linker = own_linker(job.settings, job.detector)
    linker.check(job.manner.language, job.options)
    plan = Plan(
        inputs=inputs,
        output=output,
        manner=job.manner,
        shown=job.shown,
        run=_run(inputs, job.manner, job.options, linker),
        workers=course.workers,
        resume=course.resume,
        most_errors=course.most_errors,
    )
    rates = _Rates()
    try:
        with _progress(total_size(inputs), rates) as told:
            return run(plan, partial(link_tasks, job.settings, job.detector, job.options), told), rates
    except KeyboardInterrupt as error:
        raise Interrupted("interrupted: what is done is kept; go on with --resume") from error


def _on_spark(
    inputs: tuple[str, ...], output: str, job: Job, master: str, conf: Sequence[str]
) -> tuple[Tally, "_Rates"]:
    """What Spark does."""
    check_spark_inputs(inputs)
    check_spark_output(output)
    rates = _Rates()
    try:
        with spark_session(master, read_conf(conf)) as session:
            rates.tell(Tally())
            return run_on_spark(session, ClusterPlan(inputs=inputs, output=output, job=with_local_index(job))), rates
    except KeyboardInterrupt as error:
        raise Interrupted("interrupted: nothing was written; begin anew") from error


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
    if options.roles and manner.date is None:
        named["today"] = day.today().isoformat()  # the day of texts that tell none
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
