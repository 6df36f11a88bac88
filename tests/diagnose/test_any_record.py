"""Whatever a log holds, the doctor answers: no rule fails, and what it says can be written down."""

import json

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from huohou.diagnose.engine import diagnose
from huohou.record.record import Point, Record

NAMES = (
    *("loss", "eval_loss", "learning_rate", "grad_norm", "eval_accuracy", "accuracy"),
    *("reward", "rewards/chosen", "eval_bank_loss"),
)
PLAIN = st.floats(0, 10) | st.sampled_from([0.0, 0.6931, 1.5])
ANY = PLAIN | st.floats()


@st.composite
def points(draw: st.DrawFn) -> tuple[Point, ...]:
    values = draw(st.lists(draw(st.sampled_from([PLAIN, ANY])), max_size=40))
    lives = sorted(draw(st.lists(st.integers(0, 2), min_size=len(values), max_size=len(values))))
    stepped, passed = draw(st.booleans()), draw(st.booleans())
    return tuple(
        Point(v, i if stepped else None, i / 4 if passed else None, None, seg, i + 1)
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
    },
)


@settings(max_examples=100, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(series=st.dictionaries(st.sampled_from(NAMES), points(), max_size=5), facts=FACTS)
def test_any_record_is_answered(series: dict[str, tuple[Point, ...]], facts: dict) -> None:
    result = diagnose(Record({"path": "x"}, series, facts))
    assert json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert (result.verdict == "cannot-judge") == bool(result.needs)
    severities = {finding.severity for finding in result.findings}
    if result.verdict == "healthy":
        assert severities <= {"info"}
    if result.verdict == "faulty":
        assert "error" in severities
