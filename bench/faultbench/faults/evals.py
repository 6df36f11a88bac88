"""Faults of evaluation: none, too few, set and never run."""

import math
from typing import Any

import torch

from bench.faultbench.draft import Draft
from bench.faultbench.faults import _eighth_course as eighth
from bench.faultbench.faults import _fifth_course as fifth
from bench.faultbench.faults import _ninth_course as ninth
from bench.faultbench.faults import _seventh_course as seventh
from bench.faultbench.faults import _sixth_course as sixth
from bench.faultbench.faults._kinds import Fault, Run, Way, always, hooked, in_passes, looped, pick


def _never(draft: Draft, severity: int) -> None:
    """Evaluations are set wider apart than the run is long."""
    draft.eval_every = math.ceil(draft.updates * pick(severity, (1.2, 2.0, 5.0)))
    draft.note = f"every {draft.eval_every} updates of {draft.updates}"


def _never_an_epoch(draft: Draft, severity: int) -> None:
    """Evaluations after each pass of a run that ends within its first."""
    passes, updates = pick(severity, (0.9, 0.6, 0.3)), draft.updates
    draft.rows = math.ceil(draft.rows * draft.num_epochs / passes)
    draft.num_epochs, draft.evals = updates / draft.per_epoch, 0
    draft.facts |= {"eval_strategy": "epoch", "eval_rows": draft.eval_rows}
    draft.note = f"{draft.num_epochs:.2f} passes, evaluated after each"


