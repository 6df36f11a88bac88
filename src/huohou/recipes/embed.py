"""Training of a sentence encoder: texts that belong together become alike (stage 1 of retrieval).

Reads from top to bottom: pairs -> encoder with a head where asked -> loss -> check of the fast
pass -> training by transformers' Trainer -> ``model/``, which sentence-transformers loads. What is
particular here: each distinct text of an update is encoded once, without padding, and one loss
goes over all of them (``embedding/gradient.py``).
"""

import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import PrinterCallback

from huohou.data.pairs import PairSet
from huohou.models.encoder import Encoder, Head, load_encoder
from huohou.plan import Plan, contract
from huohou.recipes import Start, sharding
from huohou.recipes.arguments import arguments, callbacks
from huohou.recipes.embedding.chance import Chance, quicken
from huohou.recipes.embedding.gradient import Cut, Learner
from huohou.recipes.embedding.judge import METRIC, HeldOut
from huohou.recipes.embedding.passes import can_line
from huohou.recipes.embedding.planned import planned_pairs
from huohou.recipes.embedding.proof import compare
from huohou.recipes.embedding.rows import Group, Row, groups_of, rows_of
from huohou.recipes.embedding.table import save_encoder, trim
from huohou.recipes.embedding.trainer import EmbedTrainer, load_weights
from huohou.recipes.losses import losses
from huohou.recipes.losses.base import Loss
from huohou.recipes.resume import begin_from, going_on, resumed
from huohou.recipes.team import here
from huohou.record.checkpoints import FOLDER as CHECKPOINTS
from huohou.record.recorder import Recorder
from huohou.text import say

# Both ways of computing sum in other orders: by how much they may differ, relative to the largest
# value, for the fast one to be used.
TOLERANCE = {"float32": 1e-4, "bfloat16": 3e-2}
MODEL = "model"
BEST = f"eval_{METRIC}"


def run(
    plan: Plan,
    folder: Path,
    recorder: Recorder,
    should_stop: Callable[[], bool],
    start: Start = Start(),  # noqa: B008 - frozen
) -> None:
    """Carry out a plan: leaves ``checkpoints/`` and ``model/`` in the job's folder."""
    transformers.set_seed(int(plan.value("train.seed")))
    recorder.log(say("embed.preparing"))
    train = planned_pairs(plan.train, "train")
    watched = planned_pairs(plan.eval, "eval") if plan.eval else None

    recorder.log(say("sft.loading", model=plan.model, dtype=plan.dtype.value))
    encoder = encoder_of(plan)
    rows = rows_of(train, encoder)
    groups = groups_of(rows, by_passage=bool(plan.value("embed.group_passages")))
    held_out = held_out_rows(encoder, watched, plan) if watched else None

    learner = learner_of(encoder, rows, plan)
    if sharding.wanted(plan):
        recorder.log(say("team.split_loaded", workers=here().size))
        split(encoder, plan.device.value)
    checkpoint = begin_from(start, lambda place: load_weights(learner, place))
    cut = fast_pass(learner, rows, plan, recorder, start)

    trainer = EmbedTrainer(
        model=learner,
        args=arguments(plan, folder / CHECKPOINTS, updates(plan, len(groups)), BEST, greater=True),
        train_dataset=groups,
        eval_dataset=[None] if held_out else None,
        data_collator=lambda chosen: {"rows": chosen},
        callbacks=callbacks(plan, recorder, should_stop),
        cut=cut,
        new_rate=float(plan.value("embed.new_learning_rate")),
        judge=lambda now: held_out.metrics(learner, now) if held_out else {},
        seed=int(plan.value("train.seed")),
        contract=contract(plan),
        on_cut=lambda now, error: tell_smaller(recorder, now, error),
    )
    trainer.remove_callback(PrinterCallback)  # the recorder says it better
    told = facts(plan, learner.loss, rows, groups, held_out)
    recorder.start(**told, **going_on(start, checkpoint, recorder))
    if held_out and checkpoint is None:
        found = held_out.metrics(learner, cut)
        recorder.eval(0, 0.0, **{f"eval_{name}": value for name, value in found.items()})
    trainer.train(resume_from_checkpoint=resumed(start))
    written = save_encoder(encoder)
    if trainer.team.leads:
        save(written, folder / MODEL)


def encoder_of(plan: Plan) -> Encoder:
    """The plan's encoder, with a new head where the plan has one."""
    head = None
    if plan.value("embed.head") == "gaussian":
        dim, variance = int(plan.value("embed.head_dim")), plan.value("embed.variance")
        head = Head(dim=dim, variance=variance)
    length = int(plan.value("train.max_length"))
    # Weights stay in float32; bfloat16 is what products are computed in.
    return load_encoder(plan.model, head=head, device=plan.device.value, max_length=length)


