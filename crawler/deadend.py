"""The proxy that leads nowhere: whatever of the browser slips past the door ends here, and is counted.

WebSockets, name look-ups of the browser's own services: nothing of these is asked of anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

LONGEST = 2000  # bytes of the first line
SECONDS = 5.0  # for that line to come


class DeadEnd:
    """Listens on loopback, reads who was to be asked, says 403 and closes. ``tell`` gets ``host:port`` or the URL."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._server: asyncio.Server | None = None

    async def open(self) -> int:
        """Listen; the port."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0, limit=LONGEST)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await asyncio.wait_for(reader.readline(), SECONDS)
            words = line.decode("latin-1").split()
            self._tell(words[1] if len(words) > 1 else "nothing")
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        except (OSError, ValueError, TimeoutError):
            self._tell("nothing")
        finally:
            writer.close()
