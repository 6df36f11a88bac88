"""From settings to a frozen plan: read the data, check it, choose, predict."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from huohou.config import RunSettings, Settings
from huohou.data.checks import CheckInput, CheckReport, run_checks
from huohou.data.dataset import Dataset
from huohou.data.fingerprint import fingerprint_rows
from huohou.data.labels import LabelledRow, label_row
from huohou.data.read import read_dataset
from huohou.errors import ConfigError
from huohou.models import (
    ChatTokenizer,
    Chosen,
    base_weights,
    choose_device,
    choose_dtype,
    load_tokenizer,
)
from huohou.plan.frozen import Choice, DataPart, Plan, Prediction
from huohou.plan.workers import per_worker, room

RECORDED = ("huohou", "torch", "transformers", "peft", "accelerate", "numpy")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a prediction is about: settings, tokenised rows, and where they will be computed."""

    run: RunSettings
    train: Sequence[LabelledRow]
    eval: Sequence[LabelledRow]
    device: str
    dtype: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """A recipe's prediction; facts: what the recipe decided and will go by when it runs."""

    prediction: Prediction
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decided:
    """What a plan has beside its settings; template: fingerprint of tokenizer and template."""

    train: DataPart
    eval: DataPart | None
    device: Chosen
    dtype: Chosen
    report: CheckReport
    outlook: Outlook
    facts: dict[str, Any]
    template: str = ""


Reads = Literal["rows", "pairs"]
# Of a Subject, or of a ``plan.pairs.PairSubject`` where the recipe reads pairs.
Predict = Callable[[Any], Outlook]


def make_plan(settings: Settings, predict: Predict, reads: Reads = "rows") -> Plan:
    """Decide everything a run will do. Raises ConfigError, DataError, ModelError.

    predict: the recipe's own estimate of its cost, handed in; reads: what the recipe reads.
    """
    run = settings.run.model_copy(update={"model": _model_name(settings)})
    if not run.data.train:
        raise ConfigError("plan.no_data")
    if run.compute.on == "local" and run.compute.workers > 1:
        raise ConfigError("plan.compute_local", workers=run.compute.workers)
    if reads == "pairs":
        from huohou.plan.pairs import decide_pairs  # imports torch

        return _frozen(settings, run, decide_pairs(settings, run, predict))
    return _frozen(settings, run, _decide_rows(settings, run, predict))


def _decide_rows(settings: Settings, run: RunSettings, predict: Predict) -> Decided:
    """The plan of a recipe that reads conversations."""
    tokenizer = load_tokenizer(run.model)
    train, train_rows, train_part = _part(settings, run.data.train, tokenizer)
    watched = _part(settings, run.data.eval, tokenizer) if run.data.eval else None
    device = choose_device(run.train.device)
    dtype = choose_dtype(device.value, run.train.dtype)
    eval_rows = watched[1] if watched else []
    usable = [row for row in train_rows if row.trained]
    report = _check(run, tokenizer, train, train_rows, watched)
    if not usable:
        raise ConfigError("plan.nothing_trained", path=train_part.path)
    outlook = predict(Subject(run, usable, eval_rows, device.value, dtype.value))
    return Decided(
        train_part,
        watched[2] if watched else None,
        device,
        dtype,
        report,
        outlook,
        tokenizer.parts | {"base_weights": base_weights(run.model)},
        tokenizer.fingerprint,
    )


def _frozen(settings: Settings, run: RunSettings, found: Decided) -> Plan:
    table = settings.table()
    for name in ("data.test", "data.facts", "data.habits"):
        table[name] = type(table[name])(_absolute(settings, table[name].value), table[name].source)
    return Plan(
        name=run.name,
        recipe=run.recipe,
        model=run.model,
        settings=table,
        train=found.train,
        eval=found.eval,
        device=Choice(found.device.value, found.device.reason),
        dtype=Choice(found.dtype.value, found.dtype.reason),
        template=found.template,
        prediction=found.outlook.prediction,
        findings=tuple(finding.as_dict() for finding in found.report.findings),
        facts=found.outlook.facts | found.facts | _workers(run, found),
        versions=versions(),
    )


def _workers(run: RunSettings, found: Decided) -> dict[str, Any]:
    if run.compute.on == "local":
        return {}
    device, outlook = found.device.value.split(":")[0], found.outlook
    split, most = outlook.facts.get("split"), room(run.compute, device)
    return {"workers": per_worker(run.compute, outlook.prediction, device, split, most)}


def _part(
    settings: Settings, name: str, tokenizer: ChatTokenizer
) -> tuple[Dataset, list[LabelledRow], DataPart]:
    """Read and tokenise one data file."""
    run = settings.run
    path = settings.path(name)
    dataset = read_dataset(path, run.data.format, system=run.data.system)
    rows = [label_row(row, tokenizer, run.train.max_length) for row in dataset]
    part = DataPart(
        path=str(path),
        format=dataset.format,
        rows=len(rows),
        tokens=sum(len(row.ids) for row in rows),
        trained_tokens=sum(row.trained for row in rows),
        fingerprint=fingerprint_rows(dataset.rows),
    )
    return dataset, rows, part


def _check(
    run: RunSettings,
    tokenizer: ChatTokenizer,
    train: Dataset,
    rows: list[LabelledRow],
    watched: tuple[Dataset, list[LabelledRow], DataPart] | None,
) -> CheckReport:
    return run_checks(
        CheckInput(
            train=train,
            eval=watched[0] if watched else None,
            labelled_train=rows,
            labelled_eval=watched[1] if watched else None,
            tokenizer=tokenizer,
            batch_size=run.train.batch_size,
            num_epochs=run.train.num_epochs,
            max_length=run.train.max_length,
        )
    )


def _absolute(settings: Settings, value: str | None) -> str | None:
    """A path of the run file as the job will need it from wherever it runs."""
    return str(settings.path(value)) if value else None


def _model_name(settings: Settings) -> str:
    """A model folder named relative to the run file, made absolute; other names as they are."""
    name = settings.run.model
    beside = settings.path(name)
    return str(beside) if beside.is_dir() and not Path(name).is_absolute() else name


def versions() -> dict[str, str]:
    """Versions of what a run's numbers depend on."""
    found: dict[str, str] = {}
    for name in RECORDED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
