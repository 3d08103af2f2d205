"""The commands `nedsvc index build`, `info`, `verify`, `vectors` and `overlay`."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import (
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from nedsvc.cli_anchors import anchors
from nedsvc.cli_errors import reports_errors, stopped_like_ctrl_c
from nedsvc.cli_options import processors_option
from nedsvc.encoders.minilm import minilm_encoder
from nedsvc.errors import BuildError, InvalidInput
from nedsvc.index.build import MOST_NAMED, Beside, Effort, Finish, Report, build_index
from nedsvc.index.build import Progress as BuildProgress
from nedsvc.index.build.dump import total_size
from nedsvc.index.format import VECTORS, Manifest, check_sizes, read_manifest, verify_files
from nedsvc.index.layered import FACTS, OVERLAY
from nedsvc.index.options import BuildOptions, chosen_options
from nedsvc.index.overlay import add_overlay, put_overlay
from nedsvc.index.overlay_lines import overlay_content, read_overlay
from nedsvc.index.part import part_folder, resumable
from nedsvc.index.profiles import PROFILES
from nedsvc.index.sparql import Fetched, build_from_endpoint
from nedsvc.index.vectors import add_vectors
from nedsvc.settings import read_settings, required_contact
from nedsvc.sparql import SparqlEndpoint
from nedsvc.terminal import progress_bar
from nedsvc.unpacking import STDIN

_FOLDER = click.Path(path_type=Path)


@click.group()
def index() -> None:
    """Build and inspect an index of Wikidata's items."""


index.add_command(anchors)


@index.command()
@click.argument("dumps", metavar="[DUMP…]", nargs=-1)
@click.option("-o", "--output", type=_FOLDER, required=True, help="Folder of the index; an index there is replaced.")
@click.option("--languages", help="Codes such as en,de, or all; mul always counts [what the profile says, else en].")
@click.option("--classes", help="Keep only instances of these classes, such as Q5,Q43229 [what the profile says].")
@click.option("--min-sitelinks", type=int, help="Keep only items with as many sitelinks [what the profile says].")
@click.option(
    "--profile",
    metavar=f"[{'|'.join(PROFILES)}|FILE.toml]",
    default="news",
    show_default=True,
    help="news leaves out what no mention means, such as disambiguation pages, categories and papers; all nothing.",
)
@click.option("--name", default="index", show_default=True, help="What answers call the index, before its content id.")
@click.option("--strict", is_flag=True, help="Stop at the first broken line.")
@processors_option("--workers")
@click.option(
    "--popularity",
    type=_FOLDER,
    metavar="FILE",
    help="A file of QRank (qrank.csv.gz): how often pages are looked at says who is well known.",
)
@click.option(
    "--anchors",
    "anchor_file",
    type=_FOLDER,
    metavar="FILE",
    help="What the links of a wiki say of names, as `nedsvc index anchors` counts it.",
)
@click.option(
    "--sparql",
    "endpoint",
    metavar="URL",
    help="Fetch the instances of --classes from this endpoint instead, such as https://query.wikidata.org/sparql.",
)
@click.option("--overlay", type=_FOLDER, help="File of own entities, changes and what is never linked, kept with it.")
@reports_errors
def build(
    dumps: tuple[str, ...],
    output: Path,
    languages: str | None,
    classes: str | None,
    min_sitelinks: int | None,
    profile: str,
    name: str,
    strict: bool,
    workers: int,
    popularity: Path | None,
    anchor_file: Path | None,
    endpoint: str | None,
    overlay: Path | None,
) -> None:
    """Build an index of Wikidata JSON dumps (.json, .json.gz, .json.bz2, or - for standard input).

    With --sparql, of a part of Wikidata that is fetched page by page. What was interrupted goes on by the same command.
    """
    if endpoint and (popularity or anchor_file):
        raise InvalidInput("--popularity" if popularity else "--anchors", "goes with dumps, not with --sparql")
    if bool(dumps) == bool(endpoint):
        raise InvalidInput("DUMP", "name at least one dump file, or - for standard input, or an endpoint with --sparql")
    chosen = chosen_options(
        profile, languages=_listed(languages), classes=_listed(classes), min_sitelinks=min_sitelinks
    )
    options = msgspec.structs.replace(chosen, name=name, strict=strict)
    finish = _with_overlay(overlay)
    console = Console(stderr=True)
    with stopped_like_ctrl_c():
        if endpoint:
            manifest = _build_from_endpoint(console, endpoint, output, options, finish)
        else:
            manifest = _build_from_dumps(
                console, dumps, output, options, workers, Beside(popularity, anchor_file), finish
            )
    _summarize(console, output, manifest)


def _build_from_dumps(
    console: Console,
    dumps: Sequence[str],
    output: Path,
    options: BuildOptions,
    workers: int,
    beside: Beside,
    finish: Finish,
) -> Manifest:
    paths = [STDIN if dump == STDIN else Path(dump) for dump in dumps]
    with progress_bar(console, *_of_bytes()) as bar:
        task = bar.add_task("reading", total=total_size(paths), lines=0)
        report = Report(
            progress=lambda progress: _show(bar, task, progress),
            broken=lambda what: console.print(what, style="yellow", markup=False, highlight=False, soft_wrap=True),
        )
        try:
            return build_index(paths, output, options, report, Effort(workers=workers), beside, finish=finish)
        except KeyboardInterrupt:
            if part_folder(output).exists():
                raise BuildError(f"interrupted; {resumable(output)}") from None
            raise


