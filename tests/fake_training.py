"""A training recipe of milliseconds, installed like any other package's: a real plugin.

What it shall do is asked by ``$FAKE``: steps, seconds a step, at which step it dies and how.
"""

from pathlib import Path

RECIPE = """
import json, os, signal, sys, time
from huohou.recipes import Recipe, recipes


def run(plan, folder, recorder, should_stop, start=None):
    asked = json.loads(os.environ.get("FAKE", "{}"))
    steps, at = asked.get("steps", 10), asked.get("at", -1)
    print("from the recipe: hello", flush=True)
    recorder.log("loading")
    recorder.start(updates=steps, epochs=2.0)
    for step in range(1, steps + 1):
        if should_stop():
            recorder.checkpoint(step - 1, folder / "checkpoints" / f"checkpoint-{step - 1}")
            return
        time.sleep(asked.get("seconds", 0.0))
        if step == at:
            die(asked["how"], folder, asked)
        values = {"loss": 2 / step, "learning_rate": 1e-3, "tokens_per_second": 100.0}
        recorder.metrics(step, 2.0 * step / steps, **values)
        if step % 5 == 0:
            recorder.eval(step, 2.0 * step / steps, eval_loss=3 / step, eval_answer_accuracy=0.5)


def die(how, folder, asked):
    if how == "raise":
        try:
            {}["deep inside"]
        except KeyError as error:
            raise ValueError("boom 好") from error
    elif how == "memory":
        raise MemoryError
    elif how == "exit":
        print("last words", flush=True)
        os._exit(3)
    elif how == "quit":
        sys.exit(0)
    elif how == "fill":
        (folder / "checkpoints").mkdir()
        with (folder / "checkpoints" / "weights").open("wb") as out:
            while True:
                out.write(b"x" * 65536)
    elif how == "deaf":
        import huohou.jobs.stopping
        huohou.jobs.stopping.GRACE = 1.0
        time.sleep(3600)
    elif how == "wait":
        while not os.path.exists(asked["for"]):
            time.sleep(0.01)
    else:
        os.kill(os.getpid(), getattr(signal, how))
        time.sleep(3600)


def predict(subject):
    from huohou.plan import Outlook, Prediction

    return Outlook(Prediction(10, 400, 0.0, 10, 100, 1000, 1.0, 5_000_000))


recipes.register("fake")(Recipe(run, predict))
"""


def install(place: Path) -> Path:
    """A folder for ``$PYTHONPATH`` with the recipe ``fake``."""
    info = place / "fake_recipe-1.0.dist-info"
    info.mkdir(parents=True)
    (place / "fake_recipe.py").write_text(RECIPE, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-recipe\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[huohou.recipes]\nfake = fake_recipe\n")
    return place
