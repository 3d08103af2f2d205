"""The options that several commands have."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from nedsvc.factory import DETECTORS
from nedsvc.models import Options
from nedsvc.settings import SOURCES

Command = TypeVar("Command", bound=Callable[..., object])


def source_options(default: str | None = None) -> Callable[[Command], Command]:
    """The options that choose the index, who knows entities and what finds mentions.

    Without a default the source is that of the settings.
    """
    setting = "" if default else " [NEDSVC_SOURCE]"
    options = (
        click.option(
            "--index",
            "index_folder",
            type=click.Path(path_type=Path),
            help="Folder of the index [NEDSVC_INDEX, else the starter index].",
        ),
        click.option(
            "--overlay",
            type=click.Path(path_type=Path),
            help="File of own entities, changes and what is never linked, over the index [NEDSVC_OVERLAY].",
        ),
        click.option(
            "--source",
            type=click.Choice(SOURCES),
            default=default,
            show_default=True,
            help=f"Who knows entities; auto: the index, then Wikidata where NEDSVC_CONTACT is set{setting}.",
        ),
        click.option(
            "--detector", type=click.Choice(DETECTORS), default="both", show_default=True, help="What finds mentions."
        ),
        click.option("--model", help="An installed spaCy pipeline [NEDSVC_MODEL]."),
    )

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def language_option(of: str) -> Callable[[Command], Command]:
    """The option that tells the language of what is read."""
    return click.option("--language", default="en", show_default=True, help=f"Language of the {of}, or auto.")


def processors_option(name: str) -> Callable[[Command], Command]:
    """The option that tells how many processors are used."""
    return click.option(
        name, type=click.IntRange(1), default=os.cpu_count(), show_default="all", help="Processors to use."
    )


def threshold_option(command: Command) -> Command:
    """The option that tells how sure a link must be."""
    return click.option(
        "--threshold",
        type=float,
        default=Options().threshold,
        show_default=True,
        help="Least confidence of a link.",
    )(command)


def ranker_option(command: Command) -> Command:
    """The option that chooses what decides."""
    return click.option(
        "--ranker",
        type=click.Choice(["fast", "accurate"]),
        default="fast",
        show_default=True,
        help="What decides; accurate reads with a sentence encoder (see nedsvc index vectors).",
    )(command)


def annotation_options(command: Command) -> Command:
    """The options of annotating, which the command gets as `options`; what it raises may be `InvalidInput`."""

    @wraps(command)
    def with_options(*args: object, **given: Any) -> object:
        chosen = {name: given.pop(name) for name in Options.__struct_fields__}
        return command(*args, options=Options(**chosen), **given)

    decorated = with_options
    for option in reversed(_ANNOTATION):
        decorated = option(decorated)
    return decorated  # type: ignore[return-value]


def comma_separated(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[str, ...]:
    """The parts of a value that are set apart by commas."""
    return tuple(part.strip() for part in value.split(",")) if value else ()


_ANNOTATION: tuple[Callable[[Callable[..., object]], Callable[..., object]], ...] = (
    click.option("--types", callback=comma_separated, help="Report only these types, such as PERSON,ORG."),
    threshold_option,
    click.option(
        "--limit", type=int, default=Options().limit, show_default=True, help="Candidates kept for each mention."
    ),
    click.option("--candidates", is_flag=True, help="Show the candidates (json)."),
    click.option("--explain", is_flag=True, help="Show what spoke for the best candidate (json)."),
    click.option("--roles", is_flag=True, help="Tell who held the offices that the text names."),
    click.option(
        "--metonymy",
        type=click.Choice(["literal", "referent"]),
        default="literal",
        show_default=True,
        help="Whether a capital that acts is the city or the government.",
    ),
    click.option(
        "--offsets", type=click.Choice(["codepoint", "utf16", "utf8"]), default="codepoint", show_default=True
    ),
    ranker_option,
)
