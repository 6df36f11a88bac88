"""A release: made beside its place, asked, judged, and put there only where the proof holds."""

import errno
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from huohou.data.dataset import Row
from huohou.errors import ModelError, RunFailedError, UsageError
from huohou.export.card import card
from huohou.export.proof import PROOF, prove
from huohou.export.proving.questions import questions, shared_system
from huohou.export.proving.trained import ROOM, pair_of, trained
from huohou.export.targets import Making, Progress, all_targets
from huohou.models import base_weights, resolve
from huohou.probe.load import RunModels, load_run
from huohou.record.finding import Finding

EXPORTS, KEPT = "exports", ".trained"
Rows = tuple[Sequence[Row], Sequence[Row]]  # of the training, and held out
# Says what is wrong with what a proof saw, in the doctor's words.
Judge = Callable[[Mapping[str, Any]], Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Release:
    """What became of an export.

    folder: where it lies, or would lie; proved: whether it was handed over; findings: what the
    proof found; proof: the document kept as ``proof.json``.
    """

    folder: Path
    proved: bool
    findings: tuple[Finding, ...]
    proof: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"schema": 1, "folder": str(self.folder), "proved": self.proved, **self.proof}


def export(
    run_folder: Path,
    target: str,
    judge: Judge,
    rows: Rows,
    *,
    quantize: str | None = None,
    out: Path | None = None,
    progress: Progress = lambda _what, _done, _of: None,
) -> Release:
    """Release a finished run's model as a target, with the proof that it is that model.

    rows: of the training and of the evaluation. out: a folder that is not there yet. Nothing of it
    is there before the proof holds. Raises UsageError, ModelError, RunFailedError.
    """
    from safetensors import SafetensorError

    began = time.perf_counter()
    chosen = all_targets().get(target)
    form = quantize or chosen.forms[0]
    if form not in chosen.forms:
        raise UsageError("export.form", target=target, form=form, known=", ".join(chosen.forms))
    place = out or run_folder / EXPORTS / (
        target if form == chosen.forms[0] else f"{target}-{form}"
    )
    part = place.with_name(f"{place.name}.part")
    _refuse_taken(place, part)
    models = loaded(run_folder)
    _refuse_full(models, place)
    part.mkdir(parents=True)
    try:
        making = Making(models, part, form, shared_system(rows[0]), models.plan.name, progress)
        kept = run_folder / EXPORTS / KEPT
        release = _made(making, target, place, judge=judge, rows=rows, kept=kept)
        if release.proved:
            _hand_over(release, making, part, time.perf_counter() - began)
    except (OSError, SafetensorError) as error:
        if not _disk_full(error):
            raise
        raise UsageError("export.disk_full", folder=place.parent) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return release


def _made(
    making: Making, target: str, place: Path, *, judge: Judge, rows: Rows, kept: Path
) -> Release:
    models = making.models
    longest = int(models.plan.value("train.max_length"))
    asked = questions(rows[0], rows[1], models.tokenizer, longest)
    reference = trained(pair_of(models), asked, kept, partial(making.progress, "asking"))
    sides = all_targets().get(target).make(making)
    seen = prove(reference, sides, making.progress)
    found = tuple(judge(seen))
    told = {
        "target": target,
        "form": making.form,
        "run": making.name,
        "base": {"name": models.plan.model, "weights": base_weights(models.plan.model)},
        "system": making.system,
        "seen": seen,
        "findings": [finding.as_dict() for finding in found],
    }
    return Release(place, not any(f.severity == "error" for f in found), found, told)


def _hand_over(release: Release, making: Making, part: Path, seconds: float) -> None:
    """Proof and card into the folder, and the folder to its place, in one step."""
    told = {"schema": 1, **release.proof, "seconds": round(seconds, 1)}
    text = json.dumps(told, ensure_ascii=False, indent=1)
    (part / PROOF).write_text(text, encoding="utf-8")
    (part / "README.md").write_text(card(told, making.models), encoding="utf-8")
    part.rename(release.folder)


def loaded(run_folder: Path) -> RunModels:
    """The models of a run that came to its end, its base the one it was trained on.

    Raises RunFailedError for a run without an adapter, ModelError for another base.
    """
    if not (run_folder / "adapter" / "adapter_model.safetensors").is_file():
        raise RunFailedError("export.unfinished", folder=run_folder)
    # In float32 what was trained is seen, and not what this machine rounds.
    models = load_run(run_folder, "float32")
    stated = models.plan.facts.get("base_weights")
    now = base_weights(models.plan.model)
    if stated is not None and stated != now:
        raise ModelError(
            "export.other_base", model=models.plan.model, stated=stated[:12], now=now[:12]
        )
    return models


def _refuse_taken(place: Path, part: Path) -> None:
    for path, key in ((place, "export.exists"), (part, "export.half")):
        if path.exists():
            raise UsageError(key, folder=path)


def _refuse_full(models: RunModels, place: Path) -> None:
    """Refuse before anything is written where the base's size twice over is not free, and room
    for the figures of the proof."""
    there = next(path for path in (place, *place.parents) if path.is_dir())
    stored = sum(f.stat().st_size for f in resolve(models.plan.model).folder.glob("*.safetensors"))
    free, needed = shutil.disk_usage(there).free, 2 * (stored + ROOM)
    if free < needed:
        need = f"{needed / 1e6:.0f}"
        raise UsageError("export.no_room", folder=there, free=f"{free / 1e6:.0f}", need=need)


def _disk_full(error: Exception) -> bool:
    """Whether it says that no more can be written: safetensors and numpy say it in words alone."""
    full, said = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG), str(error)
    words = any(f"(os error {number})" in said for number in full)
    return getattr(error, "errno", None) in full or words or " requested and " in said
