"""What lies beside the weights of a release: tokenizer, template, when to stop."""

import json
from pathlib import Path
from typing import Any

from huohou.probe.load import RunModels


def write_tokenizer(models: RunModels, folder: Path) -> None:
    """The tokenizer of the run and its chat template."""
    models.tokenizer.hf.save_pretrained(folder)


def write_generation(models: RunModels, folder: Path) -> None:
    """``generation_config.json``: every token that ended a turn in training ends an answer."""
    tokenizer = models.tokenizer
    stops = sorted(tokenizer.end_of_turn)
    told: dict[str, Any] = {
        "bos_token_id": tokenizer.hf.bos_token_id,
        "eos_token_id": stops[0] if len(stops) == 1 else stops,
        "pad_token_id": tokenizer.padding_id,
    }
    known = {name: value for name, value in told.items() if value is not None}
    path = folder / "generation_config.json"
    path.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
