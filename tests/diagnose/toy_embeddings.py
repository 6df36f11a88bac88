"""Small embedding models, trained for real: many at once, each with its own data and settings.

Texts are vectors of hidden topics seen through two noisy views; an encoder of two layers brings
both into one space. What is logged is what trainers log.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import gelu, normalize, relu, softplus

from huohou.record.record import Point, Record

TOPICS, VIEW, HIDDEN, OUT = 6, 24, 48, 16
ROWS, QUESTIONS = 768, 128
EVERY, EVALS = 8, 5
PLACES = (1, 3, 5, 10)


class Toys:
    """Runs side by side. batch: candidates of the contrast; noise, rate, scale: one a run."""

    def __init__(self, runs: int, batch: int, seed: int, noise: Tensor, warm: int = 0) -> None:
        self.runs, self.batch = runs, batch
        self.random = torch.Generator().manual_seed(seed)
        views = [self._normal(runs, TOPICS, VIEW) for _ in range(2)]
        self.train = self._pairs(views, ROWS, noise)
        self.held_out = self._pairs(views, QUESTIONS, noise)
        self.layers = [
            self._normal(runs, VIEW + 1, HIDDEN) / VIEW**0.5,
            self._normal(runs, HIDDEN, OUT) / HIDDEN**0.5,
            0.1 * self._normal(runs, 1, OUT),
        ]
        if warm:
            pairs, self.train = self.train, self._pairs(views, ROWS, noise)
            self.fit(warm, torch.full((runs,), 3e-3), torch.full((runs,), 20.0))
            self.train = pairs

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.random)

    def _pairs(self, views: list[Tensor], rows: int, noise: Tensor) -> list[Tensor]:
        topics = self._normal(self.runs, rows, TOPICS)
        return [
            topics @ view + noise[:, None, None] * self._normal(self.runs, rows, VIEW)
            for view in views
        ]

    def encode(self, rows: Tensor, side: int) -> Tensor:
        """Unit vectors: [runs, rows, OUT]."""
        flag = torch.full((*rows.shape[:2], 1), float(side))
        hidden = gelu(torch.cat([rows, flag], 2) @ self.layers[0])
        return normalize(hidden @ self.layers[1] + self.layers[2], dim=-1)

    def contrast(self, pairs: list[Tensor], scale: Tensor) -> Tensor:
        """In-batch loss of each run."""
        return _contrast(*(self.encode(rows, side) for side, rows in enumerate(pairs)), scale)

    def fit(
        self,
        steps: int,
        rate: Tensor,
        scale: Tensor,
        *,
        loss: str = "contrast",
        scale_rate: float = 0.0,
        margin: float = 0.2,
    ) -> list[dict[str, list[float]]]:
        """Train all runs; the series of each, by name. rate 0 trains the encoder not at all."""
        logs: list[dict[str, list[float]]] = [{} for _ in range(self.runs)]
        log_scale = scale.log().requires_grad_(bool(scale_rate))
        for layer in self.layers:
            layer.requires_grad_(True)
        groups = [{"params": self.layers, "lr": 1.0}, {"params": [log_scale], "lr": scale_rate}]
        optimizer = torch.optim.Adam(groups)
        window: list[Tensor] = []
        for step in range(steps):
            before = [layer.detach().clone() for layer in self.layers]
            picked = torch.randint(0, ROWS, (self.batch,), generator=self.random)
            pairs = [rows[:, picked] for rows in self.train]
            losses = self.loss(loss, pairs, log_scale.exp(), margin)
            optimizer.zero_grad()
            losses.sum().backward()
            optimizer.step()
            warm = min(1.0, (step + 1) / (0.1 * steps)) * (1 - step / steps)
            with torch.no_grad():  # Adam's step has size 1: each run takes its own rate of it
                for layer, was in zip(self.layers, before, strict=True):
                    layer.copy_(was + warm * rate[:, None, None] * (layer - was))
            window.append(losses.detach())
            if (step + 1) % EVERY == 0:
                _log(logs, {"loss": torch.stack(window).mean(0)})
                window = []
            if (step + 1) % (steps // EVALS) == 0:
                _log(logs, self.scores(loss, log_scale.detach().exp(), margin))
        for layer in self.layers:
            layer.requires_grad_(False)
        return logs

    def loss(self, name: str, pairs: list[Tensor], scale: Tensor, margin: float) -> Tensor:
        """contrast, margin (against the next row) or positives (logistic, right pairs only)."""
        if name == "contrast":
            return self.contrast(pairs, scale)
        asked, right = (self.encode(rows, side) for side, rows in enumerate(pairs))
        near = (asked * right).sum(-1)
        if name == "positives":
            return softplus(-scale[:, None] * near).mean(1)
        far = (asked * right.roll(1, 1)).sum(-1)
        return relu(margin - near + far).mean(1)

    @torch.no_grad()
    def scores(self, loss: str, scale: Tensor, margin: float) -> dict[str, Tensor]:
        """Evaluation of each run: its loss, in batches, and the ranking of all held-out rows."""
        asked, found = (self.encode(rows, side) for side, rows in enumerate(self.held_out))
        near = asked @ found.mT
        right = near.diagonal(dim1=1, dim2=2)
        rank = 1 + (near > right[..., None]).sum(2) + self._ties(near, right)
        named = {f"eval_cosine_accuracy@{k}": (rank <= k).float().mean(1) for k in PLACES}
        named["eval_cosine_mrr@10"] = ((rank <= 10) / rank).mean(1)
        named["eval_cosine_ndcg@10"] = ((rank <= 10) / (rank + 1).log2()).mean(1)
        parts = [
            self.loss(
                loss, [rows[:, at : at + self.batch] for rows in self.held_out], scale, margin
            )
            for at in range(0, QUESTIONS, self.batch)
        ]
        named["eval_loss"] = torch.stack(parts).mean(0)
        if loss == "positives":
            error = scale[:, None] * right - 1
            named |= {"eval_mse": (error**2).mean(1), "eval_mae": error.abs().mean(1)}
            return {name: value for name, value in named.items() if "cosine" not in name}
        return named

    def _ties(self, near: Tensor, right: Tensor) -> Tensor:
        """Half of those that are equally near, by lot, come first."""
        equal = (near == right[..., None]).sum(2) - 1
        lot = torch.rand(equal.shape, generator=self.random)
        return (lot * (equal + 1)).floor().long()


def _contrast(asked: Tensor, found: Tensor, scale: Tensor) -> Tensor:
    logits = scale[:, None, None] * (asked @ found.mT)
    return (logits.logsumexp(2) - logits.diagonal(dim1=1, dim2=2)).mean(1)


def _log(logs: list[dict[str, list[float]]], values: Mapping[str, Tensor]) -> None:
    for name, value in values.items():
        for log, one in zip(logs, value.tolist(), strict=True):
            log.setdefault(name, []).append(round(one, 6))


def record(log: Mapping[str, list[float]], **facts: Any) -> Record:
    """A run's log as a Record."""
    steps = EVERY * len(log["loss"])
    series = {
        name: tuple(
            Point(value, round(steps * (i + 1) / len(values)), (i + 1) / len(values))
            for i, value in enumerate(values)
        )
        for name, values in log.items()
    }
    return Record({"path": "toy"}, series, {"finished": True, **facts})
