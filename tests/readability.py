"""Measure how readable the source is, and compare the measures with limits.

`python tests/readability.py` prints a table; `--list` prints every location too, `--json` prints JSON. `--check` prints what is
over `LIMITS` and exits with 1. The source is read, never imported.

The measures:

- names: share of bound names that are in `EMPTY_WORDS`. Bound are functions, classes, parameters, and the targets of assignments,
  for, with, except, match, `:=` and comprehensions; each binding counts. `self`, `cls`, `_` and `__names__` are not counted.
- docstrings: share of docstrings that begin with one of `QUESTION_WORDS`. A string below an assignment is a docstring too.
- args: number of public functions and methods with more than three parameters whose docstring has no section Args. Commands of
  typer are left out: it prints the docstring, and each option has a help text of its own. Parameters with a leading underscore,
  which are not used, do not count.
- chain: number of functions on the longest chain of calls, a cycle counted as one. Calls are resolved by name: through imports,
  in the same module, and methods through `self`, `cls`, `super()` or the class. Calls in a nested function count for the outer
  one, and `wrapper(function)(...)` calls `function` too.
- words: number of modules and bound names that are in `PRIVATE_MODULES` or `PRIVATE_NAMES`.
- file, function: medians of the number of lines.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
SOURCE = ("cli", "flows", "tasks", "expectations", "nightshift")
OTHER_FOLDERS = ("tests", "benchmarks")
TEST_DATA = ROOT / "tests" / "data"  # holds copies of older code

# Limits of SOURCE and of the benchmarks. They may only be lowered. The aim for the chain of SOURCE is 8; it goes through the
# command line, the flow and the stages.
LIMITS: dict[str, dict[str, float]] = {
    "source": {"names": 0.01, "docstrings": 0.0, "args": 0, "chain": 14, "words": 5},
    "benchmarks": {"names": 0.01, "docstrings": 0.0, "args": 0, "chain": 8, "words": 0},
}

# Words that do not say what a name holds: participles, pronouns, prepositions and fillers that would fit any value. The whole
# name is compared, without case, leading underscores and a number at the end: `found`, `_told`, `kept_2`, not `kept_rows`.
# Not listed are participles for the result of a stage (`trained`, `evaluated`) and terms of the field (`observed`, `padded`).
EMPTY_WORDS = frozenset(
    """
    answered asked barred begun called chosen counted cut done dropped ended felt filled found given gone got held
    judged kept known learned left living looked made meant missed moved named needed picked put reached said seen
    settled shown spent spoken taken taught tested told tried used wanted
    all any both each every few least most much one ones other others rest same several some such what which who whole
    why how when where whether
    about above after apart at before below beside besides beyond by for_ from_ in_ inside near of over under until
    with_ within
    ours own theirs these those
    lot place places something stuff thing things way ways
    """.split()  # noqa: SIM905
)

QUESTION_WORDS = frozenset({"of", "what", "whether", "where", "who", "how", "which", "when", "why"})

# Words of our own for which the field has a standard one. Of the names only those that are not a usual word elsewhere: a variable
# `start`, `figure` or `batch` is no private word, a module of that name is one.
PRIVATE_MODULES = frozenset(
    """
    anatomy bases batch describe evidence figures flips guards housekeeping identity imitation inspection judging lesson
    machine mending narrowing night noise pages pictures quiet scratch seen shown start student told upkeep
    watching workshop
    """.split()  # noqa: SIM905
)
PRIVATE_NAMES = frozenset(
    """
    Bars Costs Desk Inside Judge JudgementHead LossWatch Night Served Standing Story WAYS Workshop
    alone anatomy carried_by carriers demand desk fits flips fold gained housekeeping imitation inspection judge judging
    learned lesson liveliest lost mending minutes naive night nights noised pieces pruned_time quiet relations sharing
    sign_in simple_model speak story student_of suited timed told tonight upkeep watching workshop
    """.split()  # noqa: SIM905
)

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Location(NamedTuple):
    """A named line of a file."""

    file: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.name}"


@dataclass
class Measures:
    """Measures of a set of files."""

    files: int = 0
    bound_names: int = 0
    docstrings: int = 0
    functions: int = 0
    median_file: float = 0
    median_function: float = 0
    empty_names: list[Location] = field(default_factory=list)
    question_docstrings: list[Location] = field(default_factory=list)
    missing_args: list[Location] = field(default_factory=list)
    private_words: list[Location] = field(default_factory=list)
    longest_chain: list[str] = field(default_factory=list)
    longest_files: list[tuple[int, str]] = field(default_factory=list)
    longest_functions: list[tuple[int, str]] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """Return the measures that have limits."""
        return {
            "names": len(self.empty_names) / max(self.bound_names, 1),
            "docstrings": len(self.question_docstrings) / max(self.docstrings, 1),
            "args": len(self.missing_args),
            "chain": len(self.longest_chain),
            "words": len(self.private_words),
        }

    def locations(self) -> dict[str, list[str]]:
        """Return the locations that each measure counts."""
        return {
            "names": [str(location) for location in self.empty_names],
            "docstrings": [str(location) for location in self.question_docstrings],
            "args": [str(location) for location in self.missing_args],
            "chain": self.longest_chain,
            "words": [str(location) for location in self.private_words],
        }


# Names and docstrings


def targets(node: ast.expr) -> Iterator[tuple[str, int]]:
    """Yield the names that an assignment to `node` binds, with their lines; attributes too, items not."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            yield name, node.lineno
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from targets(part)
        case ast.Starred(value=part):
            yield from targets(part)


