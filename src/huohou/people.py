"""Who may use a team's page: a token each, kept as its hash in ``people.json`` of the workspace.

A token is 32 random bytes, so one SHA-256 of it cannot be tried out: no slow hash is needed.
"""

import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from huohou.errors import UsageError

FILE = "people.json"
Role = Literal["reader", "operator"]
ROLES: tuple[Role, ...] = get_args(Role)
_NAME = re.compile(r"[^\W_][\w.@ -]{0,63}")


@dataclass(frozen=True, slots=True)
class Person:
    """name: how the page calls them; sha256: of their token; created: unix seconds."""

    name: str
    role: Role
    sha256: str
    created: float


class People:
    """The people of a file; it is read again when it has changed. Raises UsageError."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._seen: object = None
        self._people: Sequence[Person] = ()

    def all(self) -> Sequence[Person]:
        """Everybody, in the order in which they were added; nobody when there is no file."""
        try:
            found = self.file.stat()
        except FileNotFoundError:
            return ()
        stamp = found.st_mtime_ns, found.st_size, found.st_ino
        if stamp != self._seen:
            self._people, self._seen = _read(self.file), stamp
        return self._people

    def who(self, token: str) -> Person | None:
        """Whose token it is; it takes as long for a wrong one as for a right one."""
        digest, found = _digest(token), None
        for person in self.all():
            if hmac.compare_digest(person.sha256, digest):
                found = person
        return found

    def add(self, name: str, role: Role) -> str:
        """Add somebody; the token, which is kept nowhere."""
        if not _NAME.fullmatch(name):
            raise UsageError("people.bad_name", name=name)
        people = self.all()
        if any(one.name == name for one in people):
            raise UsageError("people.exists", name=name, path=self.file)
        token = secrets.token_urlsafe(32)
        self._write([*people, Person(name, role, _digest(token), round(time.time(), 3))])
        return token

    def revoke(self, name: str) -> None:
        """Their token is good for nothing any more."""
        people = self.all()
        kept = [one for one in people if one.name != name]
        if len(kept) == len(people):
            known = ", ".join(one.name for one in people) or "-"
            raise UsageError("people.unknown", name=name, known=known, path=self.file)
        self._write(kept)

    def _write(self, people: Sequence[Person]) -> None:
        told = {"schema": 1, "people": [asdict(one) for one in people]}
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            # readable by its owner alone, and whole at every moment
            descriptor, name = tempfile.mkstemp(dir=self.file.parent, prefix=f".{self.file.name}.")
            with contextlib.ExitStack() as half:
                half.callback(Path(name).unlink, missing_ok=True)
                with os.fdopen(descriptor, "w", encoding="utf-8") as out:
                    json.dump(told, out, ensure_ascii=False, indent=1)
                    out.write("\n")
                Path(name).replace(self.file)
                half.pop_all()
        except OSError as error:
            raise UsageError("people.cannot_write", path=self.file, problem=error) from error


def _read(file: Path) -> Sequence[Person]:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return [_person(one) for one in told["people"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError("people.unreadable", path=file, problem=error) from error


def _person(told: dict[str, Any]) -> Person:
    person = Person(**told)
    if person.role not in ROLES or not re.fullmatch("[0-9a-f]{64}", person.sha256):
        raise ValueError(person.name)
    return person


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "backslashreplace")).hexdigest()
