"""Scripts of bench/ that judge: each miss says why, and the page of benchmarks lists it."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from huohou import text

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    spec = importlib.util.spec_from_file_location(request.param, BENCH / f"{request.param}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def shared(
    tmp_path: Path, script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModuleType]:
    """The script on labelled logs of our own."""
    codes = {"healthy": "", "too_short": "few-evals,undertrained", "unstable": "diverged"}
    rows = [f"{label}\t{any_of}\t" for label, any_of in codes.items()]
    (tmp_path / "label_codes.tsv").write_text(
        "\n".join(["label\tcodes_any_of\tmeaning", *rows]), encoding="utf-8"
    )
    monkeypatch.setattr(script, "SHARED", tmp_path)
    with text.speaking("en"):
        yield script


def judged(shared: ModuleType, name: str, content: str, label: str) -> dict[str, object]:
    (shared.SHARED / name).write_text(content, encoding="utf-8")
    found: dict[str, object] = shared.result(
        {"local_path": name, "label": label, "confidence": "high"}
    )
    return found


STEADY = "step,loss\n" + "".join(f"{10 * i},{2 - i / 40:.4f}\n" for i in range(1, 30))


@pytest.mark.parametrize("script", ["shared_logs"], indirect=True)
def test_a_miss_says_what_each_code_did_that_would_have_met_it(shared: ModuleType) -> None:
    found = judged(shared, "scores.csv", "step,eval_loss\n1,2.0\n2,1.9\n3,1.8\n4,1.7\n5,1.6\n",
                   "too_short")  # fmt: skip
    assert not found["met"]
    assert "few-evals: ran, found nothing" in str(found["why"])
    assert "undertrained: needs a training loss" in str(found["why"])
    steady = judged(shared, "steady.csv", STEADY, "unstable")
    assert not steady["met"] and str(steady["why"]).endswith("diverged: ran, found nothing")


@pytest.mark.parametrize("script", ["shared_logs"], indirect=True)
def test_a_refusal_says_why_and_nothing_of_this_machine(shared: ModuleType) -> None:
    found = judged(shared, "none.jsonl", "no log at all\n", "unstable")
    assert not found["met"] and str(found["why"]).startswith("refused: ")
    assert str(shared.SHARED) not in str(found["why"])
    assert judged(shared, "none.jsonl", "no log at all\n", "healthy")["met"]


@pytest.mark.parametrize("script", ["shared_logs"], indirect=True)
def test_an_alarm_where_none_is_wanted_is_a_miss(shared: ModuleType) -> None:
    broken = STEADY + "300,nan\n310,nan\n320,nan\n"
    found = judged(shared, "broken.csv", broken, "healthy")
    assert not found["met"] and found["false_alarm"]
    assert "no warning or error was wanted" in str(found["why"])


@pytest.mark.parametrize("script", ["run_all"], indirect=True)
def test_the_page_lists_what_was_not_met(script: ModuleType) -> None:
    told = {"bench": "shared_logs", "figures": {"logs": 2}, "targets": {}, "machine": {}}
    misses = [{"log": "a|b.csv", "labels": ["unstable", "nan"], "said": [], "why": "healthy"}]
    page = script.table({**told, "misses": misses}, False)
    assert "| log | labels | said | why |\n|---|---|---|---|\n" in page
    assert "| a\\|b.csv | unstable, nan | nothing | healthy |" in page
    assert "Not met" not in script.table({**told, "misses": []}, False)
    assert script.table(told, False) == script.table({**told, "misses": []}, False)
