"""A text log without a value that ended with an error: what the error was is all it tells."""

from huohou.record.readers import Reader, readers
from huohou.record.readers._ends import ending
from huohou.record.readers._rows import Collector
from huohou.record.readers._source import Source
from huohou.record.readers._text import Found, is_report, record
from huohou.record.record import Record


def read_text_log(source: Source) -> Record:
    """Read how a log ended. Raises DataError when it does not say."""
    return record(source, "text-log", Found(Collector(), 0), {})


def _recognises(source: Source) -> bool:
    if not source.is_text:
        return False
    return ending(source.plain) is not None and not is_report(source, 0)


readers.register("text-log")(Reader(_recognises, read_text_log, ("output.log",), rank=97))
