"""What a user gets: a wheel, built from the source distribution, installed into an empty environment, run in an empty folder."""

import json
import os
import re
import select
import shutil
import subprocess
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import packages
import pytest
from packages import CARGO_TARGET, ROOT, Environment

import tlstool

pytestmark = pytest.mark.slow

MODES = ("require", "off")


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packages.source_distribution(tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="session", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    if request.param == "require" and packages.native_mode() == "off":
        pytest.skip("the Rust extension cannot be built here; make says what is missing")
    return str(request.param)


@pytest.fixture(scope="session")
def wheel(mode: str, sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(f"wheel-{mode}")
    if mode == "off":
        return packages.build_wheel(packages.unpack(sdist, folder), folder, mode)
    # Always in the same place: cargo knows a crate by its path, and would build it anew, and keep it, for each.
    tree = CARGO_TARGET / "sdist"
    shutil.rmtree(tree, ignore_errors=True)
    return packages.build_wheel(packages.unpack(sdist, tree), folder, mode)


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return packages.install(wheel, tmp_path_factory.mktemp("environment") / "venv")


@pytest.fixture
def contents(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, without settings from the environment."""
    for name in [name for name in os.environ if name.startswith(("TLSTOOL_", "PYTHON", "SSL_CERT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_tlstool_is_the_only_package_of_the_wheel(contents: list[str]) -> None:
    tops = {name.split("/")[0] for name in contents}
    name = f"tlstool-{tlstool.__version__}"
    assert tops == {"tlstool", f"{name}.dist-info", f"{name}.data"}


def test_the_wheel_holds_all_modules_of_the_tree(contents: list[str]) -> None:
    modules = {f"tlstool/{path.relative_to(ROOT / 'tlstool')}" for path in (ROOT / "tlstool").rglob("*.py")}
    commands = {f"tlstool/{path.relative_to(ROOT)}" for path in (ROOT / "commands").rglob("*.py")}
    assert {name for name in contents if name.endswith(".py")} == modules | commands


def test_the_wheel_is_typed(contents: list[str]) -> None:
    assert {"tlstool/py.typed", "tlstool/_native.pyi"} <= set(contents)


def test_the_wheel_carries_man_pages_completions_and_licences(contents: list[str]) -> None:
    share = f"tlstool-{tlstool.__version__}.data/data/share"
    pages = {f"{share}/man/man1/{path.name}" for path in (ROOT / "man").glob("*.1")}
    completions = {
        f"{share}/bash-completion/completions/tlstool",
        f"{share}/zsh/site-functions/_tlstool",
        f"{share}/fish/vendor_completions.d/tlstool.fish",
    }
    licences = {f"tlstool-{tlstool.__version__}.dist-info/licenses/LICENSE-{name}" for name in ("APACHE", "MIT")}
    assert f"{share}/man/man1/tlstool.1" in pages
    assert pages | completions | licences <= set(contents)


def test_the_extension_makes_one_wheel_for_all_pythons_of_a_platform(wheel: Path, mode: str, contents: list[str]) -> None:
    extensions = [name for name in contents if name.endswith((".so", ".pyd"))]
    if mode == "require":
        assert extensions == ["tlstool/_native.abi3.so"]
        assert f"tlstool-{tlstool.__version__}-cp311-abi3-" in wheel.name
    else:
        assert extensions == []
        assert wheel.name == f"tlstool-{tlstool.__version__}-py3-none-any.whl"


def test_the_source_distribution_holds_every_file_of_the_tree(sdist: Path, tmp_path: Path) -> None:
    tree = packages.unpack(sdist, tmp_path)
    wanted = ("rust", "tests", "tools", "tlstool", "commands", "man", "completions", "schema", "docs", ".cargo", ".ci")
    endings = (".rs", ".py", ".pyi", ".toml", ".lock", ".1", ".json", ".md", ".fish", ".ps1")
    missing = [
        str(path.relative_to(ROOT))
        for folder in wanted
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in endings and CARGO_TARGET not in path.parents and not (tree / path.relative_to(ROOT)).is_file()
    ]
    assert missing == []


def test_the_build_group_repeats_the_build_requirements() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["dependency-groups"]["build"] == settings["build-system"]["requires"]


def test_the_changelog_is_at_the_version_of_the_package() -> None:
    newest = re.search(r"^## (\S+) - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == tlstool.__version__


def test_the_crates_are_at_the_version_of_the_package() -> None:
    workspace = tomllib.loads((ROOT / "rust" / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]
    assert workspace["package"]["version"] == tlstool.__version__


def test_the_installed_tool_tells_its_version(installed: Environment, nowhere: Path) -> None:
    assert run(installed, "--version").stdout.splitlines()[0] == f"tlstool {tlstool.__version__}"


def test_the_modes_with_a_peer_run_from_an_empty_folder(installed: Environment, mode: str, nowhere: Path) -> None:
    with server(installed) as ready:
        peer = (f"localhost:{ready['port']}", "--ca", ready["ca_file"], "--json")
        connected = report(run(installed, "connect", *peer))
        verified = report(run(installed, "cert-verify", *peer))
        measured = report(run(installed, "bench", "handshake", *peer, "--count", "8", "--connections", "2"))
    assert connected["backend"] == {"require": "rustls", "off": "openssl"}[mode]
    assert connected["handshake"]["trust"]["verdict"] == "good"
    assert verified["trust"]["verdict"] == "good"
    assert measured["result"]["handshakes"] >= 8
    assert measured["result"]["errors"] == {}
    assert list(nowhere.iterdir()) == []


def test_bench_local_runs_from_an_empty_folder(installed: Environment, mode: str, nowhere: Path) -> None:
    brief = ("--what", "handshake", "--key-type", "ecdsa-p256", "--duration", "40ms", "--rounds", "1", "--json")
    done = run(installed, "bench", "local", *brief, status=0 if mode == "require" else 2)
    if mode == "require":
        assert any(result["library"] == "rustls" and result["client_handshakes_per_s"] > 0 for result in report(done)["results"])
    else:
        assert report(done)["error"]["code"] == "no-fast-path"


def run(environment: Environment, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([environment.tlstool, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, f"{arguments}\n{done.stdout}{done.stderr}"
    return done


def report(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@contextmanager
def server(environment: Environment) -> Iterator[dict[str, Any]]:
    """A server of the installed tool; what it says when it is ready. It has to end with status 0 when asked to."""
    process = subprocess.Popen([environment.tlstool, "serve", "--json"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 30)[0], "the server said nothing"
        ready = json.loads(process.stdout.readline())
        assert ready["event"] == "ready"
        yield ready
        process.terminate()
        events = [json.loads(line) for line in process.communicate(timeout=30)[0].splitlines()]
        assert events[-1]["event"] == "totals"
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()
