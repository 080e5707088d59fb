"""All files on all cores: each file's rows go to a part of its own, and the parts follow in the order of the files.

So the output is the same, byte for byte, however many processes there are. Rows of revisits whose original does not
stand earlier in the same file come last.
"""

from __future__ import annotations

import gc
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import groupby
from multiprocessing import get_context
from operator import itemgetter
from pathlib import Path
from typing import IO, TYPE_CHECKING

from crawler.extract_read import Source, Visited, find, original_keys
from crawler.extracting import Extracted, Extractor
from warc.reader import read_at

if TYPE_CHECKING:
    from scrapy.settings import Settings


def extract(
    sources: list[Source], settings: Settings, spider: str | None, processes: int, out: IO[bytes], folder: Path
) -> Extracted:
    """Write every row to ``out``. ``folder`` is an empty one, for the parts.

    Raises OSError when nothing more can be written, BrokenProcessPool when a worker was killed.
    """
    whole = Extracted()
    _collect_seldom()
    seconds = settings.getfloat("EXTRACT_SECONDS")
    extractor = Extractor(settings, spider, seconds)
    if min(processes, len(sources)) < 2:
        for source in sources:
            whole.take(extractor.extract(source, out))
        _take_left(
            sources, extractor, whole, out, [find(source, _wanted(whole)) for source in _if_left(sources, whole)]
        )
        return whole
    with _pool(min(processes, len(sources)), settings, spider, seconds) as pool:
        parts = [folder / f"{number}.jsonl" for number in range(len(sources))]
        # The largest first, so that none begins when the others are done.
        numbers = sorted(range(len(sources)), key=lambda number: -sources[number].path.stat().st_size)
        begun: dict[int, Future[Extracted]] = {n: pool.submit(_extract, sources[n], parts[n]) for n in numbers}
        for number, part in enumerate(parts):
            whole.take(begun[number].result())
            with part.open("rb") as rows:
                shutil.copyfileobj(rows, out, 1 << 20)
            part.unlink()
        searched = _if_left(sources, whole)
        places = list(pool.map(find, searched, [_wanted(whole)] * len(searched)))
    _take_left(sources, extractor, whole, out, places)
    return whole


def _collect_seldom() -> None:
    """A page leaves no cycles: it is freed when it is done with. Looking for some took a twentieth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _if_left(sources: list[Source], whole: Extracted) -> list[Source]:
    return sources if whole.left else []


def _wanted(whole: Extracted) -> frozenset[str]:
    return frozenset(key for _, visited in whole.left for key in original_keys(visited.record))


def _take_left(
    sources: list[Source], extractor: Extractor, whole: Extracted, out: IO[bytes], places: list[dict[str, int]]
) -> None:
    """The rows of revisits to payloads in other files."""
    held: list[tuple[int, int, Source, Visited]] = []
    for source, visited in whole.left:
        keys = original_keys(visited.record)
        found = next(((n, at[key]) for key in keys for n, at in enumerate(places) if key in at), None)
        if found is None:
            whole.miss("no original", f"{visited.record.target_uri} ({visited.record.record_id})")
        else:
            held.append((*found, source, visited))
    # Each file is opened once: a part of a WACZ file is copied out for that.
    for number, revisits in groupby(sorted(held, key=itemgetter(0)), itemgetter(0)):
        with sources[number].opened() as path:
            for _, offset, source, visited in revisits:
                extractor.write(source, visited, read_at(path, offset), whole, out, sources[number].name)
    whole.left = []


@contextmanager
def _pool(processes: int, settings: Settings, spider: str | None, seconds: float) -> Iterator[ProcessPoolExecutor]:
    """Forked workers: they have all modules at once, and refuse sockets as this process does."""
    pool = ProcessPoolExecutor(processes, get_context("fork"), _begin, (settings, spider, seconds))
    try:
        yield pool
    except BaseException:  # an interruption too: nobody waits for rows that will be thrown away
        for worker in (pool._processes or {}).values():
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


_extractor: Extractor | None = None  # of a worker process


def _begin(settings: Settings, spider: str | None, seconds: float) -> None:
    global _extractor
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it too, and ends the workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _extractor = Extractor(settings, spider, seconds)


def _extract(source: Source, part: Path) -> Extracted:
    assert _extractor is not None
    with part.open("wb") as out:
        return _extractor.extract(source, out)
