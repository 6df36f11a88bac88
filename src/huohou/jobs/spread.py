"""Encoding and searching by tasks of a Ray cluster, a shard or a block each.

What is computed together is cut as in one process, so that the result is that of one process; a
task whose process died is done again by Ray. Vectors come back to the driver, which keeps and
searches them: of files only the model has to be on every machine.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from huohou import errors
from huohou.errors import RunFailedError
from huohou.jobs import ray_tasks
from huohou.jobs.claim import Claim
from huohou.jobs.ray_tasks import Asked
from huohou.models.names import resolve
from huohou.probe.embeddings import Made, Shards
from huohou.probe.search import Found, Vectors

if TYPE_CHECKING:
    from huohou.measure.gaussian import Side
    from huohou.models.encoder import Encoder


class Spread:
    """A connected cluster, for as many tasks at a time as a claim has workers."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self.tasks = 0  # that were done, over all calls

    def of(self, encoder: "Encoder") -> "Callable[[str, Side], Shards]":
        """Who encodes the shards of a score and a side with this encoder."""
        source = resolve(encoder.name)
        model = str(source.folder.resolve()) if source.kind == "folder" else source.name
        device = "cuda" if "GPU" in self._claim.each else "cpu"
        threads = int(self._claim.each["CPU"])

        def side_of(score: str, side: "Side") -> Shards:
            asked = Asked(model, encoder.fingerprint, device, threads, score, side)
            return lambda shards: self._encoded(asked, shards)

        return side_of

    def blocks(self, queries: Sequence[Vectors], passages: Vectors, k: int, memory: int) -> Found:
        """Search for blocks of queries, as ``top_k`` wants it; passages are sent once."""
        import ray

        there = ray.put(passages)
        told = [(block, there, k, memory) for block in queries]
        for number, answer in self._answers(ray_tasks.search, told):
            yield number, answer["found"]

    def _encoded(self, asked: Asked, shards: Sequence[Sequence[str]]) -> Made:
        told = [(asked, list(texts)) for texts in shards]
        for number, answer in self._answers(ray_tasks.encode, told):
            if refused := answer.get("refused"):
                kind, key, fields = refused
                raise getattr(errors, kind)(key, **fields)
            yield number, answer["vectors"]

    def _answers(
        self, work: Callable[..., Any], told: Sequence[tuple[Any, ...]]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Number and answer of each task as they are done, never more at a time than workers.

        Raises RunFailedError for one that cannot be done.
        """
        import ray

        claim = self._claim
        running: dict[Any, int] = {}
        task = ray.remote(work).options(
            num_cpus=claim.each["CPU"],
            num_gpus=claim.each.get("GPU", 0),
            max_retries=claim.restarts,
        )
        waiting = list(enumerate(told))[::-1]
        while waiting or running:
            while waiting and len(running) < claim.workers:
                number, one = waiting.pop()
                running[task.remote(*one)] = number
            (done, *_), _ = ray.wait(list(running), num_returns=1)
            try:
                answer = ray.get(done)
            except ray.exceptions.RayError as error:
                raise _given_up(error, claim) from error
            self.tasks += 1
            yield running.pop(done), answer


def _given_up(error: Exception, claim: Claim) -> RunFailedError:
    """What cannot be done: its worker died again and again, or it says what is wrong."""
    import ray

    problem = (str(error).strip().splitlines() or [type(error).__name__])[-1]
    key = "spread.failed" if isinstance(error, ray.exceptions.RayTaskError) else "spread.died"
    return RunFailedError(key, restarts=claim.restarts, problem=problem)
