"""transformers' Trainer over updates of queries and passages."""

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from huohou.models.encoder import Views
from huohou.recipes import sharding
from huohou.recipes.embedding import together
from huohou.recipes.embedding.gradient import Cut, Learner, take
from huohou.recipes.embedding.rows import Group, Update, update_of
from huohou.recipes.embedding.table import load_encoder_weights, save_encoder
from huohou.recipes.memory import NotEnoughMemoryError, forget, until_it_fits
from huohou.recipes.trainer import AnswerTrainer

LOSS = "loss.safetensors"


class EmbedTrainer(AnswerTrainer):
    """new_rate: learning rate of what is not part of the pretrained model; judge: evaluation
    numbers by name; on_smaller: told of a cut that had to be made smaller."""

    def __init__(
        self,
        *,
        cut: Cut,
        new_rate: float,
        judge: Callable[[Cut], dict[str, float]],
        on_cut: Callable[[Cut, BaseException], None] = lambda *_: None,
        **options: Any,
    ) -> None:
        super().__init__(frugal=None, logits=None, **options)  # type: ignore[arg-type]
        self.cut, self.new_rate, self.judge, self.on_cut = cut, new_rate, judge, on_cut
        self._sums: dict[str, float] = {}
        self._updates = 0
        self._weights: Callable[[Path], None] | None = None  # gathered for a checkpoint

    def _has_mixed_mesh_grads(self, model: nn.Module) -> bool:
        return self.split or bool(super()._has_mixed_mesh_grads(model))

    @property
    def learner(self) -> Learner:
        """What is trained."""
        found: Learner = self.accelerator.unwrap_model(self.model)
        return found

    @property
    def split(self) -> bool:
        """Whether the workers hold the encoder together."""
        return sharding.is_split(self.learner.encoder.transformer)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """AdamW as the Trainer makes it; what is new has its own rate and no decay."""
        if self.optimizer is None:
            sharding.let_go(self.learner)  # what an evaluation gathered is not what is trained
            old = {id(p) for p in self.learner.encoder.transformer.parameters()}
            decayed = set(self.get_decay_parameter_names(self.learner))
            named = [(n, p) for n, p in self.learner.named_parameters() if p.requires_grad]
            groups: list[dict[str, Any]] = [
                {
                    "params": [p for n, p in named if id(p) in old and n in decayed],
                    "weight_decay": self.args.weight_decay,
                },
                {
                    "params": [p for n, p in named if id(p) in old and n not in decayed],
                    "weight_decay": 0.0,
                },
                {
                    "params": [p for _, p in named if id(p) not in old],
                    "weight_decay": 0.0,
                    "lr": self.new_rate,
                },
            ]
            kind, options = self.get_optimizer_cls_and_kwargs(self.args)
            self.optimizer = kind([group for group in groups if group["params"]], **options)
            if self.split:
                self._optimizer_whole = sharding.WholeState(self.optimizer)
        return self.optimizer

    def training_step(
        self, model: nn.Module, inputs: Mapping[str, Any], num_items_in_batch: Any = None
    ) -> Tensor:
        """Gradient of one update; returns its loss."""
        model.train()
        groups: list[Group] = inputs["rows"]
        update = update_of([row for group in groups for row in group])
        with self.timed():
            total = until_it_fits(
                lambda: self._gradient(update), lambda lacked: self._smaller(update, lacked)
            )
        self.tokens += sum(map(len, update.texts))
        return total

    def _gradient(self, update: Update) -> Tensor:
        """The loss of an update; its gradient is left where the optimizer looks for it."""
        if self.team.size > 1:
            return self._gradient_together(update)
        parts = self._parts(update)
        total, found = self._next(parts)
        self.accelerator.backward(total)
        if self.cut.recompute:
            for _ in self.learner.chunks(update.texts, self.cut):
                self.accelerator.backward(self._next(parts)[0])
        self._watch(update, found)
        loss: Tensor = total.detach()
        return loss

    def _gradient_together(self, update: Update) -> Tensor:
        """The same by all workers of a team."""
        shared = together.encode(self.learner, update, self.cut, self.team)
        with together.all_fit(self.team, self.learner.encoder):
            with self.compute_loss_context_manager():
                total = self.learner.judge(update, shared.views)
            self.accelerator.backward(total)
            if not self.team.leads:  # all have the gradient of the loss's own numbers: once is it
                self.learner.loss.zero_grad(set_to_none=True)
            with self.compute_loss_context_manager():
                for part in shared.back():
                    self.accelerator.backward(part)
        self.team.add_gradients(self.learner.parameters())
        self._watch(update, shared.views)
        loss: Tensor = total.detach()
        return loss

    def _parts(self, update: Update) -> Iterator[tuple[Tensor, Views]]:
        if self.cut.recompute:
            yield from self.learner.cached(update, self.cut)
        else:
            yield self.learner(update, self.cut)

    def _next(self, parts: Iterator[tuple[Tensor, Views]]) -> tuple[Tensor, Views]:
        with self.compute_loss_context_manager():
            return next(parts)

    def _smaller(self, update: Update, lacked: BaseException) -> None:
        """Begin the update anew in smaller pieces. Raises NotEnoughMemoryError at the end."""
        forget(self.learner)
        self._refuse_alone(lacked)
        longest = max(map(len, update.texts))
        found = self.cut.smaller(longest)
        if found is None:
            raise NotEnoughMemoryError("embed.no_memory", longest=longest) from lacked
        self.cut = found
        self.on_cut(found, lacked)

    @torch.no_grad()
    def _watch(self, update: Update, found: Views) -> None:
        """What tells an encoder that learns from one that collapses."""
        mu = found.mu.detach().float()
        alike = take(Views(mu, None), update.query).mu @ mu[update.docs].T
        target = update.target.to(alike.device)
        self._add(
            pos_sim=float(alike[target].mean()),
            neg_sim=float(alike[~target].mean()) if bool((~target).any()) else math.nan,
            spread=float(1 - mu.mean(0).square().sum()),
            ln_n=math.log(target.shape[1]),
        )

    def _add(self, **told: float) -> None:
        self._updates += 1
        for name, value in told.items():
            self._sums[name] = self._sums.get(name, 0.0) + value

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Also the scale and bias as they are, and the means of the similarities since."""
        if "loss" in logs and self._updates:
            logs.update({name: total / self._updates for name, total in self._sums.items()})
            logs.update(self.learner.loss.facts())
            self._sums, self._updates = {}, 0
        super().log(logs, start_time)

    @torch.no_grad()
    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """The held-out queries against all of their corpus."""
        judged = self.team.told(self.judge(self.cut))  # the same to the last digit for all
        found = {f"{metric_key_prefix}_{k}": v for k, v in judged.items()}
        self.log(dict(found))  # a copy: the Trainer adds the epoch to what it logs
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
        return found

    # Checkpoints are folders that sentence-transformers loads.

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        if not self.split:
            super()._save_checkpoint(model, trial)
            return
        self._weights = save_encoder(self.learner.encoder)
        with self._optimizer_whole.gathered():
            super()._save_checkpoint(model, trial)
        self._weights = None

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(str(output_dir))
        (self._weights or save_encoder(self.learner.encoder))(folder)
        state = {k: v.detach().cpu().clone() for k, v in self.learner.loss.state_dict().items()}
        if state:
            save_file(state, folder / LOSS)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        load_weights(self.learner, Path(resume_from_checkpoint))

    def _load_best_model(self) -> None:
        if self.state.best_model_checkpoint:
            load_weights(self.learner, Path(self.state.best_model_checkpoint))


def load_weights(learner: Learner, folder: Path) -> None:
    """The weights of a checkpoint into what is trained."""
    load_encoder_weights(learner.encoder, folder)
    if (folder / LOSS).is_file():
        learner.loss.load_state_dict(load_file(folder / LOSS))
