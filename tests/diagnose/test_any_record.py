"""Whatever a log holds, the doctor answers: no rule fails, and what it says can be written down."""

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from huohou.diagnose.engine import diagnose
from huohou.record.record import Point, Record

NAMES = (
    *("loss", "eval_loss", "learning_rate", "grad_norm", "eval_accuracy", "accuracy"),
    *("reward", "rewards/chosen", "eval_bank_loss", "num_tokens", "eval_points"),
)
PLAIN = st.floats(0, 10) | st.sampled_from([0.0, 0.6931, 1.5])
ANY = PLAIN | st.floats()
BROKEN = st.sampled_from([float("nan"), float("inf"), 0.0])


@st.composite
def points(draw: st.DrawFn) -> tuple[Point, ...]:
    most = draw(st.sampled_from([10, 40, 80]))
    values = draw(st.lists(draw(st.sampled_from([PLAIN, ANY, BROKEN])), max_size=most))
    lives = sorted(draw(st.lists(st.integers(0, 2), min_size=len(values), max_size=len(values))))
    stepped, passed, timed = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    return tuple(
        Point(
            v,
            i if stepped else None,
            i / 4 if passed else None,
            9.0 * i if timed else None,
            seg,
            i + 1,
        )
        for i, (v, seg) in enumerate(zip(values, lives, strict=True))
    )


FACTS = st.fixed_dictionaries(
    {},
    optional={
        "max_steps": st.integers(0, 1000),
        "finished": st.booleans(),
        "checkpoints": st.lists(st.integers(0, 40), max_size=3),
        "vocabulary": st.integers(1, 300_000),
        "best_step": st.integers(0, 40),
        "crash": st.text(max_size=20),
        "state": st.sampled_from(["running", "failed", "stopped", "completed"]),
        "learning_rate": st.floats(),
        "lora_rank": st.integers(0, 64),
        "gradient_accumulation": st.integers(0, 8),
        "warmup_steps": st.integers(0, 1000),
        "eval_strategy": st.sampled_from(["no", "steps", "epoch", "IntervalStrategy.STEPS"]),
        "eval_steps": st.floats(0, 1000),
        "eval_rows": st.integers(0, 3),
        "dtype": st.sampled_from(["fp16", "bf16", "fp32"]),
    },
)


def course(values: Sequence[float], *places: int) -> tuple[Point, ...]:
    """Points at these steps; at none where there are none."""
    steps = places or [None] * len(values)
    return tuple(Point(v, s) for v, s in zip(values, steps, strict=True))


# A rate that drops at once, and a loss whose lines before it all say step 0.
DROPPED = {
    "learning_rate": course([1e-4] * 4 + [1e-6] * 36, *[0] * 4, *range(4, 40)),
    "loss": course([3 - i / 50 for i in range(40)], *[0] * 4, *range(4, 40)),
    "eval_loss": course([3 - i / 10 for i in range(9)], *range(4, 40, 4)),
}
# Evaluations of which none says its step, most like the one before.
STANDING = {
    "eval_loss": course([1.2345] * 4 + [1.1111] * 4 + [1.3333] * 4),
    "learning_rate": course([1e-4] * 40),
    "loss": course([2 - i / 40 for i in range(40)]),
}

FALLS = [2 - i / 40 for i in range(40)]
ODD: dict[str, tuple[dict[str, tuple[Point, ...]], dict[str, Any]]] = {
    "all rates at one step": ({"learning_rate": course(FALLS, *[0] * 40)}, {}),
    "a loss that leaps beyond all measure": (
        {"loss": course([2.0] * 9 + [5e-324] * 30 + [2.0, 2.0, *FALLS], *range(81))},
        {"dtype": "fp16"},
    ),
    "a loss of next to nothing": (
        {"loss": course([3.45, 3.4, *[5e-324] * 3, *[3.4] * 25], *range(30))},
        {"loss_kind": "in-batch", "batch_size": 32},
    ),
    "ended early without a loss": (
        {"loss": course([math.inf] * 10, *range(10)), "learning_rate": course([1e-4] * 40)},
        {"finished": True, "max_steps": 400},
    ),
    "an error below 0": (
        {"eval_mse": course([-1.0] * 9), "eval_loss": course([0.9**i for i in range(40)])},
        {"loss_kind": "logistic"},
    ),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_odd_is_answered(odd: str) -> None:
    series, facts = ODD[odd]
    assert json.dumps(diagnose(Record({"path": "x"}, series, facts)).as_dict(), allow_nan=False)


@settings(max_examples=100, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(series=st.dictionaries(st.sampled_from(NAMES), points(), max_size=5), facts=FACTS)
@example(
    series={"loss": tuple(Point(1.0, seg=i // 8, line=i + 1) for i in range(16))}, facts={}
)  # a resume, and no line says its step
@example(series=DROPPED, facts={})
@example(series=STANDING, facts={})
@example(series={"eval_points": (Point(float("inf"), 1, None, None, 0, 1),)}, facts={})
def test_any_record_is_answered(series: dict[str, tuple[Point, ...]], facts: dict) -> None:
    result = diagnose(Record({"path": "x"}, series, facts))
    assert json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert (result.verdict == "cannot-judge") == bool(result.needs)
    severities = {finding.severity for finding in result.findings}
    if result.verdict == "healthy":
        assert severities <= {"info"}
    if result.verdict == "faulty":
        assert "error" in severities
