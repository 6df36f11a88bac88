"""Faults of duration and schedule."""

import math
from typing import Any

from bench.faultbench.draft import Draft, Life
from bench.faultbench.faults import _eighth_course as eighth
from bench.faultbench.faults import _fifth_course as fifth
from bench.faultbench.faults import _fifth_training as fifth_training
from bench.faultbench.faults import _ninth_course as ninth
from bench.faultbench.faults import _ninth_training as ninth_training
from bench.faultbench.faults import _seventh_course as seventh
from bench.faultbench.faults import _seventh_training as seventh_training
from bench.faultbench.faults import _sixth_course as sixth
from bench.faultbench.faults._kinds import (
    Fault,
    Way,
    at,
    chance_of,
    effect,
    few_rows,
    hooked,
    in_passes,
    looped,
    pick,
    planned,
    stated,
    taught,
    watched,
)
from bench.faultbench.faults.endings import ENDINGS
from bench.faultbench.faults.precision import PRECISION
from bench.faultbench.truth import losses_of
from bench.faultbench.words import world


def _early_zero(draft: Draft, severity: int) -> None:
    """The schedule ends long before the run."""
    share = pick(severity, (0.3, 0.5, 0.7))
    _zero(draft, share, lambda part: max(0.0, 1 - part / (1 - share)))


def _dropped(draft: Draft, severity: int) -> None:
    """A step to a hundred-thousandth; a warm-up by whole numbers, which is 0 until it ends."""
    share = pick(severity, (0.4, 0.65, 1.0))
    _zero(draft, share, lambda part: 1.0 if part < 1 - share else 1e-5 if share < 1 else 0.0)


def _zero(draft: Draft, share: float, factor: Any) -> None:
    draft.hooks.rate = lambda step, total: factor(step / max(total, 1))
    draft.log_lr, draft.log_points = True, max(draft.log_points, 20)
    draft.truth["zero_share"] = share
    draft.note = f"no learning rate for {share:.0%} of the run"


def _step_a_pass(draft: Draft, severity: int) -> None:
    """A schedule that is stepped once a pass: its warm-up is 0 for the whole of the first."""
    passes = pick(severity, (4, 3, 2))
    in_passes(draft, passes)
    per, draft.schedule = draft.per_epoch, "linear"

    def rate(step: int, total: int) -> float:
        done = step // per
        return max(0.0, 1 - (done - 1) / passes) if done else 0.0

    draft.hooks.rate = rate
    draft.facts["warmup_steps"] = 1
    draft.log_lr, draft.log_points = True, max(draft.log_points, 20)
    draft.truth["zero_share"] = per / draft.updates
    draft.note = f"the schedule is stepped once in each of {passes} passes"


def _every_update(draft: Draft, severity: int) -> None:
    """A decay that was meant for each pass is taken at each update."""
    gamma = pick(severity, (0.8, 0.65, 0.4))
    draft.hooks.rate = lambda step, total: gamma**step
    draft.warmup_ratio, draft.log_lr = 0.0, True
    draft.log_points = max(draft.log_points, 20)
    draft.facts |= {"lr_scheduler": "exponential", "gamma": gamma}
    gone = math.ceil(math.log(1e-4) / math.log(gamma))
    draft.truth["zero_share"] = 1 - gone / draft.updates
    draft.note = f"the rate times {gamma} at each update: a ten-thousandth after {gone}"


def _short(draft: Draft, severity: int) -> None:
    """A tenth to a third of the passes, at a constant rate."""
    draft.num_epochs *= pick(severity, (0.3, 0.2, 0.1))
    draft.schedule = "constant"
    draft.log_points = max(draft.log_points, 40)
    draft.note = f"{draft.num_epochs:g} passes"


def _stopped(draft: Draft, severity: int) -> None:
    """Stopped in the middle of its schedule."""
    watched(draft, 12, 100)
    stop = at(draft, pick(severity, (0.3, 0.2, 0.1)))
    draft.lives = [Life(0, stop)]
    draft.note = f"stopped at update {stop} of {draft.updates}"


def _still_warming(draft: Draft, severity: int) -> None:
    """A warm-up of a number of updates that was meant for a far longer run."""
    warm = draft.updates * pick(severity, (4, 8, 16))
    draft.hooks.rate = lambda step, total: min(1.0, step / warm)
    draft.log_lr, draft.log_points = True, max(draft.log_points, 40)
    draft.evals = max(draft.evals, 8)
    draft.facts["warmup_steps"] = warm
    draft.note = f"{warm} updates of warm-up in a run of {draft.updates}"


