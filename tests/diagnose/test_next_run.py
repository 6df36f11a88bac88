"""Advice as a run file: it can be planned, keeps what was set, and says why each change was made."""

from pathlib import Path

import pytest
import yaml

from huohou import config, text
from huohou.diagnose.engine import diagnose
from huohou.diagnose.examples import falling, run
from huohou.diagnose.next_run import changes, run_file
from huohou.diagnose.rule import case_of, rules
from huohou.record.finding import Advice, Finding
from huohou.record.readers import read

REPORTS = Path(__file__).parents[2] / "docs" / "samples" / "reports"
EVALS = [0.98, 0.95, 1.1, 1.24, 1.33, 1.5, 1.61, 1.69, 1.76]
FACTS = {"learning_rate": 2e-4, "batch_size": 8, "num_train_epochs": 9, "lora_rank": 16}
OVERFIT = run(loss=falling(2.0, 0.1, n=60), evals=EVALS, epochs=9, facts=FACTS)


def test_a_foreign_run_is_taken_up_with_what_is_known_of_it(tmp_path: Path) -> None:
    written = run_file(OVERFIT, diagnose(OVERFIT).findings)
    assert written is not None
    settings = yaml.safe_load(written)
    shorter = {"num_epochs": 2, "evals_per_epoch": 4}
    assert settings["train"] == shorter | {"learning_rate": 2e-4, "batch_size": 8}
    assert settings["lora"] == {"rank": 16}
    assert "9 -> 2 (overfit" in written
    path = tmp_path / "next.yaml"
    path.write_text(written, encoding="utf-8")
    assert config.load(path).run.train.num_epochs == 2


def test_our_own_run_keeps_its_data_and_model() -> None:
    plan = {
        "settings": {
            "model": {"value": "smollm2-135m", "source": "run.yaml"},
            "train.num_epochs": {"value": 9, "source": "run.yaml"},
            "train.seed": {"value": 42, "source": "default"},
        },
        "train": {"path": "rows.jsonl"},
        "eval": {"path": "val.jsonl"},
    }
    record = run(loss=falling(2.0, 0.1, n=60), evals=EVALS, epochs=9, facts={"plan": plan})
    written = run_file(record, diagnose(record).findings)
    assert written is not None
    settings = yaml.safe_load(written)
    assert settings["data"] == {"train": "rows.jsonl", "eval": "val.jsonl"}
    assert settings["model"] == "smollm2-135m" and "seed" not in settings["train"]


def test_no_setting_to_change_is_no_file() -> None:
    healthy = run(loss=falling(3.0, 1.0), evals=[2.5, 1.8, 1.3, 1.1, 1.05, 1.04])
    assert run_file(healthy, diagnose(healthy).findings) is None


def test_the_deeper_cause_decides() -> None:
    def found(code: str, rate: float) -> Finding:
        advice = (Advice("do", {"train.learning_rate": rate}),)
        return Finding(code, "warning", "log", "t", "w", advice=advice)

    changed = changes([found("diverged", 1e-5), found("undertrained", 1e-3)])
    assert changed["train.learning_rate"].value == 1e-5
    assert changed["train.learning_rate"].code == "diverged"


def test_every_setting_that_a_rule_advises_can_be_set() -> None:
    known = config.flatten(config.RunSettings().model_dump())
    for rule in rules():
        for example in rule.fires:
            found = rule.judge(case_of(example))
            assert isinstance(found, Finding)
            for advice in found.advice:
                assert set(advice.set or {}) <= set(known), rule.code


def test_every_value_that_a_rule_advises_is_allowed() -> None:
    for rule in rules():
        for example in rule.fires:
            found = rule.judge(case_of(example))
            assert isinstance(found, Finding)
            for name, change in changes([found]).items():
                config.load(None, [f"{name}={change.value}"])


def test_what_a_foreign_log_leaves_open_is_said() -> None:
    facts: dict[str, object] = {"batch_size": 1, "num_train_epochs": 9}
    record = run(loss=falling(2.0, 0.1, n=60), evals=EVALS, epochs=9, facts=facts)
    written = run_file(record, diagnose(record).findings) or ""
    assert "may be that of one device" in written
    assert "does not name its model" in written and "smollm2-135m" in written
    assert "evals_per_epoch: not in the log -> 4" in written
    facts |= {"gradient_accumulation": 8, "model": "Qwen/Qwen3-0.6B"}
    record = run(loss=falling(2.0, 0.1, n=60), evals=EVALS, epochs=9, facts=facts)
    written = run_file(record, diagnose(record).findings) or ""
    assert yaml.safe_load(written)["train"]["batch_size"] == 8
    assert "may be that of one device" not in written and "does not name its model" not in written


