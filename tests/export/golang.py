"""Real Go, with Ollama's own shape of data: what the renderer in Python is held against."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from huohou.models.tokenizer import Turn

SOURCE = Path(__file__).parent / "ollama" / "main.go"


def build(place: Path) -> Path:
    """The renderer, compiled. Skips where there is no Go, which in CI is a failure."""
    if shutil.which("go") is None:
        if os.environ.get("CI"):
            pytest.fail("go is not installed: apt-get install golang-go")
        pytest.skip("go is not installed")
    program = place / "ollama"
    env = os.environ | {"GO111MODULE": "off", "GOCACHE": str(place / "cache"), "GOFLAGS": ""}
    subprocess.run(["go", "build", "-o", str(program), str(SOURCE)], env=env, check=True)
    return program


def prompts(program: Path, asked: Sequence[tuple[str, Sequence[Turn]]]) -> list[str | None]:
    """What Ollama makes of each template and chat; None where Go refuses the template."""
    told = [
        {
            "Template": template,
            "Messages": [{"Role": turn.role, "Content": turn.content} for turn in chat],
        }
        for template, chat in asked
    ]
    done = subprocess.run(
        [str(program)], input=json.dumps(told), capture_output=True, text=True, check=True
    )
    return [None if one["Error"] else one["Prompt"] for one in json.loads(done.stdout)]
