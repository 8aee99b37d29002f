"""The process that measures one library in one scenario: `python -m tlstool.bench.worker`.

It reads a spec (one line of JSON, PEM as text), answers with who the library is and then with what it will measure, and from then
on answers each question until its input ends: `{"warm_up": s}`, `{"seconds": s}` with the figures of each thread,
`{"latency": true}` with those of all handshakes. An answer is one line with `answer`, a failure one with `error`.

It is a process of its own because the loader merges two builds of one library in a process, and because a library that crashes or
hangs should take nobody with it. It never imports `ssl`.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

from tlstool.errors import TlsToolError


def main() -> None:
    """Serve the parent until it closes the pipe."""
    # What the library prints goes where complaints go, not in between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        _measure(answers)
    except TlsToolError as error:
        _print({"error": {"code": error.code, "message": error.message, "hint": error.hint}}, answers)


def _measure(answers: TextIO) -> None:
    from tlstool import _native

    spec = json.loads(sys.stdin.readline())
    cpu = spec.pop("cpu")
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    for name in ("chain_pem", "key_pem", "root_pem", "client_chain_pem", "client_key_pem"):
        spec[name] = spec[name].encode()
    _answer(_native.LocalBench.identify(spec["library"]), answers)
    bench = _native.LocalBench(spec)
    _answer(bench.info(), answers)
    for line in sys.stdin:
        question = json.loads(line)
        if "warm_up" in question:
            bench.warm_up(question["warm_up"])
            _answer(None, answers)
        elif "latency" in question:
            _answer(bench.latency(), answers)
        else:
            _answer(bench.run(question["seconds"]), answers)


def _answer(value: Any, answers: TextIO) -> None:
    _print({"answer": value}, answers)


def _print(document: dict[str, Any], answers: TextIO) -> None:
    print(json.dumps(document), file=answers, flush=True)


if __name__ == "__main__":
    main()
