"""What became of it: the best model of stage 2, and which model is the result."""

import shutil
from pathlib import Path

from huohou.models.encoder import Encoder
from huohou.recipes.aligning import files
from huohou.recipes.aligning.blend import interpolate
from huohou.recipes.aligning.cases import Cases, evaluation
from huohou.recipes.aligning.corpus import Corpus
from huohou.recipes.aligning.heldout import METRIC, HeldOut, Seen, values_of
from huohou.recipes.aligning.release import Chosen, Decision, decide
from huohou.recipes.aligning.stage import Stage, stage_one
from huohou.recipes.embedding.table import whole
from huohou.text import say


def conclude(
    stage: Stage, held_out: HeldOut | None, before: Seen | None, evaluations: int
) -> Decision:
    """Keep the best of stage 2, blend it where asked, decide, and write the result.

    evaluations: how many states of the model the best was picked from by the held-out questions.
    """
    save(stage.encoder, stage.folder / files.BEST)
    named = blended(stage)
    decision = decide(METRIC, (), ())
    if held_out is not None and before is not None:
        after = held_out.look(stage.encoder)
        document = held_out.document(before, after, named)
        files.write_document(stage.folder / files.HELD_OUT, document)
        decision = decide(
            METRIC,
            values_of(before),
            values_of(after),
            held_out.groups,
            among=evaluations,
            trained_on_eval=bool(held_out.trained_on),
            candidate=named,
        )
    result = stage.encoder if decision.chosen != "stage1" else stage_one(stage.plan)
    save(result, stage.folder / files.MODEL)
    told = {"schema": 1, **decision.as_dict(), "blend": stage.plan.value("align.blend")}
    with whole(result):
        told |= {"stage1": stage.plan.model, "fingerprint": result.fingerprint}
    words = sentence(decision)
    files.write_document(stage.folder / files.RELEASE, told | {"said": words})
    if decision.reason == "better":
        stage.recorder.log(words)
    else:
        stage.recorder.alert(words)
    return decision


def blended(stage: Stage) -> Chosen:
    """Mix the weights of both stages in place where the plan asks for it; what it then is."""
    part = stage.plan.value("align.blend")
    if part is None:
        return "stage2"
    first = stage_one(stage.plan).state_dict()
    with whole(stage.encoder):
        mixed = interpolate(first, stage.encoder.state_dict(), float(part))
        stage.encoder.load_state_dict(mixed)
    return "blend"


def sentence(decision: Decision) -> str:
    """The decision in words."""
    told = {"metric": decision.metric, "queries": decision.queries, "among": decision.among}
    for name in ("before", "after"):
        told[name] = _number(getattr(decision, name), "")
    for name in ("difference", "low", "high"):
        told[name] = _number(getattr(decision, name), "+")
    name = say(f"release.chosen.{decision.chosen}")
    return say(f"release.{decision.reason}", chosen=name, **told)


def _number(value: float | None, sign: str) -> str:
    return "-" if value is None else f"{value:{sign}.3f}"


def once_more(stage: Stage, corpus: Corpus, cases: Cases) -> None:
    """Forced: the training questions after training, as document 001 does, every number marked."""
    scores, covered = corpus.candidates(stage.encoder, cases.built.samples)
    document = evaluation(stage, cases.built, scores, covered, "after")
    files.write_document(stage.folder / files.EVALUATION_AFTER, document)


def save(encoder: Encoder, folder: Path) -> None:
    """Write a model; one that this run wrote before makes room at the last moment."""
    staged = folder.with_name(f".{folder.name}")
    shutil.rmtree(staged, ignore_errors=True)
    with whole(encoder):
        encoder.save(staged)
    shutil.rmtree(folder, ignore_errors=True)
    staged.rename(folder)
