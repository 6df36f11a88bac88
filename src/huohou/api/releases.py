"""A run's model handed over, with the proof that it is that model. Nothing heavy is imported
early."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou.api.common import find_run, need_extra
from huohou.errors import RunFailedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from huohou.export.release import Release
    from huohou.export.targets import Progress


def export(
    ref: str,
    target: str,
    *,
    quantize: str | None = None,
    out: Path | None = None,
    progress: "Progress | None" = None,
) -> "Release":
    """Release a run's model as a target and prove that it is the trained model.

    quantize: form of the weights, by default the target's first (``export_forms``); out: a folder
    that is not there yet, by default one in the run's ``exports``. What the proof refuses is not
    written: ``Release.proved`` and ``Release.findings`` say why. Raises UsageError, DataError,
    ModelError, RunFailedError, MissingExtraError.
    """
    need_extra("train", "torch", "transformers", "peft", "gguf")
    from huohou.diagnose.serving import judge
    from huohou.evaluate.questions import choose
    from huohou.export.release import export as made
    from huohou.probe.load import read_plan

    run = find_run(ref)
    if run.job.status != "completed":
        raise RunFailedError("export.unfinished", folder=run.folder)
    plan = read_plan(run.folder)
    if plan.recipe != "sft":
        raise UsageError("export.recipe", recipe=plan.recipe)
    rows = choose(plan, "train").dataset.rows
    held_out = choose(plan, "eval").dataset.rows if plan.eval else ()
    told = {} if progress is None else {"progress": progress}
    return made(run.folder, target, judge, (rows, held_out), quantize=quantize, out=out, **told)


def export_forms() -> dict[str, tuple[str, ...]]:
    """Target to the forms of its weights, the usual one first."""
    from huohou.export.targets import all_targets

    return {name: target.forms for name, target in all_targets()}


def probe(
    base: str,
    adapter: Path,
    *,
    merged: Path | None = None,
    gguf: Path | None = None,
    modelfile: Path | None = None,
    rows: Path | None = None,
    progress: "Progress | None" = None,
) -> dict[str, Any]:
    """Ask models that others made whether they are one model: the document of `diagnose --json`,
    with what was seen in ``source``.

    base: folder, bundled name or hub id; adapter: peft's folder; merged, gguf, modelfile: what is
    served;
    rows: of the training, asked besides. Raises UsageError, DataError, ModelError,
    MissingExtraError.
    """
    need_extra("train", "torch", "transformers", "peft", "gguf")
    from huohou.data.read import read_dataset
    from huohou.diagnose.engine import Diagnosis
    from huohou.diagnose.serving import CODES, judge
    from huohou.export.probe import Served
    from huohou.export.probe import probe as asked

    known = read_dataset(rows).rows if rows is not None else ()
    seen = asked(
        base, adapter, Served(merged, gguf, modelfile), known, progress or (lambda *_: None)
    )
    found = tuple(judge(seen))
    source = {"base": base, "path": str(adapter), "seen": seen}
    told: dict[str, Any] = Diagnosis(
        source, "faulty" if found else "healthy", found, CODES, ()
    ).as_dict()
    return told


def side_lines(seen: "Mapping[str, Any]") -> list[str]:
    """What was seen of each side, a sentence a side."""
    from huohou.export.card import summary

    return [summary(side) for side in seen["sides"]]


def ollama_create(folder: Path, name: str) -> list[str]:
    """Give a release to Ollama where it is installed; else the commands to do it with.

    Raises RunFailedError with what Ollama says where it refuses.
    """
    from subprocess import CalledProcessError

    from huohou.export.ollama import create

    try:
        return create(folder, name)
    except CalledProcessError as error:
        problem = str(error.stderr or error).strip().rpartition("\n")[2]
        raise RunFailedError("export.ollama_failed", name=name, problem=problem) from error
