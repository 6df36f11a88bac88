"""What docs/page.md says of the API is so: its commands are sent to a server, its doors exist."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from waiting import wait_until

sys.path.insert(0, str(Path(__file__).parent))

from doors import document
from made_jobs import written

import page_job
from huohou.record.store import Store

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "page.md"
LOG = ROOT / "docs" / "samples" / "triage" / "trainer_state.json"


def curls() -> list[str]:
    return re.findall(r"^curl .+$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_commands_for_the_api(server: Any, tmp_path: Path) -> None:
    shutil.copy(LOG, tmp_path)
    assert len(curls()) > 3
    with page_job.living(server.workspace) as job:
        Store(server.workspace).take_in(job.folder)
        job.points(20)
        wait_until(lambda: server.http.get("/api/jobs/1").status_code == 200)
        for one in curls():
            words = shlex.split(one.replace("http://localhost:3000", server.url))
            done = subprocess.run(
                [*words, "-sS", "--fail-with-body"],
                cwd=tmp_path, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{one}\n{done.stdout}{done.stderr}"
            assert done.stdout.startswith("{"), one


def test_doors_of_the_document_exist() -> None:
    told = set(
        re.findall(r"[`,] ?(?:(?:GET|POST) )?(/(?:api|v1|metrics)[\w/{}.-]*)", PAGE.read_text())
    )
    known = {re.sub(r"\{\w+(:\w+)?\}", "{}", path) for path in document()["paths"]}
    assert "/api/jobs" in told
    for path in told - {"/api/openapi.json", "/v1"}:
        assert re.sub(r"\{\w+\}", "{}", path) in known, path


def test_variables_for_prometheus_exist(server: Any) -> None:
    written(server.workspace, {})
    wait_until(lambda: "huohou_job_step{" in server.http.get("/metrics").text)
    text = server.http.get("/metrics").text
    for name in set(re.findall(r"\b(huohou_[a-z_]+)\b", PAGE.read_text(encoding="utf-8"))):
        assert f"\n{name}{{" in text, name
