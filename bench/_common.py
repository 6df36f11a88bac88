"""What all benchmarks share: the machine in words, and the one JSON object they end with."""

import argparse
import json
import os
import platform
from typing import Any


def arguments(about: str) -> argparse.Namespace:
    """``--quick`` (under three minutes) and nothing else."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, under 3 minutes")
    return parser.parse_args()


def machine() -> dict[str, Any]:
    """Processor, cores and versions."""
    found: dict[str, Any] = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }
    try:
        import torch
    except ImportError:
        return found
    return found | {
        "torch": torch.__version__.split("+")[0],
        "capability": torch.backends.cpu.get_cpu_capability(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def report(name: str, figures: dict[str, float], targets: dict[str, dict[str, float]]) -> None:
    """Print the last line of a benchmark."""
    print(
        json.dumps(
            {"bench": name, "figures": figures, "targets": targets, "machine": machine()},
            ensure_ascii=False,
        )
    )
