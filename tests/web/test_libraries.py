"""PyTorch's library is there before Python asks for it."""

import subprocess
import sys

import pytest
from serving import environment

CODE = """
import sys
from pathlib import Path
from huohou.api.libraries import bring_torch
bring_torch()
assert "torch" not in sys.modules
print("libtorch_cpu" in Path("/proc/self/maps").read_text())
import torch
bring_torch()
print(float(torch.ones(3, 3).sum()))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere nothing is done")
@pytest.mark.slow
def test_before_python_asks_for_it() -> None:
    pytest.importorskip("torch")
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    assert done.stdout.split() == ["True", "9.0"], done.stderr
