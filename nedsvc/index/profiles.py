"""Profiles: which items an index takes, in TOML files that people read and write."""

import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec

from nedsvc.errors import InvalidInput
from nedsvc.models import checked_qid, qid_number
from nedsvc.wikibase import ALL_LANGUAGES, is_language

PROFILES = ("news", "all")
FLAG = "--profile"
_SUFFIX = ".toml"
_PACKAGED = files("nedsvc") / "data" / "profiles"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What an index leaves out, and what it holds where the caller chooses nothing else (None: nothing is said).

    Items are left out whose own class is among `left_out`, each with what they are called in the summary.
    """

    name: str
    left_out: Mapping[int, str] = {}
    languages: tuple[str, ...] | None = None
    classes: tuple[str, ...] | None = None
    min_sitelinks: int | None = None

    @property
    def digest(self) -> str:
        """Tells profiles apart by what they say, however it is written."""
        said = sorted(self.left_out.items()), self.languages, self.classes, self.min_sitelinks
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:12]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A profile as it is written; what it says goes before what the profile that it `extends` says."""

    extends: str | None = None
    languages: tuple[str, ...] | None = None
    classes: tuple[str, ...] | None = None
    min_sitelinks: int | None = None
    keep: tuple[str, ...] = ()
    left_out: dict[str, tuple[str, ...]] = {}


def read_profile(name_or_path: str) -> Profile:
    """The profile of the package with this name, or the one in this file.

    Raises `InvalidInput`, which names the file and the key, for one that cannot be used.
    """
    if name_or_path in PROFILES:
        return _packaged(name_or_path)
    path = Path(name_or_path)
    if path.suffix != _SUFFIX:
        choice = f"choose from {', '.join(PROFILES)}, or name a file that ends in {_SUFFIX}"
        raise InvalidInput(FLAG, f"{name_or_path!r} is unknown; {choice}")
    return _read(path.stem, path)


def check_languages(languages: Sequence[str], field: str) -> None:
    """Refuses what are no codes of languages, by the name of what gives them. Raises `InvalidInput`."""
    for language in languages:
        if not is_language(language):
            raise InvalidInput(field, f"{language!r} is no language code; write en,de or all")
    if ALL_LANGUAGES in languages and len(languages) > 1:
        raise InvalidInput(field, "all stands alone")
    if not languages:
        raise InvalidInput(field, "name at least one language")


def class_numbers(classes: Iterable[str], field: str) -> list[int]:
    """The numbers of classes. Raises `InvalidInput`, by the name of what gives them."""
    try:
        return [qid_number(checked_qid(qid)) for qid in classes]
    except InvalidInput as error:
        raise InvalidInput(field, error.reason) from error


@cache
def _packaged(name: str) -> Profile:
    return _read(name, _PACKAGED / f"{name}{_SUFFIX}")


def _read(name: str, path: Path | Traversable) -> Profile:
    try:
        return _profile(name, _decoded(path))
    except InvalidInput as error:
        raise InvalidInput(FLAG, f"{path}: {error.field}: {error.reason}") from error
    except OSError as error:
        raise InvalidInput(FLAG, f"{path} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(FLAG, f"{path} is not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(FLAG, f"{path} is no TOML: {error}") from error


def _decoded(path: Path | Traversable) -> _File:
    """What the file says. Raises `InvalidInput` with the key, and what reading and decoding raise."""
    said = tomllib.loads(path.read_text(encoding="utf-8"))
    unknown = [key for key in said if key not in _File.__struct_fields__]
    if unknown:
        raise InvalidInput(unknown[0], f"is no key of a profile; there are {', '.join(_File.__struct_fields__)}")
    for key, value in said.items():
        try:
            msgspec.convert({key: value}, _File)
        except msgspec.ValidationError as error:
            raise InvalidInput(key, str(error).partition(" - at ")[0]) from error
    return msgspec.convert(said, _File)


def _profile(name: str, file: _File) -> Profile:
    if file.extends is not None and file.extends not in PROFILES:
        raise InvalidInput("extends", f"{file.extends!r} is unknown; choose from {', '.join(PROFILES)}")
    if file.min_sitelinks is not None and file.min_sitelinks < 0:
        raise InvalidInput("min_sitelinks", "must not be negative")
    if file.languages is not None:
        check_languages(file.languages, "languages")
    class_numbers(file.classes or (), "classes")
    base = _packaged(file.extends) if file.extends else Profile(name=name)
    kept = frozenset(class_numbers(file.keep, "keep"))
    if missing := kept - base.left_out.keys():
        raise InvalidInput("keep", f"Q{min(missing)} is not left out by the profile that this one extends")
    own = dict(_left_out(file))
    return Profile(
        name=name,
        left_out={number: reason for number, reason in base.left_out.items() if number not in kept} | own,
        languages=base.languages if file.languages is None else file.languages,
        classes=base.classes if file.classes is None else file.classes,
        min_sitelinks=base.min_sitelinks if file.min_sitelinks is None else file.min_sitelinks,
    )


def _left_out(file: _File) -> Iterator[tuple[int, str]]:
    for reason, classes in file.left_out.items():
        for number in class_numbers(classes, f"left_out, {reason!r}"):
            yield number, reason
