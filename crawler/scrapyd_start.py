"""Start Scrapyd with a folder of its own: ``make scrapyd``, or ``python -m crawler.scrapyd_start FOLDER``.

The first start writes FOLDER/scrapyd.conf, which only its owner can read: it holds a password that was just made up, or
SCRAPYD_PASSWORD of the environment. After that the file is yours.
"""

from __future__ import annotations

import os
import secrets
import sys
from configparser import ConfigParser
from pathlib import Path

from crawler.usage import Status, stop

CONF = "scrapyd.conf"
TEMPLATE = """\
# Made by the first start; change what you like, then start again. docs/scrapyd.md tells what the lines mean.
[scrapyd]
bind_address     = 127.0.0.1
http_port        = 6800
username         = baoquan
password         = {password}
items_dir        =
jobs_dir         =
jobstorage       = scrapyd.jobstorage.SqliteJobStorage
finished_to_keep = 1000
jobs_to_keep     = 1000
eggs_dir         = eggs
logs_dir         = logs
dbs_dir          = dbs
runner           = crawler.scrapyd_runner

[services]
schedule.json    = crawler.scrapyd_service.Schedule

# Settings of every job, which no request can change
[baoquan]
ARCHIVE_DIR      = {archive}
"""


def prepare(folder: Path, archive: Path, password: str | None = None) -> Path:
    """The configuration in ``folder``, made when there is none. SystemExit with status 2 or 3 when it cannot be."""
    conf = folder / CONF
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Scrapyd also reads the next scrapy.cfg above: a project of ours there would run without an egg.
        (folder / "scrapy.cfg").touch()
        text = TEMPLATE.format(
            password=_escaped(password or secrets.token_urlsafe(24)), archive=_escaped(str(archive.absolute()))
        )
        try:
            handle = os.open(conf, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
        if conf.stat().st_mode & 0o077:
            stop(Status.USAGE, f"{conf} holds a password and can be read by others: chmod 600 {conf}")
    except OSError as error:
        stop(Status.OUTPUT, f"{error.filename or folder}: {error.strerror}; name a folder that can be written")
    return conf


def main(arguments: list[str]) -> None:
    """Prepare the folder and become Scrapyd."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        stop(Status.USAGE, "python -m crawler.scrapyd_start FOLDER: one folder for its eggs, logs and databases")
    folder = Path(arguments[0]).absolute()
    conf = prepare(folder, Path(os.environ.get("ARCHIVE_DIR", "archive")), os.environ.get("SCRAPYD_PASSWORD"))
    config = ConfigParser()
    config.read(conf, encoding="utf-8")
    if not (config.get("scrapyd", "username", fallback="") and config.get("scrapyd", "password", fallback="")):
        stop(Status.USAGE, f"{conf}: without username and password anybody on this machine could start crawls")
    url = f"http://{config['scrapyd']['bind_address']}:{config['scrapyd']['http_port']}/"
    sys.stderr.write(f"Scrapyd at {url}, user and password in {conf}\n")
    os.chdir(folder)
    os.execv(sys.executable, [sys.executable, "-m", "scrapyd", "--pidfile="])


def _escaped(value: str) -> str:
    return value.replace("%", "%%")  # ConfigParser's


if __name__ == "__main__":
    main(sys.argv[1:])
