"""What a run says of itself while it trains, and how it is asked to stop."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import (
    EarlyStoppingCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from huohou.record.checkpoints import FOLDER, name
from huohou.record.recorder import Recorder

LOGGED = ("loss", "learning_rate", "grad_norm", "tokens_per_second")
# Of several workers: parts of the time of updates.
APART = ("waiting", "sending")
# Of embeddings: means over the updates since the last line, and the loss's parameters as they are.
EMBEDDING = ("scale", "bias", "pos_sim", "neg_sim", "spread", "ln_n", "truth_first")


class Reporter(TrainerCallback):
    """Hands the Trainer's numbers to the recorder; stops after the running step when asked to."""

    def __init__(self, recorder: Recorder, should_stop: Callable[[], bool]) -> None:
        self.recorder, self.should_stop = recorder, should_stop

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """After a resume: the best checkpoint by the name it has here, if it is here."""
        if state.best_model_checkpoint:
            here = Path(str(args.output_dir)) / Path(state.best_model_checkpoint).name
            state.best_model_checkpoint = str(here) if here.is_dir() else None
            if state.best_model_checkpoint is None:
                state.best_metric = state.best_global_step = None

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
            values = {name: logs[name] for name in LOGGED + APART + EMBEDDING if name in logs}
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
        path = f"{FOLDER}/{name(state.global_step)}"
        best = (state.best_model_checkpoint or "").endswith(f"checkpoint-{state.global_step}")
        self.recorder.checkpoint(state.global_step, path, best=best)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stop with a checkpoint when somebody asked for it."""
        if self.should_stop():
            control.should_training_stop = True
            control.should_save = True


class EarlyStopping(EarlyStoppingCallback):
    """Stops after so many evaluations without a better one, those before a resume included."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **options: Any
    ) -> None:
        """Go on counting where the checkpoint's count stands."""
        super().on_train_begin(args, state, control, **options)  # type: ignore[no-untyped-call]
        states: Any = state.stateful_callbacks or {}
        kept = states.get(type(self).__name__)
        kept = kept[0] if isinstance(kept, list) and kept else kept
        if isinstance(kept, dict):
            counted = kept.get("attributes", {}).get("early_stopping_patience_counter", 0)
            self.early_stopping_patience_counter = int(counted)
