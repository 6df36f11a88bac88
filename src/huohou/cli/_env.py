"""The facts of a machine as people read them."""

from typing import Any

from huohou.text import say


def rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and values, in the order of a bug report."""
    packages = found["packages"]
    processor = found["processor"]
    shown = [
        ("huohou", packages["huohou"] or "-"),
        (say("env.python"), found["python"]),
        (say("env.platform"), found["platform"]),
        (say("env.processor"), f"{processor['name']} ({', '.join(processor['features']) or '-'})"),
        (say("env.cores"), str(processor["cores"])),
        (say("env.memory"), _gigabytes(found["memory_bytes"])),
        (say("env.devices"), _devices(found)),
        (say("env.speed"), _speed(found)),
        (say("env.workspace"), _place(found["workspace"])),
        (say("env.cache"), _place(found["cache"])),
        (say("env.models"), _models(found["models"])),
    ]
    shown += [(name, version or say("env.absent")) for name, version in packages.items()][1:]
    return shown + [(name, value) for name, value in found["environment"].items()]


def _devices(found: dict[str, Any]) -> str:
    listed = "; ".join(f"{device}: {name}" for device, name in found["devices"].items())
    return listed or say("env.no_torch", problem=found["problem"])


def _speed(found: dict[str, Any]) -> str:
    listed = [f"{dtype} {rate / 1e9:.3g} GFLOP/s" for dtype, rate in found["speed"].items()]
    alone = f" ({say('models.one_core')})" if set(found["devices"]) == {"cpu"} else ""
    return (", ".join(listed) + alone) or "-"


def _place(place: dict[str, Any]) -> str:
    state = "" if place["writable"] else f" ({say('env.not_writable')})"
    return say("env.place", path=place["path"], free=_gigabytes(place["free_bytes"])) + state


def _models(ready: dict[str, bool]) -> str:
    words = {True: say("env.ready"), False: say("env.not_ready")}
    return ", ".join(f"{name} ({words[state]})" for name, state in ready.items())


def _gigabytes(size: int | None) -> str:
    return "?" if size is None else f"{size / 1e9:.1f} GB"
