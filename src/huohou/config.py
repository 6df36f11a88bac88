"""Settings of a run and where each came from.

Precedence, weakest first: defaults < user file < project file < run file < environment < flags.
The user file is ``$XDG_CONFIG_HOME/huohou/config.yaml``, the project file ``./huohou.yaml``,
an environment variable for ``train.learning_rate`` is ``HUOHOU_TRAIN__LEARNING_RATE``, a flag is
``-s train.learning_rate=1e-4``.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from huohou import addresses
from huohou.errors import ConfigError


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, protected_namespaces=(), coerce_numbers_to_str=True
    )


class DataSettings(_Part):
    """Where the rows are. Paths are relative to the run file."""

    train: str = Field("", description="Rows to train on.")
    eval: str | None = Field(None, description="Rows whose loss is watched; never trained on.")
    test: str | None = Field(None, description="Questions for the score; `eval RUN` asks them.")
    facts: str | None = Field(None, description="Table of facts behind the answers.")
    habits: str | None = Field(
        None, description="A character's habits (YAML), counted in the answers of `eval RUN`."
    )
    format: str | None = Field(None, description="Format of the rows; found out when not given.")
    system: str | None = Field(None, description="System prompt put before rows that have none.")


class TrainSettings(_Part):
    """How it is trained."""

    num_epochs: float = Field(3.0, gt=0, description="Passes over the rows.")
    learning_rate: float = Field(2e-4, gt=0, description="Peak learning rate.")
    batch_size: int = Field(16, ge=1, description="Rows an optimizer update.")
    max_tokens: int | None = Field(
        None,
        ge=1,
        description="Tokens computed at once; if not given 4096 on a CPU, 16384 on CUDA.",
    )
    max_length: int = Field(1024, ge=8, description="Tokens kept of a row.")
    schedule: Literal["cosine", "linear", "constant"] = Field(
        "cosine", description="Course of the learning rate after the warm-up."
    )
    warmup_ratio: float = Field(0.05, ge=0, lt=1, description="Part of the updates to warm up.")
    weight_decay: float = Field(0.0, ge=0, description="AdamW's weight decay.")
    max_grad_norm: float = Field(1.0, gt=0, description="Gradients are scaled down to this norm.")
    seed: int = Field(42, ge=0, description="Of weights, order and dropout.")
    evals_per_epoch: float = Field(
        1, gt=0, description="Evaluations in a pass over the rows; 0.5: one in two passes."
    )
    early_stopping_patience: int | None = Field(
        None, ge=1, description="Evaluations without a better eval loss before it stops."
    )
    keep_checkpoints: int = Field(2, ge=1, description="Last checkpoints kept, beside the best.")
    share_prefix: Literal["auto", "off"] = Field(
        "auto", description="Compute what rows begin with in common once."
    )
    gradient_checkpointing: Literal["auto", "on", "off"] = Field(
        "auto", description="Trade time for memory; auto: when the device asks for it."
    )
    four_bit: Literal["auto", "on", "off"] = Field(
        "auto", description="Base weights in 4 bits (CUDA only); auto: when memory asks for it."
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Number format; auto: measured."
    )
    device: str = Field("auto", description="cpu, cuda, cuda:1, mps; auto: the best there is.")


class LoraSettings(_Part):
    """The adapter that is trained."""

    rank: int = Field(16, ge=1, description="Rank of the adapter.")
    alpha: float = Field(32.0, gt=0, description="Scale: updates are multiplied by alpha / rank.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Above 0 prefixes cannot be shared.")
    targets: str = Field(
        "all-linear", description="Layers, `all-linear` or names separated by commas."
    )


class EmbedSettings(_Part):
    """How texts become vectors that are alike where they belong together."""

    loss: Literal["info-nce", "sigmoid", "csd"] = Field(
        "info-nce", description="What is minimised; the data sheets are in docs/losses.md."
    )
    scale: float = Field(
        20.0, gt=0, le=100, description="Similarities are multiplied by it (1 / temperature)."
    )
    learn_scale: bool = Field(True, description="Learn the scale too.")
    bias: float = Field(-10.0, description="Added to scaled similarities (sigmoid, csd); learnt.")
    neg_ratio: int = Field(
        5, ge=1, description="Negatives drawn from the batch for a positive (sigmoid, csd)."
    )
    head: Literal["none", "gaussian"] = Field(
        "none", description="gaussian: a new head, texts become normal distributions."
    )
    head_dim: int = Field(64, ge=2, description="Dimensions of the head's vectors.")
    variance: Literal["logvar", "kappa", "none"] = Field(
        "logvar", description="What the head has beside the mean."
    )
    score: Literal["cosine", "csd", "w2", "mls"] = Field(
        "cosine", description="How two texts are compared; all but cosine need a variance."
    )
    new_learning_rate: float = Field(
        1e-4, gt=0, description="Peak learning rate of what is new: head, scale, bias."
    )
    group_passages: bool = Field(
        False,
        description="Deal passages, not queries, to updates: one pass for all queries of each.",
    )


class AlignSettings(_Part):
    """Stage 2: what stage 1 ranks wrong is learnt."""

    mode: Literal["gt", "all-pairs", "listwise"] = Field(
        "gt", description="gt: ground truth above negatives; all-pairs: the whole order."
    )
    margin: float = Field(0.1, gt=0, description="By how much the ground truth shall lead.")
    negatives: int = Field(5, ge=1, description="Other candidates of each question.")
    draw: Literal["mined", "random"] = Field(
        "mined", description="Candidates: found by stage 1's own search, or drawn at random."
    )
    closest: float = Field(
        1.1,
        gt=0,
        description="Mined: none that scores this many times as high as the ground truth, for it "
        "may be right too.",
    )
    top_k: int = Field(
        1, ge=0, description="Hard: the ground truth is not among the first k; 0: every question."
    )
    blend: float | None = Field(
        None, ge=0, le=1, description="Part of stage 2 in the mean of both stages' weights."
    )
    score: Literal["sentence", "mean_pairs", "max_sim"] = Field(
        "sentence", description="By whole texts, or by the entities in them."
    )
    force: bool = Field(
        False, description="Evaluate on what is trained on all the same; the numbers are marked."
    )


class ComputeSettings(_Part):
    """Who trains: one process, or several workers that share each update."""

    on: str = Field(
        "local",
        pattern=r"^(local|torchrun|ray(://[^\s/]+)?)$",
        description="local: one process; torchrun: workers on this machine; ray: workers of a Ray "
        "cluster, ray://HOST:PORT names one.",
    )
    workers: int = Field(1, ge=1, description="Processes that share each update.")
    sharding: Literal["auto", "none", "fsdp"] = Field(
        "auto",
        description="none: each worker holds the whole model; fsdp: each a part of every weight; "
        "auto: fsdp where the whole model does not fit a worker's device.",
    )
    gpus_per_worker: float | None = Field(
        None,
        ge=0,
        description="GPUs of each worker of a Ray cluster (torchrun: always one). If not given 1 "
        "where the device is a GPU, else 0.",
    )
    cpus_per_worker: int = Field(
        1, ge=1, description="Cores of each worker of a Ray cluster; its threads."
    )
    wait: float = Field(
        600.0, ge=0, description="Seconds to wait until a Ray cluster has what was asked for."
    )
    restarts: int = Field(
        2, ge=0, description="How often workers are started again after one died."
    )
    storage: str | None = Field(
        None,
        pattern=addresses.ADDRESS,
        description="Address to which checkpoints and the record are copied as well: s3://, gs://, "
        "file:///, whatever fsspec knows.",
    )


class RunSettings(_Part):
    """A run file."""

    name: str = Field("run", min_length=1, description="Name of the job; part of its folder.")
    recipe: str = Field("sft", description="What kind of training.")
    model: str = Field("smollm2-135m", description="A bundled name, a folder, or a hub id.")
    data: DataSettings = Field(default_factory=DataSettings)
    train: TrainSettings = Field(default_factory=TrainSettings)
    lora: LoraSettings = Field(default_factory=LoraSettings)
    embed: EmbedSettings = Field(default_factory=EmbedSettings)
    align: AlignSettings = Field(default_factory=AlignSettings)
    compute: ComputeSettings = Field(default_factory=ComputeSettings)


# What a recipe's defaults have other than the ones above.
_ENCODER = {
    "model": "minilm-l6",
    "train.learning_rate": 2e-5,
    "train.batch_size": 32,
    "train.max_length": 256,
    "train.warmup_ratio": 0.1,
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "embed": _ENCODER,
    "align": _ENCODER
    | {
        "train.learning_rate": 1e-5,
        "train.batch_size": 8,
        "train.num_epochs": 5.0,
        "train.keep_checkpoints": 5,
    },
}
# What a loss of embeddings starts from, as its paper has it.
OF_LOSS: Mapping[str, Mapping[str, Any]] = {
    "sigmoid": {"embed.scale": 10.0, "embed.bias": -10.0},
    "csd": {
        "embed.scale": 5.0,
        "embed.bias": 5.0,
        "embed.head": "gaussian",
        "embed.score": "csd",
    },
}
FLAG = "-s"  # the source of settings given on the command line
PAGE = "page"  # the source of settings given on the page
# Groups that only some recipes have.
GROUPS = {"lora": ("sft",), "embed": ("embed", "align"), "align": ("align",)}


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it came from: `default`, a file, a variable or a flag."""

    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Validated settings of a run with the source of each value.

    base: folder that relative data paths are relative to.
    """

    run: RunSettings
    sources: Mapping[str, str]
    base: Path

    def table(self) -> dict[str, Setting]:
        """Dotted name to value and source, in the order of the run file.

        Groups of other recipes are left out unless something in them was set.
        """
        flat = flatten(self.run.model_dump())
        return {
            k: Setting(v, self.sources.get(k, "default"))
            for k, v in flat.items()
            if k in self.sources or self.reads(k.split(".")[0])
        }

    def reads(self, group: str) -> bool:
        """Whether the run's recipe has this group of settings."""
        recipes = {name for names in GROUPS.values() for name in names}
        return self.run.recipe not in recipes or self.run.recipe in GROUPS.get(
            group, (self.run.recipe,)
        )

    def path(self, value: str) -> Path:
        """A path of the run file, made absolute."""
        return (self.base / Path(value).expanduser()).resolve()


