"""A job whose machine died goes back to the queue by itself, where the queue has workers.

It goes on from its last whole checkpoint. Not again and again: a job that takes its machines with
it would take them all.
"""

from pathlib import Path

from huohou.jobs import detach, resume, stopping
from huohou.jobs.queue import read
from huohou.record.recorder import Journal
from huohou.text import say

TIMES = 3


def put_back(folder: Path, journal: Journal) -> bool:
    """Queue a job again whose training and supervisor are gone; False: that is not for us.

    journal: held by us. What it was queued with is there only while a worker has the job.
    """
    entry = read(folder)
    if entry is None or not entry.detached or entry.again >= TIMES:
        return False
    if stopping.requested(folder) is not None:
        return False
    point = resume.point(folder)
    journal.seg = entry.seg + 1
    for note in resume.put_aside(point.damaged):
        journal.alert(note)
    detach.start_from(entry, resume.start_at(folder, point.checkpoint))
    journal.alert(say("queue.put_back", host=entry.host or "?", times=TIMES, n=entry.again + 1))
    journal.state("queued")
    facts = {"priority": entry.priority, "slots": entry.slots, "store": entry.store}
    journal.queue(detached=True, again=entry.again + 1, **facts)
    return True
