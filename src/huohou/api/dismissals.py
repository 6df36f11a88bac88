"""Findings that somebody has read and put aside: ``dismissed.jsonl`` in the workspace.

Not in the job's folder: its files have one writer each, and that is not the page. The last line
about a finding holds.
"""

import threading
import time
from typing import Any

from huohou.api.common import find_run, workspace
from huohou.errors import StoreError

FILE = "dismissed.jsonl"
PATIENCE = 5.0  # seconds to wait for another process that writes a line
_writing = threading.Lock()


def dismiss(ref: str, code: str, *, dismissed: bool = True) -> dict[str, Any]:
    """Put a finding of a run aside, or bring it back; the run's codes that are put aside."""
    from huohou.record.events import Appender

    job = find_run(ref).job.id
    line = {"t": round(time.time(), 3), "kind": "dismissed", "job": job, "code": code}
    until = time.monotonic() + PATIENCE
    with _writing:
        while True:
            try:
                out = Appender(workspace() / FILE)
                break
            except StoreError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
        try:
            out.append(line | {"dismissed": dismissed})
        finally:
            out.close()
    return {"schema": 1, "id": job, "dismissed": sorted(dismissals().get(job, set()))}


def dismissals() -> dict[int, set[str]]:
    """Number of a job to the codes of its findings that were put aside."""
    from huohou.record.events import Follower

    found: dict[int, set[str]] = {}
    follower = Follower(workspace() / FILE)
    while lines := follower.poll():
        for line in lines:
            job, code = line.get("job"), line.get("code")
            if line["kind"] == "dismissed" and isinstance(job, int) and isinstance(code, str):
                codes = found.setdefault(job, set())
                (codes.add if line.get("dismissed") else codes.discard)(code)
    return found
