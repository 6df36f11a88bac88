"""A stored run written the way trainers write: one function a format.

A value that a format has no place for is left out, as the trainer would leave it out: LLaMA-Factory
writes no gradient norm and no time, Hugging Face no time, TensorBoard and CSV no settings.
"""

import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.faultbench import tfevents
from bench.faultbench.stored import Run

Row = Mapping[str, Any]
_PLACE = ("kind", "t", "step", "epoch", "text", "seg")
_POINTS = ("metrics", "eval")


def events(run: Run, folder: Path) -> Path:
    """The folder of a run of huohou's own: what training wrote, and what its supervisor saw."""
    path = folder / "events.jsonl"
    seg = -1
    with path.open("w", encoding="utf-8") as lines:
        for row in run.log:
            if row["kind"] in ("crash", OPEN):
                continue
            seg += row["kind"] == "start"
            written = {"t": row.get("t", 0.0), "seg": max(seg, 0), **row}
            if row["kind"] == "start":
                written |= {"facts": dict(run.facts)}
            if row["kind"] == "end":
                written.setdefault("state", "completed")
            lines.write(json.dumps(_words(written)) + "\n")
    state = {"t": run.log[-1].get("t", 0.0), "seg": max(seg, 0), "kind": "state", **_end(run)}
    (folder / "job.jsonl").write_text(json.dumps(state) + "\n", encoding="utf-8")
    return path


OPEN = "open"  # the last row of a log that is still being written


def _end(run: Run) -> dict[str, Any]:
    """How a supervisor sees the run end: with its last word, with an error, or dead."""
    last = run.log[-1]
    if last["kind"] == "end":
        return {"state": "completed"}
    if last["kind"] == OPEN:
        return {"state": "running"}
    return {"state": "failed", "error": str(last.get("text") or "killed by signal 9")}


def trainer_state(run: Run, folder: Path) -> Path:
    """trainer_state.json; where a run had several processes, one history, as kept by a script."""
    rows = [_without(row, "t", "kind", "seg", "text") for row in points(run)]
    last = max((row["step"] for row in rows if row.get("step") is not None), default=0)
    known = ("max_steps", "num_train_epochs", "logging_steps", "eval_steps", "save_steps")
    state = {name: run.facts[name] for name in known if run.facts.get(name) is not None}
    state |= {"global_step": last, "epoch": max((r.get("epoch") or 0 for r in rows), default=0)}
    state.setdefault("max_steps", last)
    if run.facts.get("batch_size") is not None:
        state["train_batch_size"] = run.facts["batch_size"]
    path = folder / "trainer_state.json"
    path.write_text(json.dumps({**state, "log_history": rows}, indent=1), encoding="utf-8")
    _settings(run, folder)
    return path


def _settings(run: Run, folder: Path) -> None:
    """config.json of the model and the arguments of the training, where they are known."""
    facts = run.facts
    if facts.get("vocab_size"):
        config = {"vocab_size": facts["vocab_size"], "model_type": run.arch}
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    arguments = {ours: facts[name] for name, ours in _ARGUMENTS.items() if name in facts}
    dtype = facts.get("dtype")
    if dtype in ("fp16", "bf16"):
        arguments[str(dtype)] = True
    (folder / "training_args.json").write_text(json.dumps(arguments), encoding="utf-8")
    if facts.get("loss_kind") in _LOSSES:
        (folder / "README.md").write_text(_card(run), encoding="utf-8")


# A model card names the loss and what it was given, as sentence-transformers writes it.
_LOSSES = {
    "in-batch": ("MultipleNegativesRankingLoss", "scale", "scale"),
    "margin": ("TripletLoss", "margin", "triplet_margin"),
}


def _card(run: Run) -> str:
    loss, name, theirs = _LOSSES[run.facts["loss_kind"]]
    given = json.dumps({theirs: run.facts.get(name), "similarity_fct": "cos_sim"}, indent=4)
    link = f"[<code>{loss}</code>](https://sbert.net/docs/package_reference/losses.html)"
    size = f"* Size: {run.facts.get('rows', 0):,} training samples"
    fenced = "\n".join("  " + line for line in ("```json", *given.splitlines(), "```"))
    head = (
        "---\ntags:\n- sentence-transformers\n---\n\n## Training Details\n\n### Training Dataset\n"
    )
    return f"{head}\n{size}\n* Loss: {link} with these parameters:\n{fenced}\n"


_ARGUMENTS = {
    "learning_rate": "learning_rate",
    "lr_scheduler": "lr_scheduler_type",
    "warmup_steps": "warmup_steps",
    "batch_size": "per_device_train_batch_size",
    "gradient_accumulation": "gradient_accumulation_steps",
    "max_grad_norm": "max_grad_norm",
    "num_train_epochs": "num_train_epochs",
    "max_steps": "max_steps",
    "logging_steps": "logging_steps",
    "eval_steps": "eval_steps",
    "eval_strategy": "eval_strategy",
    "save_steps": "save_steps",
}


