"""CPU time and memory of running processes, from /proc."""
import os
import re

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids):
    total = 0.0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / TICKS
        except FileNotFoundError:
            pass
    return total


def peak_mib(pid):
    """The largest resident set that the process has had."""
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1)) / 1024


def proportional_mib(pids):
    """Memory in use now, shared pages counted once among the processes that map them; 0 for those that have ended."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as maps:
                total += int(re.search(r"^Pss:\s+(\d+)", maps.read(), re.M).group(1))
        except (FileNotFoundError, ProcessLookupError, AttributeError):
            pass
    return total / 1024


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            return [int(child) for child in children.read().split()]
    except FileNotFoundError:
        return []
