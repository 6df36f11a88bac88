"""Which device and number format to train with, each with its reason: measured, not assumed.

Some CPUs compute in bfloat16 one and a half times as fast as in float32, others many times slower.
"""

from typing import Any, NamedTuple

from huohou.errors import ModelError, first_line
from huohou.models.trial import measure_step
from huohou.text import say

WORTH_IT = 1.25  # bfloat16 keeps 8 bits of each number: it must pay
DTYPES = ("float32", "bfloat16")


class Chosen(NamedTuple):
    """Something decided for the user, and why."""

    value: str
    reason: str


def choose_device(wanted: str = "auto") -> Chosen:
    """The device to train on: ``cuda``, ``mps`` or ``cpu``, or the one that is wanted.

    Raises ModelError when the wanted device is not there.
    """
    there = devices()
    best = next(iter(there))
    if wanted == "auto":
        return Chosen(best, say(f"models.device_{best.split(':')[0]}", name=there[best]))
    found = wanted if wanted in there else {"cuda": "cuda:0"}.get(wanted, wanted)
    if found not in there:
        raise ModelError("models.no_device", device=wanted, known=", ".join(there))
    return Chosen(wanted, say("models.device_wanted", device=wanted, name=there[found]))


def devices() -> dict[str, str]:
    """Devices that torch can use here, best first, with their names and memory or cores."""
    import torch

    found: dict[str, str] = {}
    for i in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        facts = torch.cuda.get_device_properties(i)
        found[f"cuda:{i}"] = f"{facts.name}, {facts.total_memory / 1e9:.0f} GB"
    if torch.backends.mps.is_available():
        found["mps"] = "Apple GPU"
    threads, capability = torch.get_num_threads(), torch.backends.cpu.get_cpu_capability()
    found["cpu"] = say("models.cpu_name", threads=threads, capability=capability)
    return found


def survey() -> dict[str, Any]:
    """For a bug report: devices, and how fast the best one multiplies (flop/s), or what is wrong.

    Keys: devices, speed, problem (None when torch works).
    """
    try:
        there = devices()
        best = next(iter(there))
        speed = dict(zip(DTYPES, compare_formats(best), strict=True))
    except (ImportError, OSError, RuntimeError) as error:  # a torch that is absent or broken
        return {"devices": {}, "speed": {}, "problem": first_line(error)}
    return {"devices": there, "speed": speed, "problem": None}


def choose_dtype(device: str, wanted: str = "auto") -> Chosen:
    """``float32`` or ``bfloat16`` on this device, by a measurement when it is not given.

    Raises ModelError when an unknown format is wanted.
    """
    if wanted != "auto":
        if wanted not in DTYPES:
            raise ModelError("models.no_dtype", dtype=wanted, known=", ".join(DTYPES))
        return Chosen(wanted, say("models.dtype_wanted", dtype=wanted))
    full, half = compare_formats(device)
    value = "bfloat16" if half >= WORTH_IT * full else "float32"
    where = say("models.one_core") if device == "cpu" else device
    reason = say(
        f"models.dtype_{value}", where=where, full=_giga(full), half=_giga(half), worth=WORTH_IT
    )
    return Chosen(value, reason)


def compare_formats(device: str) -> tuple[float, float]:
    """Useful flop/s of a training step in float32 and in bfloat16.

    One core where the device is the CPU: other work on the machine must not turn the choice.
    """
    threads = 1 if device == "cpu" else None
    return measure_step(device, "float32", threads), measure_step(device, "bfloat16", threads)


def _giga(rate: float) -> str:
    return f"{rate / 1e9:.3g}"
