"""What the use cases tell while they work, to a function that listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from tlstool.record import Record
from tlstool.reports import ConnectReport, HttpResponse, Problem
from tlstool.sites import Connection, Counts, ServeTotals


class PhaseEvent(Record):
    """A phase began, ended, failed, waits or does not take place: what `-v` prints and phase times are made of.

    Attributes:
        phase: dns, tcp, proxy, starttls, handshake.
        state: `started`, `done`, `failed`, `waiting` until it is tried again, or `skipped`.
        detail: what was tried or found, in a few words.
        elapsed_ms: since the phase began; None where it has not ended.
    """

    phase: str
    state: Literal["started", "done", "failed", "waiting", "skipped"]
    detail: str
    elapsed_ms: float | None


class WireEvent(Record):
    """A record went over the wire, or completed a message: what `-vv` prints.

    Attributes:
        direction: `sent` or `received`.
        layer: `record`, or `message` for handshake messages and alerts.
        name: the type of what a record holds, as far as it can be opened; the name of a message in its RFC.
        size: bytes; of a record on the wire, of a message with its header.
        detail: of a record, that it is encrypted; of a message, what matters of its contents. None for nothing.
        elapsed_ms: since the handshake began.
    """

    direction: Literal["sent", "received"]
    layer: Literal["record", "message"]
    name: str
    size: int
    detail: str | None
    elapsed_ms: float


class Ready(Record):
    """A server listens.

    Attributes:
        address, port: where.
        url: the same as a URL.
        ca_file: a file with the throw-away CA's certificate, gone at exit unless it was asked for by name; None without one.
        fingerprint: SHA-256 of the leaf for clients that ask for no name; of its public key if only that is shown.
        fingerprints: of all such leaves, where there are several for clients to choose from by kind of key.
        pid: the server's process.
        fault: what it does wrong there, as it was asked for; None for nothing.
    """

    address: str
    port: int
    url: str
    ca_file: str | None
    fingerprint: str
    fingerprints: tuple[str, ...]
    pid: int
    fault: str | None = None


class Promise(Record):
    """What `tlstool connect` answers to a fault when it trusts the authority of the server.

    Attributes:
        exit_status: its exit status.
        code: of its error, or else of the warning that it gives; None where it has nothing to say.
        options: what it is to be asked for; empty for a plain handshake.
    """

    exit_status: int
    code: str | None = None
    options: tuple[str, ...] = ()


class FaultShown(Record):
    """A fault that a server shows at an address, or could show.

    Attributes:
        fault: its name, as `--fault` takes it; in a list with what its argument is.
        words: what is wrong.
        promises: what a client of ours answers to it, the plain handshake first.
        address, port, url: where it is; None in a list.
    """

    fault: str
    words: str
    promises: tuple[Promise, ...]
    address: str | None = None
    port: int | None = None
    url: str | None = None


class Caution(Record):
    """What the owner of a server should know, and what does not keep it from serving.

    Attributes:
        code: `expired`, `not-yet-valid`, or `name-mismatch` for a file that is called after a name that its certificate has not;
            `not-loopback` for an address that other machines may reach.
        message: the same in words.
    """

    code: str
    message: str


class Renewed(Record):
    """A server has read certificates again; what is new is shown from the next handshake on.

    Attributes:
        added, replaced, removed: names of hosts of the folder, and files that were given one by one.
        problems: files that are no good; what they were before is still shown.
    """

    added: tuple[str, ...]
    replaced: tuple[str, ...]
    removed: tuple[str, ...]
    problems: tuple[Problem, ...]


class CertificatesMade(Record):
    """Certificates for tests have been written to files.

    Attributes:
        ca, server, client: the files with the certificates in PEM: the authority's, and of a leaf each.
        ca_key, server_key, client_key: the files with their keys, which only their owner can read.
        names: of the server's leaf.
        not_after: until when all of them are good.
        fingerprint: SHA-256 of the server's leaf.
    """

    ca: str
    ca_key: str
    server: str
    server_key: str
    client: str
    client_key: str
    names: tuple[str, ...]
    not_after: str
    fingerprint: str


class Established(Record):
    """The verdict is good, and application data may flow; `report` says what is known until now."""

    report: ConnectReport


class Answered(Record):
    """The head of a response is there, its body is not yet."""

    response: HttpResponse


class Progress(Record):
    """A benchmark goes on.

    Attributes:
        done, total: rounds.
        what: runs now, in a few words.
        left_s: seconds that the rest takes, about; None where nobody knows.
    """

    done: int
    total: int
    what: str
    left_s: float | None = None


Event = (
    PhaseEvent
    | WireEvent
    | Established
    | Answered
    | Ready
    | FaultShown
    | Connection
    | Counts
    | ServeTotals
    | Caution
    | Renewed
    | Progress
)
OnEvent = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """The listener of callers that listen to nothing."""
