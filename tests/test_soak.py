"""The soak, shortened. `python tests/soak.py` is the whole one, of five minutes."""

from __future__ import annotations

import sys

import pytest
import soak


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("mode", ["--status", "--echo"])
def test_nothing_is_left_of_good_slow_and_hostile_clients(mode: str) -> None:
    ran = soak.run(10.0, options=[mode])
    assert ran.faults() == []
    # All of them were there, or it shows nothing.
    assert {act.__name__ for act in soak.GOOD} <= ran.acts.keys()
    assert ran.events.keys() >= {"good", "time-limit", "not-tls", "peer-misbehaved"}
