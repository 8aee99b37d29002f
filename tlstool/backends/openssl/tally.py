"""What a server on the interpreter's ssl counts while it works."""

from __future__ import annotations

import time
from collections import Counter

from tlstool.sites import Connection, ServeTotals


class Tally:
    """The counters of one server, for its calling thread alone."""

    def __init__(self) -> None:
        self.accepted = 0
        self.refused = 0
        self._begun = time.perf_counter()
        self._ended = self._resumed = self._requests = self._received = self._sent = 0
        self._versions: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()

    def add(self, connection: Connection) -> None:
        """A connection has ended."""
        self._ended += 1
        if connection.tls is not None:
            self._versions[connection.tls] += 1
        self._resumed += connection.kind == "resumed"
        if connection.error is not None:
            self._failures[connection.error] += 1
        self._requests += connection.requests
        self._received += connection.received
        self._sent += connection.sent

    def totals(self) -> ServeTotals:
        """Until now; of an open connection no more is counted than that it is there."""
        return ServeTotals(
            connections=self.accepted,
            active=self.accepted - self._ended,
            handshakes=self._versions.total(),
            resumed=self._resumed,
            versions=dict(sorted(self._versions.items())),
            failed=self._failures.total(),
            failures=dict(sorted(self._failures.items())),
            refused=self.refused,
            requests=self._requests,
            received=self._received,
            sent=self._sent,
            unreported=0,
            elapsed_ms=(time.perf_counter() - self._begun) * 1e3,
        )
