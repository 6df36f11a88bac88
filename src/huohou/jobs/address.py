"""Where a Ray cluster is: ``ray://HOST:PORT`` of a plan, and whether anybody listens there."""

import contextlib
import socket

from huohou.errors import UsageError

PORT = 6379  # of `ray start --head`
SECONDS = 5.0  # that a connection may take


def address_of(on: str) -> str | None:
    """HOST:PORT of ``ray://HOST:PORT``; None of ``ray``, which names none.

    >>> address_of("ray://10.0.0.5"), address_of("ray")
    ('10.0.0.5:6379', None)
    """
    _, slashes, place = on.partition("://")
    if not slashes:
        return None
    host, colon, port = place.rpartition(":")
    return place if colon and port.isdigit() and host else f"{place}:{PORT}"


def check_address(address: str) -> None:
    """Raise UsageError where nobody listens."""
    host, _, port = address.rpartition(":")
    try:
        with contextlib.closing(socket.create_connection((host.strip("[]"), int(port)), SECONDS)):
            return
    except (OSError, OverflowError) as error:
        raise UsageError("cluster.unreachable", address=address, problem=error) from error
