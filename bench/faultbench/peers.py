"""The public linters, each through its own functions, and what its checks mean in our codes.

A check is given every code it can reasonably be taken to name: the mapping is meant to be
generous. Each is asked with its default thresholds; its checks of severity info are no alarms.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.faultbench.doctors import Call, Doctor

STUCK = frozenset({
    "loss-stuck", "nothing-trains", "lr-too-low", "lr-zero", "at-chance", "embedding-collapse",
    "hinge-floor", "temperature-off", "undertrained", "loss-above-uniform",
})  # fmt: skip
UNSTABLE = frozenset({"diverged", "lr-too-high", "nan-loss", "loss-above-uniform"})
NOT_A_NUMBER = frozenset({"nan-loss", "masked-nan", "fp16-risk", "diverged"})
OVERFIT = frozenset({"overfit", "memorised", "worse-last-checkpoint"})
RESTART = frozenset({"silent-restart", "resume-lost-weights", "resume-lost-optimizer"})
SCHEDULE = frozenset({"lr-zero", "schedule-mismatch", "resume-lost-optimizer", "lr-too-low"})
SPIKES = UNSTABLE | {"resume-lost-weights", "worse-last-checkpoint"}
GRADIENTS = NOT_A_NUMBER | {"nothing-trains", "lr-too-high"}
UNWATCHED = frozenset({"no-eval", "few-evals", "eval-never-runs"})
SLOW = frozenset({"stalled"})
LEAK = frozenset({"leak-suspected", "positives-only-eval"})

Meaning = Mapping[str, frozenset[str]]

LOSSLINT: Meaning = {
    "nan_inf": NOT_A_NUMBER,
    "step_backtrack": RESTART,
    "loss_spike": SPIKES,
    "divergence": UNSTABLE,
    "overfit_onset": OVERFIT,
    "stagnation": STUCK,
}
TRAINSPOTTER: Meaning = {
    "divergence": UNSTABLE,
    "eval_noise": UNWATCHED,
    "grad_norm": GRADIENTS | UNSTABLE,
    "loss_floor": LEAK | OVERFIT,
    "lr_schedule": SCHEDULE,
    "overfitting": OVERFIT,
    "plateau": STUCK,
    "spikes": SPIKES,
    "throughput": SLOW,
}
FINETUNE_DOCTOR: Meaning = {
    "no_eval": UNWATCHED,
    "overfitting": OVERFIT,
    "stopped_improving": OVERFIT,
    "metric_disagreement": OVERFIT,
    "loss_degenerate": NOT_A_NUMBER | {"memorised", "nothing-trains"},
    "not_learning": STUCK,
    "loss_spikes": SPIKES,
    "lr_schedule": SCHEDULE,
    "gradients": GRADIENTS,
    "eval_below_train": LEAK,
    "incomplete": frozenset({"crashed", "undertrained"}),
}
RUNMEDIC: Meaning = {
    "amp_overflow": NOT_A_NUMBER,
    "non_finite": NOT_A_NUMBER,
    "divergence": UNSTABLE,
    "loss_spikes": SPIKES,
    "no_learning": STUCK,
    "overfitting": OVERFIT,
    "val_below_train": LEAK,
    "grad_spikes": UNSTABLE,
    "constant_lr_plateau": STUCK | {"schedule-mismatch"},
    "input_bound": SLOW,
    "slow_steps": SLOW,
    "slowdown": SLOW,
    "log:": frozenset({"crashed"}),
}
TRAINPROOF: Meaning = {
    "TP-NAN": NOT_A_NUMBER,
    "TP-NAN-GRAD": NOT_A_NUMBER,
    "TP-ZERO-LOSS": NOT_A_NUMBER | {"nothing-trains"},
    "TP-ZERO-LOSS-ONSET": NOT_A_NUMBER,
    "TP-FLAT": STUCK,
    "TP-DIVERGE": UNSTABLE | OVERFIT,
    "TP-DEAD-RUN": STUCK,
    "TP-ZERO-GRAD": frozenset({"nothing-trains", "lr-zero"}),
    "TP-GRAD-SPIKE": UNSTABLE,
    "TP-ZERO-LR": SCHEDULE,
    "TP-ZERO-LR-PARTIAL": SCHEDULE,
    "TP-OVERFIT": OVERFIT,
    "TP-STEP-CLIFF": SLOW,
    "TP-LOADER-BOUND": SLOW,
}


def _calls(said: Iterator[tuple[str, bool]], meaning: Meaning) -> list[Call]:
    return [Call(_codes(check, meaning), alarm, True, None, check) for check, alarm in said]


def _codes(check: str, meaning: Meaning) -> frozenset[str]:
    known = meaning.get(check)
    if known is None:
        known = next(
            (v for k, v in meaning.items() if k.endswith(":") and check.startswith(k)), None
        )
    return known or frozenset()


def losslint(path: Path) -> list[Call]:
    from losslint.checks import run_all_checks
    from losslint.parsing import load_run

    found = run_all_checks(load_run(path))
    return _calls(((f.check, f.severity != "info") for f in found), LOSSLINT)


def trainspotter(path: Path) -> list[Call]:
    from trainspotter import load_run, run_all

    found = run_all(load_run(path))
    return _calls(((f.detector, f.severity != "info") for f in found), TRAINSPOTTER)


def finetune_doctor(path: Path) -> list[Call]:
    from finetune_doctor import Severity, diagnose, load

    found = diagnose(load(str(path))).findings
    return _calls(((f.check, f.severity >= Severity.WARNING) for f in found), FINETUNE_DOCTOR)


def runmedic(path: Path) -> list[Call]:
    from runmedic import loaders, roles
    from runmedic.checks import run_checks

    found = [f for run in loaders.load(str(path)) for f in run_checks(run, roles.detect(run))]
    return _calls(((f.check, f.severity != "info") for f in found), RUNMEDIC)


def trainproof(path: Path) -> list[Call]:
    from trainproof.epoch import check_epoch

    found = check_epoch(path)["findings"]
    return _calls(((f["id"], f["level"] in ("WARN", "FAIL")) for f in found), TRAINPROOF)


_ALL: dict[str, tuple[Doctor, tuple[str, ...]]] = {
    "losslint": (losslint, ("trainer-state", "jsonl", "csv")),
    "trainspotter": (trainspotter, ("trainer-state", "jsonl", "csv")),
    "finetune-doctor": (finetune_doctor, ("trainer-state",)),
    "runmedic": (runmedic, ("trainer-state", "jsonl", "csv")),
    "trainproof": (trainproof, ("trainer-state", "jsonl", "csv")),
}


def installed() -> Iterator[tuple[str, str, Doctor, tuple[str, ...]]]:
    """Name, version, function and the formats to try of each linter that is installed."""
    for name, (doctor, forms) in _ALL.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            continue
        yield name, found, _careful(doctor), forms


def _careful(doctor: Doctor) -> Doctor:
    """A linter that fails on a log has said nothing of it."""

    def asked(path: Path) -> Sequence[Call]:
        try:
            return doctor(path)
        except (Exception, SystemExit):  # noqa: BLE001 - another's program
            return []

    return asked
