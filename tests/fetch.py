"""Fetches addresses through the project's real handler, guard and store, with no frontier around them.

    python -m tests.fetch ARCHIVE '{"settings": {…}, "requests": [{"url": …, "method": …, "meta": {…}}, …]}'

Prints one JSON line a request, in order: status and body length, or the name of the error; and the capture.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http.request import NO_CALLBACK
from scrapy.settings import Settings

from crawler import settings as project_settings
from crawler.arguments import Arguments

ROOT = Path(__file__).resolve().parent.parent


class FetchSpider(Spider):
    """Asks for each request at once, past the scheduler."""

    name = "fetch"
    requests: Sequence[dict[str, Any]] = ()

    def __init__(self, requests: Sequence[dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.requests = requests
        nothing: dict[str, Any] = dict.fromkeys(("since", "until", "max_articles", "render"))
        empty: dict[str, Any] = dict.fromkeys(("seeds", "tags", "categories", "languages"), ())
        self.args = Arguments(
            spider="fetch",
            follow=frozenset(),
            related_depth=0,
            recrawl="auto",
            capture="html",
            job="fetch",
            **nothing,
            **empty,
        )

    def seeds(self) -> tuple[Any, ...]:
        return ()

    async def start(self) -> AsyncIterator[Any]:
        for answer in await asyncio.gather(*map(self.fetch, self.requests)):
            sys.stdout.write(json.dumps(answer) + "\n")
        for nothing in ():
            yield nothing

    async def fetch(self, wanted: dict[str, Any]) -> dict[str, Any]:
        assert self.crawler.engine is not None
        meta = {"robots": True, "allow_offsite": True, "dont_retry": True, "dont_redirect": True}
        request = Request(
            wanted["url"],
            method=wanted.get("method", "GET"),
            body=wanted.get("body", ""),
            headers=wanted.get("headers"),
            callback=NO_CALLBACK,
            meta={**meta, **wanted.get("meta", {})},
        )
        try:
            response = await self.crawler.engine.download_async(request)
        except Exception as error:  # noqa: BLE001 - told to whoever asked
            answer: dict[str, Any] = {"error": type(error).__name__, "message": str(error)}
            answer["reason"] = getattr(error, "reason", None)
        else:
            lines = [(name, value) for name, values in response.headers.items() for value in values]
            headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in lines]
            answer = {"status": response.status, "length": len(response.body), "headers": headers}
        capture = request.meta.get("capture")
        return {"url": request.url, **answer, "capture": capture and dataclasses.asdict(capture)}


def fetch(
    archive: Path,
    requests: Sequence[dict[str, Any]],
    settings: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Run this module in a process of its own; its answers. Fails when the process does."""
    task = json.dumps({"settings": dict(settings or {}), "requests": list(requests)})
    run = subprocess.run(
        [sys.executable, "-m", "tests.fetch", str(archive), task],
        cwd=ROOT,
        env=None if env is None else dict(env),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def main() -> None:
    task = json.loads(sys.argv[2])
    settings = Settings()
    settings.setmodule(project_settings, priority="project")
    plain = {
        "SPIDER_MODULES": [],
        "ARCHIVE_DIR": sys.argv[1],
        "SCHEDULER": "scrapy.core.scheduler.Scheduler",
        "ITEM_PIPELINES": {},
        "DOWNLOADER_MIDDLEWARES": {"scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None},
        "LOG_LEVEL": "WARNING",
        "USER_AGENT": "BaoQuan/test (+https://example.org/)",
        "CONCURRENT_REQUESTS_PER_DOMAIN": 16,
    }
    settings.setdict({**plain, **task["settings"]}, priority="cmdline")
    settings["EXTENSIONS"] = {"crawler.archive.Archive": 0}
    process = AsyncCrawlerProcess(settings)
    process.crawl(FetchSpider, requests=task["requests"])
    process.start()


if __name__ == "__main__":
    main()
