"""Answers from a table of facts. Nothing heavy is imported early."""

from pathlib import Path
from typing import TYPE_CHECKING

from huohou.api.common import find_run, need_extra, workspace
from huohou.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from huohou.answer.choose import Model
    from huohou.answer.confidence import Confidence
    from huohou.answer.engine import Engine
    from huohou.answer.types import Answer, Mode
    from huohou.jobs.lookup import Run
    from huohou.plan import Plan

CHOOSER = "smollm2-135m"  # chooses where no job is named


def open_engine(
    facts: str | Path | None = None,
    job: str | None = None,
    *,
    key: str | None = None,
    value: str | None = None,
    mode: "Mode" = "grounded",
    confidence: "Confidence | None" = None,
    language: str | None = None,
    model: "Model | None" = None,
    progress: "Callable[[str], None] | None" = None,
) -> "Engine":
    """An engine for one table, to be asked many questions, from several threads if wanted.

    facts: the table (CSV, Excel, ``file.db:table``), the one of the job's plan when None; job: a
    run by number, name, `last` or folder, whose model is then the one that chooses and writes; a
    bundled model does where none is named; key, value: columns of names and values, guessed when
    None; mode: the one asked in most (``lookup`` opens no model); model: one that is there already,
    in place of these. The table's index is built once and kept in the cache; models are opened when
    first needed. Raises UsageError, DataError, StoreError, MissingExtraError.
    """
    need_extra("serve", "bm25s", "opencc", "rapidfuzz")
    from huohou.answer.confidence import of_table
    from huohou.answer.engine import MODES, Engine
    from huohou.answer.index import open_index

    if mode not in MODES:
        raise UsageError("answer.unknown_mode", mode=mode, known=", ".join(MODES))
    run = find_run(job) if job is not None else None
    plan = _plan(run.folder) if run is not None else None
    source = _table(facts, plan, job)
    index = open_index(source, key, value, progress=progress)
    if model is None and mode != "lookup":
        model = _model(run, plan, progress)
    sure = confidence or of_table(str(source))  # fitted on this table, where that was done
    return Engine(index, model, sure, language, writer=model)


def ask(question: str, engine: "Engine", mode: "Mode" = "grounded") -> "Answer":
    """One answer, kept in ``answers.jsonl`` of the workspace where there is a workspace."""
    from huohou.record.asked import keep

    answer = engine.ask(question, mode)
    about = {"question": question, "source": engine.index.about.source}
    keep(workspace(), {**about, **answer.as_dict()})
    return answer


def _plan(folder: Path) -> "Plan":
    from huohou.probe.load import read_plan

    return read_plan(folder)


def _table(facts: str | Path | None, plan: "Plan | None", job: str | None) -> str | Path:
    if facts is not None:
        return facts
    if plan is None:
        raise UsageError("ask.no_table")
    source = plan.value("data.facts")
    if not source:
        raise UsageError("ask.job_no_table", job=job)
    return str(source)


def _model(
    run: "Run | None", plan: "Plan | None", progress: "Callable[[str], None] | None"
) -> "Model":
    """The job's own model, else the bundled one; opened when it is first needed."""
    from huohou.answer.choose import Lazy

    if run is not None and plan is not None:
        folder, name = run.folder, run.folder.name
        return Lazy(name, lambda: _open_tuned(folder, name, plan))
    return Lazy(CHOOSER, lambda: _open_bundled(progress))


def _open_tuned(folder: Path, name: str, plan: "Plan") -> "Model":
    """By the GGUF file that it was released as, else by PyTorch."""
    from huohou.api.askable import released_gguf

    gguf = released_gguf(folder)
    if gguf is not None:
        from huohou.answer.llama import open_llama

        return open_llama(gguf, name, system_prompt(plan))
    need_extra("train", "torch", "transformers", "peft")
    from huohou.answer.tuned import open_tuned

    return open_tuned(folder, name, system_prompt(plan))


def _open_bundled(progress: "Callable[[str], None] | None") -> "Model":
    need_extra("serve", "xllamacpp")
    from huohou.answer.llama import open_llama
    from huohou.models.bundled import BUNDLED, bundled_gguf

    return open_llama(bundled_gguf(BUNDLED[CHOOSER], progress), CHOOSER)


def system_prompt(plan: "Plan") -> str | None:
    """The system prompt that the job's model was trained with, where its rows still tell."""
    from huohou.data.read import read_dataset
    from huohou.errors import DataError

    try:
        rows = read_dataset(
            Path(plan.train.path), plan.train.format, system=plan.value("data.system")
        ).rows
    except DataError:
        return None
    turns = rows[0].messages if rows else ()
    return next((turn.content for turn in turns if turn.role == "system"), None)
