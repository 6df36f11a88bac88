"""transformers' Trainer, made to train answers only, to save whole checkpoints or none, and to go
on in smaller pieces where the memory does not suffice."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Trainer
from transformers.trainer_utils import rotate_checkpoints

from huohou.data.labels import LabelledRow
from huohou.recipes import forward, sharding
from huohou.recipes.batches import group
from huohou.recipes.dealing import deal
from huohou.recipes.memory import (
    Frugal,
    NotEnoughMemoryError,
    forget,
    smaller,
    until_it_fits,
)
from huohou.recipes.order import EpochOrder, updates_of
from huohou.recipes.team import Spent, here, spent
from huohou.record import checkpoints

Logits = Callable[[nn.Module, forward.Batch], Tensor]


class AnswerTrainer(Trainer):
    """Trainer whose update is the mean loss over the answer tokens of its rows.

    In a team (``team.py``) every worker has one and goes through the same updates; each computes
    its share, and the first one saves.
    """

    def __init__(
        self,
        *,
        frugal: Frugal,
        logits: Logits,
        seed: int,
        contract: Mapping[str, Any] | None = None,
        on_smaller: Callable[[Frugal, BaseException], None] = lambda *_: None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.frugal, self.logits, self.seed = frugal, logits, seed
        self.contract, self.on_smaller = contract or {}, on_smaller
        self.team = here()
        self.dealt_by = frugal.budget if frugal else None  # the same on every worker to the end
        self.seconds, self.tokens, self.apart = 0.0, 0, Spent()  # since the last log line
        self._staging: Path | None = None

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        rows: Any = self.train_dataset
        return EpochOrder(len(rows), self.seed)

    def micro_batches(self, rows: list[LabelledRow]) -> list[forward.Batch]:
        """This worker's rows of an update, regrouped, as tensors on the device."""
        own = self.own(rows)
        device = str(self.args.device)
        return [forward.collate(own, b).to(device) for b in group(own, self.frugal.budget)]

    def passes(self, rows: list[LabelledRow]) -> Iterator[tuple[forward.Batch, bool]]:
        """This worker's micro-batches of an update with True. Where the model is split the workers
        compute as many each: those with False are one row of the update over again."""
        batches = self.micro_batches(rows)
        if not self.split:
            return iter([(batch, True) for batch in batches])
        return sharding.in_step(self.team, batches, lambda: self._spare(rows))

    @property
    def split(self) -> bool:
        """Whether the workers hold the model together."""
        return sharding.is_split(self.model)

    def _spare(self, rows: list[LabelledRow]) -> forward.Batch:
        short = [min(rows, key=lambda row: len(row.ids))]
        (batch,) = group(short, self.frugal.budget)
        return forward.collate(short, batch).to(str(self.args.device))

    def own(self, rows: list[LabelledRow]) -> list[LabelledRow]:
        """This worker's rows of an update."""
        if self.team.size == 1 or self.dealt_by is None:
            return rows
        return [rows[i] for i in deal(rows, self.dealt_by, self.team.size)[self.team.rank]]

    def training_step(
        self, model: nn.Module, inputs: Mapping[str, Any], num_items_in_batch: Any = None
    ) -> Tensor:
        """Gradient of one update; returns its mean loss over answer tokens, in nats."""
        model.train()
        rows: list[LabelledRow] = inputs["rows"]
        with self.timed():
            total = until_it_fits(
                lambda: self._update(model, rows), lambda lacked: self._shrink(model, rows, lacked)
            )
            total = self._together(model, total)
        self.tokens += sum(len(row.ids) for row in rows)
        return total

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count the time of an update, and what of it the workers did not compute."""
        begun, waiting, sending = time.perf_counter(), spent.waiting, spent.sending
        yield
        self.seconds += time.perf_counter() - begun
        self.apart.waiting += spent.waiting - waiting
        self.apart.sending += spent.sending - sending

    def _together(self, model: nn.Module, total: Tensor) -> Tensor:
        """Gradients and a loss that are each worker's share become those of the whole update."""
        self.team.add_gradients(model.parameters())
        return self.team.total(total)

    def _update(self, model: nn.Module, rows: list[LabelledRow]) -> Tensor:
        """This worker's share of an update, whose mean goes over the tokens of all workers."""
        tokens = sum(row.trained for row in rows)
        total = torch.zeros((), device=self.args.device)
        with self._own_chance():
            for batch, counts in self.passes(rows):
                with self.compute_loss_context_manager():
                    loss = forward.loss_sum(self.logits(model, batch), batch.target) / tokens
                self.accelerator.backward(loss if counts else 0 * loss)
                total += loss.detach() if counts else 0
        return total

    @contextmanager
    def _own_chance(self) -> Iterator[None]:
        """In a team: random numbers of this worker's own, while the state that all keep stays the
        same for all."""
        if self.team.size == 1:
            yield
            return
        seed = int(torch.randint(1 << 62, ())) + self.team.rank
        device = self.args.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            yield

    def _shrink(self, model: nn.Module, rows: list[LabelledRow], lacked: BaseException) -> None:
        """Begin the update anew in smaller pieces. Raises NotEnoughMemoryError at the end."""
        forget(model)
        self._refuse_alone(lacked)
        found = smaller(self.frugal, group(self.own(rows), self.frugal.budget))
        if found is None:
            longest = max(len(row.ids) for row in rows)
            raise NotEnoughMemoryError("sft.no_memory", longest=longest) from lacked
        if found.recompute and not self.frugal.recompute:
            recompute(model)
        self.frugal = found
        self.on_smaller(found, lacked)

    def _refuse_alone(self, lacked: BaseException) -> None:
        """Raise NotEnoughMemoryError where the workers hold the model together: one of them cannot
        begin an update anew while the others wait for its part of the weights."""
        if self.split:
            raise NotEnoughMemoryError("team.no_memory", workers=self.team.size) from lacked

    # Checkpoints

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """Also: the learning rate of the schedule as it is now planned, from the next step on.

        The checkpoint has the rate that its own schedule gave; where a run was extended that is
        another one. Where nothing changed the two are the same number.
        """
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is None:
            return
        schedule: Any = getattr(self.lr_scheduler, "scheduler", self.lr_scheduler)
        rates = [
            base * part(schedule.last_epoch)
            for base, part in zip(schedule.base_lrs, schedule.lr_lambdas, strict=True)
        ]
        schedule._last_lr = rates
        for group_of, rate in zip(schedule.optimizer.param_groups, rates, strict=True):
            group_of["lr"] = rate

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._staging or self.args.output_dir)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Save to a folder of another name; only a whole one is called a checkpoint.

        The first worker does it, once all have been found to have the same weights.
        """
        sharding.let_go(model)
        self.team.check_same(model.parameters())
        with self.team.one_first():
            if self.team.leads:
                self._save_whole(model, trial)
            elif self.state.best_global_step:
                best = checkpoints.name(self.state.best_global_step)
                self.state.best_model_checkpoint = str(Path(str(self.args.output_dir)) / best)

    def _save_whole(self, model: nn.Module, trial: Any) -> None:
        folder = Path(str(self.args.output_dir))
        final = folder / checkpoints.name(self.state.global_step)
        staging = folder / checkpoints.STAGING
        shutil.rmtree(staging, ignore_errors=True)  # left by a process that was killed
        best = self.state.best_global_step
        if best:
            self.state.best_model_checkpoint = str(folder / checkpoints.name(best))
        self._staging = staging
        try:
            super()._save_checkpoint(model, trial)
        finally:
            self._staging = None
        checkpoints.seal(staging / final.name, final, self.contract)
        staging.rmdir()
        if best:  # while it was written its folder had another name
            self.state.best_model_checkpoint = str(folder / checkpoints.name(best))
        rotate_checkpoints(
            str(folder), self.args.save_total_limit, self.state.best_model_checkpoint
        )

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add tokens of the rows (as they are in the file, shared or not) a second of training,
        and in a team the parts of that time that waiting and sending took."""
        if "loss" in logs and self.seconds:
            logs["tokens_per_second"] = self.tokens / self.seconds
            if self.team.size > 1:
                logs.update(self._apart())
            self.seconds, self.tokens = 0.0, 0
        super().log(logs, start_time)

    def _apart(self) -> dict[str, float]:
        """Parts of the time of updates in which the workers did not compute, over all of them."""
        waiting, sending, whole = self.team.sums(
            [self.apart.waiting, self.apart.sending, self.seconds]
        )
        self.apart = Spent()
        return {"waiting": waiting / whole, "sending": sending / whole}

    @torch.no_grad()
    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Loss and accuracy on the evaluation rows, read off the labelled positions.

        token accuracy: trained tokens that are the likeliest; answer accuracy: rows whose trained
        tokens all are. Both given the right beginning, so an upper bound of what is generated.
        """
        rows: Any = eval_dataset or self.eval_dataset
        model: Any = self.model
        model.eval()
        loss, right, tokens, whole = 0.0, 0, 0, 0  # of this worker's rows
        for chosen in updates_of(list(range(len(rows))), self.args.eval_batch_size):
            for batch, counts in self.passes([rows[i] for i in chosen]):
                with self.compute_loss_context_manager():
                    found = self.logits(model, batch)
                if not counts:
                    continue
                hits = found.argmax(-1) == batch.target
                loss += float(forward.loss_sum(found, batch.target))
                right, tokens = right + int(hits.sum()), tokens + len(hits)
                whole += batch.rows - len(batch.row[~hits].unique())
        totals = self.team.sums([loss, right, tokens, whole])
        loss, right, tokens, whole = totals[0], *map(int, totals[1:])
        metrics = {
            f"{metric_key_prefix}_loss": loss / tokens,
            f"{metric_key_prefix}_token_accuracy": right / tokens,
            f"{metric_key_prefix}_answer_accuracy": whole / len(rows),
        }
        self.log(dict(metrics))  # a copy: the Trainer adds the epoch to what it logs
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics


def recompute(model: Any) -> None:
    """Let the model forget inner values and compute them again in the backward pass."""
    model.enable_input_require_grads()
    model.activation_checkpointing_enable()
