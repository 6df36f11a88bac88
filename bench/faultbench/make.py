"""Makes the runs: python -m bench.faultbench.make --split dev [--only NAME] [--limit N]

Resumable: what is stored is not made again. Each run goes into a file of its own below the cache
folder first; ``--pack`` writes ``runs/SPLIT.jsonl.gz`` from them. Several may make one split side
by side: a run is made by the one that holds its lock.
"""

import argparse
import fcntl
import gzip
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.faultbench import bases
from bench.faultbench.draft import Draft, facts, override, settings
from bench.faultbench.logbook import Clock, rounded
from bench.faultbench.looks import LOOKS
from bench.faultbench.loop import Outcome
from bench.faultbench.spec import Spec, draft_of, plans, spec
from bench.faultbench.stored import SPLITS
from bench.faultbench.truth import truth_of, unsound
from bench.faultbench.verdict import judge, present

RUNS = Path(__file__).parent / "runs"
SCHEMA = 1


def train(draft: Draft) -> Outcome:
    """Carry out a draft with the maker it names."""
    from bench.faultbench import loop, trainers

    trainers.quiet()
    draft.truth.setdefault("clock", Clock())
    if draft.maker == "loop":
        return loop.run(draft)
    if draft.maker == "transformers":
        return trainers.run(draft)
    if draft.maker == "huohou":
        return trainers.run_huohou(draft)
    from bench.faultbench import sentence

    return sentence.run(draft)


def make(given: Spec, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A run as it is stored; the same from the same spec. changes: settings put in its place."""
    draft = draft_of(given)
    unknown = override(draft, dict(changes or {}))
    vocabulary = bases.VARIANTS[draft.variant][1]
    said, known = settings(draft), facts(draft, vocabulary)
    out = train(draft)
    truth = truth_of(draft, out)
    truth["unsound"] = unsound(draft.family, truth, out.log)
    truth["sound"] = not truth["unsound"]
    run = {
        "schema": SCHEMA,
        "id": given.id,
        "split": given.split,
        "family": draft.family,
        "arch": draft.arch,
        "made_by": draft.maker,
        "kind": given.kind,
        "fault": given.name if given.kind == "fault" else None,
        "look": given.name if given.kind == "look-alike" else None,
        "way": given.way,
        "severity": given.severity,
        "seed": given.seed,
        "note": draft.note,
        "reason": "",
        "settings": said,
        "facts": known,
        "truth": truth,
        "log": out.log,
    }
    if unknown:
        run["not_applied"] = unknown
    return run


def remake(given: Spec | str, settings_overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The same fault with other settings, such as {"train.learning_rate": 1e-4}; for repairs.

    truth.sound of what comes back: whether it is as healthy as a healthy run must be.
    """
    one = spec(given) if isinstance(given, str) else given
    run: dict[str, Any] = rounded(make(one, settings_overrides))
    return run


# Storing


def folder(split: str) -> Path:
    """Where single runs wait until they are packed."""
    place = bases.cache_folder() / "runs" / split
    place.mkdir(parents=True, exist_ok=True)
    return place


def stored(split: str) -> dict[str, dict[str, Any]]:
    """All packed runs of a split by id."""
    path = RUNS / f"{split}.jsonl.gz"
    if not path.exists():
        return {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return {run["id"]: run for run in map(json.loads, lines)}


def rejected(split: str) -> dict[str, str]:
    """Draws that are no sound runs in truth, with the reason."""
    path = RUNS / f"{split}-rejected.json"
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def waiting(split: str) -> dict[str, dict[str, Any]]:
    """Runs that are made: packed ones, draws that were left out, and those that wait."""
    found = {
        name: {"id": name, "kind": "rejected", "reason": reason}
        for name, reason in rejected(split).items()
    }
    found |= stored(split)
    for path in sorted(folder(split).glob("*.json")):
        run = json.loads(path.read_text(encoding="utf-8"))
        found[run["id"]] = run
    return found


def slice_of(split: str, only: str | None, limit: int) -> int:
    """Make what is missing; returns the number made."""
    done, count = waiting(split), 0
    for given in plans(split, done, only):
        place = folder(split) / f"{given.id}.json"
        # Which draws are sound decides what is made next; who else makes a fault does not matter.
        with locked(place.with_suffix(".lock"), wait=given.kind != "fault") as mine:
            if not mine:
                continue
            if place.exists():
                done[given.id] = json.loads(place.read_text(encoding="utf-8"))
                continue
            done[given.id] = _made(given, done)
            part = place.with_suffix(".part")
            part.write_text(json.dumps(done[given.id]), encoding="utf-8")
            part.replace(place)
        count += 1
        if count >= limit:
            break
    return count


@contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold a lock file among processes; False where another has it and nobody is to wait."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


def _made(given: Spec, done: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """A run with its verdict, as it is stored; one line is printed."""
    started, cpu = time.monotonic(), time.process_time()
    run = make(given)
    if given.kind == "fault":
        run |= judge(run, done[given.twin])
    else:
        checked = given.kind == "healthy" or LOOKS[given.name].sound
        reason = run["truth"]["unsound"] if checked else ""
        run["kind"] = "rejected" if reason else run["kind"]
        run["reason"] = reason
    run = finished(run)
    took = (time.monotonic() - started, time.process_time() - cpu)
    print(
        f"{run['id']} {run['made_by']} {took[0]:.1f} s, {took[1]:.1f} s of computing; "
        f"{run['kind']} {run.get('decidable')} {run.get('reason')}",
        flush=True,
    )
    return run


def finished(run: dict[str, Any]) -> dict[str, Any]:
    """Codes and tier of a run that has no fault, and all numbers to five digits."""
    if run["kind"] != "fault":
        run |= {"codes": [], "also": present(run), "tier": "", "decidable": False}
    return rounded(run)


def pack(split: str) -> None:
    """Write all runs of a split into one compressed file, sorted, rejected ones as a summary."""
    runs = waiting(split)
    for run in runs.values():
        if run["kind"] == "fault":  # the rules may have been made clearer since
            run.update(judge(run, runs[spec(run["id"]).twin]))
    kept = [run for name, run in sorted(runs.items()) if run["kind"] != "rejected"]
    RUNS.mkdir(exist_ok=True)
    with (
        (RUNS / f"{split}.jsonl.gz").open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as out,
    ):
        for run in kept:
            out.write((json.dumps(run, separators=(",", ":")) + "\n").encode())
    gone = {name: run["reason"] for name, run in sorted(runs.items()) if run["kind"] == "rejected"}
    path = RUNS / f"{split}-rejected.json"
    text = json.dumps(gone, indent=1, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.faultbench.make", description=__doc__)
    parser.add_argument("--split", choices=SPLITS, required=True)
    parser.add_argument("--only", help="name of a fault, or healthy, look-alike")
    parser.add_argument("--limit", type=int, default=10**9)
    parser.add_argument("--pack", action="store_true")
    given = parser.parse_args()
    if given.pack:
        pack(given.split)
    else:
        print(slice_of(given.split, given.only, given.limit), "runs made")


__all__ = ["make", "remake", "spec"]

if __name__ == "__main__":
    main()
