"""The machine that we run on, as far as it tells. Linux tells most."""

from __future__ import annotations

import os
import time

from tlstool.figures import Environment
from tlstool.model import Finding

_SAMPLE = 0.1
"""Seconds over which the cores are watched for the emptiest one."""

_BUSY = 0.3
"""Load a core from which on somebody else has a part in the figures."""

_DRIFT = 0.05
"""The part by which a clock may differ from before without a word."""


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
    smt = _first_line("/sys/devices/system/cpu/smt/active")
    return Environment(
        cpu=cpu.get("model name", system.machine),
        cpu_features=cpu_features(),
        cores=cores(),
        kernel=f"{system.sysname} {system.release}",
        governor=_first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        python=sys.version.split()[0],
        tlstool=tlstool.__version__,
        smt=smt == "1" if smt else None,
        virtual_machine="hypervisor" in cpu["flags"].split() if "flags" in cpu else None,
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    )


def doubts(machine: Environment) -> tuple[Finding, ...]:
    """What may come between a library and its figures on this machine, each with its remedy."""
    found = []
    if machine.governor not in (None, "performance"):
        remedy = "cpupower frequency-set -g performance"
        found.append(Finding("cpu-governor", f"the cores' frequency follows the governor {machine.governor}: {remedy}"))
    if machine.load is not None and machine.load / machine.cores > _BUSY:
        busy = f"{machine.load:.1f} processes want {machine.cores} cores"
        found.append(
            Finding("machine-busy", f"the machine has other work ({busy}): wait for it, or look at the CPU clock's figures")
        )
    if machine.smt:
        found.append(
            Finding("smt-active", "a neighbour on the same core takes part of it: echo off > /sys/devices/system/cpu/smt/control")
        )
    if machine.virtual_machine:
        found.append(
            Finding(
                "virtual-machine", "this is a virtual machine, whose host has other guests: compare ratios, not absolute figures"
            )
        )
    return tuple(found)


def emptiest_core() -> int | None:
    """The core, of those that this process may use, that had least to do just now; None where that cannot be told."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    before = _busy()
    time.sleep(_SAMPLE)
    after = _busy()
    usable = [core for core in sorted(os.sched_getaffinity(0)) if core in before and core in after]
    # With the same to do, the last one: the first has the most interrupts.
    return min(reversed(usable), key=lambda core: after[core] - before[core], default=None)


def frequency(core: int) -> float | None:
    """MHz at which a core runs now; None where the system does not tell."""
    khz = _first_line(f"/sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq")
    return int(khz) / 1000 if khz and khz.isdigit() else None


def drift(before: float | None, after: float | None) -> Finding | None:
    """Whether a core's clock changed while it was measured on."""
    if before is None or after is None or abs(after - before) <= _DRIFT * before:
        return None
    return Finding("frequency-drift", f"the core's clock went from {before:.0f} to {after:.0f} MHz: fix it, or take more rounds")


def _busy() -> dict[int, int]:
    """Ticks that each core was not idle since the start (proc_stat(5)); empty where there is no such file."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            lines = [line.split() for line in file if line.startswith("cpu") and line[3].isdigit()]
    except OSError:
        return {}
    # user nice system idle iowait irq softirq steal
    return {int(name[3:]): sum(map(int, ticks[:3])) + sum(map(int, ticks[5:8])) for name, *ticks in lines}


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
