"""``python -m tests.replica``: the source sites behind a proxy on loopback, until it is interrupted.

Prints the proxy's address, one line, when it is ready. The truth about every article, link and channel is
written before that.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
from datetime import datetime
from pathlib import Path

from tests.replica.server import DEFAULT_CLOCK, ReplicaServer


def instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("an instant needs its offset, like 2026-11-20T12:00:00+07:00")
    return moment


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.replica", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free port (default)")
    parser.add_argument("--clock", type=instant, default=DEFAULT_CLOCK, help="the sites' present, with offset")
    parser.add_argument("--ca", type=Path, help="write the CA certificate here, for SSL_CERT_FILE")
    parser.add_argument("--truth", type=Path, help="write what is true of the sites here, as JSON")
    parser.add_argument("--holes", action="store_true", help="articles are missing from lists: tests/replica/holes.py")
    parser.add_argument("--log", type=Path, help="append a JSON line for each request here")
    parser.add_argument("--rename", action="append", default=[], metavar="OLD=NEW", help="a class or id that changed")
    parser.add_argument("--lists", choices=("pages", "scroll"), default="pages", help="how vietnam.vn's lists go on")
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)

    from tests.replica.holes import Holes
    from tests.replica.redesign import redesigned
    from tests.replica.world import build  # after the arguments: generating the sites takes a while

    world = build(options.clock, Holes() if options.holes else None, scroll=options.lists == "scroll")
    sites = redesigned(world.sites, options.rename)
    with ReplicaServer(sites, port=options.port, clock=options.clock, log=options.log) as server:
        if options.ca is not None:
            options.ca.write_bytes(server.authority.pem)
        if options.truth is not None:
            options.truth.write_text(json.dumps(world.truth(), ensure_ascii=False, indent=1), encoding="utf-8")
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        sys.stdout.write(f"{server.proxy_url}\n")
        sys.stdout.flush()
        stop.wait()
        server.shutdown()
        thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
