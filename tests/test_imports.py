"""The rules of the house: imports run one way, few places touch the world, and nothing grows beyond a screen or two."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

import pytest
import sources
from sources import ROOT, Import, imports, imports_of, modules

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

# From the bottom up; a module may import its own layer and what is below. A new module has to be given its place.
LAYERS = (
    {
        "chain",
        "cost",
        "errors",
        "events",
        "figures",
        "hints",
        "misconduct",
        "model",
        "record",
        "reports",
        "requests",
        "sessions",
        "sites",
        "traffic",
    },
    {
        "aside",
        "assertions",
        "authority",
        "backends",
        "certs",
        "dial",
        "echconfig",
        "endpoint",
        "files",
        "findings",
        "judge",
        "machine",
    }
    | {"descriptors"}
    | {"names", "dialogue", "escapes", "http1", "newlines"}
    | {"faults"}
    | {"advice", "caveats", "explain", "extensions", "identities", "passphrase", "pins"}
    | {"nameserver", "pem", "phases", "proxy", "reach", "resolve", "schemes", "sniff", "starttls", "trust", "tunnel", "wire"},
    {"diagnosis", "exchange", "peer", "serving"},
    {"probes"},
    {"bench", "client", "server", "survey", "verifier", "version"},
    {"cli", "commands"},
)
VALUES = LAYERS[0]

# Who may import what is not for everybody. A name stands for the modules below it, too.
RESERVED = {
    "click": ("tlstool.cli", "tlstool.commands"),
    "ssl": ("tlstool.backends.openssl", "tlstool.trust"),
    "_ssl": ("tlstool.backends.openssl", "tlstool.trust"),
    "tlstool._native": ("tlstool.backends.rustls", "tlstool.bench.worker"),
    "tlstool.output": ("tlstool.cli", "tlstool.commands", "tlstool.output"),
    "tlstool.commands": ("tlstool.cli", "tlstool.commands"),
    "tlstool.cli": ("tlstool.commands", "tlstool.__main__"),
}

# What costs milliseconds is imported by the function that needs it.
HEAVY = (
    "asyncio",
    "certifi",
    "cryptography",
    "dns",
    "hdrh",
    "importlib.metadata",
    "python_socks",
    "rich",
    "ssl",
    "_ssl",
    "truststore",
)
# The extension too, but for the modules that are nothing without it; these are themselves imported where they are needed.
NATIVE_USERS = ("tlstool.backends.rustls", "tlstool.bench.worker")
DEFERRED = (*HEAVY, "tlstool._native", *NATIVE_USERS, "tlstool.backends.openssl")

PROCESS_ENTRIES = ("tlstool.bench.worker",)


def within(name: str, parents: tuple[str, ...]) -> bool:
    """Whether a module is one of `parents`, or one below it."""
    return any(name == parent or name.startswith(f"{parent}.") for parent in parents)


def every_import() -> Iterator[tuple[str, Import]]:
    for module in modules():
        for found in imports(module):
            yield module, found


def place(module: str) -> str:
    """The part of the package that a module belongs to: `tlstool.backends.base` is in `backends`."""
    return module.split(".")[1] if "." in module else ""


def layer(module: str) -> int:
    """The height of a module's layer; 0 where it has no place yet, which a test of its own tells."""
    return next((height for height, names in enumerate(LAYERS) if place(module) in names), 0)


def test_every_module_has_a_place_in_the_layers() -> None:
    placed = {"", "__main__", "output"}.union(*LAYERS)
    assert {place(module) for module in modules()} - placed == set()


def test_imports_run_downwards() -> None:
    upwards = [
        f"{module}:{found.line} imports {found.name}"
        for module, found in every_import()
        if found.name in modules() and place(module) not in {"", "__main__", "output"} and place(found.name) not in {"", "output"}
        if layer(found.name) > layer(module)
    ]
    assert upwards == []


def test_output_knows_values_and_nothing_that_acts() -> None:
    wrong = [
        f"{module}:{found.line} imports {found.name}"
        for module, found in every_import()
        if place(module) == "output" and found.name.startswith("tlstool.") and place(found.name) not in {*VALUES, "output"}
    ]
    assert wrong == []


def test_no_module_takes_from_the_front_door() -> None:
    """`import tlstool` is for users: inside, its lazy names would hide who depends on whom."""
    wrong = [
        f"{module}:{node.lineno} takes {alias.name}"
        for module, path in modules().items()
        if place(module) not in {"", "cli", "commands"}
        for node in ast.walk(sources.tree(path))
        if isinstance(node, ast.ImportFrom) and node.module == "tlstool" and not node.level
        for alias in node.names
        if f"tlstool.{alias.name}" not in modules() and alias.name not in {"__version__", "_native"}
    ]
    assert wrong == []