def test_the_learning_rate_of_the_course_is_taken_over() -> None:
    rates = [1e-4 * (1 - i / 60) for i in range(60)]
    record = run(loss=falling(2.0, 0.1, n=60), evals=EVALS, epochs=9, learning_rate=rates)
    written = run_file(record, diagnose(record).findings) or ""
    assert yaml.safe_load(written)["train"]["learning_rate"] == 1e-4


def test_a_fault_that_no_setting_cures_is_not_passed_over() -> None:
    fault = Finding("nan-loss", "error", "log", "t", "w", advice=(Advice("Go back."),))
    aside = Finding("few-evals", "info", "log", "t", "w", advice=(Advice("More."),))
    cured = Finding(
        "overfit", "error", "log", "t", "w", advice=(Advice("do", {"train.num_epochs": 2}),)
    )
    written = run_file(OVERFIT, [fault, cured, aside]) or ""
    assert "# nan-loss: no setting here cures it. Go back." in written
    assert "# overfit: no setting" not in written and "few-evals" not in written


RANKS = {"batch_size": 8, "margin": 0.1, "lora_rank": 16, "loss_kind": "margin"}


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_the_next_run_of_embeddings_is_one_of_embeddings(tmp_path: Path, language: str) -> None:
    record = run(loss=falling(0.0998, 0.01, n=60), evals=EVALS, epochs=9, facts=RANKS)
    text.use(language)
    try:
        written = run_file(record, diagnose(record).findings) or ""
    finally:
        text.use(None)
    settings = yaml.safe_load(written)
    assert settings["recipe"] == "embed" and "lora" not in settings
    assert "minilm-l6" in written and "smollm2" not in written and "data make-pairs" in written
    path = tmp_path / "next.yaml"
    path.write_text(written, encoding="utf-8")
    loaded = config.load(path).run
    assert (loaded.recipe, loaded.model) == ("embed", "minilm-l6")


@pytest.mark.parametrize("name", ["embedding", "ranking"])
def test_the_next_run_of_a_report_on_embeddings(tmp_path: Path, name: str) -> None:
    record = read(REPORTS / f"{name}.en.txt")
    written = run_file(record, diagnose(record).findings) or ""
    path = tmp_path / "next.yaml"
    path.write_text(written, encoding="utf-8")
    assert config.load(path).run.recipe == "embed"


def test_a_language_model_is_no_embedding() -> None:
    record = run(loss=falling(2.0, 0.1, n=60), evals=EVALS, epochs=9)
    written = run_file(record, diagnose(record).findings) or ""
    assert "recipe" not in yaml.safe_load(written) and "smollm2-135m" in written


def test_what_a_recipe_does_not_read_is_not_advised_for_it() -> None:
    facts = RANKS | {"model": "BAAI/bge-m3"}
    record = run(loss=falling(0.0998, 0.01, n=60), evals=EVALS, epochs=9, facts=facts)
    rank = Finding("overfit", "error", "log", "t", "w", advice=(Advice("do", {"lora.rank": 8}),))
    assert run_file(record, [rank]) is None


def test_passes_that_were_made_are_those_of_the_run() -> None:
    """A report says that it ended at epoch 175, and not what was asked for."""
    record = read(REPORTS / "memorised.en.txt")
    written = run_file(record, diagnose(record).findings) or ""
    assert "train.num_epochs: 175 -> 4 (memorised" in written
    begun = run(loss=falling(2.0, 0.1, n=60), evals=EVALS, epochs=2.3)
    often = Finding(
        "few-evals",
        "info",
        "log",
        "t",
        "w",
        advice=(Advice("do", {"train.evals_per_epoch": 2}),),
    )
    assert yaml.safe_load(run_file(begun, [often]) or "")["train"]["num_epochs"] == 3
    short: dict[str, object] = {"finished": False}
    broken_off = run(loss=falling(2.0, 0.1, n=60), evals=EVALS, epochs=2.3, facts=short)
    assert "num_epochs" not in yaml.safe_load(run_file(broken_off, [often]) or "")["train"]
