"""The files of a sentence-transformers model: read without running any code, and written.

``modules.json`` lists the parts in order: a Transformer in the folder itself, dense layers on the
token states, Pooling, dense layers on the vector, Normalize. Other parts are refused by name.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from huohou.errors import ModelError
from huohou.models.files import read_json
from huohou.models.pooling import ACTIVATIONS, POOLINGS, Dense, Normalize

KNOWN = ("Transformer", "Pooling", "Dense", "Normalize")
_FLAGS = {  # a yes or no for each pooling, which all versions understand
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
_TOKENS = "token_embeddings"
_OLD_TYPE = "sentence_transformers.models."  # all versions understand these names


@dataclass(slots=True)
class Parts:
    """What a folder says of itself, the transformer's own files left out.

    before: layers on the token states; modes: poolings, side by side; after: layers on the vector;
    prompts: text put before a text, by name; default_prompt: the one used when none is named.
    """

    before: list[nn.Module] = field(default_factory=list)
    modes: tuple[str, ...] = ("mean",)
    after: list[nn.Module] = field(default_factory=list)
    prompts: dict[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    max_length: int | None = None
    lower: bool = False


def read_parts(folder: Path, name: str) -> Parts:
    """Parts of a folder; of a plain transformer: the mean of its token states. ModelError."""
    found = Parts()
    own = _json(folder / "config_sentence_transformers.json")
    found.prompts = {k: str(v) for k, v in (own.get("prompts") or {}).items() if v}
    found.default_prompt = own.get("default_prompt_name")
    settings = _json(folder / "sentence_bert_config.json")
    found.max_length, found.lower = (
        settings.get("max_seq_length"),
        bool(settings.get("do_lower_case")),
    )
    if (folder / "modules.json").exists():
        _read_modules(folder, name, found)
    if not found.after or not isinstance(found.after[-1], Normalize):
        found.after.append(Normalize())
    return found


def _read_modules(folder: Path, name: str, found: Parts) -> None:
    try:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        listed = [(str(m["type"]), str(m["path"])) for m in modules]
    except (ValueError, TypeError, KeyError) as error:
        problem = str(error)
        raise ModelError(
            "models.bad_json", path=folder / "modules.json", problem=problem
        ) from error
    pooled = False
    for place, (kind, path) in enumerate(listed):
        part = kind.rpartition(".")[2]
        known = kind.startswith("sentence_transformers.") and part in KNOWN
        if not known or (part == "Transformer") != (place == 0) or (place == 0 and path):
            raise ModelError("models.encoder_part", name=name, part=kind, known=", ".join(KNOWN))
        if part == "Pooling":
            found.modes, pooled = _modes(folder / path, name), True
        elif part == "Normalize":
            found.after.append(Normalize())
        elif part == "Dense":
            dense, on_tokens = _dense(folder / path, name)
            if on_tokens == pooled:
                raise ModelError(
                    "models.encoder_part", name=name, part=kind, known=", ".join(KNOWN)
                )
            (found.before if on_tokens else found.after).append(dense)


def _modes(folder: Path, name: str) -> tuple[str, ...]:
    config = _json(folder / "config.json")
    stated = config.get("pooling_mode")
    if stated is None:
        stated = [mode for mode, flag in _FLAGS.items() if config.get(flag)]
    modes = (stated,) if isinstance(stated, str) else tuple(stated)
    refused = [mode for mode in modes if mode not in POOLINGS]
    if refused or not modes or config.get("include_prompt") is False:
        part = f"Pooling ({', '.join(map(str, refused)) or 'include_prompt'})"
        raise ModelError("models.encoder_part", name=name, part=part, known=", ".join(POOLINGS))
    return modes


def _dense(folder: Path, name: str) -> tuple[Dense, bool]:
    """A dense layer, and whether it works on the token states."""
    config = _json(folder / "config.json")
    activation = config.get("activation_function", "torch.nn.modules.activation.Tanh")
    if activation not in ACTIVATIONS or config.get("use_residual"):
        part = f"Dense ({activation if activation not in ACTIVATIONS else 'use_residual'})"
        raise ModelError("models.encoder_part", name=name, part=part, known=", ".join(ACTIVATIONS))
    source = config.get("module_input_name", "sentence_embedding")
    if source != config.get("module_output_name", source):
        raise ModelError("models.encoder_part", name=name, part="Dense", known=", ".join(KNOWN))
    try:
        dense = Dense(
            config["in_features"],
            config["out_features"],
            ACTIVATIONS[activation](),
            bool(config.get("bias", True)),
        )
        dense.load_state_dict(load_file(folder / "model.safetensors"))
    except (OSError, KeyError, RuntimeError, TypeError, SafetensorError) as error:
        problem = f"{folder.name}: {str(error).splitlines()[0]}"
        raise ModelError("models.cannot_load", name=name, problem=problem) from error
    return dense, source == _TOKENS


def write_parts(folder: Path, parts: Parts, width: int) -> None:
    """Write everything but the transformer's own files, for ``SentenceTransformer(folder)``.

    width: of the vectors that are pooled.
    """
    listed: list[tuple[str, str]] = [("Transformer", "")]
    for part in (*parts.before, None, *parts.after):
        kind = "Pooling" if part is None else type(part).__name__
        path = f"{len(listed)}_{kind}"
        listed.append((kind, path))
        (folder / path).mkdir()
        if part is None:
            config: dict[str, Any] = {flag: mode in parts.modes for mode, flag in _FLAGS.items()}
            _write(folder / path / "config.json", {"word_embedding_dimension": width} | config)
        elif isinstance(part, Dense):
            _write_dense(folder / path, part, on_tokens=part in parts.before)
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"{_OLD_TYPE}{kind}"}
        for i, (kind, path) in enumerate(listed)
    ]
    _write(folder / "modules.json", modules)
    length = {"max_seq_length": parts.max_length, "do_lower_case": False}
    _write(folder / "sentence_bert_config.json", length)
    own = {"prompts": parts.prompts, "default_prompt_name": parts.default_prompt}
    _write(folder / "config_sentence_transformers.json", own | {"similarity_fn_name": "cosine"})


def _write_dense(folder: Path, dense: Dense, *, on_tokens: bool) -> None:
    weights = {f"linear.{key}": _plain(value) for key, value in dense.linear.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    kinds = {kind: name for name, kind in ACTIVATIONS.items()}
    config = {
        "in_features": dense.linear.in_features,
        "out_features": dense.linear.out_features,
        "bias": dense.linear.bias is not None,
        "activation_function": kinds[type(dense.activation)],
    }
    source = _TOKENS if on_tokens else "sentence_embedding"
    names = {"module_input_name": source, "module_output_name": source}
    _write(folder / "config.json", config | names)


def _plain(value: Tensor) -> Tensor:
    return value.detach().cpu().contiguous()


def _json(path: Path) -> dict[str, Any]:
    return read_json(path) if path.exists() else {}


def _write(path: Path, value: dict[str, Any] | Sequence[Any]) -> None:
    path.write_text(f"{json.dumps(value, indent=2, ensure_ascii=False)}\n", encoding="utf-8")