def _impatient(draft: Draft, severity: int) -> None:
    """Early stopping: evaluations that are better, but not by what is asked for, count as none."""
    unit = {"cross-entropy": 1.0, "in-batch": 0.5, "margin": draft.margin / 4, "logistic": 0.15}
    least, patience = 0.3 * unit[draft.loss_kind], pick(severity, (4, 2, 1))
    watched(draft, 40, 100)
    every, done, whole = draft.eval_steps, [math.inf], Life(0, draft.updates)
    draft.lives = [whole]
    bad: list[int] = []

    def metrics(found: dict[str, float]) -> dict[str, float]:
        bad.append(1)
        if found["eval_loss"] < min(done) - least:
            bad.clear()
        if len(bad) == patience:
            whole.stop = len(done) * every
        done.append(found["eval_loss"])
        return found

    draft.hooks.metrics = metrics
    draft.facts |= {"early_stopping_patience": patience, "early_stopping_threshold": least}
    draft.note = f"stopped when {patience} evaluations in a row were not better by {least:.2g}"


def _few(draft: Draft, severity: int) -> None:
    """Few rows, many passes."""
    few_rows(draft, pick(severity, (48, 24, 12)), 1.5)
    watched(draft, 12, 40)
    draft.dropout = 0.0
    draft.note = f"{draft.rows} rows, {draft.num_epochs:g} passes"


def _same_rows(draft: Draft, severity: int) -> None:
    """A sampler that draws from the first rows only."""
    watched(draft, 12, 40)
    draft.dropout, number = 0.0, pick(severity, (48, 24, 12))
    draft.hooks.rows = lambda train, held: (
        (train[:number] * math.ceil(len(train) / number))[: len(train)],
        held,
    )
    draft.num_epochs *= 1.5
    draft.note = f"only {number} of {draft.rows} rows are ever drawn"


def _narrow(draft: Draft, severity: int) -> None:
    """All rows are about a few banks only, as a filter left them; evaluated on all banks."""
    watched(draft, 12, 40)
    draft.dropout, number = 0.0, pick(severity, (5, 3, 2))
    chance, here = chance_of(draft, "narrow"), world(draft.variant)
    banks = chance.sample(range(len(here.banks)), number)
    pairs = [pair for pair in here.train if pair[0] in banks]
    draft.hooks.rows = lambda train, held: (
        [here.row(chance, chance.choice(pairs), draft.desks) for _ in train],
        held,
    )
    draft.num_epochs *= 2.0
    draft.note = f"all rows are about {number} of {len(here.banks)} banks"


def _unknowable(draft: Draft, severity: int) -> None:
    """All answers hold a number that does not follow from the question, over many passes."""
    watched(draft, 12, 40)
    draft.dropout, draft.desks = 0.0, 1.0
    in_passes(draft, pick(severity, (25, 35, 50)), 2.0)
    draft.note = f"{draft.rows} rows, each with a number drawn by lot, {draft.num_epochs:g} passes"


def _by_heart(evals: int) -> Any:
    def plant(draft: Draft, severity: int) -> None:
        few_rows(draft, pick(severity, (20, 14, 8)), 2.0)
        draft.evals, draft.dropout, draft.answer_only = evals, 0.0, True
        draft.schedule, draft.log_points = "constant", max(draft.log_points, 30)
        draft.note = f"{draft.rows} rows, {draft.num_epochs:g} passes, {evals} evaluations"

    return plant


def _written_often(draft: Draft, severity: int) -> None:
    """A small set that was written many times over until it looked large enough; one pass."""
    number = pick(severity, (20, 14, 8))
    in_passes(draft, 1, 2.0)
    draft.dropout, draft.answer_only = 0.0, True
    draft.schedule, draft.log_points = "constant", max(draft.log_points, 30)
    draft.hooks.rows = lambda train, held: (
        (train[:number] * math.ceil(len(train) / number))[: len(train)],
        held,
    )
    draft.note = f"{draft.rows} rows, {number} different ones"


def _seen_before(draft: Draft, severity: int) -> None:
    """A second stage on the rows of the first, known by heart when it begins."""
    draft.rows, draft.num_epochs = pick(severity, (100, 80, 60)), 4.0
    draft.batch_size, draft.accumulation = 4, 1
    draft.dropout, draft.answer_only = 0.0, True
    draft.learning_rate *= 0.3
    watched(draft, 6, 40)
    draft.hooks.model = lambda made: taught(made, draft, [range(draft.rows)], 30)
    draft.facts["stage"] = 2
    draft.note = f"{draft.rows} rows that stage 1 was trained on in 30 passes"


def _wide_batch(draft: Draft, severity: int) -> None:
    """One pass with a batch so large that there are few updates."""
    draft.num_epochs, draft.accumulation = 1.0, 1
    draft.batch_size = math.ceil(draft.rows / pick(severity, (20, 10, 5)))
    draft.note = f"{draft.updates} updates"


