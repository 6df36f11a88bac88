"""The settings of a run file, described for a form. Nothing heavy is imported early."""

import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin

from huohou import config
from huohou.text import LANGUAGES, say, sentences

EXAMPLES = ("facts", "sft", "embed")  # the templates of `init`, the likeliest first
# What nearly everybody sets, in the order of the form; all else is for those who look for it.
COMMON = (
    "train.num_epochs",
    "train.learning_rate",
    "train.batch_size",
    "train.max_length",
    "train.early_stopping_patience",
    "lora.rank",
    "lora.alpha",
    "embed.loss",
    "align.mode",
    "compute.on",
    "compute.workers",
)
KINDS = {bool: "boolean", int: "integer", float: "number", str: "text"}
LIMITS = {"gt": "above", "ge": "min", "lt": "below", "le": "max"}


def settings_schema() -> dict[str, Any]:
    """Every setting of a run file, and what can be chosen on this machine.

    ``fields`` in the order of a run file: key, group, label and help in the language in force,
    ``words``: key, label and help in every language, to search in; kind: "text", "number",
    "integer", "boolean" or "choice" (then choices); optional: may be left empty; min, max, above,
    below: limits; default, and defaults: those that a recipe or loss has instead; recipes: those
    that read it, None for all; common: shown without being looked for; value and source: where a
    file or a variable of this machine sets it.
    """
    from huohou.models.bundled import bundled_ready
    from huohou.recipes import recipes

    machine = config.load()
    elsewhere = {key: machine.table()[key] for key in machine.sources if key in machine.table()}
    return {
        "schema": 1,
        "fields": [_described(key, about, elsewhere) for key, about in _leaves()],
        "recipes": [name for name, _ in recipes],
        "models": [{"name": name, "ready": ready} for name, ready in bundled_ready().items()],
        "examples": list(EXAMPLES),
    }


def _leaves(model: Any = config.RunSettings, before: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and field of every setting."""
    for name, about in model.model_fields.items():
        if hasattr(about.annotation, "model_fields"):
            yield from _leaves(about.annotation, f"{before}{name}.")
        else:
            yield f"{before}{name}", about


def _described(key: str, about: Any, elsewhere: Mapping[str, config.Setting]) -> dict[str, Any]:
    group = key.rpartition(".")[0]
    recipes = config.GROUPS.get(group)
    described = {
        "key": key,
        "group": group,
        "label": say(f"setting.{key}"),
        "help": say(f"setting.{key}.help"),
        "words": " ".join([key, *_all_words(key)]).lower(),
        **_kind(about.annotation),
        **_limits(about.metadata),
        "default": about.default,
        "defaults": _other_defaults(key),
        "recipes": list(recipes) if recipes else None,
        "common": key in COMMON,
    }
    there = elsewhere.get(key)
    return described | ({"value": there.value, "source": there.source} if there else {})


def _all_words(key: str) -> Iterator[str]:
    for code in LANGUAGES:
        yield sentences(code)[f"setting.{key}"]
        yield sentences(code)[f"setting.{key}.help"]


def _kind(annotation: Any) -> dict[str, Any]:
    """Kind of a setting's value, and whether it may be left empty."""
    parts = [annotation]
    if get_origin(annotation) in (Union, types.UnionType):
        parts = [part for part in get_args(annotation) if part is not type(None)]
    optional = type(None) in get_args(annotation)
    if get_origin(parts[0]) is Literal:
        return {"kind": "choice", "choices": list(get_args(parts[0])), "optional": optional}
    return {"kind": KINDS[parts[0]], "optional": optional}


def _limits(metadata: Any) -> dict[str, Any]:
    return {
        name: getattr(one, sign)
        for one in metadata
        for sign, name in LIMITS.items()
        if getattr(one, sign, None) is not None
    }


def _other_defaults(key: str) -> dict[str, Any]:
    """Defaults that hold for a recipe (``embed``) or a loss (``loss:csd``) instead."""
    recipes = {name: has[key] for name, has in config.DEFAULTS.items() if key in has}
    losses = {f"loss:{name}": has[key] for name, has in config.OF_LOSS.items() if key in has}
    return recipes | losses
