"""Settings that are advised: what a careful engineer would set for the next run."""

from typing import Any

import pytest

from huohou.diagnose.case import Case
from huohou.diagnose.choice import comes_down, fewer_passes, go_back, longer, more_updates
from huohou.diagnose.engine import diagnose
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.next_run import changes, run_file
from huohou.record.finding import Advice, Finding
from huohou.record.record import Record

LOSS = falling(3.0, 1.0, n=60)
EVALS = [2.5, 2.0, 1.7, 1.5, 1.4, 1.35, 1.3, 1.28, 1.27, 1.9]
DOWN = line(1e-4, 1e-6, n=60)
SPIKE = [*line(1e-4, 2e-5, n=55), *[1e-3] * 5]


def advised(record: Record) -> dict[str, Any]:
    found = diagnose(record).findings
    return {name: change.value for name, change in changes(found).items()}


# Learning rates


def test_a_late_jump_of_the_rate_is_taken_back_and_a_schedule_comes_down() -> None:
    told = advised(run(loss=LOSS, evals=EVALS, learning_rate=SPIKE))
    assert told["train.learning_rate"] == pytest.approx(1e-4)
    assert told["train.schedule"] == "cosine"


def test_a_rate_that_was_set_is_kept_where_the_log_shows_it_a_little_later() -> None:
    rates = [9e-5 * r / SPIKE[0] if r < 1e-3 else r for r in SPIKE]
    record = run(loss=LOSS, evals=EVALS, learning_rate=rates, facts={"learning_rate": 1e-4})
    assert advised(record)["train.learning_rate"] == 1e-4


def test_a_run_that_diverges_at_a_jump_of_the_rate_goes_back_to_the_rate_before() -> None:
    loss = [*falling(3.0, 1.0, n=55), 2.5, 3.5, 3.9, 4.0, 4.1]
    assert advised(run(loss=loss, learning_rate=SPIKE))["train.learning_rate"] == 1e-4


def test_a_rate_of_a_warm_up_was_not_held_and_is_lowered_further() -> None:
    case = Case(run(loss=LOSS, evals=[*EVALS[:5], *[3.0] * 5], learning_rate=line(1e-5, 1e-3, 60)))
    assert go_back(case, case.evals[4]) is None


def test_a_rate_that_stays_high_is_brought_down_where_the_last_weights_are_worse() -> None:
    told = advised(run(loss=LOSS, evals=EVALS, learning_rate=[1e-4] * 60))
    assert told == {"train.schedule": "cosine", "train.warmup_ratio": 0.05}
    assert not advised(run(loss=LOSS, evals=EVALS, learning_rate=DOWN))


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (run(loss=LOSS, learning_rate=DOWN), True),
        (run(loss=LOSS, learning_rate=[1e-4] * 60), False),
        (run(loss=LOSS, facts={"lr_scheduler": "constant_with_warmup"}), False),
        (run(loss=LOSS, facts={"lr_scheduler": "cosine"}), True),
        (run(loss=LOSS), None),
    ],
)
def test_whether_a_rate_comes_down(record: Record, expected: bool | None) -> None:
    assert comes_down(Case(record)) is expected


def test_no_rate_is_advised_for_plain_descent() -> None:
    facts = {"optimizer": "sgd", "vocab_size": 900}
    record = run(loss=line(5.1, 4.2, noise=0.3), learning_rate=[2e-3] * 40, facts=facts)
    assert "train.learning_rate" not in advised(record)


# Length and batch


def test_more_updates_come_of_passes_then_of_the_batch_then_of_passes_again() -> None:
    def of(rows: int, size: int, passes: int) -> tuple[dict[str, Any], dict[str, Any]]:
        facts = {"rows": rows, "batch_size": size, "num_train_epochs": passes}
        case = Case(run(loss=[2.0, 1.9], facts=facts))
        return more_updates(case, -(-rows * passes // size), 100)

    assert of(700, 16, 1) == ({}, {"train.num_epochs": 3})
    assert of(1000, 128, 1) == ({"train.batch_size": 16}, {"train.num_epochs": 3})
    assert of(1000, 128, 4) == ({"train.batch_size": 32}, {})
    assert of(100, 32, 1) == ({"train.batch_size": 8}, {"train.num_epochs": 8})
    assert of(60, 8, 2) == ({}, {"train.num_epochs": 14})


def test_a_rate_that_rises_to_the_end_gets_a_schedule_with_the_updates() -> None:
    facts = {"rows": 493, "batch_size": 32, "num_train_epochs": 3}
    record = run(loss=falling(4.5, 2.5, n=48), every=1, learning_rate=line(1e-4, 1e-2, 48))
    case = Case(Record(record.source, record.series, facts))
    assert more_updates(case, 48, 100)[1]["train.schedule"] == "cosine"


def test_gathered_gradients_count_as_rows_of_an_update() -> None:
    facts = {"batch_size": 4, "gradient_accumulation": 16, "num_train_epochs": 3}
    batch, _ = more_updates(Case(run(loss=[2.0, 1.9], facts=facts)), 40, 100)
    assert batch == {"train.batch_size": 16}


def test_a_run_of_unknown_length_is_not_told_how_many_passes() -> None:
    assert more_updates(Case(run(loss=[2.0, 1.9])), 10, 100) == ({}, {})


def test_a_run_that_still_learnt_goes_on_and_its_schedule_with_it() -> None:
    def of(epochs: float, rates: list[float], **facts: object) -> dict[str, Any]:
        return longer(Case(run(loss=LOSS, epochs=epochs, learning_rate=rates, facts=facts)))

    high, whole = [1e-4] * 60, {"train.schedule": "cosine", "train.warmup_ratio": 0.05}
    assert of(0.5, high) == {"train.num_epochs": 3} | whole
    assert of(4, high) == whole
    assert of(1, DOWN) == {"train.num_epochs": 3}
    assert of(4, DOWN) == {"train.num_epochs": 8}
    assert of(2, DOWN, num_train_epochs=5) == {"train.num_epochs": 5}


def test_a_pass_over_many_rows_is_enough() -> None:
    record = run(loss=LOSS, every=100, epochs=0.5, learning_rate=DOWN)
    assert longer(Case(record)) == {"train.num_epochs": 1}


# Evaluations


def test_evaluations_are_counted_for_the_passes_of_the_next_run() -> None:
    often = Finding(
        "few-evals", "info", "log", "t", "w", advice=(Advice("o", {"train.evals_per_epoch": 8}),)
    )
    more = Finding(
        "too-few-updates", "info", "log", "t", "w", advice=(Advice("m", {"train.num_epochs": 3}),)
    )
    assert changes([often])["train.evals_per_epoch"].value == 8
    assert changes([often, more])["train.evals_per_epoch"].value == 3


def test_a_shorter_run_is_still_evaluated_often_enough() -> None:
    case = Case(run(loss=LOSS, evals=EVALS, epochs=10))
    assert fewer_passes(case, 2) == {"train.num_epochs": 2, "train.evals_per_epoch": 4}
    assert fewer_passes(case, 6) == {"train.num_epochs": 6}


# The run file


def test_rows_of_an_update_count_what_was_gathered() -> None:
    facts = {"batch_size": 4, "gradient_accumulation": 8, "num_train_epochs": 3}
    record = run(loss=LOSS, evals=EVALS, learning_rate=SPIKE, facts=facts)
    written = run_file(record, diagnose(record).findings)
    assert written is not None and "batch_size: 32" in written
