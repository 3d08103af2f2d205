"""The options that several commands have."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

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
