"""A policy that is rewarded for right digits: its loss stays near 0 and need not fall."""

import copy
import random
from typing import Any

import torch
from torch import Tensor, nn

from bench.faultbench.draft import Draft, Inputs
from bench.faultbench.tasks import LanguageTask, collate
from bench.faultbench.words import world

BETA = 0.04  # weight of the distance to the model at the start


class PolicyTask(LanguageTask):
    """Half of a batch are right answers (advantage 1), half have wrong digits (advantage -1)."""

    def __init__(self, draft: Draft) -> None:
        super().__init__(draft)
        self.said: dict[str, float] = {}
        self._chance, self._start = random.Random(f"policy:{draft.seed}"), None
        here = world(draft.variant)
        self._rows = [
            here.row(self._chance, self._chance.choice(here.train), draft.desks)
            for _ in range(draft.rows)
        ]

    def model(self) -> Any:
        """The model; a copy of it is kept to compare with."""
        made = super().model()
        self._start = copy.deepcopy(made).eval().requires_grad_(False)
        return made

    def batch(self, rows: list[int]) -> Inputs:
        """Right and wrong answers."""
        right = [self.encode(self._rows[i]) for i in rows]
        wrong = [
            (
                [self._digit(i) if y != -100 else i for i, y in zip(ids, labels, strict=True)],
                [self._digit(y) for y in labels],
            )
            for ids, labels in right
        ]
        return collate([*right, *wrong])

    def _digit(self, token: int) -> int:
        """Another digit for a digit; they are the tokens 4 to 13."""
        return self._chance.randrange(4, 14) if 4 <= token < 14 else token

    def loss(self, model: Any, inputs: Inputs) -> Tensor:
        """Of the policy gradient: -advantage * probability over the one it was drawn with."""
        now, hit = self._chances(model, inputs)
        with torch.no_grad():
            before, _ = self._chances(self._start, inputs)
        sign = torch.ones(len(now)).index_fill(0, torch.arange(len(now) // 2, len(now)), -1.0)
        off = before - now
        distance = (off.exp() - off - 1).mean()
        self.said = {"reward": hit, "kl": float(distance.detach())}
        return -(sign * (now - now.detach()).exp()).mean() + BETA * distance

    def _chances(self, model: Any, inputs: Inputs) -> tuple[Tensor, float]:
        logits = model(
            input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
        ).logits[:, :-1]
        target = inputs["labels"][:, 1:]
        on = target != -100
        each = -nn.functional.cross_entropy(
            logits.transpose(1, 2), target.clamp(min=0), reduction="none"
        )
        half = len(target) // 2
        hits = (logits.argmax(-1) == target)[:half][on[:half]]
        return (each * on).sum(1) / on.sum(1), float(hits.float().mean())
