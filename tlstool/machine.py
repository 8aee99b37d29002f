"""The machine that we run on, as far as it tells. Linux tells most."""

from __future__ import annotations

import os

from tlstool.reports import Environment


def cores() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def environment() -> Environment:
    """What goes with every figure that is taken here; needs the fast path."""
    import sys

    import tlstool
    from tlstool.backends.rustls import cpu_features

    system = os.uname()
    cpu = _cpuinfo()
    return Environment(
        cpu=cpu.get("model name", system.machine),
        cpu_features=cpu_features(),
        cores=cores(),
        kernel=f"{system.sysname} {system.release}",
        governor=_first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        python=sys.version.split()[0],
        tlstool=tlstool.__version__,
    )


def _cpuinfo() -> dict[str, str]:
    """The first processor of /proc/cpuinfo."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            first = file.read().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _first_line(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().strip() or None
    except OSError:
        return None
