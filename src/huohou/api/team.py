"""Who may use the page of a workspace. Nothing heavy is imported early."""

from typing import Any

from huohou.api.common import workspace
from huohou.people import FILE, ROLES, People, Role

__all__ = ["ROLES", "People", "Role", "people", "team", "token_add", "token_revoke"]


def people() -> People:
    """The people of the workspace."""
    return People(workspace() / FILE)


def team() -> dict[str, Any]:
    """Everybody who has a token: the document of `token ls --json`."""
    found = people()
    told = [{"name": p.name, "role": p.role, "created": p.created} for p in found.all()]
    return {"schema": 1, "file": str(found.file), "people": told}


def token_add(name: str, role: Role) -> str:
    """Give somebody a token, which is told here and kept nowhere. Raises UsageError."""
    return people().add(name, role)


def token_revoke(name: str) -> None:
    """Take somebody's token back. Raises UsageError."""
    people().revoke(name)
