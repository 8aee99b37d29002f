"""The sources of the project, parsed but never run, for the tests of its shape."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Import:
    """One import of one module.

    Attributes:
        name: absolute, and the module itself where `from package import module` was written.
        line: where it stands.
        deferred: it stands in a function, and costs nothing until that is called.
        typing_only: it stands under TYPE_CHECKING, and never happens.
    """

    name: str
    line: int
    deferred: bool
    typing_only: bool


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its full name; the files of `commands/` are `tlstool.commands`."""
    found = {_module_name(("tlstool", *path.relative_to(ROOT / "tlstool").parts)): path for path in _python_in("tlstool")}
    found |= {_module_name(("tlstool", *path.relative_to(ROOT).parts)): path for path in _python_in("commands")}
    return found


@cache
def python_files() -> tuple[Path, ...]:
    """Every Python file of the project, tests and tools too."""
    return tuple(path for folder in ("tlstool", "commands", "tools", "tests") for path in _python_in(folder))


@cache
def rust_files() -> tuple[Path, ...]:
    """Every Rust file of the project, without what cargo built."""
    return tuple(path for path in sorted((ROOT / "rust").rglob("*.rs")) if ROOT / "rust" / "target" not in path.parents)


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(module: str) -> list[Import]:
    """What a module of the package imports, wherever in the file it does."""
    return imports_of(tree(modules()[module]), module, frozenset(modules()))


def imports_of(source: ast.Module, module: str, known: frozenset[str]) -> list[Import]:
    """What a syntax tree imports; `known` tells a module from a name that a package offers."""
    return list(_imports_in(source, module, known, deferred=False, typing_only=False))


def functions(source: ast.Module) -> Iterator[tuple[str, int]]:
    """Every function with its length in lines, decorators left out."""
    for node in ast.walk(source):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def rust_functions(source: str) -> Iterator[tuple[str, int]]:
    """Every Rust function with its length in lines, in a file that rustfmt has set: a body ends at the brace under its `fn`."""
    lines = source.splitlines()
    for start, line in enumerate(lines):
        head = re.match(r"""( *)(?:pub(?:\([^)]*\))? )?(?:(?:const|async|unsafe|extern(?: "\w+")?) )*fn (\w+)""", line)
        if head is None or line.endswith(("}", ";")):
            continue
        indent, name = head.groups()
        for end in range(start + 1, len(lines)):
            if lines[end] == f"{indent}}}" or (lines[end].startswith(f"{indent})") and lines[end].endswith(";")):
                yield name, end - start + 1
                break


def _python_in(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def _module_name(parts: tuple[str, ...]) -> str:
    return ".".join(parts).removesuffix(".py").removesuffix(".__init__")


def _imports_in(node: ast.AST, module: str, known: frozenset[str], *, deferred: bool, typing_only: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, deferred, typing_only)
        elif isinstance(child, ast.ImportFrom):
            origin = _origin(child, module, known)
            for alias in child.names:
                full = f"{origin}.{alias.name}"
                yield Import(full if full in known or alias.name == "_native" else origin, child.lineno, deferred, typing_only)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            for kept, only in ((child.body, True), (child.orelse, typing_only)):
                block = ast.Module(body=kept, type_ignores=[])
                yield from _imports_in(block, module, known, deferred=deferred, typing_only=only)
        else:
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports_in(child, module, known, deferred=deferred or inside, typing_only=typing_only)


def _origin(node: ast.ImportFrom, module: str, known: frozenset[str]) -> str:
    """The absolute name of what stands after `from`."""
    if not node.level:
        return node.module or ""
    is_package = any(name.startswith(f"{module}.") for name in known)
    steps = node.level - is_package
    package = module.rsplit(".", steps)[0] if steps else module
    return f"{package}.{node.module}" if node.module else package
