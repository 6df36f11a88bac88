"""A hub on 127.0.0.1: what huggingface_hub and modelscope ask for, answered from memory."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """files: what lies on the hub below each owner/name; asked: every request it got."""

    url: str = ""
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    sent: set[str] = field(default_factory=set)

    def put(self, name: str, folder: Path, **more: bytes) -> None:
        """Lay a folder's files on the hub, and more."""
        there = (p for p in folder.rglob("*") if p.is_file())
        self.files[name] = {p.relative_to(folder).as_posix(): p.read_bytes() for p in there} | more


@dataclass
class Answer:
    status: int
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Hub  # set by ``hub``

    def log_message(self, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.reply(self.answer())

    def do_GET(self) -> None:
        answer = self.answer()
        self.reply(answer)
        self.wfile.write(answer.content)

    def reply(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(answer.content)))
        for key, value in answer.headers.items():
            self.send_header(key, value)
        self.end_headers()

    def answer(self) -> Answer:
        self.state.asked.append(f"{self.command} {self.path}")
        url = urlsplit(self.path)
        parts = url.path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            return self.hugging_face("/".join(parts[2:4]), parts[4:])
        if parts[:3] == ["api", "v1", "models"]:
            return self.modelscope("/".join(parts[3:5]), parts[5:], parse_qs(url.query))
        if parts[2:3] == ["resolve"]:
            return self.file("/".join(parts[:2]), "/".join(parts[4:]))
        return Answer(200, b"a hub")

    def hugging_face(self, name: str, rest: list[str]) -> Answer:
        if name in self.state.gated:
            return Answer(403, b"{}", {"X-Error-Code": "GatedRepo"})
        if name not in self.state.files:
            return Answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        files = self.state.files[name]
        if rest[:1] == ["tree"]:
            tree = [{"type": "file", "path": p, "size": len(b), "oid": p} for p, b in files.items()]
            return Answer(200, json.dumps(tree).encode())
        siblings = [{"rfilename": p, "size": len(b)} for p, b in files.items()]
        info = {"id": name, "modelId": name, "sha": COMMIT, "siblings": siblings}
        return Answer(200, json.dumps(info).encode())

    def modelscope(self, name: str, rest: list[str], query: dict[str, list[str]]) -> Answer:
        if name not in self.state.files:
            return Answer(404, b'{"Code": 10010205001, "Message": "not found"}')
        if rest == ["repo"]:
            return self.file(name, query["FilePath"][0])
        entries = [
            {"Path": p, "Type": "blob", "Size": len(b), "Sha256": hashlib.sha256(b).hexdigest()}
            for p, b in self.state.files[name].items()
        ]
        return Answer(200, json.dumps({"Code": 200, "Data": {"Files": entries}}).encode())

    def file(self, name: str, path: str) -> Answer:
        content = self.state.files.get(name, {}).get(path)
        if content is None:
            return Answer(404, b"", {"X-Error-Code": "EntryNotFound"})
        if self.command == "GET":
            self.state.sent.add(path)
        etag = hashlib.sha1(content).hexdigest()
        return Answer(200, content, {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"'})


@contextmanager
def hub() -> Iterator[Hub]:
    """A hub that listens while the body runs."""
    state = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"state": state}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
