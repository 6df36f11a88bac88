"""How a recipe goes on from a checkpoint: everything, or the weights alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from huohou.errors import DataError
from huohou.recipes import Start
from huohou.recipes.team import here
from huohou.record.checkpoints import Checkpoint, open_checkpoint
from huohou.record.recorder import Recorder
from huohou.text import say


def resumed(start: Start) -> str | None:
    """What to hand to the Trainer: it loads weights, optimizer, schedule, random states and finds
    the place in the data."""
    if start.checkpoint is None or start.weights_only:
        return None
    return str(start.checkpoint)


def begin_from(start: Start, load: Callable[[Path], None]) -> Checkpoint | None:
    """The checkpoint a run goes on from, read through once; where only its weights are wanted, they
    are loaded from its folder.

    Raises DataError when the checkpoint is not whole.
    """
    if start.checkpoint is None:
        return None
    found = open_checkpoint(start.checkpoint)
    if not isinstance(found, Checkpoint):
        raise DataError("checkpoint.damaged", path=found.path, problem=found.problem)
    if start.weights_only:
        load(found.path)
    return found


def load_adapter(model: Any, folder: Path) -> None:
    """The adapter of a checkpoint into a model that has one of the same shape."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    set_peft_model_state_dict(model, load_file(folder / "adapter_model.safetensors"))


def going_on(start: Start, found: Checkpoint | None, recorder: Recorder) -> dict[str, Any]:
    """Facts of the start event: who trains, where not one process does, and where it goes on from,
    where it is no first start; people are told as well."""
    size = here().size
    told: dict[str, Any] = {"workers": size} if size > 1 else {}
    if found is None:
        return told
    if start.weights_only:
        recorder.log(say("sft.from_weights", checkpoint=found.path.name))
        return told | {"weights_from": str(found.path)}
    recorder.log(say("sft.resumed", step=found.step, next=found.step + 1))
    return told | {"resumed_from": found.step}
