"""The doctor and the score. Nothing heavy is imported early."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou.api.common import find_run, need_extra
from huohou.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from huohou.diagnose.engine import Diagnosis
    from huohou.evaluate.card import Scorecard
    from huohou.evaluate.score import Progress as ScoreProgress


def diagnose(
    ref: str | Path,
    *,
    reader: str | None = None,
    rows: str | Path | None = None,
    eval_rows: str | Path | None = None,
    model: str = "none",
    page: Path | None = None,
    next_file: Path | None = None,
) -> "Diagnosis":
    """Say what is wrong with a run of ours or a log of any trainer.

    ref: a log, its folder, or a run by number, name or `last`; reader: format of the log, found
    from its content when not given; rows, eval_rows: the data of the run, which are checked with
    the tokenizer of model ("none" for no tokenizer); page: where to write it as HTML; next_file:
    where to write a run file with the settings advised, which is left out where none would cure it.
    Raises DataError, UsageError, the latter for a file that is there already.
    """
    from huohou.diagnose.engine import diagnose
    from huohou.record.readers import read

    for target in (page, next_file):
        _may_write(target)
    path = Path(ref)
    named = path.name == str(ref) and not path.suffix and not path.exists()
    record = read(find_run(str(ref)).folder if named else path, reader)
    found = diagnose(record, data=_data(rows, eval_rows, model))
    if page is not None:
        from huohou.report.diagnosis_page import page as drawn

        _write(page, drawn(record, found))
    if next_file is not None:
        from huohou.diagnose.next_run import run_file

        written = run_file(record, found.findings)
        if written is not None:
            _write(next_file, written)
    return found


def _may_write(target: Path | None) -> None:
    """Refuse, before anything is read, a file that is there already or whose folder is not."""
    if target is None:
        return
    if target.exists():
        raise UsageError("diagnose.exists", path=target)
    if not target.parent.is_dir():
        raise UsageError("diagnose.no_folder", path=target, folder=target.parent)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError("diagnose.not_written", path=path, problem=error.strerror) from error


def _data(
    rows: str | Path | None, eval_rows: str | Path | None, model: str
) -> dict[str, Any] | None:
    """What the checks of the data say of the rows of a run, None where none are given."""
    from huohou.api.data import data_check

    if rows is None:
        if eval_rows is not None:
            raise UsageError("diagnose.eval_needs_data")
        if model != "none":
            raise UsageError("diagnose.model_needs_data")
        return None
    return data_check(rows, eval_rows, model=model)


def gates_file(gates: "Iterable[Mapping[str, Any]]") -> str:
    """Text of a gates file for `eval --gate`, from the gates of a diagnosis."""
    from huohou.diagnose.gates import gates_file

    return gates_file(gates)


def explain(code: str) -> dict[str, Any]:
    """What a code of the doctor means: the document of `explain CODE --json`."""
    from huohou.diagnose.pages import explain

    return explain(code)


def explain_all() -> dict[str, Any]:
    """All codes of the doctor, those of the deepest causes first: `explain --json`."""
    from huohou.diagnose import measured
    from huohou.diagnose.pages import known_codes

    codes = (known_codes() | measured.names()).items()
    return {"schema": 1, "rules": [{"code": code, "name": name} for code, name in codes]}


def evaluate(
    ref: str,
    on: str | None = None,
    *,
    limit: int | None = None,
    base: bool = True,
    gates: Path | None = None,
    force: bool = False,
    memory: int | None = None,
    progress: "ScoreProgress | None" = None,
) -> "Scorecard":
    """Ask a run's tuned model, and its base model, questions; the score is kept in its folder.

    A run of a search (recipe embed or align) ranks a corpus for each question instead, with BM25
    and the stage before beside it; force: also for questions that were trained on, with a mark on
    every number.

    on: train, eval, test, or a data file; by default the plan's test rows, else its eval rows.
    limit: at most so many questions, drawn at random; gates: a YAML file of criteria; memory: so
    many trained questions, and about facts never taught, are asked besides (usually 40, 0: none);
    progress: called with the model asked, answers done, and answers wanted.
    Raises UsageError, ConfigError, DataError, ModelError, MissingExtraError, CannotJudgeError.
    """
    need_extra("train", "torch", "transformers", "peft")
    from huohou.evaluate.gates import read_gates
    from huohou.evaluate.memory import SAMPLE
    from huohou.evaluate.questions import choose, facts_of, role_of
    from huohou.evaluate.score import scorecard
    from huohou.probe.load import read_plan

    criteria = read_gates(gates) if gates is not None else ()
    folder = find_run(ref).folder
    plan = read_plan(folder)
    if plan.recipe in ("embed", "align"):
        from huohou.evaluate.retrieval.score import scorecard as searched

        return searched(
            folder, on, base=base, sample=limit, gates=criteria, force=force, progress=progress
        )
    questions = choose(plan, on)
    return scorecard(
        folder,
        questions,
        facts_of(plan),
        role_of(plan),
        base=base,
        sample=limit,
        memory=SAMPLE if memory is None else memory,
        gates=criteria,
        progress=progress,
    )
