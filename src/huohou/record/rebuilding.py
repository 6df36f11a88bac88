"""Building a database anew from the folders of its workspace."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, insert, inspect, select

from huohou.errors import StoreError
from huohou.record import ingest
from huohou.record.schema import SCHEMA, meta, metadata, team
from huohou.record.workspace import job_folders


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild found: jobs taken in, folders that are no job of this workspace."""

    jobs: int
    skipped: tuple[str, ...]


def rebuild(connection: Connection, workspace: Path) -> Rebuilt:
    """Drop what is there and take every folder in. Raises StoreError for somebody else's tables."""
    before = schema_of(connection)
    there = set(inspect(connection).get_table_names()) & metadata.tables.keys()
    if there and before is None:  # somebody else's tables of the same names
        raise StoreError("store.foreign", tables=", ".join(sorted(there)))
    # First what every transaction asks first: each of two waits for the other nowhere else.
    meta.drop(connection, checkfirst=True)
    metadata.drop_all(connection)
    metadata.create_all(connection)
    if before != SCHEMA:
        team.drop_all(connection)
    team.create_all(connection)
    connection.execute(insert(meta).values(schema=SCHEMA))
    taken: set[int] = set()
    skipped = []
    for folder in job_folders(workspace):
        job = ingest.take_in(connection, folder)
        if job is None or job in taken:
            skipped.append(folder.name)
        else:
            taken.add(job)
    return Rebuilt(len(taken), tuple(skipped))


def schema_of(connection: Connection) -> int | None:
    """The schema that the tables have, None where they are not ours or not there."""
    if not inspect(connection).has_table(meta.name):
        return None
    return connection.execute(select(meta.c.schema)).scalar()
