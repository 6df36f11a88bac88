"""Heavy libraries, brought in without holding up the threads beside."""

import ctypes
import os
import sys
from importlib.util import find_spec
from pathlib import Path


def bring_torch() -> None:
    """Have the system load PyTorch's largest library before Python asks for it.

    ``import torch`` loads it while no other thread of Python may run, half a second and more, in
    which a server does not answer. A call from ctypes lets them run; the import finds the library
    there. It is one of plain C++, which knows nothing of Python. Where that cannot be done
    (another system than Linux, another build of PyTorch) nothing happens.
    """
    if "torch" in sys.modules or not sys.platform.startswith("linux"):
        return
    found = find_spec("torch")
    if found is None or found.origin is None:
        return
    path = Path(found.origin).parent / "lib" / "libtorch_cpu.so"
    if not path.is_file():
        return
    load = ctypes.CDLL(None).dlopen
    load.restype, load.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
    load(os.fsencode(path), os.RTLD_NOW | os.RTLD_LOCAL)
