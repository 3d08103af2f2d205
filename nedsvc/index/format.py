"""What the files of an index are called and what they hold; the one page that writer and reader share.

Every array is a `.npy` file. A "list of lists" is two arrays: `<name>_start` holds where each row's part begins
(with one entry more than there are rows) and `<name>_<column>` holds the parts one after the other.
"""

import hashlib
from collections.abc import Iterable, Mapping
from enum import IntEnum
from pathlib import Path

import msgspec

from nedsvc.errors import IndexFormatError, IndexNotFound
from nedsvc.index.options import BuildOptions
from nedsvc.models import ENTITY_TYPES, EntityType

FORMAT_VERSION = 4
MANIFEST = "manifest.json"
NAMES, WORDS = "names", "words"
_TRIE = ".marisa"
RECORDS = "records.bin"
# Not in every index: the entities' vectors (a row of zeros: none), the axes to which a vector of the encoder is cut,
# what any sentence's vector has in common with others, and the vectors of single words.
VECTORS = ("entity_vectors.npy", "vector_axes.npy", "plain_vector.npy", "lexicon_words.npy", "lexicon_vectors.npy")

# Positions held have no coarse type of their own: they are kept for roles and for a holder's context.
OFFICE = 1 << len(ENTITY_TYPES)
TYPE_BITS: dict[str, int] = {name: 1 << bit for bit, name in enumerate(ENTITY_TYPES)} | {"OFFICE": OFFICE}

MAX_LINKS = 64
MAX_BEARERS = 300
MAX_NAMES_OF_WORD = 1000


class Kind(IntEnum):
    """What a name is to its entity; the lower, the closer. Where a name is several of these, the closest is kept."""

    LABEL = 0
    DEMONYM = 1
    SHORTHAND = 2
    ALIAS = 3


def trie_file(name: str, part: int) -> str:
    """The file of one of the tries of names or words."""
    return f"{name}-{part:04d}{_TRIE}"


def trie_files(files: Iterable[str], name: str) -> list[str]:
    """Those of the files that are the tries of names or words, in their order."""
    return sorted(file for file in files if file.startswith(f"{name}-") and file.endswith(_TRIE))


class FileEntry(msgspec.Struct, frozen=True):
    """The size and SHA-256 of a file of the index."""

    bytes: int
    sha256: str


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How much an index holds, and how much of its input was not taken over and why."""

    entities: int = 0
    names: int = 0
    tokens: int = 0
    postings: int = 0
    links: int = 0
    lines: int = 0
    broken: int = 0
    not_items: int = 0
    duplicates: int = 0
    left_out: dict[str, int] = {}


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an index says of itself. `encoder` names what made its vectors; without one it has none."""

    format_version: int
    content_id: str
    languages: tuple[str, ...]
    options: BuildOptions
    counts: Counts
    dump_date: str | None
    files: dict[str, FileEntry]
    encoder: str | None = None


class _Version(msgspec.Struct):
    format_version: int


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the index in this folder, once its version is known to be ours."""
    try:
        data = (folder / MANIFEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise IndexNotFound(
            f"There is no index in {folder}: build one with `nedsvc index build DUMP -o {folder}`, or unset "
            "NEDSVC_INDEX to use the starter index."
        ) from error
    except OSError as error:
        raise IndexFormatError(f"{folder / MANIFEST} cannot be read: {error.strerror}.") from error
    try:
        version = msgspec.json.decode(data, type=_Version).format_version
        if version == FORMAT_VERSION:
            return msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, ValueError) as error:
        raise IndexFormatError(f"{folder / MANIFEST} is damaged: build the index again.") from error
    raise IndexFormatError(
        f"{folder} has index format {version} and this nedsvc reads format {FORMAT_VERSION}: build the index again."
    )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest; the same manifest gives the same bytes."""
    data = msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=1)
    (folder / MANIFEST).write_bytes(data + b"\n")


def with_files(manifest: Manifest, files: Mapping[str, FileEntry]) -> Manifest:
    """The manifest of an index that has these files now, and so another content id."""
    ordered = dict(sorted(files.items()))
    return msgspec.structs.replace(manifest, files=ordered, content_id=content_id(manifest.options.name, ordered))


def check_sizes(folder: Path, files: dict[str, FileEntry]) -> None:
    """Refuse an index of which a file is missing or has another size than the manifest says."""
    for name, entry in files.items():
        try:
            size = (folder / name).stat().st_size
        except OSError as error:
            raise IndexFormatError(f"{folder / name} is missing: build the index again.") from error
        if size != entry.bytes:
            raise IndexFormatError(f"{folder / name} has {size} bytes instead of {entry.bytes}: build the index again.")


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_id(name: str, files: dict[str, FileEntry]) -> str:
    """Names what the index holds: the same files give the same id."""
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(f"{file} {files[file].sha256}\n".encode())
    return f"{name}-{total.hexdigest()[:12]}"


def verify_files(folder: Path, files: dict[str, FileEntry]) -> None:
    """Refuse an index of which a file's checksum is not the manifest's."""
    check_sizes(folder, files)
    for name, entry in files.items():
        if digest(folder / name) != entry.sha256:
            raise IndexFormatError(f"{folder / name} is damaged (its checksum is wrong): build the index again.")


def type_names(mask: int) -> tuple[EntityType, ...]:
    """The coarse types in a bit mask, offices left out."""
    return tuple(name for bit, name in enumerate(ENTITY_TYPES) if mask >> bit & 1)


def type_mask(names: Iterable[str]) -> int:
    """The bit mask of coarse types."""
    mask = 0
    for name in names:
        mask |= TYPE_BITS[name]
    return mask