def _long_accumulation(draft: Draft, severity: int) -> None:
    """Gradients are gathered over so many batches that there are few updates."""
    draft.num_epochs = min(draft.num_epochs, 2.0)
    wanted = pick(severity, (20, 10, 5)) / draft.num_epochs
    draft.accumulation = max(1, math.ceil(draft.rows / draft.batch_size / wanted))
    draft.note = f"{draft.updates} updates"


def _filtered(draft: Draft, severity: int) -> None:
    """A filter of the rows left so few that a pass or two are soon over."""
    draft.num_epochs, draft.accumulation = min(draft.num_epochs, 2.0), 1
    draft.rows = round(pick(severity, (20, 10, 5)) / draft.num_epochs) * draft.batch_size
    draft.note = f"{draft.rows} rows are left, {draft.updates} updates"


def _smoke_test(draft: Draft, severity: int) -> None:
    """The number of updates of a first try is still set, and outdoes the number of passes."""
    draft.facts["num_train_epochs"] = draft.num_epochs
    draft.num_epochs = pick(severity, (20, 10, 5)) / draft.per_epoch
    draft.note = f"max_steps is {draft.updates}: {draft.num_epochs:.2f} passes"


def _too_long(draft: Draft, severity: int) -> None:
    """A schedule for more updates than are made: accumulation was not counted."""
    longer = pick(severity, (2.0, 3.0, 5.0))
    draft.schedule, draft.log_lr = "linear", True
    draft.hooks.rate = lambda step, total: 1 - step / (total * longer)
    draft.truth["end_factor"] = 1 - 1 / longer
    draft.note = f"linear schedule for {longer:g} times the updates"


def _back_up(draft: Draft, severity: int) -> None:
    """A cosine for fewer updates than are made: it comes up again."""
    shorter = pick(severity, (1.5, 1.8, 2.0))
    draft.schedule, draft.log_lr = "cosine", True
    draft.hooks.rate = lambda step, total: 0.5 * (1 + math.cos(math.pi * shorter * step / total))
    draft.truth["end_factor"] = 0.5 * (1 + math.cos(math.pi * shorter))
    draft.note = f"cosine for a {shorter:g}th of the updates"


def _let_go(draft: Draft, severity: int) -> None:
    """The optimizer is prepared anew and the schedule drives the old one: the rate stays there."""
    if draft.schedule.startswith("constant"):
        draft.schedule = "linear"
    draft.log_lr, draft.log_points = True, max(draft.log_points, 20)
    last, factor = at(draft, pick(severity, (0.65, 0.4, 0.15))), planned(draft)
    draft.hooks.rate = lambda step, total: factor(min(step, last))
    draft.truth["end_factor"] = factor(last)
    draft.note = f"the schedule has no hold on the rate from update {last} on"


def _made_each_pass(draft: Draft, severity: int) -> None:
    """The schedule is made within the loop over passes, for the whole run: it begins anew in each.

    So the rate is a saw, and its last tooth ends far from 0.
    """
    if draft.schedule.startswith("constant"):
        draft.schedule = "linear"
    in_passes(draft, pick(severity, (2, 3, 5)))
    draft.log_lr, draft.log_points = True, max(draft.log_points, 30)
    per, factor = draft.per_epoch, planned(draft)
    draft.hooks.rate = lambda step, total: factor(step % per)
    draft.truth["end_factor"] = factor((draft.updates - 1) % per)
    draft.note = f"the schedule of the whole run begins anew in each of {draft.num_epochs:g} passes"


def _rises(run: dict[str, Any], twin: dict[str, Any], spread: float) -> str | None:
    losses = losses_of(run["truth"])
    rise = (losses[-1] - min(losses)) / max(min(losses), 1e-3)
    if rise > 0.05 and run["truth"]["train_loss"] < losses[-1]:
        return f"the loss on unseen rows ends {rise:.0%} above its best"
    return None


def _known(run: dict[str, Any], twin: dict[str, Any], spread: float) -> str | None:
    seen, unseen = run["truth"]["train_loss"], losses_of(run["truth"])[-1]
    if seen <= 0.105 and unseen > seen + 0.2:
        return f"training rows have a loss of {seen:.3f}, unseen ones {unseen:.2f}"
    return None


def _unlike(run: dict[str, Any], twin: dict[str, Any], spread: float) -> str | None:
    factor = run["truth"]["end_factor"]
    return f"the schedule that is named ends at 0, this one at {factor:.0%} of the peak"


def _whole(draft: Draft) -> bool:
    """All weights are trained, at a rate that learns by heart in the time there is."""
    return draft.tune == "full" and draft.updates >= 60


