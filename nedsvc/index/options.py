"""What a caller chooses of an index to build."""

from typing import Any

import msgspec

from nedsvc.errors import InvalidInput
from nedsvc.index import profiles
from nedsvc.index.profiles import check_languages, read_profile


class BuildOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What an index is to hold.

    `languages` are codes of Wikidata, or just "all". `classes` keeps only instances of these, subclasses included.
    `profile` is the name of one in the package, or a file, and says what is left out; `chosen_options` reads the rest.
    `strict` stops at the first broken line. `profile_digest` is set where an index keeps them.
    """

    languages: tuple[str, ...] = ("en",)
    classes: tuple[str, ...] = ()
    min_sitelinks: int = 0
    profile: str = "news"
    name: str = "index"
    strict: bool = False
    profile_digest: str = ""


def chosen_options(
    profile: str,
    *,
    languages: tuple[str, ...] | None = None,
    classes: tuple[str, ...] | None = None,
    min_sitelinks: int | None = None,
) -> BuildOptions:
    """The options by a profile; what is given goes before what it says. Raises `InvalidInput`."""
    said = read_profile(profile)
    given = {"languages": languages, "classes": classes, "min_sitelinks": min_sitelinks}
    chosen: dict[str, Any] = {field: getattr(said, field) if value is None else value for field, value in given.items()}
    return BuildOptions(profile=profile, **{field: value for field, value in chosen.items() if value is not None})


def recorded(options: BuildOptions) -> BuildOptions:
    """The options as an index keeps them: the profile by its name and digest, wherever its file is."""
    profile = read_profile(options.profile)
    return msgspec.structs.replace(options, profile=profile.name, profile_digest=profile.digest)


def check_options(options: BuildOptions) -> None:
    """Refuses options that cannot be, by the name of the flag that sets them. Raises `InvalidInput`."""
    read_profile(options.profile)
    if not options.name.isprintable():  # which nothing is that cannot be written as UTF-8
        raise InvalidInput("--name", f"{options.name!r} has characters that cannot be shown")
    if options.min_sitelinks < 0:
        raise InvalidInput("--min-sitelinks", "must not be negative")
    check_languages(options.languages, "--languages")
    class_numbers(options)


def class_numbers(options: BuildOptions) -> list[int]:
    """The numbers of the chosen classes. Raises `InvalidInput`."""
    return profiles.class_numbers(options.classes, "--classes")
