"""nedsvc: named entity disambiguation. Text in, Wikidata IDs out."""

from importlib.metadata import version

from nedsvc.errors import (
    BuildError,
    IndexFormatError,
    IndexNotFound,
    InvalidInput,
    ModelNotInstalled,
    NedError,
    SourceUnavailable,
)
from nedsvc.linker import EntityLinker
from nedsvc.models import (
    Annotation,
    Document,
    Entity,
    FailedDocument,
    Link,
    Lookup,
    Mention,
    Options,
    Query,
    RankedCandidate,
    Span,
)

__version__ = version("nedsvc")

__all__ = [
    "Annotation",
    "BuildError",
    "Document",
    "Entity",
    "EntityLinker",
    "FailedDocument",
    "IndexFormatError",
    "IndexNotFound",
    "InvalidInput",
    "Link",
    "Lookup",
    "Mention",
    "ModelNotInstalled",
    "NedError",
    "Options",
    "Query",
    "RankedCandidate",
    "SourceUnavailable",
    "Span",
    "__version__",
]
