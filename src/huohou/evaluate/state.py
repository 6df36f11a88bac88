"""Whether a job came to its end, so that a gate can ask for it."""

from pathlib import Path

from huohou.evaluate.card import Metric
from huohou.record.events import Follower
from huohou.record.workspace import JOURNAL
from huohou.text import say

STATUS = "status"
DONE = "completed"


def status_metric(folder: Path) -> list[Metric]:
    """``status``: 1.0 for a job that was completed, else 0.0; nothing where none was written."""
    follower, state = Follower(folder / JOURNAL), None
    while piece := follower.poll():
        states = [event["state"] for event in piece if event["kind"] == "state"]
        state = states[-1] if states else state
    if state is None:
        return []
    value = float(state == DONE)
    return [Metric(STATUS, say("metric.status"), value, None, None, 1)]
