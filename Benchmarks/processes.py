"""What a tree of processes used: CPU seconds and resident memory, read from /proc."""

import os
import time

TICK = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return {"parent": int(fields[1]), "own": int(fields[11]) + int(fields[12]), "reaped": int(fields[13]) + int(fields[14])}


def tree(root):
    """The process ids of `root` and all that descend from it."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parents.setdefault(_stat(int(name))["parent"], []).append(int(name))
            except (FileNotFoundError, ProcessLookupError):
                pass
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += parents.get(pid, [])
    return found


def cpu_seconds(root):
    """User and system time of `root`, its descendants, and the children they have already waited for."""
    total = 0
    for pid in tree(root):
        try:
            stat = _stat(pid)
            total += stat["own"] + stat["reaped"]
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total / TICK


def resident_bytes(pid, field="VmRSS"):
    """Resident memory now, or with VmHWM the most that there was."""
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return 0


def wait_until(condition, patience, what, every=0.02):
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {patience} s")
        time.sleep(every)
