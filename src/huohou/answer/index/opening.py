"""The index of a table's file, kept in the cache: built once, updated when the file changed."""

from hashlib import file_digest, sha256
from pathlib import Path

from huohou.answer.index.index import FactIndex, Progress
from huohou.data.facts import read_facts
from huohou.data.tables import split_source
from huohou.errors import DataError
from huohou.models.cache import cache_folder as default_cache
from huohou.text import say

NAME = 16  # hexadecimal digits of an index folder's name


def open_index(
    source: str | Path,
    key: str | None = None,
    value: str | None = None,
    cache_folder: Path | None = None,
    progress: Progress | None = None,
    *,
    digits: int | None = None,
) -> FactIndex:
    """The index of a table: the one in the cache when the file is what it was, byte for byte.

    source: as for ``read_facts``; cache_folder: ``$HUOHOU_CACHE`` by default. Raises what
    ``read_facts`` raises, StoreError for a cache that cannot be written.
    """
    path, inner = split_source(str(source))
    file = _digest(path)
    asked = "\0".join(map(str, (path.resolve(), inner, key, value, digits)))
    name = sha256(asked.encode("utf-8", "surrogateescape")).hexdigest()[:NAME]
    folder = (cache_folder or default_cache()) / "indexes" / name
    try:
        index = FactIndex.open(folder)
    except DataError:
        table = read_facts(source, key=key, value=value, digits=digits)
        return FactIndex.build(table, folder, progress, file)
    if index.about.file != file:
        changes = index.update(read_facts(source, key=key, value=value, digits=digits), file)
        if progress and changes:
            progress(
                say(
                    "answer.index_updated",
                    added=changes.added,
                    removed=changes.removed,
                    changed=changes.changed,
                )
            )
    return index


def _digest(path: Path) -> str:
    """sha256 of a file's bytes and of the journal that SQLite keeps beside it."""
    whole = sha256()
    for one in (path, path.with_name(f"{path.name}-wal")):
        if one.is_file():
            with one.open("rb") as file:
                whole.update(file_digest(file, "sha256").digest())
    return whole.hexdigest()