def _delayed(draft: Draft, severity: int) -> None:
    """Evaluations are asked for from an update on that the run never comes to."""
    every = max(1, draft.updates // 8)
    delay = math.ceil(draft.updates * pick(severity, (1.2, 2.0, 5.0)))
    draft.evals, draft.eval_every = 0, None
    draft.facts |= {"eval_strategy": "steps", "eval_steps": every, "eval_rows": draft.eval_rows}
    draft.facts["eval_delay"] = delay
    draft.note = f"every {every} updates, but only from update {delay} of {draft.updates} on"


def _empty_split(draft: Draft, severity: int) -> None:
    """The share of rows that is split off to evaluate on comes to less than one: there is none."""
    every = max(1, draft.updates // pick(severity, (4, 8, 16)))
    share = 0.9 / draft.rows
    draft.evals, draft.eval_every = 0, None
    draft.facts |= {"eval_strategy": "steps", "eval_steps": every, "eval_rows": 0}
    draft.facts["val_size"] = round(share, 5)
    draft.note = f"every {every} updates, on {share:.2%} of {draft.rows} rows, which is none"


def _evals(counts: tuple[int, int, int], words: str) -> Any:
    def plant(draft: Draft, severity: int) -> None:
        draft.evals = pick(severity, counts)
        draft.eval_every = (
            None if words == "apart" else max(1, math.floor(draft.updates / (draft.evals + 0.6)))
        )
        draft.num_epochs = max(draft.num_epochs, 2.0)
        draft.note = f"{draft.evals} evaluations"

    return plant


def _only_times(draft: Draft, severity: int) -> None:
    """Evaluations that give no more than their own speed."""
    draft.evals = pick(severity, (3, 6, 12))
    rows = draft.eval_rows
    draft.hooks.metrics = lambda found: {
        **{k: v for k, v in found.items() if k in ("step", "epoch")},
        "eval_runtime": 0.05,
        "eval_samples_per_second": rows / 0.05,
    }
    draft.note = "evaluations without a loss"


def _only_training(draft: Draft, severity: int) -> None:
    """Evaluations of the training rows alone; the log names them so."""
    draft.evals = pick(severity, (3, 6, 12))
    draft.hooks.rows = lambda train, held: (train, train[: len(held)])
    draft.hooks.metrics = lambda found: {
        name.replace("eval_", "eval_train_"): value for name, value in found.items()
    }
    draft.note = "only training rows are evaluated"


def _of_batches(draft: Draft, severity: int) -> None:
    """All that is measured beside the loss is measured on the batches that are trained on."""
    draft.evals, draft.eval_every = 0, None
    draft.log_points = max(draft.log_points, pick(severity, (15, 30, 60)))
    held: list[Any] = []
    last: dict[str, Any] = {}
    draft.hooks.model = held.append

    def batch(inputs: dict[str, Any], step: int) -> dict[str, Any]:
        last.update(inputs)
        return inputs

    draft.hooks.batch = batch
    draft.hooks.logged = lambda values: values | _measures(held[0], last)
    draft.note = "measures of training batches, no evaluation"


@torch.no_grad()
def _measures(model: Any, inputs: dict[str, Any]) -> dict[str, float]:
    """What trainers say of the batch they have at hand; chance and mode are left as they were."""
    training, kept = model.training, torch.get_rng_state()
    model.eval()
    if "labels" in inputs:
        names = ("input_ids", "attention_mask")
        logits = model(**{name: inputs[name] for name in names}).logits[:, :-1]
        on = inputs["labels"][:, 1:] != -100
        chances = logits[on].float().log_softmax(-1)
        found = {
            "mean_token_accuracy": (chances.argmax(-1) == inputs["labels"][:, 1:][on]),
            "entropy": -(chances.exp() * chances).sum(-1),
        }
    else:
        query, document = model(inputs["query"]), model(inputs["document"])
        places = (query @ document.T).argmax(-1)
        found = {"in_batch_accuracy": places == torch.arange(len(query))}
    model.train(training)
    torch.set_rng_state(kept)
    return {name: float(each.float().mean()) for name, each in found.items()}


def _evaluator_gone(draft: Draft, severity: int) -> None:
    """Evaluations are left to a process beside, which is gone after the first few."""
    left = [pick(severity, (4, 3, 2))]
    draft.eval_every = max(1, draft.updates // 20)

    def metrics(found: dict[str, float]) -> dict[str, float]:
        left[0] -= 1
        return found if left[0] >= 0 else {}

    draft.hooks.metrics = metrics
    draft.note = (
        f"{left[0]} evaluations, then none, though every {draft.eval_every} updates are set"
    )


def _after_each_pass(draft: Draft, severity: int) -> None:
    """An evaluation after each of a few passes."""
    in_passes(draft, pick(severity, (4, 2, 1)))
    draft.eval_every = draft.per_epoch
    draft.facts["eval_strategy"] = "epoch"
    draft.note = f"{draft.num_epochs:g} passes, evaluated after each"


def _few(run: Run, twin: Run, spread: float) -> str | None:
    """Counted, for a maker that evaluates in its own rhythm may have written more."""
    done = sum(row["kind"] == "eval" for row in run["log"])
    return f"{done} evaluations in the log" if 0 < done < 5 else None


EVALS = (
    Fault(
        "eval-never-runs",
        Way(_never, looped),
        Way(_never_an_epoch, looped),
        always("the settings ask for evaluations and there is none"),
        ("eval-never-runs", "no-eval"),
        c=Way(_delayed, looped),
        d=Way(_empty_split, looped),
        e=Way(fifth.not_the_first, looped),
        f=Way(sixth.left_at_no, looped),
        g=Way(seventh.never_a_multiple, looped),
        h=Way(eighth.left_from_a_try, looped),
        i=Way(ninth.asks_for_saves, looped),
        tier="config",
    ),
    Fault(
        "no-eval",
        Way(_evals((0, 0, 0), "apart")),
        Way(_only_times, looped),
        always("the log has no measure on unseen rows"),
        ("no-eval",),
        c=Way(_only_training, looped),
        d=Way(_of_batches, hooked),
        e=Way(fifth.only_lengths, looped),
        f=Way(sixth.mean_of_none, looped, also=("nan-loss", "few-evals")),
        g=Way(seventh.judge_out_of_reach, looped),
        h=Way(eighth.waits_in_line, looped),
        i=Way(ninth.of_the_reference, looped),
    ),
    Fault(
        "few-evals",
        Way(_evals((4, 3, 2), "apart")),
        Way(_evals((3, 2, 1), "late")),
        _few,
        ("few-evals",),
        c=Way(_after_each_pass),
        d=Way(_evaluator_gone, looped),
        e=Way(fifth.in_powers, looped),
        f=Way(sixth.share_for_passes, hooked),
        g=Way(seventh.at_milestones, looped),
        h=Way(eighth.only_where_logged, looped),
        i=Way(ninth.in_devices, hooked),
    ),
)
