"""All doors of the application, by its OpenAPI document: new ones are tested by themselves."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import quote

STREAMS = ("/api/events",)  # these do not end by themselves
_SLOT = re.compile(r"\{(\w+)(?::\w+)?\}")


class Door(NamedTuple):
    """A method and a path, with slots as in the document."""

    method: str
    path: str

    @property
    def slots(self) -> list[str]:
        return _SLOT.findall(self.path)

    def with_slots(self, values: dict[str, str]) -> str:
        """The path with values as they are: encode what shall be encoded."""
        return _SLOT.sub(lambda found: values.get(found[1], "1"), self.path)


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document, made once: nobody may write into it."""
    from huohou.web.app import create_app

    return create_app().openapi()


def doors() -> Iterator[Door]:
    """Every method of every path."""
    for path, methods in sorted(document()["paths"].items()):
        for method in sorted(methods):
            yield Door(method.upper(), path)


def changing() -> list[Door]:
    """Those that change something."""
    return [door for door in doors() if door.method not in ("GET", "HEAD", "OPTIONS")]


def reading() -> list[Door]:
    """Those that only read, streams left out."""
    return [door for door in doors() if door.method == "GET" and door.path not in STREAMS]


def encoded(text: str) -> str:
    """Every sign of a path in percents, slashes and dots too."""
    return "".join(f"%{byte:02x}" if byte < 128 else quote(chr(byte)) for byte in text.encode())
