"""The facade: what command line, page and notebooks call. Nothing here is imported early."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou import config
from huohou.errors import UsageError

if TYPE_CHECKING:
    from huohou.data.dataset import Dataset, Row
    from huohou.diagnose.engine import Diagnosis
    from huohou.evaluate.card import Scorecard
    from huohou.evaluate.score import Progress as ScoreProgress
    from huohou.jobs.lookup import Run
    from huohou.jobs.supervisor import OnEvent
    from huohou.jobs.watching import Watch
    from huohou.models import ChatTokenizer
    from huohou.plan import Plan
    from huohou.record.store import Store


# --- plan ---------------------------------------------------------------------------------------


def make_plan(run_file: Path | None = None, flags: Sequence[str] = ()) -> "Plan":
    """Decide everything a run will do, without starting it.

    run_file: a YAML run file; flags: ``key=value`` with dotted keys, stronger than the file.
    Raises ConfigError, DataError, ModelError, MissingExtraError.
    """
    settings = config.load(run_file, flags)
    need_extra("train", "torch", "transformers", "peft")
    from huohou import plan
    from huohou.recipes import recipes

    return plan.make_plan(settings, recipes.get(settings.run.recipe).predict)


def need_extra(extra: str, *modules: str) -> None:
    """Raise MissingExtraError when a module of an extra is not installed."""
    from importlib.util import find_spec

    from huohou.errors import MissingExtraError

    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise MissingExtraError("api.missing_extra", extra=extra, missing=", ".join(missing))


# --- data ---------------------------------------------------------------------------------------


def data_check(
    path: str | Path,
    eval_path: str | Path | None = None,
    *,
    model: str = "none",
    format: str | None = None,
    max_length: int = 1024,
    preview: int = 0,
) -> dict[str, Any]:
    """Check rows before training on them; the answer is the document of `data check --json`.

    model: whose tokenizer is used, "none" for no tokenizer; preview: rows to show token by token.
    Raises DataError, ModelError, MissingExtraError.
    """
    from huohou.data import checks
    from huohou.data.labels import label_row
    from huohou.data.preview import preview as show
    from huohou.data.read import read_dataset

    train = read_dataset(path, format)
    watched = read_dataset(eval_path, format) if eval_path else None
    tokenizer = _tokenizer(model)
    rows = [label_row(row, tokenizer, max_length) for row in train] if tokenizer else None
    found = checks.CheckInput(train, watched, rows, max_length=max_length, tokenizer=tokenizer)
    shown = [show(row, tokenizer.decode) for row in (rows or [])[:preview]] if tokenizer else []
    return {
        "schema": 1,
        "source": _described(train, format),
        "eval": _described(watched, format) if watched else None,
        "model": tokenizer.name if tokenizer else None,
        **checks.run_checks(found).as_dict(),
        "preview": [
            {"place": train.place(i), "spans": [asdict(span) for span in spans]}
            for i, spans in enumerate(shown)
        ],
    }


def data_stats(
    path: str | Path, *, model: str = "none", format: str | None = None, max_length: int = 1024
) -> dict[str, Any]:
    """Counts and lengths of a data file: the document of `data stats --json`."""
    from huohou.data.labels import label_row
    from huohou.data.read import read_dataset
    from huohou.data.stats import describe

    dataset = read_dataset(path, format, require_answers=False)
    tokenizer = _tokenizer(model)
    rows = [label_row(row, tokenizer, max_length) for row in dataset] if tokenizer else None
    return {"schema": 1, "guessed": format is None, **asdict(describe(dataset, rows))}


def data_make(
    table: str | Path,
    out: Path,
    *,
    key: str | None = None,
    value: str | None = None,
    digits: int | None = None,
    force: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Make rows from a table of facts and write them: the document of `data make --json`.

    out: a folder for train.jsonl, eval.jsonl and test.jsonl, or one .jsonl file for all rows;
    options: fields of ``huohou.data.make.MakeOptions``. Raises DataError, UsageError.
    """
    from huohou.data.facts import read_facts
    from huohou.data.make import MakeOptions, make
    from huohou.data.write import write_rows

    chosen = MakeOptions(**options)
    facts = read_facts(table, key, value, digits)
    single = out.suffix in (".jsonl", ".ndjson")
    made = make(facts, replace(chosen, eval_wordings=0, test_wordings=0) if single else chosen)
    parts = {"train": made.train, "eval": made.eval, "test": made.test}
    files = {out / f"{name}.jsonl": rows for name, rows in parts.items() if rows}
    files = {out: made.train} if single else files
    write_rows(files, force=force)
    return {
        "schema": 1,
        "source": facts.source,
        "key": facts.key_column,
        "value": facts.value_column,
        "digits": facts.digits,
        "check_digits": facts.check_digits,
        "bad_digits": [{"line": line, "value": code} for line, code in facts.bad_digits],
        "rows": len(facts),
        "facts": len(made.taught),
        "language": made.language,
        "notes": list(made.notes),
        "files": {str(path): len(rows) for path, rows in files.items()},
        "examples": _examples(made.train),
    }


