"""When a run will be done."""

import pytest

from huohou.jobs.progress import WARM_UP, Progress


def run(
    progress: Progress, seconds: list[float], evals: int = 0, eval_seconds: float = 0.0
) -> float:
    """Feed steps that take so long; every `evals` steps an evaluation. The time at the end."""
    t = 1000.0
    for step, took in enumerate(seconds, start=1):
        t += took
        progress.see({"t": t, "kind": "metrics", "step": step, "epoch": 0.0, "loss": 1.0})
        if evals and step % evals == 0:
            t += eval_seconds
            progress.see({"t": t, "kind": "eval", "step": step, "epoch": 0.0, "eval_loss": 1.0})
    return t


def started(updates: int) -> Progress:
    progress = Progress()
    progress.see({"t": 999.0, "kind": "start", "updates": updates, "epochs": 3.0})
    return progress


def test_the_first_steps_tell_nothing() -> None:
    progress = started(100)
    run(progress, [1.0] * WARM_UP)
    assert progress.finish_at is None  # the first of them has no beginning


def test_steady_steps() -> None:
    progress = started(100)
    t = run(progress, [2.0] * 20)
    assert progress.finish_at == pytest.approx(t + 80 * 2.0)


def test_one_slow_step_moves_it_little() -> None:
    progress = started(100)
    t = run(progress, [2.0] * 10 + [500.0] + [2.0] * 10)
    assert progress.finish_at == pytest.approx(t + 79 * 2.0)


def test_evaluations_are_counted_in() -> None:
    progress = started(200)
    t = run(progress, [1.0] * 101, evals=10, eval_seconds=30.0)
    real = 99 * 1.0 + 10 * 30.0
    assert progress.finish_at is not None
    assert progress.finish_at - t == pytest.approx(real, rel=0.05)


def test_logging_every_ten_steps() -> None:
    progress = started(1000)
    for i in range(1, 11):
        progress.see({"t": 10.0 * i, "kind": "metrics", "step": 10 * i, "epoch": 0.0})
    assert progress.finish_at == pytest.approx(100.0 + 900.0)


def test_a_resumed_run_is_timed_by_its_own_steps() -> None:
    progress = started(100)
    run(progress, [50.0] * 10)
    progress.see({"t": 9000.0, "kind": "start", "updates": 100, "epochs": 3.0})
    assert (progress.step, progress.steps) == (10, 100)
    for i in range(11, 31):
        progress.see({"t": 9000.0 + i, "kind": "metrics", "step": i, "epoch": 0.0})
    assert progress.finish_at == pytest.approx(9030.0 + 70.0)


def test_without_a_number_of_steps_nothing_is_promised() -> None:
    progress = Progress()
    run(progress, [1.0] * 30)
    assert progress.finish_at is None
    assert progress.values == {"loss": 1.0}
