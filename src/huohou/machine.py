"""The facts of a machine that a bug report needs. Needs no torch; says so where it is absent."""

import gc
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    *("huohou", "numpy", "scipy", "pydantic", "click", "SQLAlchemy"),  # the base install
    *("torch", "transformers", "peft", "accelerate", "safetensors", "tokenizers", "gguf"),
    *("huggingface_hub", "modelscope", "bitsandbytes", "pip"),
)
# Threads of torch spin while they wait for each other. A short spin costs nothing on a machine that
# is theirs and makes them twice as fast beside other work (measured; read by GNU's OpenMP only).
THREADS = {"GOMP_SPINCOUNT": "10000"}
# Variables that change what huohou does. Only those that hold no secret are shown.
VARIABLES = re.compile(
    r"HUOHOU_.*|HF_(ENDPOINT|HOME|HUB_CACHE|HUB_OFFLINE)|MODELSCOPE_(ENDPOINT|CACHE)"
    r"|CUDA_VISIBLE_DEVICES|OMP_NUM_THREADS|MKL_NUM_THREADS|TRANSFORMERS_OFFLINE"
)
MANY_MODULES = 500  # torch alone brings a thousand
_LOGIN = re.compile(r"//[^/@\s]+@")  # user:password in an address


def facts(workspace: Path, cache: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """Versions, processor, memory, folders and settings, as plain data for JSON."""
    return {
        "packages": {name: installed(name) for name in PACKAGES},
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
        "processor": {"name": processor(), "cores": cores(), "features": features()},
        "memory_bytes": memory_bytes(),
        "workspace": place(workspace),
        "cache": place(cache),
        "environment": {
            name: _LOGIN.sub("//***@", value)
            for name, value in sorted(variables.items())
            if VARIABLES.fullmatch(name)
        },
    }


@contextmanager
def importing() -> Iterator[None]:
    """Within it nobody searches for garbage; for the import of torch and what stands on it.

    Thousands of modules and classes come, and they stay. To look at them again and again while
    they come takes a fifth of the time (3.7 s of a processor instead of 3.0 s for PEFT), and
    a third of a second at each full search after it, as every training begins with one.
    """
    if not gc.isenabled():
        yield
        return
    before = len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) - before > MANY_MODULES:
            gc.freeze()
        gc.enable()


def installed(name: str) -> str | None:
    """Version of an installed package, None when it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def processor() -> str:
    """The processor's name as its maker gives it, where the system tells."""
    for line in _cpuinfo():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def features() -> list[str]:
    """Instruction sets that decide how fast numbers are multiplied; empty where not told."""
    told = next((line for line in _cpuinfo() if line.startswith(("flags", "Features"))), "")
    wanted = {"avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile", "neon", "asimd", "bf16"}
    return sorted(wanted & set(told.split()))


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []


def cores() -> int:
    """Cores this process may use: a container often has fewer than its machine."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int | None:
    """Memory of the machine, or the limit of the container; None where the system does not tell."""
    if not hasattr(os, "sysconf"):
        return None
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    stated = limit.read_text().strip() if limit.exists() else ""
    return min(total, int(stated)) if stated.isdigit() else total


def place(folder: Path) -> dict[str, Any]:
    """A folder, whether it is there, and the bytes free on its disk."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    return {
        "path": str(folder.absolute()),
        "exists": folder.exists(),
        "writable": os.access(there, os.W_OK),
        "free_bytes": shutil.disk_usage(there).free,
    }