COURSE = (
    Fault(
        "lr-zero",
        Way(_early_zero, hooked),
        Way(_dropped, hooked),
        stated("zero_share", 0.2, "the learning rate is 0 for {:.0%} of the run"),
        ("lr-zero",),
        also=("schedule-mismatch", "nothing-trains", "loss-stuck"),
        c=Way(_step_a_pass, hooked),
        d=Way(_every_update, lambda d: hooked(d) and d.updates >= 60, also=("undertrained",)),
        e=Way(fifth.trained_on, looped),
        f=Way(sixth.higher_is_better, hooked, also=("undertrained",)),
        g=Way(seventh.rounded_rate, hooked),
        h=Way(eighth.hole_between, hooked),
        i=Way(ninth.in_turns, hooked),
    ),
    Fault(
        "undertrained",
        Way(_short, lambda d: d.updates >= 80),
        Way(_stopped, lambda d: looped(d) and d.updates >= 80),
        effect(0.1),
        ("undertrained", "too-few-updates"),
        also=("few-evals", "lr-too-low"),
        c=Way(_still_warming, lambda d: d.updates >= 80, also=("schedule-mismatch",)),
        d=Way(_impatient, lambda d: looped(d) and d.updates >= 80),
        e=Way(fifth_training.guarded, lambda d: hooked(d) and d.updates >= 80),
        f=Way(sixth.counted_for_many, lambda d: d.updates >= 80),
        g=Way(seventh_training.among_the_general, lambda d: d.updates >= 80),
        h=Way(eighth.evaluation_counts, lambda d: looped(d) and d.updates >= 80),
        i=Way(ninth_training.batches_for_updates, lambda d: hooked(d) and d.updates >= 80),
    ),
    Fault(
        "overfit",
        Way(_few, _whole),
        Way(_same_rows, _whole),
        _rises,
        ("overfit",),
        also=("memorised", "worse-last-checkpoint"),
        families=("lm", "lm", "lm"),
        c=Way(_narrow, _whole),
        d=Way(_unknowable, _whole),
        e=Way(fifth.few_facts, _whole, also=("data-duplicates",)),
        f=Way(
            sixth.requeued,
            lambda d: looped(d) and _whole(d),
            also=("resume-lost-optimizer", "schedule-mismatch"),
        ),
        g=Way(seventh.by_its_number, _whole),
        h=Way(
            eighth.too_slow_a_pace,
            lambda d: looped(d) and _whole(d),
            also=("data-duplicates",),
        ),
        i=Way(ninth.equal_sources, _whole, also=("data-duplicates",)),
    ),
    Fault(
        "memorised",
        Way(_by_heart(0), _whole, also=("no-eval",)),
        Way(_by_heart(1), _whole, also=("few-evals", "overfit")),
        _known,
        ("memorised",),
        families=("lm", "lm", "lm"),
        c=Way(_written_often, _whole, also=("overfit", "worse-last-checkpoint", "data-duplicates")),
        d=Way(_seen_before, _whole, also=("overfit",)),
        e=Way(fifth.one_shard, _whole, also=("overfit", "worse-last-checkpoint")),
        f=Way(
            sixth.first_batches,
            lambda d: looped(d) and _whole(d),
            also=("overfit", "worse-last-checkpoint"),
        ),
        g=Way(
            seventh.drawn_by_weight,
            _whole,
            also=("overfit", "worse-last-checkpoint", "data-duplicates"),
        ),
        h=Way(
            eighth.never_replaced,
            lambda d: looped(d) and _whole(d),
            also=("overfit", "worse-last-checkpoint", "data-duplicates"),
        ),
        i=Way(ninth.same_draw_each_pass, _whole, also=("overfit", "worse-last-checkpoint")),
    ),
    *ENDINGS,
    Fault(
        "too-few-updates",
        Way(_wide_batch),
        Way(_long_accumulation, lambda d: d.maker != "sentence-transformers"),
        effect(),
        ("too-few-updates", "undertrained"),
        also=("few-evals",),
        c=Way(_filtered),
        d=Way(_smoke_test),
        e=Way(fifth.first_exhausted),
        f=Way(sixth.wrong_way_early, looped),
        g=Way(seventh.counter_of_another, looped),
        h=Way(eighth.lucky_batch, looped),
        i=Way(ninth.one_means_one),
    ),
    Fault(
        "schedule-mismatch",
        Way(_too_long, hooked),
        Way(_back_up, hooked),
        _unlike,
        ("schedule-mismatch",),
        tier="config",
        c=Way(_let_go, hooked),
        d=Way(_made_each_pass, hooked),
        e=Way(fifth.other_schedule, hooked),
        f=Way(sixth.warmed_and_kept, hooked),
        g=Way(seventh.least_of_the_engine, hooked),
        h=Way(eighth.ever_longer_cycles, hooked),
        i=Way(ninth.stood_still, hooked),
    ),
    *PRECISION,
)
