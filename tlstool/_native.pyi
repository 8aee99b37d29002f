"""The engine. Plain data in, plain data out: a spec is a dataclass of `tlstool.model` made `plain`, a report becomes one.

Errors are raised as the classes of `tlstool.errors`; on an error of `connect`, `handshake` holds the raw dict. Every call lets
go of the interpreter lock while it works, and answers Ctrl-C within 100 ms with KeyboardInterrupt, unless it says otherwise.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

__all__ = [
    "ClientConfig",
    "LocalBench",
    "Resumption",
    "ServerConfig",
    "ServerIdentity",
    "Session",
    "certificates",
    "connect",
    "error_codes",
    "info",
    "load",
    "serve",
    "verify",
]

@final
class ClientConfig:
    """Built once, shared by every connection."""

    def __new__(cls, spec: Mapping[str, Any]) -> ClientConfig: ...

@final
class Session:
    """A client session after its handshake."""

    @property
    def handshake(self) -> dict[str, Any]: ...
    @property
    def resumption(self) -> Resumption: ...
    @property
    def early_data(self) -> dict[str, Any] | None: ...
    def read(self, limit: int, seconds: float | None) -> bytes: ...
    def write(self, data: bytes, seconds: float | None) -> None: ...
    def relay(self, plan: Mapping[str, Any], seconds: float | None) -> dict[str, Any]: ...
    def export(self, label: str, context: bytes | None, length: int) -> bytes: ...
    def update_keys(self, seconds: float | None) -> None: ...
    def close(self, seconds: float) -> None: ...
    def finish(self, seconds: float) -> None: ...

@final
class Resumption:
    """A session that another connection can resume, with all that it is bound to."""

def connect(
    config: ClientConfig,
    fd: int,
    seconds: float | None,
    resume: Resumption | None = None,
    early_data: bytes | None = None,
    on_wire: Callable[[dict[str, Any]], None] | None = None,
) -> Session:
    """Handshake over a connected socket, of which the session keeps a duplicate.

    `on_wire` is called with each record and message of the session's life; what it raises ends the job in which it was called.
    """

@final
class ServerConfig:
    """Built once, before anyone is told that there is a server."""

    def __new__(cls, spec: Mapping[str, Any]) -> ServerConfig: ...
    def present(self, site: int, identities: Sequence[ServerIdentity], named: Sequence[tuple[str, ServerIdentity]]) -> None: ...

@final
class ServerIdentity:
    """A chain with its key and staple, checked once, for `ServerConfig.present`."""

    def __new__(cls, spec: Mapping[str, Any]) -> ServerIdentity: ...

def serve(
    config: ServerConfig,
    fds: Sequence[Sequence[int]],
    on_connection: Callable[[dict[str, Any]], None],
    stop_fd: int,
    on_counts: Callable[[dict[str, Any]], None] | None = None,
    on_turn: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Serve on listening sockets until `stop_fd` becomes readable, then let connections end; a second byte stops at once.

    `on_turn` is called a few times a second, whatever happens.

    From then on the sockets do not listen any more, so that new clients are refused and not left waiting.
    """

def load(plan: Mapping[str, Any], config: ClientConfig) -> dict[str, Any]:
    """A closed loop of handshakes; Ctrl-C ends it early instead of raising."""

@final
class LocalBench:
    """One library and one scenario in memory, client and server in one thread."""

    def __new__(cls, spec: Mapping[str, Any]) -> LocalBench: ...
    @staticmethod
    def identify(library: str) -> dict[str, Any]: ...
    def info(self) -> dict[str, Any]: ...
    def warm_up(self, seconds: float) -> None: ...
    def run(self, seconds: float) -> list[dict[str, Any]]: ...
    def latency(self) -> list[dict[str, Any]] | None: ...

def certificates(data: bytes) -> list[dict[str, Any]]:
    """Summaries of all certificates in PEM text, or of one in DER."""

def verify(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Judge a chain without a connection."""

def info() -> dict[str, Any]:
    """Versions, provider, and the paths of the CPU that matter."""

def error_codes() -> list[str]:
    """Every code that the engine can raise or find."""
