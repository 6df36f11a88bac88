"""Workers of one thread, and what they are compared with has one too: sums in the same order."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
