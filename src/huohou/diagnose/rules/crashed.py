"""The run ended before it was to end."""

import re

from huohou.diagnose.case import Case
from huohou.diagnose.examples import falling, run
from huohou.diagnose.rule import Cause, Outcome, rule
from huohou.record.finding import Evidence, Finding, Severity

LONG = 300  # characters of an error that are shown

# What an error speaks of, the first that is found; each has its advice.
KINDS = {
    "interrupted": r"KeyboardInterrupt|SIGINT|\^C|CANCELLED|cancelled by|SIGTERM",
    "memory": r"out of memory|OutOfMemory|OOM|Cannot allocate memory|MemoryError|std::bad_alloc",
    "disk": r"No space left|disk quota|disk-full|OSError: \[Errno 28\]",
    "network": r"NCCL|ConnectionError|timed out|Timeout|ChildFailedError|rendezvous",
    "device": r"CUDA error|device-side assert|illegal memory access|cuDNN|CUBLAS",
}

STOPPED = {"finished": False, "max_steps": 3000, "global_step": 400}
OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"


@rule(
    "crashed",
    severity="warning",
    cause=Cause.RESTART,
    needs=(),
    fires=(
        run(loss=falling(2.0, 1.5), facts={**STOPPED, "crash": OOM}),
        run(loss=falling(2.0, 1.5), facts=STOPPED),
        run(loss=[2.0], facts={"crash": "KeyboardInterrupt"}),
        run(loss=[2.0], facts={"crash": "slurmstepd: error: *** JOB 7", "interrupted": True}),
        run(loss=[2.0], facts={"state": "failed", "error": "ValueError: broken"}),
    ),
    quiet=(
        run(loss=falling(2.0, 1.5), facts={"finished": True}),
        run(loss=falling(2.0, 1.5)),
        run(loss=falling(2.0, 1.5), facts={"max_steps": 400}),
        run(loss=falling(2.0, 1.5), facts={"state": "running", "finished": False}),
    ),
)
def crashed(case: Case) -> Outcome:
    """An error that ended the run is in its log, or its record says that it failed: a warning,
    information where a person stopped it. Updates that are missing at the end, with no word of an
    error, are information: the run may have been stopped, or its log is a copy of one that still
    grows. A run of ours that is still going is left out.
    """
    facts = case.record.facts
    state, words = facts.get("state"), _words(case)
    if state in ("queued", "starting", "running", "stopping"):
        return None
    if words is not None:
        return _ended(case, words)
    if state == "stopped" or (case.finished is False and case.is_short_of(1)):
        return _finding(case, [], "info", "stopped" if state == "stopped" else "open")
    return None


def _words(case: Case) -> str | None:
    """The error that ended the run."""
    facts = case.record.facts
    if facts.get("crash"):
        return str(facts["crash"])
    failed = facts.get("state") in ("failed", "lost")
    return str(facts.get("error") or facts["state"]) if failed else None


def _ended(case: Case, words: str) -> Finding:
    found = (kind for kind, pattern in KINDS.items() if re.search(pattern, words, re.IGNORECASE))
    kind = "interrupted" if case.record.facts.get("interrupted") else next(found, "error")
    shown = words.strip() if len(words) <= LONG else words.strip()[:LONG] + " ..."
    severity: Severity = "info" if kind == "interrupted" else "warning"
    told = crashed.evidence("words", words=shown)
    at = case.record.facts.get("ended_line")
    if isinstance(at, int):
        told = crashed.evidence("words_at", words=shown, line=at)
    return _finding(case, [told], severity, kind)


def _finding(case: Case, facts: list[Evidence], severity: Severity, kind: str) -> Finding:
    planned, done = case.planned, case.updates
    if done is not None:
        key = "done_of" if planned else "done"
        facts.append(crashed.evidence(key, done=done, planned=planned))
    saved = case.record.facts.get("checkpoints")
    if saved:
        facts.append(crashed.evidence("saved", step=max(saved)))
    advice = [crashed.advice(kind), crashed.advice("resume" if saved else "from_start")]
    at = done if done is not None else 0
    return crashed.finding(facts, advice if kind != "open" else advice[:1], severity, at=at)
