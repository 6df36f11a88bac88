"""``HuohouCallback``: a training of transformers, TRL or sentence-transformers writes our record.

trainer = Trainer(..., callbacks=[HuohouCallback("my-run")])
"""

from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from huohou.jobs.script import ScriptRun, begin
from huohou.text import say

_SUMMARY = "train_runtime"  # the row that sums a training up is no point of it
_NOT_VALUES = ("epoch", "step")


class HuohouCallback(TrainerCallback):
    """Records each training of a Trainer as a job of the workspace ($HUOHOU_HOME).

    name: of the run, by default the Trainer's run_name, else its output folder's; facts: what
    else is known of it. A workspace that cannot be written raises StoreError when the training
    begins; later nothing that goes wrong here ends it. Only the first process of a distributed
    training writes. A request to stop (`huohou stop RUN`) ends the training after the running
    step, with a checkpoint.
    """

    def __init__(self, name: str | None = None, **facts: Any) -> None:
        self.run: ScriptRun | None = None
        self._name, self._facts = name, facts

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """A new job."""
        if self.run is not None:  # an error ended the training before
            self.run.leave()
        name = self._name or getattr(args, "run_name", None) or Path(args.output_dir or "run").name
        epochs = state.num_train_epochs or args.num_train_epochs
        self.run = begin(
            str(name),
            epochs=float(epochs) if epochs else None,
            updates=state.max_steps or None,
            facts=_facts(args, state, more.get("model")) | self._facts,
            recipe="trainer",
            writes=state.is_world_process_zero,
        )
        if args.logging_nan_inf_filter:
            self.run.alert(say("script.nan_filter"), "info")

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Whatever the Trainer logs; names with eval_ are an evaluation's."""
        values = {name: value for name, value in (logs or {}).items() if name not in _NOT_VALUES}
        if self.run is None or _SUMMARY in values:
            return
        evals = {name: v for name, v in values.items() if name.startswith("eval_")}
        others = {name: v for name, v in values.items() if name not in evals}
        if others:
            self.run.log(state.global_step, state.epoch, **others)
        if evals:
            self.run.eval(state.global_step, state.epoch, **evals)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """A checkpoint is on the disk."""
        if self.run is not None:
            folder = Path(args.output_dir or ".") / f"checkpoint-{state.global_step}"
            self.run.checkpoint(state.global_step, folder.resolve())

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stop with a checkpoint when somebody asked for it."""
        if self.run is not None and self.run.should_stop:
            control.should_training_stop = True
            control.should_save = True

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """The job is over; evaluations after it judge other weights and are no part of it."""
        if self.run is not None:
            self.run.finish()
            self.run = None


def _facts(args: TrainingArguments, state: TrainerState, model: Any) -> dict[str, Any]:
    config = getattr(model, "config", None)
    # Only where the loss is that of a language model does the vocabulary say what it may be.
    is_language_model = type(model).__name__.endswith(("ForCausalLM", "LMHeadModel"))
    vocabulary = getattr(config, "vocab_size", None) if is_language_model else None
    found = {
        "base_model": getattr(config, "name_or_path", None) or type(model).__name__,
        "vocabulary": vocabulary if isinstance(vocabulary, int) else None,
        "batch_size": args.per_device_train_batch_size,
        "gradient_accumulation_steps": args.gradient_accumulation_steps,
        "learning_rate": args.learning_rate,
        "logging_steps": args.logging_steps,
        "seed": args.seed,
        "resumed_from_step": state.global_step or None,
    }
    return {name: value for name, value in found.items() if value is not None}
