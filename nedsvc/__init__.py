"""nedsvc: named entity disambiguation. Text in, Wikidata IDs out."""

from importlib.metadata import version

from nedsvc.errors import InvalidInput, NedError
from nedsvc.linker import EntityLinker
from nedsvc.models import Annotation, Candidate, Document, Entity, Link, Lookup, Mention, Options, Query, Span

__version__ = version("nedsvc")

__all__ = [
    "Annotation",
    "Candidate",
    "Document",
    "Entity",
    "EntityLinker",
    "InvalidInput",
    "Link",
    "Lookup",
    "Mention",
    "NedError",
    "Options",
    "Query",
    "Span",
    "__version__",
]
