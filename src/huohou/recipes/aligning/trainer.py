"""transformers' Trainer over hard cases: an update's loss is one function of the scores of its
questions and their candidates, every text of the update encoded once."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from huohou.models.encoder import Encoder, load_encoder
from huohou.models.encoder_text import Tokens
from huohou.recipes.aligning.encoding import embed
from huohou.recipes.aligning.objective import Objective
from huohou.recipes.aligning.similarity import similarity
from huohou.recipes.trainer import AnswerTrainer


@dataclass(frozen=True, slots=True)
class HardCase:
    """A question in tokens and its candidates by place, the ground truth first."""

    query: Tokens
    candidates: tuple[int, ...]


def update_scores(
    encoder: Encoder,
    rows: Sequence[HardCase],
    passages: Sequence[Tokens],
    score: str,
    max_tokens: int,
) -> Tensor:
    """Scores [rows, candidates] with a gradient; questions and distinct passages go together."""
    named = sorted({place for row in rows for place in row.candidates})
    texts = [*(row.query for row in rows), *(passages[i] for i in named)]
    found = embed(encoder, texts, max_tokens)
    n = len(rows)
    device = found.sentence.device
    queries = found.take(torch.arange(n, device=device))
    docs = found.take(torch.arange(n, len(texts), device=device))
    at = {place: i for i, place in enumerate(named)}
    columns = torch.tensor([[at[c] for c in row.candidates] for row in rows], device=device)
    return similarity(queries, docs, score)[0].gather(1, columns)


class AlignTrainer(AnswerTrainer):
    """judge: evaluation numbers of the model as it is, named eval_..."""

    def __init__(
        self,
        *,
        objective: Objective,
        score: str,
        passages: Sequence[Tokens],
        max_tokens: int,
        judge: Callable[[], dict[str, float]],
        **options: Any,
    ) -> None:
        super().__init__(frugal=None, logits=None, **options)  # type: ignore[arg-type]
        self.objective, self.score, self.passages = objective, score, passages
        self.max_tokens, self.judge = max_tokens, judge
        self._sums: dict[str, float] = {}
        self._updates = 0

    def training_step(
        self, model: nn.Module, inputs: Mapping[str, Any], num_items_in_batch: Any = None
    ) -> Tensor:
        """Gradient of one update; returns its loss."""
        started = time.perf_counter()
        model.train()
        rows: list[HardCase] = inputs["rows"]
        encoder: Any = self.accelerator.unwrap_model(model)
        with self.compute_loss_context_manager():
            scores = update_scores(encoder, rows, self.passages, self.score, self.max_tokens)
            loss = self.objective(scores.float())
        self.accelerator.backward(loss)
        self._watch(scores.detach())
        self.seconds += time.perf_counter() - started
        read = {place for row in rows for place in row.candidates}
        self.tokens += sum(len(self.passages[place].ids) for place in read)
        self.tokens += sum(len(row.query.ids) for row in rows)
        return loss.detach()

    def _watch(self, scores: Tensor) -> None:
        """What tells a model that learns from one that collapses."""
        told = {
            "pos_sim": float(scores[:, 0].mean()),
            "neg_sim": float(scores[:, 1:].mean()),
            "truth_first": float((scores[:, :1] > scores[:, 1:]).all(1).float().mean()),
        }
        self._updates += 1
        for name, value in told.items():
            self._sums[name] = self._sums.get(name, 0.0) + value

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Also the mean similarities since the last line."""
        if "loss" in logs and self._updates:
            logs.update({name: total / self._updates for name, total in self._sums.items()})
            self._sums, self._updates = {}, 0
        super().log(logs, start_time)

    @torch.no_grad()
    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """The held-out questions against the whole corpus, and against their candidates."""
        metrics = self.judge()
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    # Checkpoints are folders that sentence-transformers loads.

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        encoder: Any = self.accelerator.unwrap_model(self.model)
        encoder.save(Path(str(output_dir)))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        load_weights(self.model, Path(resume_from_checkpoint))

    def _load_best_model(self) -> None:
        if self.state.best_model_checkpoint:
            load_weights(self.model, Path(self.state.best_model_checkpoint))


def load_weights(encoder: Any, folder: Path) -> None:
    """The weights of a saved encoder into one of the same shape."""
    saved = load_encoder(str(folder))
    encoder.load_state_dict(saved.state_dict())
