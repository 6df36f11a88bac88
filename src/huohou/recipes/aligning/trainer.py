"""transformers' Trainer over hard cases: an update's loss is one function of the scores of its
questions and their candidates, every distinct text encoded once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from huohou.models.encoder import Encoder
from huohou.models.encoder_text import Tokens
from huohou.recipes.aligning.encoding import embed
from huohou.recipes.aligning.objective import Objective
from huohou.recipes.aligning.similarity import similarity
from huohou.recipes.embedding.chance import Chance, draw_seed
from huohou.recipes.embedding.table import load_encoder_weights, whole
from huohou.recipes.memory import NotEnoughMemoryError, forget, until_it_fits
from huohou.recipes.team import share
from huohou.recipes.trainer import AnswerTrainer
from huohou.record import checkpoints


@dataclass(frozen=True, slots=True)
class HardCase:
    """A question in tokens and its candidates by place, the ground truth first; tokens: of all."""

    query: Tokens
    candidates: tuple[int, ...]
    tokens: int


@dataclass(frozen=True, slots=True)
class Scorer:
    """Scores of hard cases with a gradient. passages: in tokens; score: ``similarity.SCORES``;
    max_tokens: with padding, of texts encoded at once; chance: of dropout."""

    encoder: Encoder
    passages: Sequence[Tokens]
    score: str
    max_tokens: int
    chance: Chance | None = None

    def __call__(self, rows: Sequence[HardCase]) -> Tensor:
        """[rows, candidates], the ground truth in column 0."""
        named = sorted({place for row in rows for place in row.candidates})
        texts = [*(row.query for row in rows), *(self.passages[i] for i in named)]
        found = embed(self.encoder, texts, self.max_tokens, self.chance)
        device, n = found.sentence.device, len(rows)
        queries = found.take(torch.arange(n, device=device))
        docs = found.take(torch.arange(n, len(texts), device=device))
        at = {place: i for i, place in enumerate(named)}
        columns = torch.tensor([[at[c] for c in row.candidates] for row in rows], device=device)
        return similarity(queries, docs, self.score)[0].gather(1, columns)


class AlignTrainer(AnswerTrainer):
    """judge: evaluation numbers of the model as it is, named eval_...; room: tokens of an update
    that are held at once, None for all; on_room: told when that had to be made smaller."""

    def __init__(
        self,
        *,
        scorer: Scorer,
        objective: Objective,
        judge: Callable[[], dict[str, float]],
        room: int | None = None,
        on_room: Callable[[int, BaseException], None] = lambda *_: None,
        **options: Any,
    ) -> None:
        super().__init__(frugal=None, logits=None, **options)  # type: ignore[arg-type]
        self.scorer, self.criterion, self.judge = scorer, objective, judge
        self.room, self.on_room = room, on_room
        self._sums: dict[str, float] = {}
        self._updates = 0
        self._seen: list[Tensor] = []

    def training_step(
        self, model: nn.Module, inputs: Mapping[str, Any], num_items_in_batch: Any = None
    ) -> Tensor:
        """Gradient of one update; returns its loss."""
        model.train()
        rows: list[HardCase] = inputs["rows"]
        own = self._dealt(rows)
        with self.timed():
            total = until_it_fits(
                lambda: self._gradient(own, len(rows)),
                lambda lacked: self._smaller(model, own, lacked),
            )
            total = self._together(model, total)
        read = {place for row in rows for place in row.candidates}
        self.tokens += sum(len(self.scorer.passages[place].ids) for place in read)
        self.tokens += sum(len(row.query.ids) for row in rows)
        return total

    def _dealt(self, rows: list[HardCase]) -> list[HardCase]:
        """This worker's questions of an update."""
        if self.team.size == 1:
            return rows
        places = share([row.tokens for row in rows], self.team.size)[self.team.rank]
        return [rows[i] for i in places]

    def _gradient(self, rows: Sequence[HardCase], of: int) -> Tensor:
        """The loss is a mean over questions, so parts of an update add up to the whole.

        of: questions of the update, this worker's and others'.
        """
        total = torch.zeros((), device=self.args.device)
        self._seen = []
        if self.scorer.chance is not None:
            self.scorer.chance.restart(draw_seed() + self.team.rank)
        for part in parts(rows, self.room) if rows else ():
            with self.compute_loss_context_manager():
                scores = self.scorer(part)
                loss = self.criterion(scores.float()) * (len(part) / of)
            self.accelerator.backward(loss)
            total += loss.detach()
            self._seen.append(scores.detach().float())
        return total

    def _together(self, model: nn.Module, total: Tensor) -> Tensor:
        """Also what is watched, over the questions of all workers."""
        total = super()._together(model, total)
        self._watch(self._seen)
        return total

    def _smaller(self, model: nn.Module, rows: Sequence[HardCase], lacked: BaseException) -> None:
        """Begin the update anew in smaller parts. Raises NotEnoughMemoryError at the end."""
        forget(model)
        crowded = [part for part in parts(rows, self.room) if len(part) > 1]
        if not crowded:
            longest = max(len(text.ids) for text in self.scorer.passages)
            raise NotEnoughMemoryError("embed.no_memory", longest=longest) from lacked
        self.room = max(sum(row.tokens for row in part) for part in crowded) // 2
        self.on_room(self.room, lacked)

    def _watch(self, seen: Sequence[Tensor]) -> None:
        """What tells a model that learns from one that collapses. seen: scores of own questions."""
        sums = [0.0, 0.0, 0.0, 0.0]
        for scores in seen:
            first = (scores[:, :1] > scores[:, 1:]).all(1)
            found = (scores[:, 0].sum(), scores[:, 1:].mean(1).sum(), first.sum())
            own = [*map(float, found), float(len(scores))]
            sums = [a + b for a, b in zip(sums, own, strict=True)]
        *sums, count = self.team.sums(sums)
        self._updates += 1
        for name, value in zip(("pos_sim", "neg_sim", "truth_first"), sums, strict=True):
            self._sums[name] = self._sums.get(name, 0.0) + value / count

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
        metrics = self.team.told(self.judge() if self.team.leads else {})
        self.log(dict(metrics))  # a copy: the Trainer adds the epoch to what it logs
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    # Checkpoints are folders that sentence-transformers loads.

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        with whole(self.scorer.encoder):
            self.scorer.encoder.save(Path(str(output_dir)))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        load_encoder_weights(self.scorer.encoder, Path(resume_from_checkpoint))

    def _load_best_model(self) -> None:
        # by its step: while it was saved its folder had another name
        best = checkpoints.name(self.state.best_global_step or 0)
        folder = Path(str(self.args.output_dir)) / best
        if folder.is_dir():
            load_encoder_weights(self.scorer.encoder, folder)


def parts(rows: Sequence[HardCase], room: int | None) -> Iterator[Sequence[HardCase]]:
    """Rows in their order in parts of at most so many tokens, or of one row."""
    begin, size = 0, 0
    for end, row in enumerate(rows):
        if room is not None and end > begin and size + row.tokens > room:
            yield rows[begin:end]
            begin, size = end, 0
        size += row.tokens
    yield rows[begin:]