def llamafactory(run: Run, folder: Path) -> Path:
    """trainer_log.jsonl: losses and learning rate, elapsed time from each process's start."""
    total = run.facts.get("max_steps") or 0
    path, began = folder / "trainer_log.jsonl", 0.0
    with path.open("w", encoding="utf-8") as lines:
        for row in run.log:
            if row["kind"] == "start":
                began = row.get("t", 0.0)
            if row["kind"] not in _POINTS:
                continue
            kept = {"loss": "loss", "eval_loss": "eval_loss", "learning_rate": "lr"}
            written = {"current_steps": row.get("step"), "total_steps": total or row.get("step")}
            written |= {ours: row[name] for name, ours in kept.items() if name in row}
            written |= {"epoch": row.get("epoch"), "elapsed_time": _clock(row.get("t", 0) - began)}
            lines.write(json.dumps(written) + "\n")
    return path


def swift(run: Run, folder: Path) -> Path:
    """logging.jsonl of ms-swift: steps as "a/b", times in words."""
    total = run.facts.get("max_steps") or 0
    path = folder / "logging.jsonl"
    with path.open("w", encoding="utf-8") as lines:
        for row in points(run):
            values = _without(row, *_PLACE)
            place = {"epoch": row.get("epoch"), "global_step/max_steps": f"{row['step']}/{total}"}
            lines.write(json.dumps({**values, **place}) + "\n")
    return path


def console(run: Run, folder: Path) -> Path:
    """What the Trainer prints: dictionaries of strings with four digits (transformers 5)."""
    path = folder / "train.log"
    with path.open("w", encoding="utf-8") as lines:
        for row in run.log:
            if row["kind"] == "start":
                lines.write("".join(_banner(run)))
            elif row["kind"] == "crash":
                lines.write(str(row.get("text", "")) + "\n")
            elif row["kind"] in _POINTS:
                values = _without(row, *_PLACE) | {"epoch": row.get("epoch")}
                step, total = row.get("step"), run.facts.get("max_steps") or 0
                shown = str({k: f"{v:.4g}" for k, v in values.items() if v is not None})
                bar = _bar(step or 0, total or step or 1)
                lines.write("\r" + " " * len(bar) + "\r" + shown + "\n" + bar)
    return path


def _bar(step: int, total: int) -> str:
    """A progress bar as tqdm draws it again once a line was printed over it."""
    part = step / total
    return f"\r{part:4.0%}|{'█' * int(10 * part):<10}| {step}/{total} [00:10<00:20,  9.99it/s]"


def _banner(run: Run) -> Iterator[str]:
    yield "***** Running training *****\n"
    facts = run.facts
    for words, name in (
        ("Num examples", "rows"),
        ("Num Epochs", "num_train_epochs"),
        ("Instantaneous batch size per device", "batch_size"),
        ("Gradient Accumulation steps", "gradient_accumulation"),
        ("Total optimization steps", "max_steps"),
    ):
        if facts.get(name) is not None:
            yield f"  {words} = {facts[name]:,}\n"


def table(run: Run, folder: Path) -> Path:
    """CSV with a column a series."""
    rows = [_without(row, "kind", "seg", "text") for row in points(run)]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    path = folder / "log.csv"
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


def jsonl(run: Run, folder: Path) -> Path:
    """JSONL with the names of Hugging Face and the time."""
    path = folder / "log.jsonl"
    with path.open("w", encoding="utf-8") as lines:
        for row in points(run):
            renamed = {("timestamp" if k == "t" else k): v for k, v in row.items() if k != "kind"}
            lines.write(json.dumps(renamed) + "\n")
    return path


def tensorboard(run: Run, folder: Path) -> Path:
    """An event file, the tags as the Trainer writes them."""
    path = folder / "events.out.tfevents.1700000000.bench.1.0"
    with path.open("wb") as file:
        tfevents.header(file, run.log[0].get("t", 0.0) if run.log else 0.0)
        for row in points(run):
            for name, value in _without(row, *_PLACE).items():
                plain = name.removeprefix("eval_")
                tag = f"eval/{plain}" if name.startswith("eval_") else f"train/{name}"
                tfevents.scalar(file, row.get("t", 0.0), row.get("step") or 0, tag, value)
            if row.get("epoch") is not None:
                tfevents.scalar(
                    file, row.get("t", 0.0), row.get("step") or 0, "train/epoch", row["epoch"]
                )
    return path


def points(run: Run) -> Iterator[dict[str, Any]]:
    """Rows with values."""
    for row in run.log:
        if row["kind"] in _POINTS:
            yield dict(row)


def _without(row: Row, *names: str) -> dict[str, Any]:
    return {name: v for name, v in row.items() if name not in names and v is not None}


def _words(row: dict[str, Any]) -> dict[str, Any]:
    """NaN and infinities as words, as events.jsonl has them."""
    return {name: _word(v) if isinstance(v, float) else v for name, v in row.items()}


def _word(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _clock(seconds: float) -> str:
    minutes, second = divmod(max(int(seconds), 0), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{second:02d}"


FORMATS: dict[str, Callable[[Run, Path], Path]] = {
    "huohou": events,
    "trainer-state": trainer_state,
    "llamafactory": llamafactory,
    "ms-swift": swift,
    "console": console,
    "csv": table,
    "jsonl": jsonl,
    "tensorboard": tensorboard,
}
