"""A job's log and files: its own, whole, as text, and nothing from outside of its folder."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from doors import encoded
from starlette.testclient import TestClient

import page_job
from huohou.record.store import Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A job's folder in the workspace of `api`."""
    place = page_job.written(tmp_path / "runs", steps=5, log="one\ntwo\nthree\n")
    Store(tmp_path / "runs").take_in(place)
    return place


def get(api: TestClient, path: str, **query: Any) -> Any:
    answer = api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_log(api: TestClient, folder: Path) -> None:
    found = get(api, "/api/jobs/1/log")
    assert found == {"schema": 1, "begin": 0, "end": 14, "size": 14, "partial": "",
                     "lines": ["one", "two", "three"]}  # fmt: skip
    assert get(api, "/api/jobs/1/log", bytes=8)["lines"] == ["three"]
    assert get(api, "/api/jobs/1/log", end=8)["lines"] == ["one", "two"]
    hits = get(api, "/api/jobs/1/log", q="T")["lines"]
    assert hits == [{"byte": 8, "text": "three"}, {"byte": 4, "text": "two"}]
    (folder / "train.log").unlink()
    assert get(api, "/api/jobs/1/log")["lines"] == []


def test_a_log_that_is_no_text(api: TestClient, folder: Path) -> None:
    (folder / "train.log").write_bytes(b"\xff\xfe\0<script>alert(1)</script>\x1b[31m\nred\n")
    found = get(api, "/api/jobs/1/log")
    assert found["lines"] == ["��<script>alert(1)</script>", "red"]


def test_files(api: TestClient, folder: Path) -> None:
    (folder / ".hidden").write_text("x")
    (folder / "行号 codes.csv").write_text("a,b\n")
    found = {one["path"]: one for one in get(api, "/api/jobs/1/files")["files"]}
    assert {"plan.json", "events.jsonl", "train.log", "行号 codes.csv"} <= set(found)
    assert not any(path.startswith(".") for path in found)
    assert found["train.log"]["bytes"] == 14
    answer = api.get("/api/jobs/1/files/" + quote("行号 codes.csv"))
    assert answer.text == "a,b\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["page.html", "x.svg", "script.js", "report.html", "weights.bin"])
def test_a_file_is_never_a_page_of_ours(api: TestClient, folder: Path, name: str) -> None:
    (folder / name).write_text("<script>alert(1)</script>")
    answer = api.get(f"/api/jobs/1/files/{name}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")


OUTSIDE = [
    "../2-other/plan.json",
    "../../secret.txt",
    "checkpoints/../../secret.txt",
    "/etc/passwd",
    "//etc/passwd",
    "..",
    ".",
    "",
    ".reserve",
    "checkpoints",
    "none.txt",
    "plan.json/",
    "plan.json/x",
    "a\0b",
    "link",
    "folder/secret.txt",
    "pipe",
    "..\\..\\secret.txt",
    "C:\\secret.txt",
    "x" * 5000,
]


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("encode", [quote, encoded])
def test_no_path_leads_out(
    api: TestClient, folder: Path, tmp_path: Path, path: str, encode: Any
) -> None:
    (tmp_path / "secret.txt").write_text("SECRET")
    (tmp_path / "runs" / "secret.txt").write_text("SECRET")
    (folder / "link").symlink_to(tmp_path / "secret.txt")
    (folder / "folder").symlink_to(tmp_path)
    (folder / ".reserve").write_text("SECRET")
    os.mkfifo(folder / "pipe")
    answer = api.get(f"/api/jobs/1/files/{encode(path)}")
    assert "SECRET" not in answer.text and "root:" not in answer.text
    assert "content-disposition" not in answer.headers  # no file; where the client has already
    if encode is encoded and path:  # taken the dots away, it is another door
        assert answer.status_code == 404


def test_links(api: TestClient, folder: Path, tmp_path: Path) -> None:
    """Those that stay in the folder are files like others; those that leave it are not there."""
    (tmp_path / "secret.txt").write_text("SECRET")
    (folder / "out").symlink_to(tmp_path / "secret.txt")
    (folder / "in").symlink_to(folder / "train.log")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "train.log").rename(folder / "real.log")
    (folder / "train.log").symlink_to(tmp_path / "secret.txt")
    (folder / "in").unlink()
    (folder / "in").symlink_to(folder / "real.log")
    listed = {one["path"] for one in get(api, "/api/jobs/1/files")["files"]}
    assert {"in", "real.log"} <= listed and not listed & {"out", "loop", "train.log"}
    assert api.get("/api/jobs/1/files/in").text == "one\ntwo\nthree\n"
    assert api.get("/api/jobs/1/files/train.log").status_code == 404
    assert get(api, "/api/jobs/1/log")["lines"] == []
    assert get(api, "/api/jobs/1/log", q="S")["lines"] == []


def test_the_report(api: TestClient, folder: Path) -> None:
    missing = api.get("/api/jobs/1/report")
    assert (missing.status_code, missing.json()["error"]["key"]) == (404, "job.no_report")
    (folder / "report.html").write_text("<h1>fine</h1>")
    answer = api.get("/api/jobs/1/report")
    assert answer.text == "<h1>fine</h1>"
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert api.get("/api/jobs/7/report").json()["error"]["key"] == "runs.unknown"


def test_a_report_is_written(api: TestClient, folder: Path) -> None:
    assert not get(api, "/api/jobs/1")["has"]["report.html"]
    made = api.post("/api/jobs/1/report", headers={"origin": "http://localhost:3000"})
    assert (made.status_code, made.json()) == (201, {"schema": 1, "path": "report.html"})
    assert get(api, "/api/jobs/1")["has"]["report.html"]
    assert "bank codes" in api.get("/api/jobs/1/report").text
    assert {"report.html", "report.md"} <= {
        one["path"] for one in get(api, "/api/jobs/1/files")["files"]
    }
    missing = api.post("/api/jobs/9/report", headers={"origin": "http://localhost:3000"})
    assert missing.json()["error"]["key"] == "runs.unknown"


def test_a_part_of_a_file(api: TestClient, folder: Path) -> None:
    answer = api.get("/api/jobs/1/files/train.log", headers={"range": "bytes=4-6"})
    assert (answer.status_code, answer.text) == (206, "two")
