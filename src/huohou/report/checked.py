"""What was found in a run for each line of the checklist: pure functions of a Part."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from huohou.evaluate.card import Metric
from huohou.evaluate.words import share
from huohou.record.columns import Series
from huohou.report.part import Part, main_metric
from huohou.text import say

State = Literal["done", "open", "unknown", "none"]
TOKENS = ("eval_token_accuracy", "eval_mean_token_accuracy", "mean_token_accuracy")
RANKS = ("eval_ndcg@10", "eval_mrr@10")
SET = {  # settings that are shown, and what they are called where a log was read
    "train.learning_rate": "learning_rate",
    "train.schedule": "lr_scheduler",
    "train.num_epochs": "num_train_epochs",
    "train.batch_size": "batch_size",
    "lora.rank": "lora_rank",
}
HIGH = 0.9  # of the answer tokens: what the checklist that people use asks for
STOPS = 0.95  # of the answers


@dataclass(frozen=True, slots=True)
class Found:
    """state: done, open (not done, or wrong), unknown, or none where there was nothing to do."""

    state: State
    text: str


def data(part: Part) -> Found:
    """The checks of the rows."""
    rows = part.plan.train.rows if part.plan else part.record.facts.get("rows", "?")
    must = ("data-duplicates", "empty-answer") if part.recipe in ("sft", "import") else ()
    return _by_rules(part, part.data_checks, "checklist.found.data", must, rows=rows)


def apart(part: Part) -> Found:
    """Evaluation rows, and none of them among those trained on."""
    if part.plan is not None and part.plan.eval is None:
        return Found("open", say("checklist.found.no_eval_rows"))
    codes = ("data-overlap", "trained-on-eval", "leak-suspected")
    rows = part.plan.eval.rows if part.plan and part.plan.eval else "?"
    must = ("data-overlap",) if part.recipe in ("sft", "import") else ()
    return _by_rules(part, codes, "checklist.found.apart", must, rows=rows)


def enough(part: Part) -> Found:
    """Rows and updates."""
    updates = part.diagnosis.source.get("updates")
    rows = part.plan.train.rows if part.plan else part.record.facts.get("rows")
    codes, known = ("too-few-updates", "undertrained"), {"updates": _count(updates)}
    if not isinstance(rows, int):
        return _by_rules(part, codes, "checklist.found.updates", **known)
    return _by_rules(part, codes, "checklist.found.enough", rows=_count(rows), **known)


def settings(part: Part) -> Found:
    """Learning rate, schedule, number format."""
    codes = (
        "lr-too-high",
        "lr-too-low",
        "lr-zero",
        "schedule-mismatch",
        "fp16-risk",
        "eval-never-runs",
        "temperature-off",
    )
    facts = part.record.facts
    given = [(name, part.setting(name) if part.plan else facts.get(SET[name])) for name in SET]
    shown = ", ".join(f"{name} {value}" for name, value in given if value is not None)
    return _by_rules(part, codes, "checklist.found.settings", settings=shown or "-")


def device(part: Part) -> Found:
    """Where it was computed, and why there. A processor makes a run slower, not worse."""
    if part.plan is None:
        return Found("unknown", say("checklist.found.no_plan"))
    chosen = part.plan.device
    key = "cpu" if chosen.value == "cpu" else "device"
    return Found(
        "done", say(f"checklist.found.{key}", device=chosen.value, reason=chosen.reason or "-")
    )


def falls(part: Part) -> Found:
    """The course of the training loss."""
    codes = (
        "nan-loss",
        "masked-nan",
        "diverged",
        "loss-stuck",
        "nothing-trains",
        "loss-above-uniform",
        "hinge-floor",
        "embedding-collapse",
        "scale-only",
    )
    ends = part.diagnosis.source.get("courses", {}).get("loss")
    if ends is None:
        return Found("unknown", say("checklist.found.no_loss"))
    return _by_rules(part, codes, "checklist.found.falls", **_shown(ends))


def accuracy(part: Part) -> Found:
    """Whether what is right grew: answer tokens, or places of a ranking."""
    name, series = _first(part, (*TOKENS, *RANKS))
    if len(series) < 2:
        return Found("unknown", say("checklist.found.no_accuracy"))
    first, last = float(series.values[0]), float(series.values[-1])
    state: State = "done" if last > first else "open"
    told = {"first": f"{first:.3f}", "last": f"{last:.3f}", "n": len(series)}
    return Found(state, say("checklist.found.accuracy", name=name, **told))


def watched(part: Part) -> Found:
    """The evaluation loss."""
    codes = ("no-eval", "overfit", "memorised", "worse-last-checkpoint", "few-evals")
    ends = part.diagnosis.source.get("courses", {}).get("eval_loss")
    if ends is None:
        return Found("open", say("checklist.found.no_eval"))
    count = part.diagnosis.source.get("points", {}).get("eval_loss", "?")
    return _by_rules(part, codes, "checklist.found.watched", n=count, **_shown(ends))


def resumed(part: Part) -> Found:
    """Where it was taken up again: with its weights."""
    codes = ("silent-restart", "resume-lost-weights", "resume-lost-optimizer")
    lives = part.record.segments()
    if any(code in part.found for code in codes):
        return _by_rules(part, codes, "checklist.found.resumed")
    if len(lives) < 2:
        return Found("none", say("checklist.found.one_life"))
    series = part.record.points("loss")
    before, after = (series.values[series.segs == life] for life in lives[-2:])
    if not len(before) or not len(after):
        return Found("unknown", say("checklist.found.lives", n=len(lives)))
    told = {"n": len(lives), "before": f"{before[-1]:.4g}", "after": f"{after[0]:.4g}"}
    return _by_rules(part, codes, "checklist.found.resumed", **told)


def finished(part: Part) -> Found:
    """Whether it came to its end."""
    state = part.state
    if state is None:
        is_over = part.record.facts.get("finished")
        if is_over is None:
            return Found("unknown", say("checklist.found.no_state"))
        state = "completed" if is_over else "stopped"
    error = str(part.record.facts.get("error") or "").partition("\n")[0]
    told = say("checklist.found.state", state=say(f"state.{state}"))
    text = f"{told} {error}".strip()
    return Found("done" if state == "completed" else "open", text)


def loss(part: Part) -> Found:
    """What the loss came to. There is none that it has to reach."""
    ends = part.diagnosis.source.get("courses", {}).get("loss")
    if ends is None:
        return Found("unknown", say("checklist.found.no_loss"))
    gates_ = [g for g in (part.card.gates if part.card else ()) if g.metric.startswith("loss.")]
    if gates_ and all(g.passed is not None for g in gates_):
        state: State = "done" if all(g.passed for g in gates_) else "open"
        met = ", ".join(f"{g.metric} {g.value:.4g}" for g in gates_)
        return Found(state, say("checklist.found.loss_gate", metrics=met))
    return Found("unknown", say("checklist.found.loss", last=f"{ends['last']:.4g}"))


def tokens(part: Part) -> Found:
    """Answer tokens right, given the right beginning."""
    name, series = _first(part, TOKENS)
    if not len(series):
        return Found("unknown", say("checklist.found.no_accuracy"))
    last = float(series.values[-1])
    whole = part.record.points("eval_answer_accuracy")
    told = say("checklist.found.tokens", name=name, value=share(last))
    if len(whole):
        all_right = share(float(whole.values[-1]))
        told = say("checklist.found.whole", name=name, value=share(last), whole=all_right)
    return Found("done" if last >= HIGH else "open", told)


def asked(part: Part) -> Found:
    """Whether the model was asked questions that it was not trained on."""
    if part.card is None:
        return Found("open" if part.plan else "unknown", _not_asked(part))
    on, n = str(part.card.questions["on"]), part.card.questions["asked"]
    told, main = {"n": n, "on": say(f"eval.on_{on}")}, main_metric(part)
    if main is None:
        text = say("checklist.found.asked", **told)
    else:
        text = say("checklist.found.asked_value", name=main.name, **_value(main), **told)
    return Found("open" if on == "train" else "done", text)


def base(part: Part) -> Found:
    """Whether it is better than what it began with, on the same questions."""
    main = main_metric(part)
    if part.card is None or main is None:
        return Found("unknown", _not_asked(part))
    if main.baseline is None or main.difference is None:
        return Found("unknown", say("checklist.found.no_base"))
    apart_, low, high = main.difference
    told = {"base": f"{main.baseline:.3f}", "difference": f"{apart_:+.3f}", "name": main.name}
    if low is None or high is None:
        return Found("unknown", say("checklist.found.no_interval", **told))
    key = "better" if low > 0 else "worse" if high < 0 else "same"
    state: State = "done" if low > 0 else "open"
    return Found(
        state, say(f"checklist.found.{key}", low=f"{low:+.3f}", high=f"{high:+.3f}", **told)
    )


def invented(part: Part) -> Found:
    """Answers with a value that no row of the table has."""
    found = part.card.metric("facts.invented") if part.card else None
    if found is None:
        return Found("unknown", say("checklist.found.no_table"))
    told = {"count": round(found.value * found.n), "n": found.n}
    high = share(found.high) if found.high is not None else "?"
    key = "invented" if found.value > 0 else "none_invented"
    return Found(
        "open" if found.value > 0 else "done", say(f"checklist.found.{key}", high=high, **told)
    )


def stops(part: Part) -> Found:
    """Whether answers end by themselves."""
    found = part.card.metric("answers.stop") if part.card else None
    if found is None:
        is_search = part.recipe in ("embed", "align")
        told = say("checklist.found.no_text") if is_search else _not_asked(part)
        return Found("none" if is_search else "unknown", told)
    told = say("checklist.found.stops", value=share(found.value), n=found.n)
    return Found("done" if found.value >= STOPS else "open", told)


def gates(part: Part) -> Found:
    """The criteria that were set for it."""
    held = part.card.gates if part.card else ()
    if not held:
        return Found("none", say("checklist.found.no_gates"))
    failed = [g.metric for g in held if g.passed is False]
    open_ = [g.metric for g in held if g.passed is None]
    if failed:
        return Found("open", say("checklist.found.gates_failed", names=", ".join(failed)))
    if open_:
        return Found("unknown", say("checklist.found.gates_open", names=", ".join(open_)))
    return Found("done", say("checklist.found.gates", n=len(held)))


def served(part: Part) -> Found:
    """Whether what is served says what was trained."""
    return _by_rules(part, ("train-serve-mismatch",), "checklist.found.served")


def _by_rules(
    part: Part, codes: Sequence[str], key: str, must: Sequence[str] = (), /, **fields: object
) -> Found:
    """What rules say of it: open with what they found, unknown where none could run, or one of
    those that must."""
    hits = [part.found[code] for code in codes if code in part.found]
    if hits:
        return Found("open", "; ".join(f"{one.code}: {one.title}" for one in hits))
    ran = [code for code in codes if code in part.diagnosis.ran]
    lacking = [code for code in must or codes if code not in part.diagnosis.ran]
    if not ran or (must and lacking):
        need = next((part.needs[code] for code in lacking if code in part.needs), None)
        told = say("checklist.found.needs", needs=need) if need else say("checklist.found.unjudged")
        return Found("unknown", told)
    return Found("done", say(key, n_rules=len(ran), **fields))


def _first(part: Part, names: Sequence[str]) -> tuple[str, Series]:
    name = next((name for name in names if len(part.record.points(name))), names[0])
    return name, part.record.points(name)


def _not_asked(part: Part) -> str:
    key = "not_asked" if part.plan else "not_here"
    return say(f"checklist.found.{key}", folder=part.folder.name)


def _value(metric: Metric) -> dict[str, str]:
    low, high = (metric.value if one is None else one for one in (metric.low, metric.high))
    return {"value": f"{metric.value:.3f}", "low": f"{low:.3f}", "high": f"{high:.3f}"}


def _shown(ends: dict[str, float]) -> dict[str, str]:
    return {
        name: f"{value:.4g}" if math.isfinite(value) else str(value) for name, value in ends.items()
    }


def _count(number: object) -> str:
    return f"{number:,}" if isinstance(number, int) else "?"
