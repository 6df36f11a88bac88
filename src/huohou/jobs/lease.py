"""One job's lease: how its supervisor says, on any machine, that the job is in hand.

File locks say that on one machine. Where the store is shared, workspaces lie on file systems whose
locks may end at the machine, so a supervisor there holds a lease as well (see record/leases.py).
"""

import os
import secrets
import socket
import time

from huohou.errors import StoreError
from huohou.record.leases import Holder, Leases
from huohou.record.store import Store


def holder() -> Holder:
    """Who we are, unlike any other process there is or was."""
    host = socket.gethostname()
    return Holder(f"{host}:{os.getpid()}:{secrets.token_hex(4)}", host)


class Lease:
    """The lease of one job. name: of the holder that claimed it for us.

    Without a claim, and where nobody else could have the job, nothing is kept.
    """

    def __init__(self, store: Store, job: int, name: str | None = None) -> None:
        self._leases = Leases(store)
        self._job = job
        self._holder = Holder(name, socket.gethostname()) if name else holder()
        self._due = 0.0
        self._begun = False
        self.is_kept = name is not None or store.is_shared

    def beat(self) -> bool:
        """Renew it when it is time; False when another supervisor has the job now.

        A database that is away ends no training.
        """
        if not self.is_kept or time.monotonic() < self._due:
            return True
        try:
            keep = self._leases.renew if self._begun else self._leases.begin
            ours = keep(self._job, self._holder)
        except StoreError:
            return True
        self._begun = True
        self._due = time.monotonic() + self._leases.seconds / 4
        return ours

    def close(self) -> None:
        """Give it back; a database that is away lets it run out."""
        if self.is_kept:
            try:
                self._leases.release(self._job, self._holder)
            except StoreError:
                return
