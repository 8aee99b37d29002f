"""The process that measures one library in one scenario: `python -m tlstool.bench.worker`.

It reads a spec (one line of JSON, PEM as text), answers with what it will measure, and then answers each `{"seconds": s}` with
figures until its input ends. A failure is one line with `error`. It is a process of its own because the loader merges two builds
of one library in a process, and because a library that crashes or hangs should take nobody with it. It never imports `ssl`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from tlstool.errors import TlsToolError


def main() -> None:
    """Serve the parent until it closes the pipe."""
    try:
        _measure()
    except TlsToolError as error:
        _answer({"error": {"code": error.code, "message": error.message, "hint": error.hint}})


def _measure() -> None:
    from tlstool import _native

    spec = json.loads(sys.stdin.readline())
    for name in ("chain_pem", "key_pem", "root_pem"):
        spec[name] = spec[name].encode()
    bench = _native.LocalBench(spec)
    _answer(bench.info())
    for line in sys.stdin:
        _answer(bench.run(json.loads(line)["seconds"]))


def _answer(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)


if __name__ == "__main__":
    main()
