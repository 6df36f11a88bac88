"""Shows every run of a split to a doctor, in a format."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.faultbench.doctors import Call, Doctor
from bench.faultbench.export import FORMATS
from bench.faultbench.stored import Run


def examine(runs: Sequence[Run], doctor: Doctor, form: str) -> dict[str, Sequence[Call]]:
    """What the doctor says of each run, by run id."""
    return {run.id: look(run, doctor, form) for run in runs}


def look(run: Run, doctor: Doctor, form: str) -> Sequence[Call]:
    """What the doctor says of one run in a format."""
    with tempfile.TemporaryDirectory() as place:
        return doctor(FORMATS[form](run, Path(place)))
