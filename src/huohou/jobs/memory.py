"""What the kernel counted of processes that lacked memory, and what they took."""

import re
import sys
from pathlib import Path

_COUNTERS = (Path("/proc/vmstat"), Path("/sys/fs/cgroup/memory.events"))


def kernel_kills() -> int:
    """Processes the kernel has killed for want of memory so far; 0 where it does not count them."""
    total = 0
    for path in _COUNTERS:
        try:
            found = re.search(r"^oom_kill (\d+)$", path.read_text(), re.MULTILINE)
        except OSError:
            continue
        total += int(found[1]) if found else 0
    return total


def peak_of_children() -> int:
    """Largest resident memory, in bytes, a finished child of this process had; 0 if unknown."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
