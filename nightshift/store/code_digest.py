"""The digest of the code that a module's results depend on: its own source and that of all modules it imports, directly or not.

Imports are read from the source; nothing is imported. A package counts with its `__init__.py`, and so does every package
that an imported module lies in, since Python runs those too.
"""

import ast
import hashlib
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from nightshift.store import artifact_store

TOP = Path(__file__).parents[2]
"""The folder that holds the packages."""
PACKAGES = ("flows", "tasks", "expectations", "nightshift")
NEVER_IN_RESULTS = frozenset(
    {
        "nightshift",
        "nightshift.errors",
        "nightshift.execution",
        "nightshift.execution.calls",
        "nightshift.execution.ray_ranks",
        "nightshift.execution.runners",
        "nightshift.models.logging_utils",
        "nightshift.redaction",
        "nightshift.store.disk",
        "nightshift.store.runtime_environment",
        "nightshift.store.shared_artifacts",
        "nightshift.store.shared_checkpoints",
        "nightshift.store.shared_store",
        "nightshift.training.progress",
        "tasks",
    }
)
"""Modules for reporting, guarding, error messages, cache keys and where calls run, and `__init__` files that set up the process. No result depends on
their source, so editing them leaves every stage cached."""


@cache
def code_digest(module: Path) -> str:
    """Return the sha256 of the sources that the results of a module depend on."""
    digests = sorted(artifact_store.file_digest(path) for path in covered_modules(module).values())
    return hashlib.sha256("".join(digests).encode()).hexdigest()


@cache
def source_digest() -> str:
    """Return the sha256 of all sources of this project, by which two machines know that they run the same code."""
    files = sorted(file for package in PACKAGES for file in (TOP / package).rglob("*.py"))
    lines = [f"{file.relative_to(TOP).as_posix()} {artifact_store.file_digest(file)}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@cache
def imports_torch(module: Path) -> bool:
    """Return True if the results of a module depend on torch, and so on the device."""
    return any(
        name.partition(".")[0] == "torch"
        for covered, path in covered_modules(module).items()
        for name in _imported_names(ast.parse(path.read_text()), covered)
    )


def covered_modules(module: Path, without: frozenset[str] = NEVER_IN_RESULTS) -> dict[str, Path]:
    """Return the modules whose source the digest of `module` covers, by name.

    Modules named in `without` are left out with what only they import.
    """
    covered: dict[str, Path] = {}
    remaining = [module.resolve()]
    while remaining:
        path = remaining.pop()
        name = _module_name(path)
        if name not in covered and name not in without:
            covered[name] = path
            remaining += _imported_files(path, name)
    return covered


def _module_name(path: Path) -> str:
    """Return the dotted name of a source file; a file outside the packages is named by its path."""
    if not path.is_relative_to(TOP):
        return str(path)
    return ".".join(path.relative_to(TOP).with_suffix("").parts).removesuffix(".__init__")


def _imported_files(source: Path, name: str) -> Iterator[Path]:
    """Yield the source files of this project that running a module runs too."""
    package = name if source.name == "__init__.py" else name.rpartition(".")[0]
    for imported in {package, *_imported_names(ast.parse(source.read_text()), package)}:
        parts = imported.split(".")
        if parts[0] not in PACKAGES:
            continue
        for length in range(1, len(parts) + 1):
            path = TOP.joinpath(*parts[:length])
            yield from (file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file())


def _imported_names(tree: ast.Module, package: str) -> Iterator[str]:
    """Yield the dotted names in the import statements of a module: of modules, and of members that may be modules."""
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*parents, *([node.module] if node.module else [])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements below a node; `ast.walk`, which visits expressions too, takes five times as long."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield node
            yield from _statements(node)


def copy_modules(module: Path, folder: Path) -> None:
    """Copy a module, and all of this project that it imports, into a folder from which they can be imported."""
    for path in covered_modules(module, without=frozenset()).values():
        target = folder / path.relative_to(TOP)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
