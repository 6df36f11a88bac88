"""What a tab must not do, noted as it happens."""

from typing import Any
from urllib.parse import urlsplit


class Watch:
    """host: the only one that may be asked. follow: a tab."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.errors: list[str] = []
        self.foreign: list[str] = []

    def follow(self, page: Any) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._request)

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def _request(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != self.host:
            self.foreign.append(request.url)
