"""The shape of the package: who may import whom, what the core stays free of, and what users may import."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import nedsvc

PACKAGE = Path(nedsvc.__file__).parent

# A module imports only from its own row and from the rows above it. "x.*" stands for those modules of a
# folder that have no place of their own. The package itself, "", offers users what the rows above it define.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "models"}),
    frozenset({"settings", "cache", "sources", "pace"}),
    frozenset(
        {
            *("names", "similarity", "matching", "variants", "text", "context", "offsets", "tables", "classes"),
            *("popularity", "wikibase", "etiquette", "dating", "encoders"),
            *("lines", "processes", "never", "unpacking", "anchors", "wikitext", "wikidump"),
            *("index", "index.*"),
        }
    ),
    frozenset(
        {
            *("sources.local", "sources.beside"),
            "sources.wikidata",
            "sparql",
            "sources.wikidata.*",
            "detect",
            "detect.*",
            "grouping",
            "candidate_table",
            "features",
            "coherence",
            "ranking",
            "meaning",
            "encoders.*",
            "decision",
            "inquiry",
            "language",
            *("html", "reading"),
            *("roles", "role_phrases", "metonymy", "offices"),
            "cache.*",
            "pace.*",
        }
    ),
    frozenset({"linker", "links", "identifiers"}),
    frozenset(
        {
            *("index.build", "index.build.*", "index.summaries", "index.vectors", "index.queries", "index.sparql"),
            *("index.overlay", "index.anchors", "kept"),
            *("starter", "answers", "bulk", "bulk.*", "evaluation", "evaluation.*"),
        }
    ),
    frozenset({"", "factory"}),
    frozenset(
        {
            *("__main__", "cli", "cli_bulk", "cli_index", "cli_evaluate", "cli_options", "cli_errors"),
            "cli_anchors",
            *("workers", "cluster", "cluster.*"),
            *("terminal", "web", "web.*"),
        }
    ),
)

# The convenience constructor that users know: `EntityLinker.from_index(path)` hands over to the factory.
EXCEPTIONS = {("linker", "factory"): "EntityLinker.from_index"}

# The core opens no connection and loads no model. What it reads of files is the package's tables, and dumps and the
# like that a caller names.
PURE = frozenset(
    {"candidate_table", "features", "coherence", "grouping", "ranking", "decision", "inquiry", "links", "linker"}
)
CORE = PURE.union(*LAYERS[:3]) - {"index", "index.*"}
KEPT_OUT = frozenset({"spacy", "flask", "redis", "httpx", "urllib", "requests", "click", "rich", "onnxruntime"})

PUBLIC = [
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


def module_name(path: Path) -> str:
    """The module's name inside the package: "index.build"; "" is the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def place(module: str) -> str:
    """The entry of LAYERS that stands for the module."""
    own = {name for row in LAYERS for name in row}
    return module if module in own else f"{module.rpartition('.')[0]}.*"


def row(module: str) -> int:
    """The module's row, counted from 0; fails for a module that has no place."""
    for number, names in enumerate(LAYERS):
        if place(module) in names:
            return number
    raise AssertionError(f"nedsvc.{module} has no place: put it into a row of LAYERS")


def imported(module: str, tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every module that is imported anywhere in the tree, by its full name, and the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(module, node)
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def absolute(module: str, node: ast.ImportFrom) -> str:
    """The full name of what a `from` statement imports from."""
    if not node.level:
        return node.module or ""
    parts = ["nedsvc", *module.split(".")] if module else ["nedsvc"]
    depth = node.level - (MODULES[module].name == "__init__.py")
    return ".".join(parts[: len(parts) - depth] + ([node.module] if node.module else []))


def own_module(name: str) -> str | None:
    """The module of the package that a full name stands for or is an attribute of; None for others."""
    if name.partition(".")[0] != "nedsvc":
        return None
    inner = name.partition(".")[2]
    while inner not in MODULES:
        inner = inner.rpartition(".")[0]
    return inner


def parse(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def allowed(module: str, target: str) -> bool:
    return row(target) <= row(module) or (module, target) in EXCEPTIONS


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_its_own_row_and_those_above(module: str) -> None:
    wrong = [
        f"line {line} imports nedsvc.{target}"
        for name, line in imported(module, parse(module))
        if (target := own_module(name)) is not None and not allowed(module, target)
    ]
    assert not wrong, f"nedsvc.{module} (row {row(module) + 1}) reaches down: {wrong}"


@pytest.mark.parametrize("module", [module for module in MODULES if place(module) in CORE])
def test_the_core_is_free_of_services_models_and_terminals(module: str) -> None:
    roots = {name.partition(".")[0] for name, _ in imported(module, parse(module))}
    assert not roots & KEPT_OUT, f"nedsvc.{module} is core: what needs {roots & KEPT_OUT} stands elsewhere"


@pytest.mark.parametrize(("pair", "function"), EXCEPTIONS.items())
def test_an_exception_holds_only_inside_its_function(pair: tuple[str, str], function: str) -> None:
    module, target = pair
    class_name, method = function.split(".")
    places = [
        f"{outer.name}.{inner.name}"
        for outer in parse(module).body
        if isinstance(outer, ast.ClassDef)
        for inner in outer.body
        if isinstance(inner, ast.FunctionDef)
        for name, _ in imported(module, inner)
        if own_module(name) == target
    ]
    everywhere = [name for name, _ in imported(module, parse(module)) if own_module(name) == target]
    assert places == [f"{class_name}.{method}"]
    assert len(everywhere) == len(places)


def test_what_users_may_import() -> None:
    """The names are pinned: taking one away breaks others' code, adding one is a promise."""
    assert sorted(nedsvc.__all__) == PUBLIC
    assert all(hasattr(nedsvc, name) for name in PUBLIC)