def test_imports_at_load_time_have_no_cycle() -> None:
    graph = {
        module: {
            found.name
            for found in imports(module)
            if found.name in modules() and found.name != module and not found.deferred and not found.typing_only
        }
        for module in modules()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"cycle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("name", RESERVED)
def test_a_reserved_import_stands_only_where_it_belongs(name: str) -> None:
    wrong = [
        f"{module}:{found.line}"
        for module, found in every_import()
        if (found.name == name or found.name.startswith(f"{name}."))
        and not within(module, (*RESERVED[name],))
        and module != "tlstool"
    ]
    assert wrong == []


def test_heavy_imports_stand_in_functions() -> None:
    wrong = [
        f"{module}:{found.line} imports {found.name}"
        for module, found in every_import()
        if not found.deferred
        and not found.typing_only
        and any(found.name == d or found.name.startswith(f"{d}.") for d in DEFERRED)
        if not (found.name == "tlstool._native" and within(module, NATIVE_USERS))
        if not (within(found.name, ("tlstool.backends.openssl",)) and within(module, ("tlstool.backends.openssl",)))
    ]
    assert wrong == []


def test_nobody_imports_the_folder_of_the_commands_by_its_own_name() -> None:
    """It is `tlstool.commands` once installed; `commands` works only in a checkout."""
    wrong = [
        f"{path.relative_to(ROOT)}:{found.line}"
        for path in sources.python_files()
        for found in imports_of(sources.tree(path), path.stem, frozenset())
        if found.name.split(".")[0] == "commands"
    ]
    assert wrong == []


def exits(node: ast.AST, inside: str = "") -> Iterator[tuple[str, int]]:
    """Every place that ends the process, with the innermost function that it stands in."""
    for child in ast.iter_child_nodes(node):
        call = isinstance(child, ast.Call) and ast.unparse(child.func) in {"sys.exit", "os._exit", "exit", "quit", "ctx.exit"}
        if call or (isinstance(child, ast.Raise) and child.exc is not None and "SystemExit" in ast.unparse(child.exc)):
            yield inside, child.lineno
        yield from exits(child, child.name if isinstance(child, ast.FunctionDef) else inside)


def test_only_main_exits() -> None:
    wrong = [
        f"{module}:{line}"
        for module, path in modules().items()
        if module not in PROCESS_ENTRIES
        for function, line in exits(sources.tree(path))
        if (module, function) != ("tlstool.cli", "main")
    ]
    assert wrong == []


def test_only_output_writes_to_a_stream() -> None:
    writers = {"print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write", "sys.stdout.buffer.write"}
    wrong = [
        f"{module}:{node.lineno}"
        for module, path in modules().items()
        if place(module) != "output" and module not in PROCESS_ENTRIES
        for node in ast.walk(sources.tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in writers
    ]
    assert wrong == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(path.relative_to(ROOT)) for path in sources.python_files() if ast.get_docstring(sources.tree(path)) is None]
    assert silent == ["commands/__init__.py"]
    assert (ROOT / "commands/__init__.py").read_bytes() == b""


def test_every_rust_file_says_what_it_is_for() -> None:
    files = [path for path in sources.rust_files() if path.name != "tests.rs" and path.parent.name != "tests"]
    silent = [str(path.relative_to(ROOT)) for path in files if not path.read_text().startswith("//! ")]
    assert silent == []


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in (*sources.python_files(), *sources.rust_files())}
    assert {str(path.relative_to(ROOT)): lines for path, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    found = [(path, *function) for path in sources.python_files() for function in sources.functions(sources.tree(path))]
    found += [(path, *function) for path in sources.rust_files() for function in sources.rust_functions(path.read_text())]
    assert [f"{path.relative_to(ROOT)}: {name}, {lines}" for path, name, lines in found if lines > MAX_FUNCTION_LINES] == []


def test_imports_are_read_wherever_they_stand() -> None:
    source = ast.parse(
        "import os\n"
        "from typing import TYPE_CHECKING\n"
        "from tlstool import dial, __version__\n"
        "if TYPE_CHECKING:\n    import socket\n"
        "def f():\n    from . import base\n    from .. import model\n"
    )
    known = frozenset({"tlstool", "tlstool.dial", "tlstool.model", "tlstool.backends", "tlstool.backends.base"})
    assert imports_of(source, "tlstool.backends.rustls", known) == [
        Import("os", 1, deferred=False, typing_only=False),
        Import("typing", 2, deferred=False, typing_only=False),
        Import("tlstool.dial", 3, deferred=False, typing_only=False),
        Import("tlstool", 3, deferred=False, typing_only=False),
        Import("socket", 5, deferred=False, typing_only=True),
        Import("tlstool.backends.base", 7, deferred=True, typing_only=False),
        Import("tlstool.model", 8, deferred=True, typing_only=False),
    ]


def test_exits_are_found_with_their_function() -> None:
    source = ast.parse("import sys\ndef main():\n    sys.exit(1)\ndef other():\n    raise SystemExit\nquit()\n")
    assert sorted(exits(source)) == [("", 6), ("main", 3), ("other", 5)]


def test_rust_functions_are_measured_to_their_closing_brace() -> None:
    lines = (
        "fn a() {",
        "    b();",
        "}",
        "impl X {",
        "    fn c(",
        "        d: u8,",
        "    ) -> u8 {",
        "        d",
        "    }",
        "    fn e() {}",
        "}",
    )
    assert list(sources.rust_functions("\n".join(lines))) == [("a", 3), ("c", 5)]
