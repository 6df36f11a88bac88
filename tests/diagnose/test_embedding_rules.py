"""Embedding models trained for real: each fault is named, and healthy runs draw no alarm."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from toy_embeddings import QUESTIONS, ROWS, Toys, record

from huohou.diagnose.case import Case
from huohou.diagnose.engine import diagnose
from huohou.diagnose.examples import run
from huohou.diagnose.rules.scale_only import ERRORS, EVALS, TRAIN
from huohou.measure.reference import softplus
from huohou.record.record import Figure, Record

CODES = {
    *("embedding-collapse", "scale-only", "positives-only-eval", "metric-meaningless"),
    *("below-chance", "at-chance", "hinge-floor", "temperature-off", "trained-on-eval"),
}
RUNS = 16
FOUND = 0.9
# Some exchanged pairs are of one topic by chance, and something is learnt.
LESS = {"at-chance": 0.6}
# Why a loss sits at its margin is said where that can be seen.
WHY = {"hinge-floor": "embedding-collapse"}
IN_BATCH = {"loss_kind": "in-batch", "negatives": 0}
MARGIN = {"loss_kind": "margin", "margin": 0.2, "candidates": 2}
POSITIVES = {"loss_kind": "logistic", "eval_positives_only": True, "negatives": 5}

Prepare = Callable[[Toys], object]


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def trained(
    *,
    seed: int,
    batch: int = 16,
    steps: int = 160,
    warm: int = 0,
    noise: tuple[float, float] = (0.3, 1.2),
    rate: tuple[float, float] = (2e-3, 1e-2),
    scale: tuple[float, float] = (14.0, 50.0),
    prepare: Prepare = lambda toys: None,
    **settings: Any,
) -> list[dict[str, list[float]]]:
    """Logs of as many runs, each with settings drawn from these ranges."""
    random = torch.Generator().manual_seed(seed)

    def draw(low: float, high: float) -> Tensor:
        if low == 0:
            return torch.zeros(RUNS)
        return low * (high / low) ** torch.rand(RUNS, generator=random)

    toys = Toys(RUNS, batch, seed, draw(*noise), warm)
    prepare(toys)
    return toys.fit(steps, draw(*rate), draw(*scale), **settings)


def named(logs: list[dict[str, list[float]]], facts: Mapping[str, Any]) -> list[set[str]]:
    """Codes of warnings and errors; every second log says what its evaluation ranked among."""
    found = []
    for i, log in enumerate(logs):
        more = {"eval_rows": QUESTIONS, "eval_candidates": QUESTIONS} if i % 2 else {}
        result = diagnose(record(log, **{**facts, **more}))
        found.append({f.code for f in result.findings if f.severity != "info"})
    return found


def exchange(toys: Toys) -> None:
    """Right answers go to other questions."""
    order = torch.randperm(ROWS, generator=toys.random)
    toys.train[1] = toys.train[1][:, order]


def flatten(toys: Toys) -> None:
    """All texts get all but the same vector."""
    toys.layers[1].mul_(1e-3)
    toys.layers[2].fill_(1.0)


HEALTHY: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"batch": 8, "seed": 1}, IN_BATCH),
    ({"batch": 16, "seed": 2}, IN_BATCH),
    ({"batch": 32, "seed": 3}, {"loss_kind": "in-batch"}),
    ({"batch": 16, "seed": 4, "warm": 60, "rate": (3e-4, 3e-3)}, IN_BATCH),
    ({"batch": 16, "seed": 5, "loss": "margin"}, MARGIN),
    ({"batch": 16, "seed": 6, "prepare": flatten}, IN_BATCH),
    ({"batch": 16, "seed": 7, "scale_rate": 0.01}, {}),
]


@pytest.mark.parametrize(("made", "facts"), HEALTHY)
def test_healthy_runs_draw_no_alarm(made: dict[str, Any], facts: dict[str, Any]) -> None:
    found = named(trained(**made), {"batch_size": made["batch"], **facts})
    assert [codes & CODES for codes in found if codes & CODES] == []


TIMID, LOUD = (0.3, 1.5), (250.0, 2500.0)

GROWING = {"rate": (0, 0), "warm": 80, "scale": (2, 4), "scale_rate": 0.05, "noise": (0.3, 0.6)}

FAULTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("at-chance", {"prepare": exchange, "steps": 240}, IN_BATCH | {"eval_batch_size": 16}),
    ("embedding-collapse", {"prepare": flatten, "rate": (1e-7, 1e-6), "noise": (9.0, 20.0)}, {}),
    ("embedding-collapse", {"loss": "positives", "scale": (1, 1.001), "steps": 400}, POSITIVES),
    ("scale-only", GROWING, IN_BATCH),
    ("hinge-floor", {"loss": "margin", "prepare": flatten, "rate": (1e-7, 1e-6)}, MARGIN),
    ("positives-only-eval", {"loss": "positives", "scale": (1, 1.001)}, POSITIVES),
    (
        "metric-meaningless",
        {"loss": "positives", "scale": (1, 1.001), "scale_rate": 0.02},
        {"loss_kind": "logistic"},
    ),
]


@pytest.mark.parametrize(("code", "made", "facts"), FAULTS)
def test_faults_are_named(code: str, made: dict[str, Any], facts: dict[str, Any]) -> None:
    facts = {"batch_size": 16, **({} if "loss_kind" in facts else IN_BATCH), **facts}
    if code == "embedding-collapse" and "loss" in made:
        facts["scale"] = 1.0
    found = named(trained(seed=11, **made), facts)
    meant = {code, WHY.get(code, code)}
    assert sum(bool(meant & set(codes)) for codes in found) >= LESS.get(code, FOUND) * RUNS, found


@pytest.mark.parametrize(("scale", "warm"), [(TIMID, 0), (TIMID, 80), (LOUD, 80)])
def test_a_scale_that_is_off_shows_in_loss_and_ranking(
    scale: tuple[float, float], warm: int
) -> None:
    """Without the setting: by what the ranking needs. With it: at once."""
    rate = (3e-4, 3e-3) if warm else (2e-3, 1e-2)
    logs = trained(seed=21, batch=32, scale=scale, warm=warm, rate=rate, noise=(0.3, 0.8))
    known = {"batch_size": 32, **IN_BATCH, "eval_candidates": QUESTIONS}
    by_loss = [diagnose(record(log, **known)) for log in logs]
    hits = sum("temperature-off" in {f.code for f in result.findings} for result in by_loss)
    assert hits >= (0.9 if scale == TIMID else 0.5) * RUNS
    told = diagnose(record(logs[0], **known, scale=sum(scale) / 2))
    assert "temperature-off" in {f.code for f in told.findings}


def document(
    train: list[float], evals: list[float], errors: tuple[Figure, ...], **facts: Any
) -> Record:
    made = run(loss=train, evals=evals, epochs=len(train), facts=facts)
    return Record(made.source, made.series, made.facts, figures=errors)


def codes_of(made: Record) -> set[str]:
    return {finding.code for finding in diagnose(made).findings}


def test_document_000_follows_from_its_numbers() -> None:
    facts = {"eval_positives_only": True, "negatives": 5}
    found = codes_of(document(TRAIN, EVALS, ERRORS, **facts))
    assert {"scale-only", "positives-only-eval", "metric-meaningless"} <= found
    assert "overfit" not in found
    # What no single scale explains: training losses off the path, errors that are no (s-1)².
    off = [value * part for value, part in zip(TRAIN, (1, 1.06, 1.02, 1.08, 1.05), strict=True)]
    spread = (Figure("mse", 2.9, "2.9"), Figure("mae", 1.5, "1.5"))
    assert "scale-only" not in codes_of(document(off, EVALS, spread, **facts))
    assert not codes_of(document(off, EVALS, spread)) & CODES


@given(
    first=st.floats(0.5, 2.0),
    growth=st.floats(0.5, 3.0),
    bend=st.floats(0.1, 2.0),
    epochs=st.integers(5, 9),
    gaps=st.lists(st.floats(0.02, 0.3), min_size=9, max_size=9),
)
def test_a_scale_that_grows_is_found_and_negatives_that_act_are_not(
    first: float, growth: float, bend: float, epochs: int, gaps: list[float]
) -> None:
    def loss(t: float) -> float:
        part = (1 - math.exp(-bend * t / epochs)) / (1 - math.exp(-bend))
        return softplus(-first - growth * part)

    evals = [round(loss(k), 5) for k in range(1, epochs + 1)]
    train = [round(sum(loss(k + i / 50) for i in range(51)) / 51, 5) for k in range(epochs)]
    facts = {"eval_positives_only": True, "negatives": 5}
    assert "scale-only" in codes_of(document(train, evals, (), **facts))
    acting = [value * (1 + gap) for value, gap in zip(train, gaps, strict=False)]
    assert "scale-only" not in codes_of(document(acting, evals, (), **facts))
    assert not codes_of(document(train, evals, ())) & CODES


def ranking(hits: int, n: int, k: int, candidates: int, when: str = "") -> Record:
    figure = Figure(f"accuracy@{k}", hits / n, f"{hits}/{n}", None, hits, n, when)
    return Record({"path": "x"}, {}, {"candidates": candidates}, figures=(figure,))


@given(st.integers(2, 12), st.integers(20, 400), st.data())
def test_no_count_is_both_below_and_above_chance(k: int, n: int, data: st.DataObject) -> None:
    candidates = data.draw(st.integers(k + 1, 4 * k))
    hits = data.draw(st.integers(0, n))
    found = codes_of(ranking(hits, n, k, candidates)) & {"below-chance", "at-chance"}
    assert len(found) <= 1
    spread = math.sqrt(n * k / candidates * (1 - k / candidates))
    if hits >= n * k / candidates:
        assert "below-chance" not in found
    if hits > n * k / candidates + 4 * spread + 4:
        assert not found


def test_document_001_is_below_chance() -> None:
    result = diagnose(ranking(15, 50, 3, 6, "before"))
    (finding,) = [f for f in result.findings if f.code == "below-chance"]
    assert "0.0033" in finding.title
    assert "below-chance" not in codes_of(ranking(28, 50, 3, 6, "before"))


@pytest.mark.parametrize("constant", [math.log(32), softplus(-1.0), 0.1])
def test_language_models_are_not_judged_as_embeddings(constant: float) -> None:
    noisy = [constant * (1 + 0.003 * (-1) ** i) for i in range(30)]
    made = run(loss=noisy, evals=[constant] * 5, facts={"batch_size": 32, "scale": 1.0})
    assert not Case(made).embedding
    assert not codes_of(made) & CODES


STRANGE = st.one_of(
    st.integers(-3, 10**9), st.floats(), st.booleans(), st.none(), st.sampled_from(["", "20"])
)
KINDS = st.sampled_from(["in-batch", "margin", "logistic", "cross-entropy", 3])
TOLD = st.fixed_dictionaries(
    {},
    optional={
        "loss_kind": KINDS,
        "eval_positives_only": st.booleans(),
        "hard_cases": st.dictionaries(st.sampled_from(["count", "of", "trained"]), STRANGE)
        | STRANGE,
        **{
            name: STRANGE
            for name in (
                *("batch_size", "eval_batch_size", "candidates", "eval_candidates", "eval_rows"),
                *("negatives", "margin", "scale", "pairs"),
            )
        },
    },
)
NAMES = (
    *(
        "loss",
        "eval_loss",
        "eval_mse",
        "eval_rmse",
        "eval_mae",
        "logit_scale",
        "pos_sim",
        "neg_sim",
    ),
    *("eval_cosine_accuracy@1", "eval_dev_cosine_ndcg@10", "eval_cosine_accuracy"),
    *("eval_spearman_cosine", "eval_cosine_accuracy@0", "eval_recall@999999"),
)
VALUES = st.floats() | st.floats(0, 4) | st.sampled_from([0.0, 0.3133, 0.1, 2.0794])
FIGURES = st.builds(
    Figure,
    st.sampled_from(["mse", "mae", "accuracy@3", "mrr@10", "accuracy"]),
    VALUES,
    st.sampled_from(["", "2.3", "30%", "15/50", "?"]),
    count=st.none() | st.integers(-2, 60),
    of=st.none() | st.integers(-2, 60),
    when=st.sampled_from(["", "before", "after"]),
)


@given(
    TOLD,
    st.dictionaries(st.sampled_from(NAMES), st.lists(VALUES, min_size=1, max_size=15), max_size=4),
    st.lists(FIGURES, max_size=3),
)
def test_whatever_is_told_is_answered(
    told: dict[str, Any], series: dict[str, list[float]], figures: list[Figure]
) -> None:
    made = run(more=series, facts=told)
    other = Record({"path": "y"}, made.series)
    whole = Record({"path": "x"}, made.series, told, figures=tuple(figures), others=(other,))
    assert json.dumps(diagnose(whole).as_dict(), allow_nan=False)
