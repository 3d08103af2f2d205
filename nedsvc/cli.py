"""The command line: parses, calls the linker, prints. Data goes to standard output, all else to standard error."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from nedsvc import __version__
from nedsvc.answers import document_answer, lookup_answer
from nedsvc.cli_bulk import bulk
from nedsvc.cli_errors import reports_errors
from nedsvc.cli_evaluate import evaluate
from nedsvc.cli_index import index
from nedsvc.cli_options import annotation_options, language_option, source_options
from nedsvc.errors import InvalidInput, SourceUnavailable
from nedsvc.factory import (
    cache_from_settings,
    identifiers_from_settings,
    linker_and_identifiers,
    linker_from_environment,
    linker_from_settings,
)
from nedsvc.models import (
    ENTITY_TYPES,
    Document,
    EntityType,
    Link,
    Lookup,
    Offsets,
    Options,
    Query,
    Span,
    annotation_or_raise,
    read_date,
)
from nedsvc.offsets import code_point_spans
from nedsvc.settings import read_settings
from nedsvc.terminal import annotation_text, lookup_text

STDIN = "-"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nedsvc")
def main() -> None:
    """Named entity disambiguation: text in, Wikidata IDs out."""


main.add_command(index)
main.add_command(evaluate)
main.add_command(bulk)


@main.command()
@click.argument("files", metavar="[FILE…|-]", nargs=-1)
@source_options()
@language_option("text")
@click.option("--format", "output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option(
    "--mentions",
    "mentions_file",
    type=click.Path(path_type=Path),
    help="JSON list of {start, end}: link just these spans.",
)
@click.option(
    "--date", help="Day on which the texts were written (2023-03-21), for --roles [what they tell, else today]."
)
@reports_errors
@annotation_options
def annotate(
    files: tuple[str, ...],
    index_folder: Path | None,
    overlay: Path | None,
    source: str | None,
    language: str,
    detector: str,
    model: str | None,
    output: str,
    mentions_file: Path | None,
    date: str | None,
    options: Options,
) -> None:
    """Link what the texts name. Without a file (or with -) the text is read from standard input."""
    if date is not None:
        read_date(date)
    documents = [
        msgspec.structs.replace(document, date=date)
        for document in _documents(files or (STDIN,), language, mentions_file, options.offsets)
    ]
    linker = linker_from_environment(index_folder, detector, model, source, overlay)
    failed: list[Link] = []
    for annotation in map(annotation_or_raise, linker.annotate_batch(documents, options)):
        if output == "json":
            click.echo(msgspec.json.encode(document_answer(annotation, options)))
        else:
            if len(files) > 1:
                click.echo(annotation.id)
            click.echo(annotation_text(annotation))
        failed += [link for link in annotation.links if link.error]
    _end(failed)


@main.command()
@click.argument("mentions", metavar="[MENTION…]", nargs=-1)
@source_options()
@language_option("name")
@click.option("--context", help="A text around the name.")
@click.option("--type", "type_", type=click.Choice(ENTITY_TYPES), help="What the name is known to be.")
@click.option("--property", "property_", help="Look an identifier up instead: its property, such as P496 (ORCID iD).")
@click.option("--value", help="The identifier.")
@click.option("--limit", type=int, default=Options().limit, show_default=True, help="Candidates shown.")
@click.option("--format", "output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@reports_errors
def lookup(
    mentions: tuple[str, ...],
    index_folder: Path | None,
    overlay: Path | None,
    source: str | None,
    language: str,
    detector: str,
    model: str | None,
    context: str | None,
    type_: EntityType | None,
    property_: str | None,
    value: str | None,
    limit: int,
    output: str,
) -> None:
    """Tell what single names mean, or who bears an identifier."""
    settings = read_settings(os.environ, index=index_folder, overlay=overlay, model=model, source=source)
    if property_ or value:
        if not property_ or not value or mentions or context or type_:
            raise InvalidInput("--property", "goes with --value, and with no name, context or type")
        _print([identifiers_from_settings(settings).lookup(property_, value, language=language, limit=limit)], output)
        return
    if not mentions:
        raise InvalidInput("MENTION", "is missing; give names, or --property and --value")
    linker = linker_from_settings(settings, detector if context else "gazetteer")
    queries = [Query(mention=mention, context=context, type=type_) for mention in mentions]
    answers = linker.lookup_batch(queries, language=language, limit=limit)
    _print(answers, output)
    _end([answer.link for answer in answers if answer.link.error])


@main.command()
@source_options()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes that answer.")
@reports_errors
def serve(
    index_folder: Path | None,
    overlay: Path | None,
    source: str | None,
    detector: str,
    model: str | None,
    host: str,
    port: int,
    workers: int,
) -> None:
    """Serve the linker over HTTP, with answers kept in Redis where NEDSVC_REDIS_URL is set.

    On SIGHUP it opens the index anew and goes on with it, without failing a request.
    """
    # Flask and gunicorn are for the service alone; the other commands start sooner without them.
    from nedsvc.web import server  # noqa: PLC0415
    from nedsvc.web.app import create_app  # noqa: PLC0415
    from nedsvc.web.service import Service  # noqa: PLC0415

    settings = read_settings(os.environ, index=index_folder, overlay=overlay, model=model, source=source)
    reload_failed = server.ReloadFailed()

    def open_app() -> server.Served:
        linker, identifiers = linker_and_identifiers(settings, detector)
        service = Service(linker, cache_from_settings(settings), settings.max_text, identifiers, reload_failed)
        return server.Served(create_app(service, settings.max_text), linker.index)

    server.serve(open_app, server.Binding(host=host, port=port, workers=workers), reload_failed)


def _print(answers: Sequence[Lookup], output: str) -> None:
    for answer in answers:
        click.echo(msgspec.json.encode(lookup_answer(answer)) if output == "json" else lookup_text(answer))


def _end(failed: Sequence[Link]) -> None:
    """Ends with an error where something could not be found out, once all else is printed."""
    if failed:
        names = ", ".join(dict.fromkeys(link.mention.surface for link in failed[:5]))
        more = f" and {len(failed) - 5} more" if len(failed) > 5 else ""
        raise SourceUnavailable(f"{names}{more}: nothing is known, for {failed[0].error}")


def _documents(files: Sequence[str], language: str, mentions_file: Path | None, offsets: Offsets) -> list[Document]:
    if mentions_file and len(files) > 1:
        raise InvalidInput("--mentions", "goes with one text only")
    return [_document(file, language, mentions_file, offsets) for file in files]


def _document(file: str, language: str, mentions_file: Path | None, offsets: Offsets) -> Document:
    text = _text(file)
    try:
        return Document(
            text=text,
            id=None if file == STDIN else file,
            language=language,
            mentions=code_point_spans(text, _spans(mentions_file), offsets) if mentions_file else None,
        )
    except InvalidInput as error:
        name = "standard input" if file == STDIN else file
        raise InvalidInput(name, f"{error.field} {error.reason}") from error


def _text(file: str) -> str:
    name = "standard input" if file == STDIN else file
    try:
        content = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
        return content.decode()
    except OSError as error:
        raise InvalidInput(name, f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(name, f"is not UTF-8 at byte {error.start}; convert it first") from error


def _spans(file: Path) -> list[Span]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[Span])
    except OSError as error:
        raise InvalidInput(str(file), f"cannot be read ({error.strerror})") from error
    except msgspec.DecodeError as error:
        raise InvalidInput(str(file), f'is not a JSON list of {{"start": …, "end": …}} ({error})') from error
