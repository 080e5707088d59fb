"""Scrapyd's runner of a job, where the project is installed on the server too: what was deployed is what runs.

Scrapyd's own puts the egg at the end of the path, so that an installed copy would be found before it, for ever. The
server's password is none of the job's business.
"""

from __future__ import annotations

import os
import sys

from scrapyd.config import Config
from scrapyd.runner import main
from scrapyd.utils import initialize_component


def egg_first() -> None:
    """Put the egg of this job at the front of the path, and forget what was imported from elsewhere."""
    storage = initialize_component(Config(), "eggstorage", "scrapyd.eggstorage.FilesystemEggStorage")
    _, egg = storage.get(os.environ["SCRAPY_PROJECT"], os.environ.get("SCRAPYD_EGG_VERSION"))
    if egg is None:
        sys.exit("scrapyd_runner: this project has no egg: deploy one")
    egg.close()
    sys.path.insert(0, os.path.abspath(egg.name))  # noqa: PTH100 - what pkg_resources compares with
    for name in [name for name in sys.modules if name.partition(".")[0] == "crawler"]:
        del sys.modules[name]


if __name__ == "__main__":
    for variable in ("SCRAPYD_USERNAME", "SCRAPYD_PASSWORD"):
        os.environ.pop(variable, None)
    egg_first()
    main()