def _with_overlay(overlay: Path | None) -> Finish:
    """What is done to an index at last: it gets its overlay, whose lines are checked before all work."""
    return partial(put_overlay, told=read_overlay(overlay_content(overlay), str(overlay))) if overlay else read_manifest


def _build_from_endpoint(console: Console, url: str, output: Path, options: BuildOptions, finish: Finish) -> Manifest:
    endpoint = SparqlEndpoint(url, required_contact(read_settings(os.environ)))
    try:
        with progress_bar(console, *_of_pages()) as bar:
            task = bar.add_task("starting", total=None, pages=0)
            report = partial(_show_fetched, bar, task)
            return build_from_endpoint(endpoint, output, options, report, finish=finish)
    except KeyboardInterrupt:
        raise BuildError(f"interrupted; {resumable(output)}") from None


@index.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--format", "output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@reports_errors
def info(folder: Path, output: str) -> None:
    """Show what an index says of itself."""
    manifest = read_manifest(folder)
    check_sizes(folder, manifest.files)
    if output == "json":
        click.echo(msgspec.json.encode(manifest).decode())
        return
    table = Table(show_header=False)
    for name, value in _facts(manifest):
        table.add_row(name, value)
    Console().print(table)


@index.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@reports_errors
def verify(folder: Path) -> None:
    """Compare all files of an index with their checksums."""
    manifest = read_manifest(folder)
    verify_files(folder, manifest.files)
    click.echo(f"{folder}: {len(manifest.files)} files are as they were written ({manifest.content_id}).", err=True)


@index.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@processors_option("--threads")
@reports_errors
def vectors(folder: Path, threads: int) -> None:
    """Give the entities of an index vectors, by which both rankers know better what a text is about.

    This needs the sentence encoder of nedsvc[accurate]; linking with --ranker fast then does not.
    """
    console = Console(stderr=True)
    encoder = minilm_encoder(threads)
    with (
        stopped_like_ctrl_c(),
        progress_bar(console, MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()) as bar,
    ):
        task = bar.add_task("encoding", total=None)
        manifest = add_vectors(folder, encoder, lambda done, total: bar.update(task, completed=done, total=total))
    size = sum(manifest.files[name].bytes for name in VECTORS)
    console.print(f"{folder}: {size:,} bytes of vectors ({manifest.content_id})", markup=False, highlight=False)


@index.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.argument("file", metavar="FILE", type=_FOLDER)
@reports_errors
def overlay(folder: Path, file: Path) -> None:
    """Give an index own entities, changes and what is never linked, in place of those that it may have.

    A file without a line takes them away. The rest of the index stays as it is.
    """
    told = read_overlay(overlay_content(file), str(file))
    with stopped_like_ctrl_c():
        manifest = add_overlay(folder, told)
    click.echo(f"{folder}: {len(told):,} lines lie over it ({manifest.content_id}).", err=True)


def _listed(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def _of_bytes() -> tuple[ProgressColumn, ...]:
    lines = TextColumn("{task.fields[lines]:,} lines")
    return DownloadColumn(), TransferSpeedColumn(), TimeElapsedColumn(), TimeRemainingColumn(), lines


def _of_pages() -> tuple[ProgressColumn, ...]:
    pages = TextColumn("{task.fields[pages]:,} pages")
    return MofNCompleteColumn(), TimeElapsedColumn(), pages


def _show(bar: Progress, task: TaskID, progress: BuildProgress) -> None:
    name = "building the arrays" if progress.finished else "reading"
    bar.update(task, description=name, completed=progress.position, lines=progress.lines)


def _show_fetched(bar: Progress, task: TaskID, fetched: Fetched) -> None:
    bar.update(task, description=fetched.stage, completed=fetched.done, total=fetched.of, pages=fetched.pages)


def _summarize(console: Console, folder: Path, manifest: Manifest) -> None:
    counts = manifest.counts
    lines = [f"{folder}: {counts.entities:,} entities with {counts.names:,} names ({manifest.content_id})"]
    passed_over = {
        **counts.left_out,
        "duplicate": counts.duplicates,
        "property, lexeme or other that is no item": counts.not_items,
    }
    lines += [f"  left out: {number:,} × {reason}" for reason, number in passed_over.items() if number]
    if counts.broken:
        unnamed = f", the first {MOST_NAMED} named above" if counts.broken > MOST_NAMED else ""
        lines.append(f"  skipped: {counts.broken:,} broken lines{unnamed}")
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _facts(manifest: Manifest) -> list[tuple[str, str]]:
    counts = {name: count for name, count in msgspec.structs.asdict(manifest.counts).items() if isinstance(count, int)}
    options = msgspec.structs.asdict(manifest.options)
    return [
        ("content id", manifest.content_id),
        ("format version", str(manifest.format_version)),
        ("languages", ", ".join(manifest.languages)),
        ("dump date", manifest.dump_date or "unknown"),
        ("overlay", "yes" if f"{OVERLAY}/{FACTS}" in manifest.files else "none"),
        ("size", f"{sum(file.bytes for file in manifest.files.values()):,} bytes in {len(manifest.files)} files"),
        *((name.replace("_", " "), f"{count:,}") for name, count in counts.items()),
        *((f"left out: {reason}", f"{count:,}") for reason, count in manifest.counts.left_out.items()),
        *((f"option {name}", _written(value)) for name, value in options.items()),
    ]


def _written(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
