"""No sockets: from ``seal`` on, this process and those forked from it cannot make one, whoever asks.

The promise of ``scrapy extract`` is kept by the interpreter (PEP 578), not by the care of every library. Pipes, with
which worker processes talk, are no sockets.
"""

from __future__ import annotations

import sys

_REFUSED = ("socket.", "ssl.", "http.client.", "urllib.Request", "ftplib.", "smtplib.", "nntplib.", "poplib.")
_NAME = "socket.gethostname"  # that of this machine: no socket, and no question to anybody
_state = {"hooked": False, "sealed": False}


class SocketRefused(RuntimeError):
    """Something asked for a socket, or for the address of a host."""


def seal() -> None:
    """Refuse sockets until ``unseal``, with SocketRefused."""
    _state["sealed"] = True
    if not _state["hooked"]:
        sys.addaudithook(_refuse)  # cannot be taken away again, only told to let things pass
        _state["hooked"] = True


def unseal() -> None:
    """Let sockets pass again, for a process that goes on to other work."""
    _state["sealed"] = False


def _refuse(event: str, args: tuple[object, ...]) -> None:
    if _state["sealed"] and event.startswith(_REFUSED) and event != _NAME:
        raise SocketRefused(f"no socket may be opened here: {event}")
