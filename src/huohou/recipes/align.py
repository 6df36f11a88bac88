"""Stage 2 of a retrieval model: learn the cases that stage 1 ranks wrong.

Reads from top to bottom: pairs -> stage 1's encoder -> candidates of each training question ->
how stage 1 ranks them -> hard cases -> training on these -> what became of held-out questions ->
which model is the result. Hard cases come from training questions only, and stage 2 replaces
stage 1 only where held-out questions are ranked better by more than the interval of the gain.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import transformers
from transformers import PrinterCallback

from huohou.measure.paired import power_sentence
from huohou.plan import Plan, contract
from huohou.recipes import Start
from huohou.recipes.aligning.cases import Cases, hard_cases, held_out
from huohou.recipes.aligning.corpus import Corpus
from huohou.recipes.aligning.heldout import METRIC, HeldOut
from huohou.recipes.aligning.outcome import conclude, once_more
from huohou.recipes.aligning.stage import MAX_TOKENS, Stage, planned_pairs, stage_one
from huohou.recipes.aligning.trainer import AlignTrainer, HardCase, Scorer
from huohou.recipes.aligning.unseen import mark, refuse_seen
from huohou.recipes.arguments import arguments, callbacks
from huohou.recipes.embedding.chance import Chance, quicken
from huohou.recipes.embedding.table import load_encoder_weights, trim
from huohou.recipes.resume import begin_from, going_on, resumed
from huohou.recipes.team import here
from huohou.record.checkpoints import FOLDER as CHECKPOINTS
from huohou.record.recorder import Recorder
from huohou.text import say


def run(
    plan: Plan,
    folder: Path,
    recorder: Recorder,
    should_stop: Callable[[], bool],
    start: Start = Start(),  # noqa: B008 - frozen
) -> None:
    """Carry out a plan: leaves the files of stage 2, ``best_model/`` and ``model/`` in the folder.

    ``model/`` is the result, of whichever stage ``release.json`` names.
    """
    transformers.set_seed(int(plan.value("train.seed")))
    recorder.log(say("align.preparing"))
    train = planned_pairs(plan.train, "train", plan)
    watched = planned_pairs(plan.eval, "eval", plan) if plan.eval else None
    force = bool(plan.value("align.force"))
    trained_on = refuse_seen(train, watched, force=force) if watched else 0

    max_tokens = int(plan.value("train.max_tokens") or MAX_TOKENS)
    stage = Stage(plan, folder, recorder, stage_one(plan), max_tokens)
    corpus = stage.corpus(train)
    team = here()
    with team.one_first():  # the others read what it wrote
        cases = hard_cases(stage, corpus)
    unseen = held_out(stage, watched, trained_on) if watched else None
    before = unseen.look(stage.encoder) if unseen and team.leads else None
    say_what_it_can_show(unseen, recorder)

    checkpoint = begin_from(start, lambda place: load_encoder_weights(stage.encoder, place))
    trainer = trainer_of(stage, corpus, cases, unseen, should_stop, room=start.max_tokens)
    told = facts(stage, cases, unseen)
    recorder.start(**told, **going_on(start, checkpoint, recorder))
    if unseen and before and checkpoint is None:
        recorder.eval(0, 0.0, **unseen.metrics(before))
    trainer.train(resume_from_checkpoint=resumed(start))
    if should_stop() or not team.leads:
        return
    evaluations = sum("eval_loss" in one for one in trainer.state.log_history)
    conclude(stage, unseen, before, max(1, evaluations))
    if force:
        once_more(stage, corpus, cases)


def say_what_it_can_show(unseen: HeldOut | None, recorder: Recorder) -> None:
    """How large a gain the held-out questions can show, or that there are none."""
    if unseen is None:
        recorder.alert(say("align.unseen_needed"))
        return
    recorder.log(power_sentence(len(unseen.corpus.queries)))
    if unseen.trained_on:
        recorder.alert(mark(unseen.trained_on))


def trainer_of(
    stage: Stage,
    corpus: Corpus,
    cases: Cases,
    unseen: HeldOut | None,
    should_stop: Callable[[], bool],
    *,
    room: int | None,
) -> AlignTrainer:
    """The trainer over the hard cases. room: tokens held at once, after a life that lacked memory.

    Dropout is quick, and no more of the word table is trained than occurs (``recipes/embedding``).
    """
    plan, encoder = stage.plan, stage.encoder
    rows = rows_of(corpus, cases)
    chance = Chance()
    quicken(encoder.transformer, chance)
    if plan.value("train.weight_decay") == 0:
        named = {place for row in rows for place in row.candidates}
        texts = [*(row.query for row in rows), *(corpus.passages[place] for place in named)]
        trim(encoder, {token for text in texts for token in text.ids})
    trainer = AlignTrainer(
        model=encoder,
        args=arguments(
            plan,
            stage.folder / CHECKPOINTS,
            updates_of(len(rows), plan),
            f"eval_{METRIC}",
            greater=True,
        ),
        train_dataset=rows,
        eval_dataset=rows[:1] if unseen else None,  # what is evaluated is the judge's business
        data_collator=lambda chosen: {"rows": chosen},
        callbacks=callbacks(plan, stage.recorder, should_stop),
        seed=stage.number("train.seed"),
        contract=contract(plan),
        scorer=Scorer(encoder, corpus.passages, stage.score, stage.max_tokens, chance),
        objective=stage.objective,
        judge=lambda: unseen.metrics(unseen.look(encoder)) if unseen else {},
        room=room,
        on_room=lambda now, error: tell_smaller(stage.recorder, now, error),
    )
    trainer.remove_callback(PrinterCallback)  # the recorder says it better
    return trainer


def rows_of(corpus: Corpus, cases: Cases) -> list[HardCase]:
    """The hard cases in tokens."""
    found = []
    for sample in cases.hard.samples:
        query = corpus.queries[corpus.places[sample.query]]
        places = tuple(corpus.pairs.index[one] for one in sample.candidates)
        tokens = len(query.ids) + sum(len(corpus.passages[place].ids) for place in places)
        found.append(HardCase(query, places, tokens))
    return found


def tell_smaller(recorder: Recorder, room: int, error: BaseException) -> None:
    """An update did not fit: what is done about it, for people and for a later process life."""
    text = str(error).strip().split("\n")[0][:200]
    recorder.alert(say("align.smaller", tokens=room, error=text), max_tokens=room)


def updates_of(rows: int, plan: Plan) -> int:
    """Updates of the whole run: fewer than planned, since hard cases are some of the questions."""
    a_pass = math.ceil(rows / int(plan.value("train.batch_size")))
    return math.ceil(a_pass * float(plan.value("train.num_epochs")))


def facts(stage: Stage, cases: Cases, unseen: HeldOut | None) -> dict[str, Any]:
    """What the record should know of the run: what rules and readers ask for."""
    value = stage.plan.value
    rows = len(cases.hard.samples)
    told: dict[str, Any] = {
        "recipe": stage.plan.recipe,
        "model": stage.plan.model,
        "rows": rows,
        "train_queries": len(cases.built.samples),
        "eval_rows": len(unseen.corpus.queries) if unseen else 0,
        "updates": updates_of(rows, stage.plan),
        "epochs": value("train.num_epochs"),
        "batch_size": value("train.batch_size"),
        "learning_rate": value("train.learning_rate"),
        "entity_coverage": cases.coverage,
        **stage.objective.facts(cases.hard.negatives),
    }
    if unseen is not None:
        told["eval_candidates"] = len(unseen.corpus.passages)
    if unseen is not None and unseen.trained_on:
        trained = {"count": unseen.trained_on, "of": told["eval_rows"], "trained": True}
        told |= {"trained_on_eval": True, "hard_cases": trained}
    return told
