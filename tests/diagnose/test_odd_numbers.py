"""A log with numbers that none can be is read and judged, or refused in words: never an error."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from huohou.diagnose.engine import diagnose
from huohou.errors import HuohouError
from huohou.record.readers import read

SAMPLES = Path(__file__).parents[2] / "docs" / "samples"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
NAMED = re.compile(r"([A-Za-z_]+)\"?\s*[:=]\s*(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)")
ODD = ("NaN", "Infinity", "-Infinity", "inf", "1e308", "-1e308", "1e-320", "1e999", "9" * 25)
ODD += ("-1", "0", "0.5", "null", '"x"', "[]", "true")
LINES = [
    {"current_steps": 10 * n, "total_steps": 400, "loss": 2.5 - n / 20, "lr": 1e-4, "epoch": n / 10}
    | {"elapsed_time": f"0:0{n % 6}:10", "eval_loss": 2.4 - n / 30}
    for n in range(1, 41)
]


def logs() -> Iterator[tuple[str, str]]:
    """Names and texts of the samples, and of two formats that have none."""
    for path in sorted((SAMPLES / "reports").iterdir()):
        yield path.name, path.read_text(encoding="utf-8")
    yield "trainer_state.json", (SAMPLES / "triage" / "trainer_state.json").read_text()
    yield "trainer_log.jsonl", "".join(json.dumps(line) + "\n" for line in LINES)
    table = [["step", "epoch", "loss", "val_loss", "lr", "time"]]
    table += [[n, n / 9, 3 - n / 30, 3 - n / 40, 1e-3, 7.5 * n] for n in range(1, 60)]
    yield "log.csv", "".join(",".join(map(str, row)) + "\n" for row in table)


LOGS = dict(logs())


def judged(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    try:
        diagnose(read(path))
    except HuohouError as error:
        assert str(error)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(sorted(LOGS)), st.data())
def test_some_numbers_are_odd(tmp_path: Path, name: str, data: st.DataObject) -> None:
    text = LOGS[name]
    count = len(NUMBER.findall(text))
    places = st.integers(0, count - 1) | st.integers(0, 12) | st.integers(-12, -1)
    which = {n % count for n in data.draw(st.sets(places, min_size=1, max_size=12))}
    odd = data.draw(st.lists(st.sampled_from(ODD), min_size=len(which), max_size=len(which)))
    there, at = dict(zip(sorted(which), odd, strict=True)), iter(range(count))
    judged(tmp_path, name, NUMBER.sub(lambda found: there.get(next(at), found[0]), text))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(sorted(LOGS)), st.integers(0, 40), st.sampled_from(ODD))
@example("trainer_log.jsonl", 0, "1e308")  # steps
@example("trainer_log.jsonl", 4, "Infinity")  # passes
@example("trainer_log.jsonl", 4, "1e-320")
@example("trainer_state.json", 3, "Infinity")
@example("trainer_state.json", 3, "9" * 25)
@example("ranking.zh.txt", 5, "1e-320")
def test_all_numbers_of_a_name_are_odd(tmp_path: Path, name: str, nth: int, odd: str) -> None:
    text = LOGS[name]
    known = [*dict.fromkeys(found[1] for found in NAMED.finditer(text))]
    if name.endswith(".csv"):
        rows = [line.split(",") for line in text.splitlines()]
        for row in rows[1:]:
            row[nth % len(row)] = odd
        text = "".join(",".join(row) + "\n" for row in rows)
    elif known:
        chosen = known[nth % len(known)]

        def put(found: re.Match[str]) -> str:
            before = found[0][: found.start(2) - found.start()]
            return before + odd if found[1] == chosen else found[0]

        text = NAMED.sub(put, text)
    judged(tmp_path, name, text)


@pytest.mark.parametrize("odd", ["Infinity", "1e308", "9" * 25, "1e-320", "NaN"])
def test_passes_and_steps_that_none_can_be_are_not_known(tmp_path: Path, odd: str) -> None:
    path = tmp_path / "trainer_log.jsonl"
    lines = LOGS[path.name].splitlines()
    path.write_text("\n".join(re.sub(r'("epoch": )[\d.]+', rf"\g<1>{odd}", one) for one in lines))
    record = read(path)
    epochs = {point.epoch for point in record.points("loss")}
    assert epochs <= {None, 1e-320}
    assert [point.step for point in record.points("loss")] == [10 * n for n in range(1, 41)]
