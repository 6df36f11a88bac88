"""What a run will do, as plain values that faults change before it starts."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Inputs = dict[str, Any]  # a batch: names to tensors


@dataclass
class Hooks:
    """Places where a fault can be planted in code; None is the sound code.

    rows(train, eval): change the rows before they are encoded; encoded(rows, part): change token
    ids and labels of a language model's rows, part is train or eval; batch(inputs, step),
    loss(loss, step): what an update sees; model(model): after the base is loaded;
    optimizer(parameters): which optimizer; rate(step, total): factor of the learning rate, in
    place of the schedule; step(step): before an update, may sleep or raise; metrics(metrics):
    what an evaluation says; logged(row): what is written; resumed(model): after a new process has
    taken up its weights.
    """

    rows: Callable[[list[Any], list[Any]], tuple[list[Any], list[Any]]] | None = None
    encoded: Callable[[list[Any], str], list[Any]] | None = None
    batch: Callable[[Inputs, int], Inputs] | None = None
    loss: Callable[[Any, int], Any] | None = None
    model: Callable[[Any], None] | None = None
    optimizer: Callable[[list[Any]], Any] | None = None
    rate: Callable[[int, int], float] | None = None
    step: Callable[[int], None] | None = None
    metrics: Callable[[dict[str, float]], dict[str, float]] | None = None
    logged: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    resumed: Callable[[Any], None] | None = None


@dataclass
class Life:
    """One process life: updates start+1 to stop, counted as the log counts them.

    weights: kept, base (those of the base model), part (a share of the layers is lost) or saved
    (of the checkpoint of update ``saved``, with its optimizer and schedule);
    optimizer: whether its state is kept; schedule: kept, again (begins anew for what is left) or
    stretched (computed for a longer run); row: whether a start row is written.
    """

    start: int
    stop: int
    weights: str = "kept"
    optimizer: bool = True
    schedule: str = "kept"
    row: bool = True
    lost: float = 1.0
    longer: float = 1.0
    saved: int | None = None


@dataclass
class Draft:
    """Everything that decides a run. Names as in a run file where there is one (``SETTINGS``)."""

    family: str
    arch: str
    variant: int
    maker: str
    seed: int
    tune: str = "full"
    learning_rate: float = 1e-3
    num_epochs: float = 3.0
    batch_size: int = 16
    accumulation: int = 1
    rows: int = 400
    schedule: str = "linear"
    warmup_ratio: float = 0.0
    decay_share: float = 0.0  # of a schedule of warm-up, stable part and decay
    least_rate: float = 0.0  # part of the rate that a cosine with a least rate ends at
    decay_shape: str = ""  # of that decay, if it is not half a cosine
    power: float = 1.0  # of a polynomial
    weight_decay: float = 0.0
    beta2: float = 0.999  # of Adam's mean of squares
    max_grad_norm: float = 1.0
    dropout: float = 0.0
    rank: int = 8
    alpha: float = 16.0
    desks: float = 0.3
    answer_only: bool = True
    loss_kind: str = "cross-entropy"
    scale: float = 20.0
    margin: float = 0.2
    candidates: int = 10
    hard: bool = False
    learn_scale: bool = False
    eval_rows: int = 64
    evals: int = 8
    eval_every: int | None = None
    metrics: bool = True
    log_points: int = 60
    log_lr: bool = True
    log_grad: bool = True
    log_first: bool = False  # the first update has a line of its own
    log_rows: bool = False  # lines of the plain loop count the rows seen
    eval_first: bool = False  # evaluated before the first update too
    window: bool = True
    dtype: str = "float32"
    filter_nan: bool = False
    mse_scale: float = 0.0  # an evaluation shows the error of scaled similarities against 1
    in_order: bool = False  # rows are trained in the order given
    warm: int = 0  # updates on other rows that the weights at the start have behind them
    skip: int = 0  # an update that overflows and is left out
    policy: bool = False  # a reward is raised instead
    # what an evaluation takes for the right document: or reversed, off, ignored, whole, rest,
    # distinct, copies
    ranking: str = "right"
    cut: bool = False  # the log ends without an end row
    lives: list[Life] = field(default_factory=list)
    hooks: Hooks = field(default_factory=Hooks)
    facts: dict[str, Any] = field(default_factory=dict)
    truth: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    @property
    def per_epoch(self) -> int:
        """Updates in a pass over the rows."""
        return max(1, math.ceil(self.rows / (self.batch_size * self.accumulation)))

    @property
    def updates(self) -> int:
        """Updates of the whole run."""
        return max(1, round(self.per_epoch * self.num_epochs))

    @property
    def warmup(self) -> int:
        """Updates of the warm-up."""
        return math.ceil(self.warmup_ratio * self.updates)

    def schedule_options(self, total: int) -> dict[str, Any]:
        """What a schedule of so many updates is given beside their number and the warm-up's."""
        if self.schedule == "warmup_stable_decay":
            steps = {"num_decay_steps": max(1, round(self.decay_share * total))}
            return steps | ({"decay_type": self.decay_shape} if self.decay_shape else {})
        if self.schedule == "polynomial" and self.power != 1.0:
            return {"power": self.power}
        if self.schedule == "cosine_with_min_lr":
            return {"min_lr_rate": self.least_rate}
        return {}

    @property
    def log_every(self) -> int:
        """Updates between two log lines."""
        return max(1, round(self.updates / self.log_points))

    @property
    def eval_steps(self) -> int:
        """Updates between two evaluations; 0: never."""
        if self.eval_every is not None:
            return self.eval_every
        return max(1, self.updates // self.evals) if self.evals else 0


SETTINGS = {
    "train.learning_rate": "learning_rate",
    "train.num_epochs": "num_epochs",
    "train.batch_size": "batch_size",
    "train.schedule": "schedule",
    "train.warmup_ratio": "warmup_ratio",
    "train.weight_decay": "weight_decay",
    "train.max_grad_norm": "max_grad_norm",
    "train.seed": "seed",
    "train.dtype": "dtype",
    "lora.rank": "rank",
    "lora.alpha": "alpha",
    "lora.dropout": "dropout",
}


def settings(draft: Draft) -> dict[str, Any]:
    """The settings as a run file names them."""
    names = {k: v for k, v in SETTINGS.items() if not k.startswith("lora.") or draft.tune == "lora"}
    found = {name: getattr(draft, own) for name, own in names.items()}
    found["train.evals_per_epoch"] = (
        draft.per_epoch / draft.eval_steps if draft.eval_steps else None
    )
    return found


def override(draft: Draft, changes: dict[str, Any]) -> list[str]:
    """Put settings into effect; returns the names of those that this benchmark does not have."""
    unknown = []
    for name, value in changes.items():
        if name in SETTINGS:
            setattr(draft, SETTINGS[name], value)
            _forget(draft, name)
            if name == "train.batch_size":  # rows of an update: none are gathered beside them
                draft.accumulation = 1
        elif name == "train.evals_per_epoch":
            draft.eval_every = max(1, round(draft.per_epoch / value))
        elif name == "train.gradient_accumulation":
            draft.accumulation = int(value)
        else:
            unknown.append(name)
    return unknown


def _forget(draft: Draft, name: str) -> None:
    """A schedule that is set replaces one that was planted in code."""
    if name in ("train.schedule", "train.warmup_ratio"):
        draft.hooks.rate = None


def facts(draft: Draft, vocabulary: int) -> dict[str, Any]:
    """What a settings file beside the log would say."""
    found: dict[str, Any] = {
        "model": f"{draft.arch}-{draft.variant}",
        "rows": draft.rows,
        "batch_size": draft.batch_size,
        "gradient_accumulation": draft.accumulation,
        "num_train_epochs": draft.num_epochs,
        "max_steps": draft.updates,
        "learning_rate": draft.learning_rate,
        "lr_scheduler": draft.schedule,
        "warmup_steps": draft.warmup,
        "max_grad_norm": draft.max_grad_norm,
        "dtype": {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}[draft.dtype],
        "logging_steps": draft.log_every,
        "loss_kind": draft.loss_kind,
    }
    if draft.schedule_options(draft.updates):
        found["lr_scheduler_kwargs"] = draft.schedule_options(draft.updates)
    if draft.eval_steps:
        found |= {"eval_rows": draft.eval_rows, "eval_steps": draft.eval_steps}
        found["eval_strategy"] = "steps"
    if draft.beta2 != 0.999:
        found["adam_beta2"] = draft.beta2
    if draft.tune == "lora":
        found |= {"lora_rank": draft.rank, "lora_alpha": draft.alpha}
    if draft.family == "lm":
        return found | {"vocab_size": vocabulary} | draft.facts
    ranked = draft.eval_rows if draft.maker == "sentence-transformers" else draft.candidates
    if draft.metrics or draft.loss_kind != "in-batch":
        found["candidates"] = ranked  # documents an evaluation ranks; a batch has batch_size
    else:
        found["candidates"] = draft.batch_size
    if draft.loss_kind in ("in-batch", "logistic"):
        found["scale"] = draft.scale
    if draft.loss_kind == "margin":
        found["margin"] = draft.margin
    return found | draft.facts
