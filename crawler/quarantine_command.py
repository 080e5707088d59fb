"""``scrapy extract --quarantined``, beside the rest of that command: its arguments, locks, messages and status."""

from __future__ import annotations

import argparse
import sqlite3
from collections import Counter
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.usage import Status, archive_of, complain, quiet, stop

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings


def check_quarantined(args: list[str], opts: argparse.Namespace, settings: BaseSettings | None) -> None:
    """Refuse what cannot work, with one line."""
    from scrapy.settings import Settings
    from scrapy.utils.log import configure_logging

    from crawler.sane import settings_trouble

    assert isinstance(settings, Settings)
    if args or opts.output:
        stop(Status.USAGE, "--quarantined reads the archive and writes into it: no PATH, no -o; --spider NAME narrows")
    if trouble := settings_trouble(settings):
        stop(Status.USAGE, trouble)
    archive_of(settings)
    quiet(settings)
    configure_logging(settings)


def run_quarantined(only: str | None, settings: BaseSettings | None) -> Status:
    """Bring back the rows of all spiders, or of one; says on stderr what came of them."""
    from scrapy.settings import Settings

    from crawler.arguments import made_up_job
    from crawler.ledger import LedgerError
    from crawler.lock import Locked
    from crawler.quarantine import bring_back, quarantined_spiders
    from crawler.trouble import OutputTrouble

    assert isinstance(settings, Settings)
    folder = Path(settings["ARCHIVE_DIR"]).absolute()
    counts: Counter[str] = Counter()
    try:
        spiders = quarantined_spiders(folder)
        for spider, waits in spiders.items():
            if only in (None, spider):
                with nullcontext() if waits else suppress(Locked):  # a crawl has files open as long as it runs
                    counts += bring_back(folder, settings, spider, made_up_job())
    except Locked as error:
        complain(f"{error}; wait for it or stop it", settings)
        return Status.LOCKED
    except OutputTrouble as error:
        complain(str(error), settings)
        return Status.OUTPUT
    except (LedgerError, sqlite3.Error, OSError) as error:
        complain(f"{folder / 'ledger.sqlite'}: {error}", settings)
        return Status.OUTPUT
    waiting = [name for name, waits in spiders.items() if waits]
    if only and only not in waiting:
        complain(f"nothing of {only[:60]!r} is in quarantine" + (f": of {', '.join(waiting)} is" if waiting else ""))
        return Status.FINISHED
    told = f"{counts['rows']:,} rows came back from quarantine"
    told += f", {counts['unchanged']:,} say what is archived already" if counts["unchanged"] else ""
    complain(f"{told}; {counts['stay']:,} stay" + (": scrapy drift says why" if counts["stay"] else ""))
    return Status.FINISHED
