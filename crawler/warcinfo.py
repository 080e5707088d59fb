"""What the first record of each WARC file says: who archived, with which program and from where, for what, and how.

WARC/1.1, annex B.1, and the conventions of other archivers (Heritrix, Browsertrix) for the further fields.
"""

from __future__ import annotations

import hashlib
import platform
import socket
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

from crawler import __version__
from crawler.arguments import Arguments, scope_key
from crawler.robots import RECORD_ONLY
from warc.record import PRODUCER

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

CODE_FIELD = "code-digest"
CODE = ("crawler", "pipelines", "spiders", "warc")
NOWHERE = ("192.0.2.1", 9)  # RFC 5737: an address of nobody; nothing is sent to it


def warcinfo_fields(settings: BaseSettings, args: Arguments) -> dict[str, str]:
    """The fields, but the head of the manifest, which changes from file to file, and the digest of the code.

    The writer's thread adds both: the first request does not wait for all our files to be read.
    """
    fields = {
        "software": f"{PRODUCER}/{__version__} Scrapy/{version('scrapy')} warcio/{version('warcio')}",
        "format": "WARC File Format 1.1",
        "conformsTo": "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
        "robots": "ignore" if settings["ROBOTS_POLICY"] == RECORD_ONLY else "classic",
        "robots-reason": settings["ROBOTS_REASON"] if settings["ROBOTS_POLICY"] == RECORD_ONLY else None,
        "hostname": socket.gethostname(),
        "ip": own_address(),
        "http-header-user-agent": settings["USER_AGENT"],
        "operator": settings["OPERATOR"] or settings["CONTACT"],
        "contact": settings["CONTACT"],
        "isPartOf": settings["COLLECTION"] or Path(settings["ARCHIVE_DIR"]).absolute().name,
        "job": args.job,
        "scope": scope_key(args),
        "description": f"News articles, Python {platform.python_version()}",
        "tls-policy": settings["TLS_POLICY"],
        "name-lookups": "dns: records hold what this machine's resolver (getaddrinfo) answered; it tells neither the "
        "TTL, which is left out, nor the name server",
        "message-normalisation": "chunked bodies are stored de-chunked: Transfer-Encoding becomes "
        "X-Archive-Orig-Transfer-Encoding and an exact Content-Length is appended; behind a proxy the request line "
        "is in origin form, Proxy-* lines are left out, and the peer's address is unknown; 1xx answers are left out",
    }
    return {name: value for name, value in fields.items() if value}


@cache
def code_digest() -> str:
    """SHA-256, as ``sha256:<hex>``, over the project's Python files, names and contents, in the order of their paths.

    The same for a checkout, an installed copy and Scrapyd's egg of one state of the project.
    """
    sha256 = hashlib.sha256()
    for package in CODE:
        for name, file in sorted(_sources(files(package), package)):
            data = file.read_bytes()
            sha256.update(f"{name} {len(data)}\n".encode())
            sha256.update(data)
    return f"sha256:{sha256.hexdigest()}"


def own_address() -> str | None:
    """The address of this machine that leads outwards; None without a network. Nothing is looked up or sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
        try:
            there.connect(NOWHERE)
            return str(there.getsockname()[0])
        except OSError:
            return None


def _sources(folder: Traversable, name: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _sources(entry, f"{name}/{entry.name}")
        elif entry.name.endswith(".py"):
            yield f"{name}/{entry.name}", entry
