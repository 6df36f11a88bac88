"""Advice as a run file: the settings of the run that was judged, with those changed that findings
advise to change."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import yaml

from huohou.config import DEFAULTS, GROUPS, RunSettings
from huohou.diagnose.case import Case
from huohou.diagnose.choice import evals_per_epoch
from huohou.record.finding import Finding
from huohou.record.record import Record
from huohou.text import say

T = TypeVar("T")
# Facts of a foreign log that are settings of a run file.
_KNOWN = {
    "model": "model",
    "num_train_epochs": "train.num_epochs",
    "learning_rate": "train.learning_rate",
    "max_grad_norm": "train.max_grad_norm",
    "lora_rank": "lora.rank",
    "lora_alpha": "lora.alpha",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A setting that a finding advises: its new value, the code, and the advice in words."""

    value: Any
    code: str
    text: str


def changes(findings: Sequence[Finding]) -> dict[str, Change]:
    """Settings to change; where findings disagree the deeper cause, which comes first, decides.
    How often it is evaluated is told for the passes of the run that was judged, and fitted to those
    of the next."""
    found: dict[str, Change] = {}
    for finding in findings:
        for advice in finding.advice:
            for name, value in (advice.set or {}).items():
                found.setdefault(name, Change(value, finding.code, advice.text))
    often, length = found.get("train.evals_per_epoch"), found.get("train.num_epochs")
    if often and length:
        found["train.evals_per_epoch"] = replace(often, value=evals_per_epoch(length.value))
    return found


def run_file(record: Record, findings: Sequence[Finding]) -> str | None:
    """The next run as YAML, each change with its reason; None where no setting would cure it."""
    changed = changes(findings)
    if not changed:
        return None
    plan = record.facts.get("plan")
    ours = isinstance(plan, Mapping)
    before = dict(_planned(plan) if isinstance(plan, Mapping) else _known(record))
    recipe = before.get("recipe", RunSettings().recipe)
    # What another recipe's run had, or is advised, cannot be set in a run of this one.
    before, changed = _readable(before, recipe), _readable(changed, recipe)
    if not changed:
        return None
    settings = before | {name: change.value for name, change in changed.items()}
    head = [say("next.head", path=record.source.get("path", ""))]
    for name, change in changed.items():
        old = before.get(name, say("next.unknown"))
        head.append(say("next.change", name=name, old=old, new=change.value, code=change.code))
    head += _left(findings)
    if not ours and "train.batch_size" not in changed and _rows_at_once(record.facts):
        head.append(say("next.batch", n=settings["train.batch_size"]))
    if "data.train" not in settings:
        settings = {"data.train": "train.jsonl", "data.eval": "val.jsonl"} | settings
        head.append(say("next.fill_in"))
    if not ours:
        head += _unknown(settings, recipe)
    body = yaml.safe_dump(_nested(settings), sort_keys=False, allow_unicode=True)
    return "".join(f"# {line}\n" for line in head) + body


def _readable(found: Mapping[str, T], recipe: str) -> dict[str, T]:
    """What a run of this recipe reads, of settings by dotted name."""
    return {k: v for k, v in found.items() if recipe in GROUPS.get(k.split(".")[0], (recipe,))}


def _unknown(settings: Mapping[str, Any], recipe: str) -> Iterator[str]:
    """What is filled in for a run that is not ours: what is trained, and on which model."""
    if recipe == "embed":
        yield say("next.embed")
    if "model" not in settings:
        model = DEFAULTS.get(recipe, {}).get("model", RunSettings().model)
        yield say(f"next.model_{recipe}", model=model)


def _planned(plan: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Settings of our own run that were not left at their default."""
    settings = plan.get("settings")
    for name, one in (settings if isinstance(settings, Mapping) else {}).items():
        if isinstance(one, Mapping) and one.get("source") != "default":
            yield name, one.get("value")
    for name, part in (("data.train", plan.get("train")), ("data.eval", plan.get("eval"))):
        if isinstance(part, Mapping) and part.get("path"):
            yield name, part["path"]


def _left(findings: Sequence[Finding]) -> Iterator[str]:
    """Faults that none of the changed settings is for: what to do of them comes first."""
    for finding in findings:
        if finding.severity != "info" and not any(advice.set for advice in finding.advice):
            text = finding.advice[0].text if finding.advice else finding.title
            yield say("next.left", code=finding.code, text=text)


def _rows_at_once(facts: Mapping[str, Any]) -> bool:
    """Whether the log tells the rows of a micro-batch and not those of an update."""
    return bool(facts.get("batch_size")) and not (
        facts.get("total_batch_size") or facts.get("gradient_accumulation")
    )


def _known(record: Record) -> Iterator[tuple[str, Any]]:
    facts, case = record.facts, Case(record)
    if case.embedding:
        yield "recipe", "embed"
    rate = case.peak_rate()
    if facts.get("learning_rate") is None and rate:
        yield "train.learning_rate", float(f"{rate:.3g}")
    for name, setting in _KNOWN.items():
        if facts.get(name) is not None:
            yield setting, facts[name]
    if facts.get("total_batch_size") or facts.get("batch_size"):
        pieces = facts.get("gradient_accumulation") or 1
        rows = facts.get("total_batch_size") or facts["batch_size"] * pieces
        yield "train.batch_size", rows
    if facts.get("num_train_epochs") is None and case.epochs and case.finished is not False:
        yield "train.num_epochs", math.ceil(round(case.epochs, 2))  # passes that were begun


def _nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in settings.items():
        part, _, last = name.rpartition(".")
        (nested.setdefault(part, {}) if part else nested)[last] = value
    return nested
