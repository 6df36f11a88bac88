"""Ollama's Modelfile: written, and read as Ollama reads it (parser/parser.go of ollama/ollama)."""

import re
from dataclasses import dataclass
from pathlib import Path

from huohou.errors import DataError

_COMMANDS = frozenset(
    ("from", "license", "template", "system", "adapter", "renderer", "parser", "parameter",
     "message", "requires")
)  # fmt: skip
_NAME = re.compile(r"[ \t]*(\w+)[ \t]+")
QUOTES = '"""'


@dataclass(frozen=True, slots=True)
class Modelfile:
    """What is said of a model. model: the file or name after FROM; parameters: in order, by name,
    "stop" as often as there are stop texts."""

    model: str
    template: str | None = None
    system: str | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    adapter: str | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts that end an answer."""
        return tuple(value for name, value in self.parameters if name == "stop")

    def text(self) -> str:
        """As a file. Raises DataError for a text that holds three quotes in a row."""
        lines = [f"FROM {self.model}"]
        lines += [f"ADAPTER {self.adapter}"] if self.adapter else []
        lines += [f"TEMPLATE {_quoted(self.template)}"] if self.template is not None else []
        lines += [f"SYSTEM {_quoted(self.system)}"] if self.system is not None else []
        lines += [f"PARAMETER {name} {_value(value)}" for name, value in self.parameters]
        return "\n".join(lines) + "\n"


def read_modelfile(path: Path) -> Modelfile:
    """A Modelfile. Raises DataError with the line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError("modelfile.unreadable", path=path, problem=error.strerror) from error
    except UnicodeDecodeError as error:
        raise DataError("modelfile.no_text", path=path) from error
    return parse_modelfile(text, str(path))


def parse_modelfile(text: str, source: str = "Modelfile") -> Modelfile:
    """The last of each command counts, but every PARAMETER. Raises DataError with the line."""
    found: dict[str, str] = {}
    parameters: list[tuple[str, str]] = []
    lines, at = text.replace("\r\n", "\n").split("\n"), 0
    while at < len(lines):
        line, number = lines[at].strip(), at + 1
        at += 1
        if not line or line.startswith("#"):
            continue
        name, rest = _command(lines[number - 1], f"{source}:{number}")
        if name == "parameter":
            parameter = _NAME.match(rest)
            if parameter is None:
                raise DataError("modelfile.line", where=f"{source}:{number}", line=line[:80])
            rest = rest[parameter.end() :]
        value, at = _read(rest, lines, at, f"{source}:{number}")
        if name == "parameter":
            assert parameter is not None
            parameters.append((parameter[1].lower(), value))
        else:
            found[name] = value
    if "from" not in found:
        raise DataError("modelfile.no_from", path=source)
    return Modelfile(
        found["from"],
        found.get("template"),
        found.get("system"),
        tuple(parameters),
        found.get("adapter"),
    )


def _command(line: str, where: str) -> tuple[str, str]:
    found = _NAME.match(line)
    if found is None or found[1].lower() not in _COMMANDS:
        raise DataError("modelfile.line", where=where, line=line.strip()[:80])
    return found[1].lower(), line[found.end() :]


def _read(rest: str, lines: list[str], at: int, where: str) -> tuple[str, int]:
    """A value that begins on a line, through its closing quotes, and the place behind it."""
    quotes = QUOTES if rest.startswith(QUOTES) else '"' if rest.startswith('"') else ""
    if not quotes:
        return rest.strip(), at
    value = rest[len(quotes) :]
    while not value.rstrip(" \t").endswith(quotes):
        if at == len(lines):
            raise DataError("modelfile.open_quotes", where=where)
        value += "\n" + lines[at]
        at += 1
    return value.rstrip(" \t").removesuffix(quotes), at


def _quoted(text: str) -> str:
    """In three quotes, in which everything is kept as it is."""
    if QUOTES in text or text.endswith('"'):
        raise DataError("modelfile.quotes")
    return f"{QUOTES}{text}{QUOTES}"


def _value(text: str) -> str:
    return f'"{text}"' if text != text.strip() or "\n" in text else text