class _Loader(yaml.SafeLoader):
    """YAML as people mean it: 3e-5 is a number and `on` is a word (YAML 1.1 has both otherwise)."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d[\d_]*)(\.[\d_]*)?[eE][-+]?\d+$"),
    list("-+0123456789"),
)
for _letter in "oOyYnN":  # on, off, yes, no; true and false stay what they are
    _Loader.yaml_implicit_resolvers[_letter] = [
        (tag, pattern)
        for tag, pattern in _Loader.yaml_implicit_resolvers.get(_letter, [])
        if tag != "tag:yaml.org,2002:bool"
    ]


def load(
    run_file: Path | None = None,
    flags: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    given: Mapping[str, Any] | None = None,
) -> Settings:
    """Settings of a run from all places, validated.

    flags: ``key=value`` with dotted keys; given: values by dotted key as the page gives them, the
    strongest. Raises ConfigError with file, key and nearest name.
    """
    env = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    layers = [*_layers(run_file, flags, env), (dict(given or {}), PAGE)]
    for found, source in layers:
        for key, value in found.items():
            _known(key, source)
            values[key] = value
            sources[key] = source
    base = run_file.resolve().parent if run_file else Path.cwd()
    settings = Settings(_validate(values, sources), sources, base)
    _read_by_recipe(settings, {str(run_file), FLAG, PAGE})
    return settings


def _read_by_recipe(settings: Settings, own: Collection[str]) -> None:
    """What was set for this run must be read by its recipe; files for all runs may hold more."""
    for key, source in settings.sources.items():
        group = key.split(".")[0]
        if source in own and not settings.reads(group):
            raise ConfigError(
                "config.other_recipe",
                key=key,
                source=source,
                recipe=settings.run.recipe,
                recipes=", ".join(GROUPS[group]),
            )


def again(
    known: Mapping[str, Setting],
    flags: Sequence[str] = (),
    given: Mapping[str, Any] | None = None,
) -> Settings:
    """Settings of an earlier run, changed by flags; data paths in them must be absolute.

    given: changes as the page gives them. Raises ConfigError like ``load``.
    """
    values = {name: setting.value for name, setting in known.items() if name in _NAMES}
    sources = {name: setting.source for name, setting in known.items()}
    for found, source in [*_flags(flags), (dict(given or {}), PAGE)]:
        for key, value in found.items():
            _known(key, source)
            values[key], sources[key] = value, source
    return Settings(_validate(values, sources), sources, Path.cwd())


def _layers(
    run_file: Path | None, flags: Sequence[str], env: Mapping[str, str]
) -> Iterator[tuple[dict[str, Any], str]]:
    home = Path(env.get("XDG_CONFIG_HOME") or Path(env.get("HOME", "~")).expanduser() / ".config")
    for path in (home / "huohou" / "config.yaml", Path("huohou.yaml")):
        if path.is_file():
            yield flatten(read_yaml(path)), str(path)
    if run_file is not None:
        yield flatten(read_yaml(run_file)), str(run_file)
    for name in sorted(env):
        key = name.removeprefix("HUOHOU_").lower().replace("__", ".")
        # Variables that are not settings (HUOHOU_HOME) have no double underscore.
        if name.startswith("HUOHOU_") and ("." in key or key in _NAMES):
            yield {key: _scalar(env[name])}, name
    yield from _flags(flags)


def _flags(flags: Sequence[str]) -> Iterator[tuple[dict[str, Any], str]]:
    for flag in flags:
        key, equals, value = flag.partition("=")
        if not equals:
            raise ConfigError("config.flag_form", flag=flag)
        try:
            yield {key.strip(): _scalar(value)}, FLAG
        except yaml.YAMLError as error:  # "name=[a": it wants quotes of its own
            raise ConfigError("config.flag_form", flag=flag) from error


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping. Raises ConfigError with line and column."""
    if not path.exists():
        raise ConfigError("config.missing_file", path=path)
    if path.is_dir():
        raise ConfigError("config.is_folder", path=path)
    try:
        loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except UnicodeDecodeError as error:
        raise ConfigError("config.encoding", path=path, byte=error.start) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise ConfigError("config.not_yaml", where=where, problem=error.problem) from error
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError("config.not_mapping", path=path)
    return loaded


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings to dotted keys.

    >>> flatten({"name": "x", "lora": {"rank": 8}})
    {'name': 'x', 'lora.rank': 8}
    """
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        dotted = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, f"{dotted}."))
        else:
            flat[dotted] = value
    return flat


def _scalar(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)


_NAMES = tuple(flatten(RunSettings().model_dump()))


def _known(key: str, source: str) -> None:
    if key in _NAMES:
        return
    near = get_close_matches(key, _NAMES, n=1, cutoff=0.5)
    leaf = [n for n in _NAMES if n.split(".")[-1] == key.rsplit(".", maxsplit=1)[-1]]
    raise ConfigError(
        "config.unknown_key", key=key, source=source, near=(leaf or near or ["huohou plan"])[0]
    )


def _validate(values: Mapping[str, Any], sources: Mapping[str, str]) -> RunSettings:
    nested: dict[str, Any] = {}
    usual = {
        **DEFAULTS.get(str(values.get("recipe")), {}),
        **OF_LOSS.get(str(values.get("embed.loss")), {}),
    }
    for key, value in {**usual, **values}.items():
        *parents, leaf = key.split(".")
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = value
    try:
        run = RunSettings.model_validate(nested)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            "config.bad_value",
            key=key,
            value=first["input"],
            problem=first["msg"],
            source=sources.get(key, "-"),
        ) from error
    if run.compute.storage is not None:
        addresses.refuse(run.compute.storage)
    return run
