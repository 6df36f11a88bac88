"""All readers under atheris: what code an input reaches decides what is tried next.

Run as: python tests/fuzz/fuzz_readers.py FOLDER [SECONDS], or `make fuzz`.

FOLDER gets ``corpus/`` (at first the samples of every format; what reached new code is added) and
``crashes/`` (inputs that broke a promise of ``attempt.py``; give such a file in place of SECONDS to
see it again). The first byte of an input says which reader it is for, the rest is the file. Now
and again an input is repeated up to a megabyte, and time and memory are looked at too, in a
process that is not slowed down by being watched.
"""

import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))

with atheris.instrument_imports(include=["huohou.record.readers"]):
    from huohou.record import readers

    NAMES = readers.names()

from fuzz import attempt as attempts
from fuzz.attempt import BrokenPromiseError, attempt, judged, magnified
from fuzz.nasty import PIECES
from fuzz.samples import samples

SAMPLES = samples()
EVERY = 2000  # inputs between two that are made large
LONGEST = 60_000  # bytes of an input
_inputs = count(1)


def one(data: bytes, folder: Path) -> None:
    """Try an input: the reader it names, and the one that recognises it."""
    name = NAMES[data[0] % len(NAMES)] if data else NAMES[0]
    path, content, at = folder / SAMPLES[name][0], data[1:], next(_inputs)
    path.write_bytes(content)
    record = attempt(path, name)
    attempt(path, None)
    if record is not None and at % 8 == 0:
        judged(record)
    if at % EVERY == 0:
        path.write_bytes(magnified(content))
        command = [sys.executable, attempts.__file__, str(path), name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BrokenPromiseError(done.stderr)


def seed(corpus: Path) -> None:
    """The samples as inputs, and a dictionary of pieces that matter to parsers."""
    corpus.mkdir(parents=True, exist_ok=True)
    for at, name in enumerate(NAMES):
        (corpus / f"sample-{name}").write_bytes(bytes([at]) + SAMPLES[name][1])
    words = ("".join(f"\\x{byte:02x}" for byte in piece) for piece in PIECES if len(piece) < 60)
    (corpus.parent / "words.dict").write_text("".join(f'"{word}"\n' for word in words))


def main(place: Path, what: str) -> None:
    """Fuzz for some seconds, or try one input again."""
    crashes = place / "crashes"
    crashes.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as top:
        options = ["-timeout=60", "-rss_limit_mb=4096", f"-max_len={LONGEST}"]
        if what.isdecimal():
            seed(place / "corpus")
            options += [f"-max_total_time={what}", f"-dict={place / 'words.dict'}"]
            options += [f"-artifact_prefix={crashes}/", str(place / "corpus")]
        else:
            options.append(what)
        atheris.Setup([sys.argv[0], *options], lambda data: one(data, Path(top)))
        atheris.Fuzz()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "600")
