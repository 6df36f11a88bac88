"""What a run says of itself while it trains, and how it is asked to stop."""

from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from huohou.record.recorder import Recorder

LOGGED = ("loss", "learning_rate", "grad_norm", "tokens_per_second")


class Reporter(TrainerCallback):
    """Hands the Trainer's numbers to the recorder; stops after the running step when asked to."""

    def __init__(self, recorder: Recorder, should_stop: Callable[[], bool]) -> None:
        self.recorder, self.should_stop = recorder, should_stop

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Training numbers; evaluations come by ``on_evaluate``, the closing summary is left."""
        if logs and "loss" in logs:
            values = {name: logs[name] for name in LOGGED if name in logs}
            self.recorder.metrics(state.global_step, state.epoch or 0.0, **values)

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Evaluation numbers."""
        self.recorder.eval(state.global_step, state.epoch or 0.0, **(metrics or {}))

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """A checkpoint is on the disk."""
        path = f"checkpoints/checkpoint-{state.global_step}"
        best = (state.best_model_checkpoint or "").endswith(f"checkpoint-{state.global_step}")
        self.recorder.checkpoint(state.global_step, path, best=best)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stop with a checkpoint when somebody asked for it."""
        if self.should_stop():
            control.should_training_stop = True
            control.should_save = True
