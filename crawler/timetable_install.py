"""What has the machine look at the timetable every minute: a systemd timer with its unit, or a line for crontab."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

UNIT = "baoquan-timetable"


def tick_command(file: Path, options: Sequence[str]) -> list[str]:
    """The command that is run, with the settings of this one."""
    settings = [part for option in options for part in ("-s", option)]
    return [sys.executable, "-m", "scrapy", "timetable", "tick", "--file", str(file), *settings]


def systemd(command: Sequence[str], folder: Path) -> dict[str, str]:
    """The text of each file, by name."""
    start = " ".join(map(_quoted, command))
    return {
        f"{UNIT}.service": f"""\
[Unit]
Description=Bao Quan: start the crawls that are due
After=network-online.target

[Service]
Type=oneshot
WorkingDirectory={str(folder).replace("%", "%%")}
ExecStart={start}
# 4: another one is at work
SuccessExitStatus=4
# The crawls go on when this has ended
KillMode=process
""",
        f"{UNIT}.timer": f"""\
[Unit]
Description=Bao Quan: look at the timetable every minute

[Timer]
OnCalendar=minutely
AccuracySec=5s
Unit={UNIT}.service

[Install]
WantedBy=timers.target
""",
    }


def crontab(command: Sequence[str], folder: Path) -> str:
    """One line; cron mails what it prints."""
    line = f"cd {shlex.quote(str(folder))} && {shlex.join(command)}"
    return "* * * * * " + line.replace("%", r"\%") + "\n"


def _quoted(word: str) -> str:
    """As systemd.service(5) reads command lines."""
    word = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{word}"' if any(letter in word for letter in " \t\"'\\;") else word