def split(encoder: Encoder, device: str) -> None:
    """Let the workers hold the encoder together, and pass one token through it: what is gathered
    into is made by the first pass, and one of an evaluation would make it of no use for training.
    """
    sharding.split(encoder.transformer, device)
    with torch.no_grad():
        encoder(*encoder.pad([[encoder.padding_id]]))
    sharding.let_go(encoder)


def held_out_rows(encoder: Encoder, watched: PairSet, plan: Plan) -> HeldOut:
    """The held-out queries in tokens."""
    rows, batch = rows_of(watched, encoder), int(plan.value("train.batch_size"))
    return HeldOut(watched, rows, batch, plan.value("embed.score"))


def learner_of(encoder: Encoder, rows: Sequence[Row], plan: Plan) -> Learner:
    """Encoder and loss to be trained: quick dropout, and no more of the word table than occurs."""
    chance = Chance()
    quicken(encoder.transformer, chance)
    if plan.value("train.weight_decay") == 0:
        texts = (text for row in rows for text in (row.query, *row.trained, *row.negatives))
        trim(encoder, {token for text in texts for token in text})
    return Learner(encoder, loss_of(plan).to(plan.device.value), chance)


def loss_of(plan: Plan) -> Loss:
    """The plan's loss."""
    value = plan.value
    options: dict[str, Any] = {
        "scale": float(value("embed.scale")),
        "learn_scale": bool(value("embed.learn_scale")),
    }
    if value("embed.loss") != "csd":
        options["score"] = value("embed.score")
    if value("embed.loss") != "info-nce":
        options["bias"] = float(value("embed.bias"))
        options["neg_ratio"] = int(value("embed.neg_ratio"))
    return losses.get(value("embed.loss"))(**options)


def fast_pass(
    learner: Learner, rows: Sequence[Row], plan: Plan, recorder: Recorder, start: Start
) -> Cut:
    """The quickest pass that agrees with the plain one on the first rows: one line of tokens, or
    padded chunks. What is left out is logged with the difference that was measured."""
    cut = Cut(start.max_tokens or int(plan.facts["max_tokens"]), recompute=start.recompute)
    if can_line(learner.encoder):
        found = here().told(compare(learner, rows[:4], cut))
        if found.within(TOLERANCE["float32"]):
            recorder.log(say("embed.line", difference=found.gradient))
            return cut
        told = {"loss": found.loss, "gradient": found.gradient}
        recorder.log(say("embed.not_equal", **told), level="warning")
    return Cut(cut.max_tokens, line=False, recompute=cut.recompute)


def tell_smaller(recorder: Recorder, now: Cut, error: BaseException) -> None:
    """An update did not fit: what is done about it, for people and for a later process life."""
    text = str(error).strip().split("\n")[0][:200]
    told = say("embed.smaller", tokens=now.max_tokens, error=text)
    recorder.alert(told, max_tokens=now.max_tokens, recompute=now.recompute)


def updates(plan: Plan, groups: int) -> int:
    """Updates of the whole run. groups: what is dealt to updates."""
    a_pass = math.ceil(groups / int(plan.value("train.batch_size")))
    return math.ceil(a_pass * float(plan.value("train.num_epochs")))


def facts(
    plan: Plan,
    loss: Loss,
    rows: Sequence[Row],
    groups: Sequence[Group],
    held_out: HeldOut | None,
) -> dict[str, Any]:
    """What the record should know of the run: what rules and readers ask for."""
    batch = int(plan.value("train.batch_size"))
    told: dict[str, Any] = {
        "recipe": plan.recipe,
        "model": plan.model,
        "rows": len(rows),
        "groups": len(groups),
        "eval_rows": plan.eval.rows if plan.eval else 0,
        "updates": plan.prediction.updates,
        "epochs": plan.value("train.num_epochs"),
        "batch_size": batch,
        "learning_rate": plan.value("train.learning_rate"),
        "loss": plan.value("embed.loss"),
        "loss_kind": loss.kind,
        "score": plan.value("embed.score"),
        "negatives": 0,
        **loss.facts(),
    }
    if loss.kind == "logistic":
        told["negatives"] = int(plan.value("embed.neg_ratio"))
    else:
        told["candidates"] = batch
        told["negatives"] = max(len(row.negatives) for row in rows)
    if held_out is not None:
        told["eval_candidates"] = len(held_out.pairs.passages)
        told["eval_batch_size"] = batch
    return told


def save(written: Callable[[Path], None], folder: Path) -> None:
    """Write the model (of the best evaluation where there is one) by what writes it; what an
    earlier life of this run left there makes room at the last moment."""
    staged = folder.with_name(f".{folder.name}")
    shutil.rmtree(staged, ignore_errors=True)
    written(staged)
    shutil.rmtree(folder, ignore_errors=True)
    staged.rename(folder)
