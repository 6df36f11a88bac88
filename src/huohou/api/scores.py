"""Scores of answers from a table, and two scores beside each other. Nothing heavy is early."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou.api.common import find_run, workspace
from huohou.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from huohou.answer.confidence import Confidence
    from huohou.answer.engine import Engine
    from huohou.answer.fitting import Example
    from huohou.answer.types import Mode
    from huohou.data.dataset import Dataset, Row
    from huohou.data.facts import FactTable
    from huohou.evaluate.answers.score import Progress
    from huohou.evaluate.answers.score import Task as AnswerTask
    from huohou.evaluate.card import Metric, Scorecard
    from huohou.evaluate.pairing import Compared

MADE = 500  # facts that are asked about where no questions are given
UNKNOWN = 0.15  # of those questions: what is in no row
CHOSEN = 200  # choices by which a model's trust is measured
FOLDER = "answers"  # of the workspace: scores of a table that belong to no run


def compare(first: str | Path, second: str | Path, *, on: str | None = None) -> "Compared":
    """What changed from one scorecard to another of the same questions.

    first, second: runs (number, name, `last`, folder) that `huohou eval` has scored, or scorecard
    files; on: which of a run's scorecards, by what was asked (train, eval, test, a file's name).
    Raises UsageError where the questions differ or nothing was scored.
    """
    from huohou.evaluate.pairing import cards_of, compared, same_questions

    def cards(ref: str | Path) -> list[Path]:
        path = Path(ref)
        return [path] if path.suffix == ".json" else cards_of(find_run(str(ref)).folder, on)

    return compared(*same_questions(cards(first), cards(second)))


def evaluate_answers(
    ref: str | None = None,
    facts: str | Path | None = None,
    *,
    mode: "Mode" = "grounded",
    on: str | None = None,
    key: str | None = None,
    value: str | None = None,
    limit: int | None = None,
    gates: Path | None = None,
    progress: "Progress | None" = None,
) -> "Scorecard":
    """Ask the answering engine questions whose answers are known; score and answers are kept.

    ref: a run, whose model chooses or writes, whose table is asked and whose folder keeps the
    score; without one, facts is the table, the bundled model does, and the workspace keeps it.
    on: as for ``evaluate``, or a data file; without a run and a file, questions in every style are
    made from the table. Raises UsageError, ConfigError, DataError, ModelError, MissingExtraError.
    """
    from huohou.api.answers import open_engine
    from huohou.data.facts import read_facts
    from huohou.evaluate.answers.score import scorecard
    from huohou.evaluate.gates import read_gates

    criteria = read_gates(gates) if gates is not None else ()
    engine = open_engine(facts, ref, key=key, value=value, mode=mode)
    table = read_facts(engine.index.about.source, key, value)
    run = find_run(ref) if ref is not None else None
    folder = run.folder if run is not None else _folder(table)
    return scorecard(
        _scored(engine, mode),
        _task(run.folder if run is not None else None, table, on, mode),
        folder,
        name=run.job.name if run is not None else "",
        sample=limit,
        more=_of_run(run.folder) if run is not None else (),
        gates=criteria,
        progress=progress,
    )


def _scored(engine: "Engine", mode: "Mode") -> Any:
    """The engine as evaluation sees it: a function and what is to be told of it."""
    from huohou.evaluate.answers.score import Engine as Scored

    model = engine.writer if mode in ("constrained", "closed") else engine.chooser
    about = engine.confidence.as_dict()
    return Scored(
        lambda question: engine.ask(question, mode).as_dict(),
        mode,
        None if model is None or mode == "lookup" else model.name,
        engine.index.fingerprint,
        {name: about[name] for name in ("found", "choice", "unknown", "error", "about")},
    )


def _folder(table: "FactTable") -> Path:
    from huohou.record.workspace import slug

    folder = workspace() / FOLDER / slug(Path(table.source).stem)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _task(run: Path | None, table: "FactTable", on: str | None, mode: str) -> "AnswerTask":
    from huohou.data.read import read_dataset
    from huohou.evaluate.answers.score import Task
    from huohou.evaluate.questions import SETS, choose
    from huohou.probe.load import read_plan
    from huohou.record.workspace import SCORECARD, slug

    card = Path(SCORECARD).stem
    if run is not None:
        asked = choose(read_plan(run), on)
        return Task(asked.dataset, asked.on, table, f"{asked.card}-{mode}")
    if on is None:
        return Task(made_questions(table), "made", table, f"{card}-{mode}")
    if on in SETS:
        raise UsageError("eval.set_needs_run", on=on)
    found = read_dataset(Path(on))
    return Task(found, "file", table, f"{card}-{slug(Path(on).stem)}-{mode}")


def made_questions(table: "FactTable", facts: int = MADE, seed: int = 42) -> "Dataset":
    """Questions about a table in every style that can be used here, one for each of some facts."""
    from huohou.data.dataset import Dataset
    from huohou.data.make import MakeOptions, make
    from huohou.data.styles import style_names

    options = MakeOptions(
        facts=min(facts, len(table)),
        wordings=1,
        eval_wordings=0,
        test_wordings=0,
        unknown=UNKNOWN,
        seed=seed,
        styles=style_names(),
    )
    return Dataset(table.source, "facts", make(table, options).train)


def _of_run(folder: Path) -> "list[Metric]":
    """Losses and state of the job, so that one gates file does for all."""
    from huohou.evaluate.losses import loss_metrics
    from huohou.evaluate.state import status_metric
    from huohou.probe.load import read_plan

    plan = read_plan(folder)
    return [*loss_metrics(folder, plan.eval.rows if plan.eval else 0), *status_metric(folder)]


def calibrate(
    facts: str | Path,
    *,
    job: str | None = None,
    key: str | None = None,
    value: str | None = None,
    on: str | Path | None = None,
    questions: int = 3000,
    error: float = 0.005,
    seed: int = 1,
    out: Path | None = None,
    force: bool = False,
    progress: "Callable[[int, int], None] | None" = None,
) -> dict[str, Any]:
    """Fit the confidence of answers on questions about a table: `facts calibrate --json`.

    job: a run whose model's choices are measured as well, and trusted as far as they are worth;
    on: a data file of questions with meta ``expect``, by default made from the table; error: share
    of wrong answers that answers given without asking back are to keep; out: by default beside the
    table, where `ask` and `eval` find it. Raises UsageError for a file that is there, DataError,
    CannotJudgeError for too few questions.
    """
    from huohou.answer.confidence import beside
    from huohou.answer.fitting import fit
    from huohou.api.answers import open_engine
    from huohou.data.facts import read_facts
    from huohou.data.read import read_dataset

    path = out or beside(str(facts))
    if path.exists() and not force:
        raise UsageError("facts.exists", path=path)
    mode: Mode = "lookup" if job is None else "grounded"
    engine = open_engine(facts, job, key=key, value=value, mode=mode)
    table = read_facts(facts, key, value)
    asked = read_dataset(Path(on)) if on else made_questions(table, questions, seed)
    found = fit(examples(engine, asked.rows, progress), error)
    if job is not None:
        found = _trusting(engine, found, asked.rows)
    found.save(path)
    return {"schema": 1, "file": str(path), "table": table.source, **found.as_dict()}


def examples(
    engine: "Engine", rows: "Sequence[Row]", progress: "Callable[[int, int], None] | None" = None
) -> "list[Example]":
    """What the look-up finds for questions by name, with the row that is right."""
    from huohou.answer.fitting import Example

    known = [row for row in rows if "expect" in row.meta and not _by_value(row)]
    found = []
    for number, row in enumerate(known, 1):
        expect, hits = row.meta["expect"], engine.candidates(row.question)[1]
        right = [i for i, hit in enumerate(hits) if hit.entry.value == expect]
        place = right[0] if right else None
        group = row.meta.get("fact") or row.question
        found.append(Example(hits, place, group, known=expect is not None))
        if progress is not None:
            progress(number, len(known))
    return found


def _trusting(engine: "Engine", found: "Confidence", rows: "Sequence[Row]") -> "Confidence":
    """The confidence with the trust that the engine's model earns where there is a choice."""
    from huohou.answer.engine import Engine
    from huohou.answer.fitting import Example, fit_trust

    choosing = Engine(engine.index, engine.chooser, found)
    seen: list[Example] = []
    for row in rows:
        if "expect" not in row.meta or _by_value(row) or row.meta.get("also"):
            continue
        chosen = choosing.choice(row.question)
        if chosen is None:
            continue
        expect, (hits, said) = row.meta["expect"], chosen
        right = [i for i, hit in enumerate(hits) if hit.entry.value == expect]
        place = right[0] if right else None
        seen.append(Example(hits, place, row.question, expect is not None, said))
        if len(seen) == CHOSEN:
            break
    name = engine.chooser.name if engine.chooser is not None else ""
    return fit_trust(found, seen, name) if name and seen else found


def _by_value(row: "Row") -> bool:
    """Whether it asks by the value: then nothing is estimated, a row has it or not."""
    return str(row.meta.get("style", "")).startswith("reverse")
