"""Shows every run of a split to a doctor, in a format."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.faultbench.doctors import Call, Doctor
from bench.faultbench.export import FORMATS
from bench.faultbench.stored import Run


def examine(
    runs: Sequence[Run], doctor: Doctor, form: str, *, alone: bool = False
) -> dict[str, Sequence[Call]]:
    """What the doctor says of each run, by run id. alone: of the log, not of its folder."""
    return {run.id: look(run, doctor, form, alone=alone) for run in runs}


def look(run: Run, doctor: Doctor, form: str, *, alone: bool = False) -> Sequence[Call]:
    """What the doctor says of one run in a format, of its folder or of the log alone."""
    with tempfile.TemporaryDirectory() as place:
        path = FORMATS[form](run, Path(place))
        return doctor(path if alone else path.parent)
