"""Workers of one thread, and what they are compared with has one too: sums in the same order."""

from collections.abc import Iterator

import pytest
import torch

from waiting import PATIENCE

# Ray's workers give way to all others, and what has not begun in time it gives up: on a busy
# machine the one makes the other happen.
RAY = {
    "RAY_worker_niceness": "0",
    "RAY_worker_register_timeout_seconds": f"{PATIENCE:.0f}",
    "RAY_gcs_server_port_wait_time_s": f"{PATIENCE:.0f}",
}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module", autouse=True)
def _patient_ray() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in RAY.items():
            patch.setenv(name, value)
        yield
