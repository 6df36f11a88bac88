"""The adapter alone, in peft's layout, with tokenizer, template and what it belongs to."""

import json
import shutil
from typing import Any

from huohou.export.files import write_generation, write_tokenizer
from huohou.export.merging import on_base
from huohou.export.proving.folder import side
from huohou.export.proving.sides import Side
from huohou.export.targets import Making, Target, targets
from huohou.models import load_model

FILES = ("adapter_config.json", "adapter_model.safetensors")


def make(making: Making) -> tuple[Side, ...]:
    """Copy the adapter, name its base, and serve it as peft does: on a base loaded afresh."""
    models = making.models
    for name in FILES:
        shutil.copy2(models.adapter / name, making.folder / name)
    path = making.folder / FILES[0]
    config = json.loads(path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = models.plan.model
    path.write_text(json.dumps(config, ensure_ascii=False, indent=2), encoding="utf-8")
    write_tokenizer(models, making.folder)
    write_generation(models, making.folder)

    def load() -> tuple[Any, list[str]]:
        base = load_model(models.plan.model, models.dtype, models.device)
        return on_base(base, making.folder), []

    return (side("adapter", "float32", making.folder, load),)


targets.register("adapter")(Target(("float32",), make))
