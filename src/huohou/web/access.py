"""Who is asking, and what they may: everybody on this machine, or people with tokens and roles.

An operator may do everything. A reader looks, asks and has logs diagnosed, and changes nothing.
"""

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from huohou import api

SAFE = ("GET", "HEAD", "OPTIONS")
# In a request's scope: the role of who sent it; asked whether it still has one.
ROLE = "huohou_role"
STAYS = "huohou_stays"
# What changes nothing although it is sent with a body.
_LOOKS = ("/api/ask", "/api/chat", "/api/doctor", "/v1")
# What shows files of the machine, for who starts trainings with them.
_OPERATORS = ("/api/places", "/new")


@dataclass(frozen=True, slots=True)
class Access:
    """token: what each request must carry, None: nothing; people: those who have tokens of their
    own, asked at each request; read_only: everybody only looks; closed: nobody comes in without a
    token, also when the last of the people is gone."""

    token: str | None = None
    people: Callable[[], "api.People"] | None = None
    read_only: bool = False
    closed: bool = False

    def is_asked(self) -> bool:
        """Whether a request needs a token. Raises UsageError where the file cannot be read."""
        asked = self.closed or self.token is not None
        return asked or bool(self.people and self.people().all())

    def role(self, given: str | None) -> "api.Role | None":
        """What who carries this may do; None: nothing at all."""
        if not self.is_asked():
            found: api.Role | None = "operator"
        elif given is None:
            found = None
        elif self.token is not None and same(given, self.token):
            found = "operator"
        else:
            person = self.people().who(given) if self.people else None
            found = person.role if person else None
        return "reader" if found and self.read_only else found


def may(role: str, method: str, path: str) -> bool:
    """Whether a role may send that request.

    >>> may("reader", "POST", "/api/jobs/1/stop"), may("reader", "POST", "/v1/chat/completions")
    (False, True)
    """
    if role == "operator":
        return True
    if below(path, _OPERATORS):
        return False
    return method in SAFE or below(path, _LOOKS)


def role_of(scope: Any) -> str:
    """The role that the guard found for a request."""
    return str(scope.get(ROLE, "operator"))


def same(given: str, wanted: str) -> bool:
    """Whether two tokens are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def below(path: str, roots: Iterable[str]) -> bool:
    """Whether a path is one of these or stands below one."""
    return any(path == root or path.startswith(root + "/") for root in roots)
