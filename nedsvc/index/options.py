"""What a caller chooses of an index to build."""

import re
from collections.abc import Sequence

import msgspec

from nedsvc.errors import InvalidInput
from nedsvc.models import checked_qid, qid_number
from nedsvc.wikibase import ALL_LANGUAGES

PROFILES = ("news", "all")
_LANGUAGE = re.compile(r"[a-z]{2,}(-[a-z0-9]+)*")


class BuildOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What an index is to hold.

    `languages` are codes of Wikidata, or just "all". `classes` keeps only instances of these, subclasses included.
    `profile` "news" leaves out what no mention means (data/left_out.tsv). `strict` stops at the first broken line.
    """

    languages: tuple[str, ...] = ("en",)
    classes: tuple[str, ...] = ()
    min_sitelinks: int = 0
    profile: str = "news"
    name: str = "index"
    strict: bool = False


def check_options(options: BuildOptions) -> None:
    """Refuses options that cannot be, by the name of the flag that sets them. Raises `InvalidInput`."""
    if options.profile not in PROFILES:
        raise InvalidInput("--profile", f"{options.profile!r} is unknown; choose from {', '.join(PROFILES)}")
    if options.min_sitelinks < 0:
        raise InvalidInput("--min-sitelinks", "must not be negative")
    _check_languages(options.languages)
    class_numbers(options)


def class_numbers(options: BuildOptions) -> list[int]:
    """The numbers of the chosen classes. Raises `InvalidInput`."""
    try:
        return [qid_number(checked_qid(qid)) for qid in options.classes]
    except InvalidInput as error:
        raise InvalidInput("--classes", error.reason) from error


def _check_languages(languages: Sequence[str]) -> None:
    for language in languages:
        if not _LANGUAGE.fullmatch(language):
            raise InvalidInput("--languages", f"{language!r} is no language code; write en,de or all")
    if ALL_LANGUAGES in languages and len(languages) > 1:
        raise InvalidInput("--languages", "all stands alone")
    if not languages:
        raise InvalidInput("--languages", "name at least one language")
