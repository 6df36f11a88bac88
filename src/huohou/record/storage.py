"""A folder at an address: ``s3://bucket/prefix``, ``gs://``, ``file:///``, whatever fsspec knows.

Names are relative to the folder, with slashes. Where its owner's keys come from is the business of
the protocol's own package: huohou reads none, and an address with a password in it is refused.
"""

import contextlib
import re
import secrets
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from huohou import addresses
from huohou.errors import MissingExtraError, StoreError, UsageError, first_line
from huohou.text import say

# These have no folders; asked to make one, some make a bucket.
BUCKETS = frozenset(
    ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci", "tos", "hf")
)
_OF_OWN_PROCESS = frozenset(("memory",))
_TEMPORARY = ".part"


class Storage:
    """The folder at an address.

    Opening raises UsageError for an address that is of no use, MissingExtraError where a package is
    lacking. Every method raises StoreError, with the protocol's own words, where the storage cannot
    be reached or refuses.
    """

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self._protocol = self.address.split("://")[0]
        self._fs, self._root = _filesystem(self.address, self._protocol)

    def under(self, name: str) -> "Storage":
        """A folder of this one."""
        return Storage(f"{self.address}/{name}")

    def check(self) -> None:
        """Write a small file, read it back and delete it. Raises UsageError where that fails."""
        name, text = f".huohou-{secrets.token_hex(8)}", secrets.token_hex(8)
        try:
            self.write(name, text)
            try:
                found = self.read(name)
            finally:
                self.drop(name)
        except (StoreError, FileNotFoundError) as error:
            told = {"address": self.address, "problem": problem_of(error)}
            raise UsageError("storage.unusable", **told) from error
        if found != text:
            problem = say("storage.reads_other")
            raise UsageError("storage.unusable", address=self.address, problem=problem)

    def put(self, file: Path, name: str) -> None:
        """A local file under a new name. It may be half there after a failure.

        Raises FileNotFoundError where there is no such local file.
        """
        file.stat()
        with self._speaking():
            self._make_parent(name)
            self._fs.put_file(str(file), self._at(name))

    def replace(self, file: Path, name: str) -> None:
        """A local file in the place of one that may be there: that one, or this one whole."""
        self.put(file, name + _TEMPORARY)
        self._move(name)

    def write(self, name: str, text: str) -> None:
        """A small text in the place of one that may be there: that one, or this one whole."""
        with self._speaking():
            self._make_parent(name)
            self._fs.pipe_file(self._at(name + _TEMPORARY), text.encode("utf-8"))
        self._move(name)

    def read(self, name: str) -> str:
        """A small text. Raises FileNotFoundError; bytes that are no text become question marks."""
        with self._speaking(FileNotFoundError):
            raw: bytes = self._fs.cat_file(self._at(name))
            return raw.decode("utf-8", "replace")

    def get(self, name: str, file: Path) -> None:
        """A copy here. Raises FileNotFoundError."""
        with self._speaking(FileNotFoundError):
            self._fs.get_file(self._at(name), str(file))

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none."""
        with self._speaking():
            try:
                return int(self._fs.info(self._at(name))["size"])
            except FileNotFoundError:
                return None

    def names(self, folder: str = "") -> list[str]:
        """Names right in a folder, sorted; none where there is no such folder."""
        with self._speaking():
            self._fs.invalidate_cache()
            try:
                found = self._fs.ls(self._at(folder), detail=False)
            except FileNotFoundError:
                return []
        return sorted(name for name in (PurePosixPath(one).name for one in found) if name)

    def drop(self, name: str) -> None:
        """Delete a file, or a folder with all that is in it."""
        with self._speaking(), contextlib.suppress(FileNotFoundError):
            self._fs.rm(self._at(name), recursive=True)

    def _move(self, name: str) -> None:
        with self._speaking():
            self._fs.mv(self._at(name + _TEMPORARY), self._at(name))

    def _make_parent(self, name: str) -> None:
        if self._protocol not in BUCKETS:
            self._fs.makedirs(self._at(name).rpartition("/")[0], exist_ok=True)

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    @contextlib.contextmanager
    def _speaking(self, *known: type[Exception]) -> Iterator[None]:
        try:
            yield
        except known:
            raise
        except Exception as error:  # each protocol's package has errors of its own
            raise StoreError(
                "storage.failed", address=self.address, problem=first_line(error)
            ) from error


def problem_of(error: Exception) -> object:
    """What is wrong, without the sentence that a storage's error puts around it."""
    return error.fields.get("problem", error) if isinstance(error, StoreError) else error


def _filesystem(address: str, protocol: str) -> tuple[Any, str]:
    if not re.match(addresses.ADDRESS, address) or protocol in _OF_OWN_PROCESS:
        raise UsageError("storage.no_address", address=address)
    addresses.refuse(address)
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtraError("api.missing_extra", extra="scale", missing="fsspec") from error
    try:
        fs, root = fsspec.core.url_to_fs(
            address, skip_instance_cache=True, use_listings_cache=False
        )
    except ImportError as error:
        package = _package(error, protocol)
        raise MissingExtraError("storage.package", protocol=protocol, package=package) from error
    except Exception as error:  # each protocol's package has errors of its own
        raise UsageError("storage.unusable", address=address, problem=first_line(error)) from error
    return fs, str(root).rstrip("/")


def _package(error: ImportError, protocol: str) -> str:
    """What pip calls the package of a protocol, as far as fsspec tells."""
    from fsspec.registry import known_implementations

    lacking = error.__cause__
    if isinstance(lacking, ImportError) and lacking.name:
        return lacking.name.split(".")[0].replace("_", "-")
    module = str(known_implementations.get(protocol, {}).get("class", protocol))
    return module.split(".", maxsplit=1)[0]
