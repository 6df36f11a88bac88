"""Faults that are found in many made runs, and sound runs that look like one and draw no alarm."""

import random

import pytest
from simulated import FAULTS, LOOK_ALIKES

from huohou.diagnose.engine import diagnose

ALLOWED = {"no-eval", "few-evals", "undertrained"}  # true of a sound run
RUNS = 24
FOUND = 0.9
FALSE = 0.05  # of a kind


def alarms(name: str, seed: int) -> set[str]:
    result = diagnose(LOOK_ALIKES[name](random.Random(f"{name} {seed}")))
    return {f.code for f in result.findings if f.severity != "info"} - ALLOWED


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_named(fault: str) -> None:
    make, codes = FAULTS[fault]
    missed = []
    for seed in range(RUNS):
        found = diagnose(make(random.Random(f"{fault} {seed}"))).findings
        named = {f.code for f in found if f.severity != "info"}
        missed += [] if named & set(codes.split()) else [(seed, named)]
    assert len(missed) <= (1 - FOUND) * RUNS, missed


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_what_looks_like_a_fault_draws_no_alarm(name: str) -> None:
    found = [(seed, said) for seed in range(RUNS) if (said := alarms(name, seed))]
    assert len(found) <= FALSE * RUNS, found
