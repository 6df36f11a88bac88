"""A store's database from outside: what is in it, and what may befall it, file or PostgreSQL."""

from typing import Any

from sqlalchemy import make_url, select

from huohou.record.schema import meta, metadata
from huohou.record.store import Store


def tables(store: Store) -> dict[str, list[tuple[str, ...]]]:
    """Every table but the bookkeeping, as sorted text (so that NaN equals NaN).

    The last digits of a sum depend on the order in which its parts came.
    """
    with store._read() as connection:
        return {
            table.name: sorted(
                tuple(
                    f"{value:.12g}" if column == "sum" else repr(value)
                    for column, value in row._mapping.items()
                )
                for row in connection.execute(select(table))
            )
            for table in metadata.tables.values()
        }


def sql(store: Store, query: str) -> list[tuple[Any, ...]]:
    """What a query that people type answers."""
    with store._engine.begin() as connection:
        found = connection.exec_driver_sql(query)
        return [tuple(row) for row in found] if found.returns_rows else []


def lose(store: Store) -> None:
    """The file is gone, or all that was in the server's database."""
    if store._file is not None:
        store._file.unlink()
    else:  # what every transaction asks first goes first: else two might wait for each other
        names = dict.fromkeys([meta.name, *metadata.tables])
        sql(store, f"DROP TABLE {', '.join(names)}")


def waits_for_a_lock(store: Store) -> bool:
    """Whether a transaction of a server's database waits until another one is over."""
    return bool(sql(store, "SELECT 1 FROM pg_locks WHERE NOT granted"))


def spoil(store: Store) -> None:
    """The database cannot be used: the file is no database any more, the server lets nobody in."""
    if store._file is not None:
        store._file.write_bytes(b"spoilt" * 1000)
    else:
        _let_in(store.url, False)


def mend(store: Store) -> None:
    """The server lets people in again; a file that was spoilt stays so."""
    if store._file is None:
        _let_in(store.url, True)


def _let_in(address: str, allowed: bool) -> None:
    import psycopg

    url = make_url(address)
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    server = url.set(database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS {allowed}")
        if not allowed:
            connection.execute(end, [url.database])
