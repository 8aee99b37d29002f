"""tlstool as a library: the use cases, and what they take, tell and answer. See `docs/api.md`.

Everything is imported when it is first used, so that `import tlstool` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tlstool.bench.compare import compare
    from tlstool.bench.local import bench_local
    from tlstool.bench.network import bench_handshake
    from tlstool.client import connect
    from tlstool.errors import TlsToolError
    from tlstool.events import Answered, Established, Event, PhaseEvent, Progress, Ready
    from tlstool.figures import CompareReport, LocalBenchReport
    from tlstool.model import Handshake, plain
    from tlstool.reports import ConnectReport, HandshakeBenchReport, VerifyReport
    from tlstool.requests import (
        ConnectRequest,
        Expect,
        ForwardRequest,
        HandshakeBenchRequest,
        LocalBenchRequest,
        Send,
        ServeRequest,
        TlsOptions,
        VerifyRequest,
    )
    from tlstool.server import serve
    from tlstool.serving.stopping import Stop
    from tlstool.sites import Connection, Counts, Hello, ServeTotals
    from tlstool.verifier import verify

__version__ = "0.1.0"

__all__ = [
    "Answered",
    "CompareReport",
    "ConnectReport",
    "ConnectRequest",
    "Connection",
    "Counts",
    "Established",
    "Event",
    "Expect",
    "ForwardRequest",
    "Handshake",
    "HandshakeBenchReport",
    "HandshakeBenchRequest",
    "Hello",
    "LocalBenchReport",
    "LocalBenchRequest",
    "PhaseEvent",
    "Progress",
    "Ready",
    "Send",
    "ServeRequest",
    "ServeTotals",
    "Stop",
    "TlsOptions",
    "TlsToolError",
    "VerifyReport",
    "VerifyRequest",
    "__version__",
    "bench_handshake",
    "bench_local",
    "compare",
    "connect",
    "plain",
    "serve",
    "verify",
]

_HOMES = {
    "tlstool.bench.network": ("bench_handshake",),
    "tlstool.bench.compare": ("compare",),
    "tlstool.bench.local": ("bench_local",),
    "tlstool.client": ("connect",),
    "tlstool.errors": ("TlsToolError",),
    "tlstool.events": ("Answered", "Established", "Event", "PhaseEvent", "Progress", "Ready"),
    "tlstool.model": ("Handshake", "plain"),
    "tlstool.figures": ("CompareReport", "LocalBenchReport"),
    "tlstool.reports": ("ConnectReport", "HandshakeBenchReport", "VerifyReport"),
    "tlstool.requests": (
        "ConnectRequest",
        "Expect",
        "ForwardRequest",
        "HandshakeBenchRequest",
        "LocalBenchRequest",
        "Send",
        "ServeRequest",
        "TlsOptions",
        "VerifyRequest",
    ),
    "tlstool.server": ("serve",),
    "tlstool.serving.stopping": ("Stop",),
    "tlstool.sites": ("Connection", "Counts", "Hello", "ServeTotals"),
    "tlstool.verifier": ("verify",),
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for module, public in _HOMES.items():
        if name in public:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'tlstool' has no attribute {name!r}")