def data_split(
    path: str | Path,
    out: Path,
    *,
    eval_share: float = 0.1,
    test_share: float = 0.1,
    seed: int = 42,
    by: str | None = None,
    format: str | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Split a data file into a folder: the document of `data split --json`."""
    from huohou.data.read import read_dataset
    from huohou.data.split import split_dataset
    from huohou.data.write import write_rows

    dataset = read_dataset(path, format)
    split = split_dataset(dataset, eval_share, test_share, seed, by)
    parts = {"train": split.train, "eval": split.eval, "test": split.test}
    files = {out / f"{name}.jsonl": rows for name, rows in parts.items() if rows}
    write_rows(files, force=force)
    return {
        "schema": 1,
        "source": _described(dataset, format),
        "mode": split.mode,
        "notes": list(split.notes),
        "files": {str(file): len(rows) for file, rows in files.items()},
    }


def _tokenizer(model: str) -> "ChatTokenizer | None":
    if model == "none":
        return None
    need_extra("train", "transformers", "jinja2")
    from huohou.models import load_tokenizer

    return load_tokenizer(model)


def _described(dataset: "Dataset", format: str | None) -> dict[str, Any]:
    from huohou.data.fingerprint import fingerprint_rows

    return {
        "path": dataset.source,
        "format": dataset.format,
        "guessed": format is None,
        "rows": len(dataset),
        "fingerprint": fingerprint_rows(dataset),
    }


def _examples(rows: "Sequence[Row]") -> list[dict[str, str]]:
    """The first question of each style, with its answer."""
    first = {str(row.meta["style"]): row for row in reversed(rows)}
    return [
        {"style": style, "question": row.question, "answer": row.answer}
        for style, row in sorted(first.items())
    ]


# --- runs ---------------------------------------------------------------------------------------


def train(
    plan: "Plan",
    on_event: "OnEvent | None" = None,
    *,
    slots: int | None = None,
    detach: bool = False,
) -> dict[str, Any]:
    """Carry out a plan when it is its turn, in a process of its own; the job as it ended.

    on_event: shown each event as it comes, with the progress so far; slots: jobs that may train
    on the device at once, by default $HUOHOU_SLOTS or 1; detach: it trains without this process,
    and the answer is the job as it is queued. The answer has the columns of ``training_jobs``;
    status says whether it completed, was stopped or failed.
    """
    from huohou.jobs import lifecycle
    from huohou.jobs.carry_out import carry_out
    from huohou.jobs.detach import check
    from huohou.jobs.lookup import Run
    from huohou.jobs.slots import wanted

    count = wanted(slots)
    store = _store()
    if detach:
        check(store.workspace)
    folder, journal = lifecycle.create(store, plan)
    how: dict[str, Any] = {"slots": count, "detached": detach, "on_event": on_event}
    job = carry_out(store, plan, folder, journal, **how)
    return {"schema": 1, **Run(job, folder, store).as_dict()}


def resume(
    ref: str,
    *,
    extend_epochs: float | None = None,
    plan: "Plan | None" = None,
    detach: bool = False,
    on_event: "OnEvent | None" = None,
    on_note: "Callable[[str], None]" = lambda _: None,
) -> dict[str, Any]:
    """Go on with a run where its last whole checkpoint stands; the job as it then ended.

    extend_epochs: passes beyond the plan; plan: what it should be the same run as, made anew from
    the files as they are now when not given; detach: as in ``train``; on_note: told what a person
    should know before it goes on. Raises UsageError where it is not the same run any more, or there
    is nothing to go on with.
    """
    from huohou.jobs import resume as resuming
    from huohou.jobs.carry_out import carry_out
    from huohou.jobs.detach import check
    from huohou.jobs.lookup import Run
    from huohou.recipes import Start
    from huohou.text import say

    run = find_run(ref)
    old = _resumable(run)
    resuming.refuse_while_active(run.job)
    if detach:
        check(run.folder.parent)
    if run.job.status == "completed" and not extend_epochs:
        raise UsageError("resume.completed", id=run.job.id, epochs=f"{run.job.epochs:g}")
    epochs = old.value("train.num_epochs") + (extend_epochs or 0)
    plan = plan or _plan_again(old, [f"train.num_epochs={epochs}"])
    point = resuming.point(run.folder)
    resuming.refuse_differences(point, old, plan, run.job.id)
    if point.checkpoint is None:
        on_note(say("resume.nothing_saved"))
    journal = resuming.reopen(run.folder)
    for note in resuming.put_aside(point.damaged):
        journal.alert(note)
        on_note(note)
    if extend_epochs:
        resuming.replace_plan(run.folder, plan)
        on_note(say("resume.extended", epochs=f"{epochs:g}"))
    start = Start(point.checkpoint.path.resolve() if point.checkpoint else None)
    how: dict[str, Any] = {"detached": detach, "on_event": on_event, "start": start}
    job = carry_out(run.store, plan, run.folder, journal, **how)
    return {"schema": 1, **Run(job, run.folder, run.store).as_dict()}


def branch(
    ref: str,
    name: str,
    *,
    checkpoint: str | None = None,
    extend_epochs: float = 0,
    flags: Sequence[str] = (),
    detach: bool = False,
    on_event: "OnEvent | None" = None,
) -> dict[str, Any]:
    """Start a new job from a checkpoint of a run; the job as it ended.

    Where nothing was changed it goes on exactly; else it begins anew from the weights.
    checkpoint: its name, the last whole one when not given; flags: settings to change; detach: as
    in ``train``.
    Raises UsageError where the weights do not fit what is asked for.
    """
    from huohou.jobs import lifecycle
    from huohou.jobs import resume as resuming
    from huohou.jobs.carry_out import carry_out
    from huohou.jobs.detach import check
    from huohou.jobs.lookup import Run
    from huohou.recipes import Start

    run = find_run(ref)
    old = _resumable(run)
    point = resuming.point(run.folder, checkpoint)
    if point.checkpoint is None:
        raise UsageError("resume.nothing_to_branch", id=run.job.id)
    epochs = old.value("train.num_epochs") + extend_epochs
    plan = _plan_again(old, [f"name={name}", f"train.num_epochs={epochs}", *flags])
    weights_only = resuming.refuse_other_shape(point.checkpoint, plan)
    if detach:
        check(run.store.workspace)
    folder, journal = lifecycle.create(run.store, plan)
    copied = resuming.copy_into(point.checkpoint, folder)
    start = Start(copied.resolve(), weights_only=weights_only)
    how: dict[str, Any] = {"detached": detach, "on_event": on_event, "start": start}
    job = carry_out(run.store, plan, folder, journal, **how)
    return {"schema": 1, **Run(job, folder, run.store).as_dict()}


def same_name(run_file: Path | None, flags: Sequence[str] = ()) -> dict[str, Any] | None:
    """The newest job that has the name a run file gives, when there is one."""
    from huohou.jobs.lookup import Run

    name = config.load(run_file, flags).run.name
    store = _store()
    for job in store.jobs():
        if job.name == name and job.recipe != "import":
            return Run(job, store.workspace / job.folder, store).as_dict()
    return None


def back_up(ref: str) -> Path:
    """Put a finished run into the workspace's backup folder; where it is then."""
    from huohou.jobs import trash
    from huohou.record.workspace import BACKUP

    found = find_run(ref)
    trash.check(found.store, found)
    return trash.put_away(found.store, found, BACKUP)


def _resumable(run: "Run") -> "Plan":
    """The plan of a run of ours. Raises UsageError for a record of another program's run."""
    from huohou.plan import Plan
    from huohou.record.workspace import PLAN

    if not (run.folder / PLAN).is_file():
        raise UsageError("resume.not_trained_here", id=run.job.id)
    return Plan.load(run.folder / PLAN)


def _plan_again(old: "Plan", changed: Sequence[str]) -> "Plan":
    """The plan of a run made anew from the files as they are now."""
    from huohou import plan
    from huohou.jobs.resume import flags_of
    from huohou.recipes import recipes

    need_extra("train", "torch", "transformers", "peft")
    settings = config.again(old.settings, flags_of(old, changed))
    return plan.make_plan(settings, recipes.get(settings.run.recipe).predict)


def workspace() -> Path:
    """The folder of all runs: $HUOHOU_HOME, by default ./runs."""
    from huohou.record.workspace import home

    return home()


def runs() -> dict[str, Any]:
    """All runs of the workspace, the newest first: the document of `runs ls --json`."""
    from huohou.jobs import queue
    from huohou.jobs.lookup import Run

    store = _store()
    found = [Run(job, store.workspace / job.folder, store) for job in store.jobs()]
    waits = any(run.job.status == "queued" for run in found)
    places = queue.places(queue.Queue(store.workspace).look()) if waits else {}
    return {
        "schema": 1,
        "workspace": str(store.workspace),
        "runs": [run.as_dict() | {"queue_position": places.get(run.job.id)} for run in found],
    }


def run(ref: str) -> dict[str, Any]:
    """One run: the document of `runs show --json`. ref: number, name, `last` or folder."""
    return {"schema": 1, **find_run(ref).details()}


def run_logs(ref: str, lines: int = 50, *, follow: bool = False) -> Iterator[str]:
    """Last lines of what a run printed; follow: and what it prints until it ends."""
    from huohou.jobs import logs
    from huohou.record.recorder import FINAL
    from huohou.record.workspace import TRAIN_LOG

    folder = find_run(ref).folder
    if not follow:
        return iter(logs.last_lines(folder / TRAIN_LOG, lines))
    return logs.follow(folder / TRAIN_LOG, lines, lambda: find_run(str(folder)).job.status in FINAL)


def watch(
    ref: str | None = None, *, reader: str | None = None, idle: float | None = None
) -> "Watch":
    """Look on while a run goes: iterating gives new events, ``view`` is what there is to see.

    ref: number, name, `last`, folder of a run, or a log of any trainer; by default the newest run
    that is active, else that waits, else the last. reader: format of the log; idle: seconds
    without anything new after which a log is left. Raises UsageError, DataError.
    """
    from huohou.jobs import lookup
    from huohou.jobs.sources import ForeignLog, JobFiles
    from huohou.jobs.watching import Watch

    store = _store()
    found = lookup.to_watch(ref, store)
    if isinstance(found, Path):
        return Watch(ForeignLog(found, reader), str(found), idle=idle)
    return Watch(JobFiles(found.folder), found.job.name, folder=found.folder, settle=_store)


def import_log(
    path: str | Path, *, name: str | None = None, reader: str | None = None
) -> dict[str, Any]:
    """Take a log of any trainer in as a run: the document of `runs import --json`.

    The log stays as it is; a copy lies in the run's folder. Raises DataError, StoreError.
    """
    from huohou.jobs.importing import import_log

    folder, record = import_log(_store(), Path(path), name=name, reader=reader)
    points = {series: len(points) for series, points in sorted(record.series.items())}
    told = {"reader": record.source["reader"], "segments": len(record.segments())}
    return {"schema": 1, **find_run(str(folder)).as_dict(), **told, "points": points}


def reindex() -> dict[str, Any]:
    """Build the workspace's database anew from the job folders."""
    from huohou.record.store import Store

    store = Store()
    rebuilt = store.rebuild()
    return {
        "schema": 1,
        "workspace": str(store.workspace),
        "jobs": rebuilt.jobs,
        "skipped": list(rebuilt.skipped),
    }


def find_run(ref: str) -> "Run":
    """The run that a number, a name, `last` or a folder names. Raises UsageError."""
    from huohou.jobs.lookup import find

    return find(ref, _store())


def _store() -> "Store":
    """The workspace's store, jobs of dead supervisors brought to their end first."""
    from huohou.jobs.lifecycle import bury
    from huohou.jobs.turns import tend
    from huohou.record.store import Store

    store = Store()
    bury(store)
    tend(store)
    return store


# --- queue, stop, trash -------------------------------------------------------------------------


def stop(
    ref: str, *, now: bool = False, wait: bool = True, on_event: "OnEvent | None" = None
) -> dict[str, Any]:
    """Ask a run to stop, after the running step with a checkpoint, or now without.

    wait: until it has ended, showing on_event what it says meanwhile. The answer has the columns
    of the run, ``was``: its state before, ``checkpoint``: the last whole one, or None.
    """
    from huohou.jobs import halt
    from huohou.jobs.lookup import Run

    run = find_run(ref)
    job, was = run.job, run.job.status
    if not halt.has_ended(run.folder):
        job = halt.stop(run.store, run.folder, job, now=now, wait=wait, on_event=on_event)
    checkpoint = halt.checkpoint_of(run.folder)
    told = {"was": was, "checkpoint": str(checkpoint) if checkpoint else None}
    return {"schema": 1, **Run(job, run.folder, run.store).as_dict(), **told}


def move(ref: str, before: str | None = None) -> dict[str, Any]:
    """Put a queued run before another one, or first of those that wait for the same device."""
    from huohou.jobs import turns

    run = find_run(ref)
    other = find_run(before).job.id if before is not None else None
    return {"schema": 1, "id": run.job.id, "moved": turns.move(run.store, run.job.id, other)}


def put_away(refs: Sequence[str]) -> dict[str, Any]:
    """Move runs into the trash, all of them or none: `runs rm`. Nothing is deleted."""
    from huohou.jobs import trash
    from huohou.jobs.lookup import find

    store = _store()
    found = {run.folder: run for run in (find(ref, store) for ref in refs)}.values()
    for run in found:
        trash.check(store, run)
    moved = [{"id": run.job.id, "folder": str(trash.put_away(store, run))} for run in found]
    return {"schema": 1, "trash": str(trash.folder_of(store)), "runs": moved}


def restore(refs: Sequence[str]) -> dict[str, Any]:
    """Bring runs back from the trash: `runs restore`. refs: numbers, names or folders' names."""
    from huohou.jobs import trash
    from huohou.jobs.lookup import Run

    store = _store()
    back = [trash.bring_back(store, ref) for ref in dict.fromkeys(refs)]
    found = [Run(job, store.workspace / job.folder, store).as_dict() for job in back]
    return {"schema": 1, "runs": found}


# --- doctor -------------------------------------------------------------------------------------


def diagnose(ref: str | Path, *, reader: str | None = None) -> "Diagnosis":
    """Say what is wrong with a run of ours or a log of any trainer.

    ref: a log, its folder, or a run by number, name or `last`; reader: format of the log, found
    from its content when not given. Raises DataError, UsageError.
    """
    from huohou.diagnose.engine import diagnose
    from huohou.record.readers import read

    path = Path(ref)
    named = path.name == str(ref) and not path.suffix and not path.exists()
    return diagnose(read(find_run(str(ref)).folder if named else path, reader))


def explain(code: str) -> dict[str, Any]:
    """What a code of the doctor means: the document of `explain CODE --json`."""
    from huohou.diagnose.pages import explain

    return explain(code)


def explain_all() -> dict[str, Any]:
    """All codes of the doctor, those of the deepest causes first: `explain --json`."""
    from huohou.diagnose.pages import known_codes

    codes = known_codes().items()
    return {"schema": 1, "rules": [{"code": code, "name": name} for code, name in codes]}


# --- score --------------------------------------------------------------------------------------


def evaluate(
    ref: str,
    on: str | None = None,
    *,
    limit: int | None = None,
    base: bool = True,
    gates: Path | None = None,
    progress: "ScoreProgress | None" = None,
) -> "Scorecard":
    """Ask a run's tuned model, and its base model, questions; the score is kept in its folder.

    on: train, eval, test, or a data file; by default the plan's test rows, else its eval rows.
    limit: at most so many questions, drawn at random; gates: a YAML file of criteria; progress:
    called with the model asked, answers done, and answers wanted.
    Raises UsageError, ConfigError, DataError, ModelError, MissingExtraError.
    """
    need_extra("train", "torch", "transformers", "peft")
    from huohou.evaluate.gates import read_gates
    from huohou.evaluate.questions import choose, facts_of
    from huohou.evaluate.score import scorecard
    from huohou.probe.load import read_plan

    criteria = read_gates(gates) if gates is not None else ()
    folder = find_run(ref).folder
    plan = read_plan(folder)
    questions = choose(plan, on)
    return scorecard(
        folder,
        questions,
        facts_of(plan),
        base=base,
        sample=limit,
        gates=criteria,
        progress=progress,
    )


# --- machine ------------------------------------------------------------------------------------


def env() -> dict[str, Any]:
    """The facts of this machine for a bug report: the document of `env --json`."""
    import os

    from huohou import machine, models
    from huohou.record import workspace

    return {
        "schema": 1,
        **machine.facts(workspace.home(), models.cache_folder(), os.environ),
        "models": models.bundled_ready(),
        **models.survey(),
    }


def init(folder: Path, template: str = "sft") -> dict[str, Any]:
    """Write a run file and example data to start from; never over a file that is there.

    template: sft, embed or facts. Gives the files written and the commands to go on with.
    Raises UsageError when a file is there already, or the template is not known.
    """
    from huohou import starter
    from huohou.recipes import recipes

    return {"schema": 1, **starter.start(folder, template, [name for name, _ in recipes])}
