"""A job's two models, base and tuned, from one copy of the weights."""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from huohou.errors import ModelError, UsageError
from huohou.machine import importing
from huohou.models import ChatTokenizer, choose_device, choose_dtype, load_model, load_tokenizer
from huohou.plan import Plan

Which = Literal["base", "tuned"]


@dataclass(frozen=True, slots=True)
class RunModels:
    """Base model and its adapter, loaded once.

    plan: what they were trained by; adapter: folder the adapter was read from; device, dtype:
    where it is computed now, which may differ from where it was trained.
    """

    plan: Plan
    model: Any
    tokenizer: ChatTokenizer
    adapter: Path
    device: str
    dtype: str

    @contextmanager
    def using(self, which: Which) -> Iterator[Any]:
        """The base or the tuned model, inside the block."""
        with self.model.disable_adapter() if which == "base" else nullcontext():
            yield self.model


def load_run(folder: Path, dtype: str | None = None, *, checkpoint: int | None = None) -> RunModels:
    """The models of a job's folder. Raises UsageError, ModelError.

    dtype: number format to compute in, by default that of the plan; one that is named leaves
    nothing in 4 bits.

    The adapter is the one the job left at its end, of the best evaluation; while it trains or
    after it was stopped, its best or last checkpoint. checkpoint: the one after so many updates
    instead.
    """
    from safetensors import SafetensorError

    with importing():
        from peft import PeftModel

    plan = read_plan(folder)
    adapter = find_adapter(folder) if checkpoint is None else find_checkpoint(folder, checkpoint)
    tokenizer = load_tokenizer(plan.model)
    if tokenizer.fingerprint != plan.template:
        raise ModelError("probe.other_tokenizer", model=plan.model, folder=folder)
    device, planned = _here(plan)
    four_bit = dtype is None and bool(plan.facts.get("four_bit")) and device != "cpu"
    dtype = dtype or planned
    base = load_model(plan.model, dtype, device, four_bit=four_bit)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft to transformers, not to us
            model = PeftModel.from_pretrained(base, str(adapter), is_trainable=False)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelError("probe.bad_adapter", folder=adapter, problem=reason) from error
    return RunModels(plan, model.eval(), tokenizer, adapter, device, dtype)


def read_plan(folder: Path) -> Plan:
    """The plan of a job's folder. Raises UsageError when there is none."""
    path = folder / "plan.json"
    if not path.is_file():
        raise UsageError("probe.no_plan", folder=folder)
    try:
        return Plan.load(path)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError("probe.bad_plan", path=path, problem=error) from error


def find_adapter(folder: Path) -> Path:
    """``adapter/``, else the best checkpoint, else the last. Raises UsageError."""
    checkpoints = sorted(
        (path for path in folder.glob("checkpoints/checkpoint-*") if _number(path) >= 0),
        key=_number,
        reverse=True,
    )
    best = [path for path in (_best(checkpoint) for checkpoint in checkpoints[:1]) if path]
    for candidate in (folder / "adapter", *best, *checkpoints):
        # only safetensors: a pickle could run code
        if (candidate / "adapter_model.safetensors").is_file():
            return candidate
    raise UsageError("probe.no_adapter", folder=folder)


def find_checkpoint(folder: Path, step: int) -> Path:
    """The adapter after so many updates. Raises UsageError that names those that were kept."""
    found = folder / "checkpoints" / f"checkpoint-{step}"
    if (found / "adapter_model.safetensors").is_file():
        return found
    kept = sorted(_number(path) for path in folder.glob("checkpoints/checkpoint-*"))
    known = ", ".join(str(number) for number in kept if number >= 0) or "-"
    raise UsageError("probe.no_checkpoint", step=step, folder=folder, known=known)


def _number(checkpoint: Path) -> int:
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isdigit() else -1


def _best(checkpoint: Path) -> Path | None:
    """The best checkpoint by this one's ``trainer_state.json``, beside it wherever that moved."""
    state = checkpoint / "trainer_state.json"
    if not state.is_file():
        return None
    named = json.loads(state.read_text(encoding="utf-8")).get("best_model_checkpoint")
    return checkpoint.parent / Path(named).name if named else None


def _here(plan: Plan) -> tuple[str, str]:
    """Device and number format of the plan, or what this machine has instead."""
    try:
        return choose_device(plan.device.value).value, plan.dtype.value
    except ModelError:
        device = choose_device("auto").value
        return device, choose_dtype(device).value
