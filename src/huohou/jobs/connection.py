"""A driver of a Ray cluster."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

from huohou import machine
from huohou.errors import RunFailedError, first_line
from huohou.jobs.address import address_of, check_address
from huohou.text import language

# What a worker needs to know of the driver's surroundings.
HANDED_ON = ("HUOHOU_", "HF_", "TRANSFORMERS_", "MODELSCOPE_", "TORCH_")


@contextlib.contextmanager
def connected(on: str, *, quiet: bool = False) -> Iterator[None]:
    """A driver of the cluster; without an address that of RAY_ADDRESS, or one of this machine's
    cores for this call alone.

    on: as ``compute.on`` has it; quiet: what the workers print is not shown, and what Ray itself
    has to say (of a worker that died) goes to stderr, for stdout is the answer. Raises
    UsageError where nobody listens, RunFailedError where it cannot be reached or started.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    _join(on, quiet=quiet)
    with contextlib.redirect_stdout(sys.stderr) if quiet else contextlib.nullcontext():
        try:
            yield
        finally:
            ray.shutdown()


def _join(on: str, *, quiet: bool) -> None:
    """Become a driver; see ``connected``. Raises UsageError where nobody listens."""
    import ray

    address = address_of(on)
    if address:
        check_address(address)
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    handed = {k: v for k, v in os.environ.items() if k.startswith(HANDED_ON)}
    how: dict[str, Any] = {
        "runtime_env": {"env_vars": handed | {"HUOHOU_LANG": language()}},
        "log_to_driver": not quiet,
        "logging_level": logging.ERROR if quiet else logging.INFO,
    }
    if address == "local":
        how |= {"num_cpus": machine.cores(), "include_dashboard": False}
    try:
        ray.init(address=address, **how)
    except (ConnectionError, RuntimeError, ValueError) as error:
        key = "cluster.not_begun" if address == "local" else "cluster.refused"
        raise RunFailedError(key, address=address, problem=first_line(error)) from error