def bindings(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield every name that is bound in a tree, with its line."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
                | ast.arg(arg=name)
            ):
                yield name, node.lineno
            case ast.Assign():
                for target in node.targets:
                    yield from targets(target)
            case ast.AnnAssign(target=target) | ast.NamedExpr(target=target):
                yield from targets(target)
            case ast.For(target=target) | ast.AsyncFor(target=target) | ast.comprehension(target=target):
                yield from targets(target)
            case ast.withitem(optional_vars=ast.expr() as target):
                yield from targets(target)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name, node.lineno
            case ast.MatchMapping(rest=str(name)):
                yield name, node.lineno


def counted_bindings(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield the bindings whose name was chosen freely."""
    for name, line in bindings(tree):
        if name not in ("self", "cls", "_") and not (name.startswith("__") and name.endswith("__")):
            yield name, line


def is_empty(name: str) -> bool:
    """Return whether a name says nothing about what it holds."""
    bare = name.lower().lstrip("_")
    return bare in EMPTY_WORDS or re.sub(r"_?\d+$", "", bare) in EMPTY_WORDS


def is_private(name: str) -> bool:
    """Return whether a bound name is a word of our own."""
    return re.sub(r"_?\d+$", "", name.lstrip("_")) in PRIVATE_NAMES


def docstrings(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    """Yield name, line and text of every docstring, also of those below an assignment."""
    for node in ast.walk(tree):
        text = ast.get_docstring(node) if isinstance(node, Documented) else None
        if text is not None:
            yield getattr(node, "name", "(module)"), getattr(node, "lineno", 1), text
        body = getattr(node, "body", None)
        for statement, following in pairwise(body) if isinstance(body, list) else ():
            match statement, following:
                case ast.Assign() | ast.AnnAssign(), ast.Expr(value=ast.Constant(value=str(text))):
                    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
                    yield ast.unparse(target), following.lineno, text


def asks(docstring: str) -> bool:
    """Return whether a docstring begins with a question word."""
    first_word = re.match(r"\W*([A-Za-z]+)", docstring)
    return first_word is not None and first_word[1].lower() in QUESTION_WORDS


def public_functions(node: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, Function, bool]]:
    """Yield name, definition and whether it is a method, of public functions outside of functions and private classes."""
    for child in node.body:
        match child:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if not child.name.startswith("_"):
                yield prefix + child.name, child, isinstance(node, ast.ClassDef)
            case ast.ClassDef() if not child.name.startswith("_"):
                yield from public_functions(child, f"{prefix}{child.name}.")


def lacks_args(function: Function, is_method: bool) -> bool:
    """Return whether a function has more than three parameters and its docstring no section Args."""
    decorators = [ast.unparse(decorator) for decorator in function.decorator_list]
    if any(re.search(r"\.(command|callback)\(", decorator) for decorator in decorators):
        return False
    signature = function.args
    parameters = [*signature.posonlyargs, *signature.args, *signature.kwonlyargs, signature.vararg, signature.kwarg]
    number = sum(parameter is not None and not parameter.arg.startswith("_") for parameter in parameters)
    number -= is_method and "staticmethod" not in decorators
    return number > 3 and not re.search(r"^\s*Args:\s*$", ast.get_docstring(function) or "", re.MULTILINE)


# The graph of calls


@dataclass
class Module:
    """A module's definitions and imports, by the name they have in it."""

    name: str
    tree: ast.Module
    functions: dict[str, Function] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._define(self.tree.body, "")
        package = self.name.split(".")
        for node in ast.walk(self.tree):
            match node:
                case ast.Import():
                    for alias in node.names:
                        self.imports[alias.asname or alias.name.split(".")[0]] = (
                            alias.name if alias.asname else alias.name.split(".")[0]
                        )
                case ast.ImportFrom():
                    parent = ".".join(package[: len(package) - node.level]) if node.level else ""
                    source = ".".join(filter(None, [parent, node.module]))
                    for alias in node.names:
                        self.imports[alias.asname or alias.name] = f"{source}.{alias.name}"

    def _define(self, body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self.functions[prefix + node.name] = node
                case ast.ClassDef():
                    self.classes[prefix + node.name] = node
                    self._define(node.body, f"{prefix}{node.name}.")
                case ast.If() | ast.Try():
                    self._define([*node.body, *node.orelse], prefix)


class CallGraph:
    """Calls between the functions of some modules."""

    def __init__(self, trees: dict[str, ast.Module]) -> None:
        self.modules = {name: Module(name, tree) for name, tree in trees.items()}
        self.edges: dict[str, list[str]] = {}
        for module in self.modules.values():
            for name, function in module.functions.items():
                self.edges[f"{module.name}.{name}"] = sorted(self._callees(module, name, function))

    def _callees(self, module: Module, name: str, function: Function) -> set[str]:
        owner = f"{module.name}.{name.rpartition('.')[0]}" if "." in name else ""
        local_names = {name for name, _ in bindings(function)} - {function.name}
        resolved = set()
        for statement in function.body:
            for node in ast.walk(statement):
                if isinstance(node, ast.Call):
                    wrapped = node.func.args if isinstance(node.func, ast.Call) else []
                    for expression in (node.func, *wrapped):
                        resolved.add(self._callable(self._resolve(expression, module, owner, local_names)))
        return resolved - {""}

    def _callable(self, target: str) -> str:
        """Return the function that a call of `target` runs: of a class its `__init__`; "" for none of ours."""
        kind, module, name = self._look_up(target)
        if kind == "class":
            return self._callable(self._method(target, "__init__") or self._method(target, "__post_init__"))
        return f"{module}.{name}" if kind == "function" else ""

    def _resolve(self, node: ast.expr, module: Module, owner: str, local_names: set[str]) -> str:
        """Return the dotted name that an expression stands for, "" for an unknown one."""
        match node:
            case ast.Name(id="self" | "cls") if owner:
                return owner
            case ast.Name(id=name) if name not in local_names:
                if name in module.functions or name in module.classes:
                    return f"{module.name}.{name}"
                return module.imports.get(name, "")
            case ast.Call(func=ast.Name(id="super")) if owner:
                return next(iter(self._parents(owner)), "")
            case ast.Call(func=function):
                target = self._resolve(function, module, owner, local_names)
                is_task = isinstance(function, ast.Attribute) and function.attr == "with_options"
                return target if is_task or self._look_up(target)[0] == "class" else ""
            case ast.Attribute(value=value, attr=name):
                target = self._resolve(value, module, owner, local_names)
                kind = self._look_up(target)[0]
                if kind == "class":
                    return self._method(target, name)
                if kind == "function":  # Prefect: a task or flow called by one of its methods
                    return target if name in ("submit", "map", "delay", "fn", "with_options") else ""
                return f"{target}.{name}" if target else ""
        return ""

    def _look_up(self, target: str, depth: int = 0) -> tuple[str, str, str]:
        """Return kind (function, class or ""), module and name of a dotted name; imports of imports are followed."""
        words = target.split(".")
        for end in range(len(words) - 1, 0, -1):
            module = self.modules.get(".".join(words[:end]))
            if module is None:
                continue
            name = ".".join(words[end:])
            if name in module.functions:
                return "function", module.name, name
            if name in module.classes:
                return "class", module.name, name
            if words[end] in module.imports and depth < 8:
                return self._look_up(".".join([module.imports[words[end]], *words[end + 1 :]]), depth + 1)
            return "", "", ""
        return "", "", ""

    def _parents(self, target: str) -> Iterator[str]:
        kind, module_name, name = self._look_up(target)
        if kind == "class":
            module = self.modules[module_name]
            for base in module.classes[name].bases:
                parent = self._resolve(base, module, "", set())
                if self._look_up(parent)[0] == "class":
                    yield parent

    def _method(self, target: str, name: str, depth: int = 0) -> str:
        """Return the dotted name of a method of a class or of the classes it derives from, "" for none of ours."""
        _, module, class_name = self._look_up(target)
        if self._look_up(f"{module}.{class_name}.{name}")[0]:
            return f"{module}.{class_name}.{name}"
        inherited = (self._method(parent, name, depth + 1) for parent in self._parents(target)) if depth < 8 else ()
        return next(filter(None, inherited), "")

    def longest_chain(self) -> list[str]:
        """Return the longest chain of calls; functions that call each other in a cycle are one entry."""
        cycle_of = {name: cycle for cycle in strong_components(self.edges) for name in cycle}
        best: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
        for cycle in dict.fromkeys(cycle_of.values()):  # callees come first
            nexts = {cycle_of[name] for caller in cycle for name in self.edges[caller] if name in cycle_of} - {cycle}
            best[cycle] = [cycle, *max((best[callee] for callee in sorted(nexts)), key=len, default=[])]
        chain = max(best.values(), key=len, default=[])
        return [cycle[0] if len(cycle) == 1 else f"{cycle[0]} (a cycle of {len(cycle)})" for cycle in chain]


def strong_components(edges: dict[str, list[str]]) -> list[tuple[str, ...]]:
    """Return the strongly connected components of a graph, callees before callers (Tarjan 1972)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    components: list[tuple[str, ...]] = []

    def visit(node: str) -> None:
        number[node] = low[node] = len(number)
        stack.append(node)
        for callee in edges[node]:
            if callee not in number and callee in edges:
                visit(callee)
            if callee in stack:
                low[node] = min(low[node], low[callee])
        if low[node] == number[node]:
            start = stack.index(node)
            components.append(tuple(stack[start:]))
            del stack[start:]

    for node in edges:
        if node not in number:
            visit(node)
    return components


# Rows and output


def add_names(measures: Measures, file: str, tree: ast.Module) -> None:
    """Count a file's bound names, and its own name, in `measures`."""
    path = Path(file)
    module = path.parent.name if path.stem == "__init__" else path.stem
    if module in PRIVATE_MODULES:
        measures.private_words.append(Location(file, 1, f"(module {module})"))
    for name, line in counted_bindings(tree):
        measures.bound_names += 1
        if is_empty(name):
            measures.empty_names.append(Location(file, line, name))
        if is_private(name):
            measures.private_words.append(Location(file, line, name))


def add_docstrings(measures: Measures, file: str, tree: ast.Module) -> None:
    """Count a file's docstrings in `measures`."""
    for name, line, text in docstrings(tree):
        measures.docstrings += 1
        if asks(text):
            measures.question_docstrings.append(Location(file, line, f"{name}: {text.strip().splitlines()[0]}"))
    for name, function, is_method in public_functions(tree):
        if lacks_args(function, is_method):
            measures.missing_args.append(Location(file, function.lineno, name))


def add_lengths(measures: Measures, lengths: dict[str, int], trees: dict[str, ast.Module]) -> None:
    """Set the medians and the longest files and functions of `measures`."""
    functions = [
        (node.end_lineno - node.lineno + 1, f"{file}:{node.lineno} {node.name}")
        for file, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, Function) and node.end_lineno
    ]
    measures.functions = len(functions)
    measures.median_file = median(lengths.values()) if lengths else 0
    measures.median_function = median(length for length, _ in functions) if functions else 0
    measures.longest_files = sorted(((length, file) for file, length in lengths.items()), reverse=True)[:10]
    measures.longest_functions = sorted(functions, reverse=True)[:10]


def measure(files: list[Path], root: Path = ROOT) -> Measures:
    """Measure Python files below `root`, the folder that their imports start from."""
    texts = {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in files}
    trees = {file: ast.parse(text) for file, text in texts.items()}
    measures = Measures(files=len(files))
    for file, tree in trees.items():
        add_names(measures, file, tree)
        add_docstrings(measures, file, tree)
    add_lengths(measures, {file: len(text.splitlines()) for file, text in texts.items()}, trees)
    modules = {
        file.removesuffix(".py").removesuffix("/__init__").replace("/", "."): tree for file, tree in trees.items()
    }
    measures.longest_chain = CallGraph(modules).longest_chain()
    return measures


def python_files(*folders: str) -> list[Path]:
    """Return the Python files of some folders of the repository; folders that do not exist have none."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in paths if TEST_DATA not in path.parents]


def source_measures() -> Measures:
    """Return the measures of the whole source."""
    return measure(python_files(*SOURCE))


def limited_measures() -> dict[str, Measures]:
    """Return the measures that `LIMITS` limits, by the names there."""
    return {"source": source_measures(), "benchmarks": measure(python_files("benchmarks"))}


def rows() -> dict[str, Measures]:
    """Return the measures of each folder and of the whole source."""
    folders = {folder: python_files(folder) for folder in (*SOURCE, *OTHER_FOLDERS)}
    return {
        **{folder: measure(files) for folder, files in folders.items() if files and folder in SOURCE},
        "source": source_measures(),
        **{folder: measure(files) for folder, files in folders.items() if files and folder in OTHER_FOLDERS},
    }


def failures(measures: Measures, limits: dict[str, float]) -> list[str]:
    """Return a text for each measure over its limit, with up to 20 of its locations."""
    texts = []
    figures, locations = measures.figures(), measures.locations()
    for name, limit in limits.items():
        if figures[name] > limit:
            lines = worst(name, measures) if name in ("names", "words") else locations[name][:20]
            texts.append(
                "\n    ".join([f"{name}: {_number(figures[name])} is over the limit {_number(limit)}", *lines])
            )
    return texts


def worst(name: str, measures: Measures) -> list[str]:
    """Return the most frequent names of a measure and the files with most of them."""
    locations = measures.empty_names if name == "names" else measures.private_words
    names = Counter(location.name for location in locations).most_common(10)
    files = Counter(location.file for location in locations).most_common(10)
    return [", ".join(f"{word} {number}" for word, number in names), *(f"{file}: {number}" for file, number in files)]


def _number(figure: float) -> str:
    return f"{figure:.1%}" if isinstance(figure, float) else str(figure)


def table(measured: dict[str, Measures]) -> str:
    """Return a table of the measures, a line a folder."""
    titles = ["", "files", "bound", "names", "docs", "docstrings", "args", "chain", "words", "file", "function"]
    cells = [titles]
    for folder, measures in measured.items():
        names, questions, *numbers = (_number(figure) for figure in measures.figures().values())
        counts = [str(measures.files), str(measures.bound_names), names, str(measures.docstrings), questions]
        cells.append([folder, *counts, *numbers, f"{measures.median_file:g}", f"{measures.median_function:g}"])
    return "\n".join(
        " ".join(cell.rjust(10) if position else cell.ljust(13) for position, cell in enumerate(line)) for line in cells
    )


def details(measures: Measures) -> str:
    """Return the longest chain, functions and files, and the most frequent names, as text."""
    sections = {
        f"Longest chain of calls ({len(measures.longest_chain)} functions)": measures.longest_chain,
        "Longest functions": [f"{lines} {name}" for lines, name in measures.longest_functions],
        "Longest files": [f"{lines} {name}" for lines, name in measures.longest_files],
        "Names that say nothing, and the files with most of them": worst("names", measures),
        "Words of our own, and the files with most of them": worst("words", measures),
    }
    return "\n".join("\n    ".join([f"\n{title}", *lines]) for title, lines in sections.items())


def as_json(measured: dict[str, Measures], with_places: bool) -> str:
    """Return the measures, and on request their locations, as JSON."""
    content = {}
    for folder, measures in measured.items():
        medians = {"median_file": measures.median_file, "median_function": measures.median_function}
        counts = {"files": measures.files, "bound_names": measures.bound_names, "docstring_count": measures.docstrings}
        longest = {"longest_files": measures.longest_files, "longest_functions": measures.longest_functions}
        content[folder] = {
            **measures.figures(),
            **counts,
            **medians,
            **longest,
            "longest_chain": measures.longest_chain,
        }
        if with_places:
            content[folder]["locations"] = measures.locations()
    return json.dumps({"limits": LIMITS, "measures": content}, indent=2)


def check() -> int:
    """Print the measures that have limits, or what is over a limit; return the exit code."""
    exit_code = 0
    for name, measures in limited_measures().items():
        texts = failures(measures, LIMITS[name])
        figures = ", ".join(f"{measure_name} {_number(figure)}" for measure_name, figure in measures.figures().items())
        print("\n".join(f"{name}: {text}" for text in texts) or f"readability of {name}: {figures}")
        exit_code |= bool(texts)
    return exit_code


def main() -> int:
    """Print the measures."""
    parser = argparse.ArgumentParser(description="Measure how readable the source is.")
    parser.add_argument(
        "--list",
        nargs="?",
        const="all",
        choices=["all", *LIMITS["source"]],
        help="print every location, of one measure or of all",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--check", action="store_true", help="compare with the limits; exit with 1 if one is exceeded")
    options = parser.parse_args()
    if options.check:
        return check()
    measured = rows()
    if options.json:
        print(as_json(measured, bool(options.list)))
        return 0
    print(table(measured))
    print(details(measured["source"]))
    for folder, measures in measured.items() if options.list else ():
        for name, locations in measures.locations().items() if folder != "source" else ():
            if options.list in (name, "all"):
                print("\n    ".join([f"\n{folder}: {name} ({len(locations)})", *locations]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
