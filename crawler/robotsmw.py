"""Obeys robots.txt (RFC 9309): no request leaves before its origin's robots.txt has allowed it.

    request ─► robots.txt of its origin, kept? ──► decide ─► on to the archive, or RobotsClosed
                     │ no: one fetch for everybody who waits         ▲
                     └──────► engine.download_async ─► archive ──────┘

A robots.txt goes through the same handler as every other request, so it is archived, and past the frontier: it is
nobody's visit and has no depth. So does ``/.well-known/tdmrep.json``, once for each origin whose pages are asked.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urldefrag, urljoin

from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from crawler import tdm
from crawler.connection import CertificateRefused
from crawler.guard import ForbiddenAddress
from crawler.logevents import event
from crawler.patience import retry_after
from crawler.robots import MAX_BYTES, RECORD_ONLY, crawl_delay, decide, rule_for, sitemaps
from crawler.stopping import LOOK_EVERY, Unfinished
from crawler.trouble import OutputTrouble
from crawler.urls import canonical_url, host_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

KEPT_SECONDS = 24 * 3600.0  # RFC 9309, section 2.4
KEPT_ORIGINS = 256  # the least lately used goes
RETRY_GROWTH = 4.0
MAX_REDIRECTS = 5  # RFC 9309, section 2.3.1.2
REDIRECTS = frozenset((301, 302, 303, 307, 308))


class RobotsClosed(IgnoreRequest):
    """robots.txt keeps the request from being made.

    ``reason`` is ``robots`` when a rule forbids the URL, ``robots_unreachable`` when there was no answer to decide
    by; then ``retry_after`` tells after how many seconds robots.txt may be asked again, and ``again`` whether the
    URL is to wait for that in its queue.
    """

    def __init__(
        self, reason: str, url: str, rule: str | None = None, retry_after: float | None = None, again: bool = False
    ) -> None:
        super().__init__(f"{reason}: {url}" + (f" ({rule})" if rule else ""))
        self.reason = reason
        self.rule = rule
        self.retry_after = retry_after
        self.again = again


@dataclass(frozen=True, slots=True)
class Answer:
    """What an origin said when its robots.txt was asked for.

    ``status`` is None when there was no answer, or none that could be read to its end. ``refusal`` is set when the
    guard, or the host's certificate, did not let the crawler ask: the origin's pages are refused for the same reason.
    """

    status: int | None
    content_type: str | None = None
    body: bytes = b""
    refusal: ForbiddenAddress | CertificateRefused | None = None
    retry_after: float | None = None  # seconds, as the server says
    expires: float = 0.0  # on the monotonic clock
    failures: int = 0  # in a row, this one included
    again: bool = False  # it is asked once more, and its host is parked meanwhile

    @property
    def reachable(self) -> bool:
        """False closes the origin for a while, as ``crawler.robots.decide`` does: no answer, 5xx and 429."""
        return self.status is not None and 200 <= self.status < 500 and self.status != 429

    @property
    def has_rules(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class RobotsMiddleware:
    """Downloader middleware. Requests with ``meta["robots"]`` are the ones for robots.txt and pass.

    Sets ``meta["robots_rule"]``: the line that decided, None when no line speaks of the URL. An origin that cannot be
    reached, or answers with a server error, is closed (RFC 9309, section 2.3.1.4): its robots.txt is asked again
    ``retry_times`` times, its host is parked meanwhile. After that its URLs are refused, and robots.txt is asked again
    after ``retry_seconds`` at the earliest. Rules that were known before stay in force.
    """

    def __init__(
        self,
        crawler: Crawler,
        agent: str,
        retry_seconds: float,
        retry_times: int = 0,
        retry_delay: float = 0.0,
        obeys: bool = True,
        reads_tdm: bool = False,
        longest: float = 86_400.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        assert crawler.stats is not None
        self._crawler = crawler
        self._stats = crawler.stats
        self._agent = agent
        self._retry_seconds = retry_seconds
        self._retry_times = retry_times
        self._retry_delay = retry_delay  # seconds before the first repetition; four times as long before each further
        self._obeys = obeys  # False: robots.txt is fetched, archived and noted, and keeps nothing from being asked
        self._reads_tdm = reads_tdm
        self._longest = longest  # seconds that a Retry-After is kept
        self._clock = clock
        self._reservations: OrderedDict[str, asyncio.Task[bytes]] = OrderedDict()  # tdmrep.json, by its address
        self._kept: OrderedDict[str, Answer] = OrderedDict()  # by the URL of robots.txt
        self._asked: dict[str, asyncio.Task[Answer]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        settings = crawler.settings
        return cls(
            crawler,
            product_token(settings["USER_AGENT"]),
            settings.getfloat("ROBOTS_RETRY_SECONDS", 300.0),
            settings.getint("ROBOTS_RETRY_TIMES"),
            settings.getfloat("ROBOTS_RETRY_DELAY"),
            settings.get("ROBOTS_POLICY") != RECORD_ONLY,
            settings.getbool("TDMREP"),
            settings.getfloat("PARK_LONGEST", 86_400.0),
        )

    async def process_request(self, request: Request) -> None:
        if request.meta.get("robots"):
            return
        origin = "/".join(request.url.split("/", 3)[:3])  # the same for all pages, so that it is read once
        robots_url = canonical_url("/robots.txt", f"{origin}/")
        if request.meta.get("replay"):  # nothing is asked for a page from the archive
            self._note(request, self._kept.get(robots_url or ""))
            return
        if robots_url is None:
            raise RobotsClosed("robots_unreachable", request.url)
        answer = await self._answer(robots_url)
        if answer.refusal is not None:
            refusal = answer.refusal
            if isinstance(refusal, CertificateRefused):
                raise CertificateRefused(refusal.host, refusal.failures)
            raise ForbiddenAddress(refusal.host, refusal.address, refusal.kind)
        if not answer.reachable and self._obeys:
            self._stats.inc_value("robots/waiting" if answer.again else "robots/unreachable")
            wait = answer.expires - self._clock()
            raise RobotsClosed("robots_unreachable", request.url, retry_after=wait, again=answer.again)
        rule = self._note(request, answer)
        if not decide(answer.status, answer.content_type, answer.body, self._agent, request.url):
            self._stats.inc_value("robots/forbidden" if self._obeys else "robots/overruled")
            if self._obeys:
                raise RobotsClosed("robots", request.url, rule)
        else:
            self._stats.inc_value("robots/allowed")
        if "frontier" in request.meta:  # parts of pages have a pace of their own
            if self._reads_tdm:
                await self._read_reservation(request, origin, answer)
            host = host_of(request.url)
            await self._turn(host, request)
            if host in (self._scheduler_call("parked") or ()):  # it has refused those before this one
                raise Unfinished(f"{host} is left alone: {request.url} waits in its queue")

    def _note(self, request: Request, answer: Answer | None) -> str | None:
        """Put the line that decides into the request's meta."""
        has_rules = answer is not None and answer.has_rules
        rule = rule_for(answer.body, self._agent, request.url) if answer is not None and has_rules else None
        request.meta["robots_rule"] = rule
        return rule

    async def _read_reservation(self, request: Request, origin: str, robots: Answer) -> None:
        """Put what the origin's tdmrep.json says of the address into ``meta["tdm_reservation"]``."""
        url = canonical_url(tdm.PATH, f"{origin}/")
        if url is None or not decide(robots.status, robots.content_type, robots.body, self._agent, url):
            return
        task = self._reservations.get(url)
        if task is None or (task.done() and task.exception() is not None):  # the crawl was being stopped
            task = self._reservations[url] = asyncio.ensure_future(self._fetch_reservations(url))
            if len(self._reservations) > KEPT_ORIGINS:
                self._reservations.popitem(last=False)
        if (said := tdm.reservation(await asyncio.shield(task), request.url)) is not None:
            request.meta["tdm_reservation"] = said

    async def _fetch_reservations(self, url: str) -> bytes:
        answer = await self._fetch(url, "tdm")
        return answer.body if answer.status == 200 else b""

    async def _answer(self, robots_url: str) -> Answer:
        """The origin's answer, fetched once however many requests wait for it."""
        kept = self._kept.get(robots_url)
        if kept is not None and self._clock() < kept.expires:
            self._kept.move_to_end(robots_url)
            return kept
        task = self._asked.get(robots_url)
        if task is None:
            task = asyncio.ensure_future(self._ask(robots_url, kept))
            self._asked[robots_url] = task
            task.add_done_callback(lambda _: self._asked.pop(robots_url))
        return await asyncio.shield(task)  # one cancelled request takes the answer from nobody

    async def _ask(self, robots_url: str, known: Answer | None) -> Answer:
        answer = await self._fetch(robots_url)
        if answer.reachable:
            answer = replace(answer, expires=self._clock() + KEPT_SECONDS)
            self._pass_on(robots_url, answer)
        else:
            if known is not None and known.reachable:
                answer = known  # RFC 9309, section 2.4: older rules may be used while there are no newer ones
            answer = self._put_off(robots_url, answer, 0 if known is None else known.failures)
        self._kept[robots_url] = answer
        self._kept.move_to_end(robots_url)
        if len(self._kept) > KEPT_ORIGINS:
            self._kept.popitem(last=False)
        return answer

    def _put_off(self, robots_url: str, answer: Answer, failures: int) -> Answer:
        """An answer that holds until robots.txt is asked again: soon, if that may still help."""
        again = self._obeys and not answer.reachable and answer.refusal is None and failures < self._retry_times
        wait = self._retry_delay * RETRY_GROWTH**failures if again else self._retry_seconds
        wait = max(wait, min(answer.retry_after or 0.0, self._longest))
        put_off = replace(answer, expires=self._clock() + wait, failures=failures + 1, again=again)
        if again:
            self._scheduler_call("park", host_of(robots_url), wait, "robots_unreachable")
        return put_off

    async def _turn(self, host: str, request: Request) -> None:
        """Wait until the host may be asked: requests that waited for robots.txt do not leave together."""
        try:
            left = self._scheduler_call("turn", host) or 0.0
        except OSError as error:
            raise self._crawler.spider.archive.in_trouble(error) from error  # type: ignore[union-attr]
        stopping: Any = getattr(getattr(self._crawler.spider, "archive", None), "stopping", None)
        until = monotonic() + left
        while (left := until - monotonic()) > 0:
            if stopping is not None and stopping.begun:
                raise Unfinished("the crawl is being stopped")
            await asyncio.sleep(min(left, LOOK_EVERY))
        request.meta["pace"] = host, self._scheduler_call("delay", host) or 0.0

    async def _fetch(self, robots_url: str, counted: str = "robots") -> Answer:
        """Ask, follow up to five redirects, and turn whatever went wrong into an answer."""
        engine = self._crawler.engine
        assert engine is not None
        url, hops = robots_url, list[str]()
        while True:
            request = Request(url, callback=NO_CALLBACK, dont_filter=True, meta=robots_meta(hops))
            # Of its own: rendered pages may hold all places of their host, and wait for what waits for this answer.
            request.meta["download_slot"] = f"{counted} of {host_of(url)}"
            await self._turn(host_of(url), request)
            self._stats.inc_value(f"{counted}/asked")
            try:
                response = await engine.download_async(request)
                self._scheduler_call("answered", host_of(url))
            except (Unfinished, OutputTrouble):  # says nothing about the origin
                raise
            except (ForbiddenAddress, CertificateRefused) as refusal:
                return Answer(None, refusal=None if hops else refusal)
            except Exception as error:  # noqa: BLE001 - whatever kept robots.txt from being read closes its origin
                self._stats.inc_value(f"{counted}/failed")
                what, about = type(error).__name__, event("robots_closed", url=robots_url)
                logger.warning("No answer from %s: %s: %s", robots_url, what, error, extra=about)
                return Answer(None)
            target = redirect_target(response)
            if target is None or len(hops) == MAX_REDIRECTS:
                return self._read(response, robots_url, counted)
            hops.append(url)
            url = target

    def _read(self, response: Response, robots_url: str, counted: str) -> Answer:
        self._stats.inc_value(f"{counted}/status/{response.status}")
        content_type = response.headers.get("Content-Type")
        kept = response.body[: MAX_BYTES + 1]  # one more than is parsed, so that the parser knows of the cut
        shown = content_type.decode("latin-1") if content_type else None
        answer = Answer(response.status, shown, kept, retry_after=retry_after(response))
        if not answer.reachable:
            about = event("robots_closed", url=robots_url)
            logger.warning("%s answers %d", robots_url, response.status, extra=about)
        return answer

    def _pass_on(self, robots_url: str, answer: Answer) -> None:
        """Tell the frontier the delay that is asked for, and the spider the sitemaps that are named."""
        if not answer.has_rules:
            return
        delay = crawl_delay(answer.body, self._agent)
        if delay is not None:
            self._scheduler_call("set_crawl_delay", host_of(robots_url), delay)
        seen: Any = getattr(self._crawler.spider, "robots_seen", None)
        if seen is not None:
            seen([url for named in sitemaps(answer.body) if (url := canonical_url(named, robots_url))])

    def _scheduler_call(self, method: str, *arguments: Any) -> Any:
        engine = self._crawler.engine
        call = getattr(engine.scheduler, method, None) if engine is not None else None
        return call(*arguments) if call is not None else None  # Scrapy's own scheduler knows no hosts


def product_token(user_agent: str) -> str:
    """The name that robots.txt files call this crawler by (RFC 9309, section 2.2.1).

    >>> product_token("BaoQuan/0.1 (+https://example.org/bot)")
    'BaoQuan'
    """
    match = re.match(r"[A-Za-z_-]+", user_agent)
    if match is None:
        raise ValueError(f"USER_AGENT has no product token: {user_agent!r}")
    return match[0]


def robots_meta(hops: list[str]) -> dict[str, Any]:
    """Request meta that keeps other middlewares from following, dropping or holding back the request."""
    meta: dict[str, Any] = {"robots": True, "dont_redirect": True, "dont_retry": True, "allow_offsite": True}
    return {**meta, "redirect_urls": list(hops)} if hops else meta


def redirect_target(response: Response) -> str | None:
    """Where an http redirect leads; None for every other answer."""
    location = response.headers.get("Location")
    if response.status not in REDIRECTS or location is None:
        return None
    try:
        target = urldefrag(urljoin(response.url, location.decode("utf-8", "replace").strip())).url
    except ValueError:
        return None
    return target if target.lower().startswith(("http://", "https://")) else None
