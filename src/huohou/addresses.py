"""Addresses of a storage as people write them, before anything asks what is there.

They are kept with the plan and shown on the page, so nothing secret may stand in one; and they mean
the same folder for every process that reads the plan.
"""

from huohou.errors import ConfigError

ADDRESS = r"^[a-z][a-z0-9+.-]*://\S+$"
FOLDERS = frozenset(("file", "local"))
# What fsspec reads as a pattern, also where it deletes, or as a second address behind the first.
_SIGNS = ("*", "[", "]", "::")


def refuse(address: str) -> None:
    """Raise ConfigError for an address with a secret in it, or one that means several places."""
    protocol, _, rest = address.partition("://")
    if "@" in rest.partition("/")[0] or "?" in rest or ("::" in rest and "@" in rest):
        raise ConfigError("storage.password", protocol=protocol, key="compute.storage")
    depends = protocol in FOLDERS and not rest.startswith("/")  # on the folder one stands in
    if depends or any(sign in rest for sign in _SIGNS):
        raise ConfigError("storage.no_address", address=address, key="compute.storage")
