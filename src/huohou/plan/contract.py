"""What must be the same for a run to go on: the resume contract.

Each checkpoint carries it. A run that goes on with other data, another rank or another template is
not the run that was stopped, whatever its name is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from huohou.plan.frozen import Plan

ADAPTER = ("lora.rank", "lora.alpha", "lora.dropout", "lora.targets")
HEAD = ("embed.head", "embed.head_dim", "embed.variance", "embed.score")
CONTRAST = (
    "embed.loss",
    "embed.scale",
    "embed.learn_scale",
    "embed.bias",
    "embed.neg_ratio",
    "embed.new_learning_rate",
    "embed.group_passages",
)
ALIGN = (
    *HEAD,
    "embed.scale",
    "align.mode",
    "align.margin",
    "align.negatives",
    "align.draw",
    "align.closest",
    "align.top_k",
    "align.score",
)
OF_RECIPE = {"embed": (*HEAD, *CONTRAST), "align": ALIGN}
OPTIMIZER = (
    "train.learning_rate",
    "train.schedule",
    "train.warmup_ratio",
    "train.weight_decay",
    "train.max_grad_norm",
    "train.seed",
)
BATCH = ("train.batch_size", "train.max_length")


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of the contract that changed: its value in the checkpoint, and now."""

    field: str
    before: Any
    now: Any


def contract(plan: Plan) -> dict[str, Any]:
    """Fields that a resume must find unchanged; fingerprints are sha256."""
    fixed = {
        "recipe": plan.recipe,
        "data.train": plan.train.fingerprint,
        "data.eval": plan.eval.fingerprint if plan.eval else None,
        "template": plan.facts.get("template"),
        "tokenizer": plan.facts.get("tokenizer"),
        "base_weights": plan.facts.get("base_weights"),
        "dtype": plan.dtype.value,
        "four_bit": bool(plan.facts.get("four_bit")),
    }
    names = (*OF_RECIPE.get(plan.recipe, ADAPTER), *OPTIMIZER, *BATCH)
    # A plan has the settings of its own recipe only.
    return fixed | {name: plan.value(name) for name in names if name in plan.settings}


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """Fields that are not the same, in the order of the contract."""
    names = [*now, *(name for name in before if name not in now)]
    return [
        Difference(name, before.get(name), now.get(name))
        for name in names
        if before.get(name) != now.get(name)
    ]
