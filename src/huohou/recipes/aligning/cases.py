"""Hard cases: built from the training questions, ranked by stage 1, those it ranks wrong kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from huohou.data.pairs import PairSet
from huohou.errors import RunFailedError
from huohou.models.cache import cache_folder
from huohou.probe.embeddings import both_sides
from huohou.probe.mine import minable, mine
from huohou.probe.mined import MineOptions
from huohou.recipes.aligning import files, ranked
from huohou.recipes.aligning.construct import Construction, construct, trainable
from huohou.recipes.aligning.corpus import Corpus
from huohou.recipes.aligning.heldout import HeldOut
from huohou.recipes.aligning.ranked import Scores
from huohou.recipes.aligning.stage import Stage
from huohou.recipes.embedding.table import whole
from huohou.text import say


@dataclass(frozen=True, slots=True)
class Cases:
    """built: candidates of all training questions; hard: those that stage 1 ranks wrong;
    coverage: share of the scores that came from entities."""

    built: Construction
    hard: Construction
    coverage: float


def hard_cases(stage: Stage, corpus: Corpus) -> Cases:
    """Build, rank, and keep what is ranked wrong; leaves the three files of document 001.

    A later process life reads its files back: the model it goes on with has changed. Raises
    RunFailedError where there is no hard case: stage 2 has nothing to learn.
    """
    built = constructed(stage, corpus)
    path = stage.folder / files.HARD
    if path.is_file():
        hard = files.read_samples(path, built.asked)
        return Cases(built, hard, files.coverage_of(stage.folder / files.EVALUATION))
    scores, covered = corpus.candidates(stage.encoder, built.samples)
    top_k = stage.number("align.top_k")
    document = evaluation(stage, built, scores, covered, "before")
    files.write_document(stage.folder / files.EVALUATION, document)
    outside = ranked.hard(scores, top_k)
    chosen = [sample for sample, is_hard in zip(built.samples, outside, strict=True) if is_hard]
    told = {"count": len(chosen), "of": len(built.samples), "k": top_k}
    stage.recorder.log(say("align.hard", **told))
    if not chosen:
        raise RunFailedError("align.no_hard", **told)
    questions = corpus.questions
    rows = (
        files.sample_row(corpus.pairs, questions, sample) | {"scores": own.tolist()}
        for sample, own, is_hard in zip(built.samples, scores, outside, strict=True)
        if is_hard
    )
    files.write_lines(path, rows)
    hard = Construction(tuple(chosen), built.negatives, built.asked, 0)
    return Cases(built, hard, covered)


def constructed(stage: Stage, corpus: Corpus) -> Construction:
    """Candidates of every training question; those of an earlier life where there are."""
    path, asked = stage.folder / files.CONSTRUCTED, stage.number("align.negatives")
    if path.is_file():
        return files.read_samples(path, asked)
    named = mined(stage, corpus.pairs) if stage.plan.value("align.draw") == "mined" else None
    drawable, seed = trainable(corpus.pairs), stage.number("train.seed")
    built = construct(corpus.pairs, asked, seed, drawable=drawable, mined=named)
    told = built.counted() | {"negatives": built.negatives, "n": len(built.samples)}
    stage.recorder.log(say("align.constructed", **told))
    if built.negatives < asked:
        stage.recorder.alert(say("align.fewer", asked=asked, there=built.negatives))
    if built.dropped:
        stage.recorder.alert(say("align.dropped", count=built.dropped))
    questions = corpus.questions
    rows = (files.sample_row(corpus.pairs, questions, one) for one in built.samples)
    files.write_lines(path, rows)
    return built


def mined(stage: Stage, pairs: PairSet) -> dict[str, tuple[str, ...]]:
    """Hard negatives of each question by stage 1's own search, in what may be trained on.

    Passages that may answer the question as well are left out (``probe/mine.py``), those that only
    score higher than the ground truth are not: to rank these lower is what stage 2 learns. The
    best that are left are taken, so that a question is hard among its candidates where it is hard
    in the whole corpus.
    """
    asked, seed = stage.number("align.negatives"), stage.number("train.seed")
    closest = float(stage.plan.value("align.closest"))
    best = (1, asked)
    options = MineOptions(asked, best, "hardest", relative=closest, relax_to=closest, seed=seed)
    queries, passages = both_sides(stage.encoder, cache_folder() / "embeddings")
    answering = passages.of([pairs.passages[place].text for place in minable(pairs)])
    asking = queries.of([query.text for query in pairs.queries], "query")
    found = mine(pairs, asking, answering, options)
    for note in found.notes:
        stage.recorder.log(note)
    return found.negatives()


def evaluation(
    stage: Stage, built: Construction, scores: Scores, covered: float, when: str
) -> dict[str, Any]:
    """How a model ranks the candidates of the training questions: in a table, and one by one.

    when: "before" stage 2 was trained on them, or "after": then every number is marked.
    """
    top_k = stage.number("align.top_k")
    trained = {"trained_on_eval": when == "after"}
    outside, order = ranked.hard(scores, top_k), ranked.in_order(scores)
    results = [
        _result(sample.candidates, own)
        | {"id": sample.query, "hard": bool(outside[i]), "in_order": float(order[i])}
        | trained
        for i, (sample, own) in enumerate(zip(built.samples, scores, strict=True))
    ]
    with whole(stage.encoder):
        fingerprint = stage.encoder.fingerprint
    count = {"k": top_k, "count": int(outside.sum()), "of": len(outside)}
    return {
        "schema": 1,
        "when": when,
        "of": "train",
        **trained,
        "model": stage.encoder.name,
        "fingerprint": fingerprint,
        "score": stage.score,
        "entity_coverage": covered,
        "candidates": built.negatives + 1,
        "top_k": ranked.table(scores, trained_on_eval=trained["trained_on_eval"]),
        "hard_cases": count | trained,
        "results": results,
    }


def _result(candidates: Sequence[str], scores: Scores) -> dict[str, Any]:
    best_first = np.argsort(-scores, kind="stable")
    return {
        "ground_truth": candidates[0],
        "ranking": [candidates[k] for k in best_first],
        "scores": [float(scores[k]) for k in best_first],
    }


def held_out(stage: Stage, watched: PairSet, trained_on: int) -> HeldOut:
    """The questions that decide, with candidates from everywhere. trained_on: see ``HeldOut``."""
    asked, seed = stage.number("align.negatives"), stage.number("train.seed")
    everywhere = [passage.id for passage in watched.passages]
    built = construct(watched, asked, seed, drawable=everywhere)
    return HeldOut(stage.corpus(watched), built, stage.objective, trained_on)
