"""The proxy of the environment, looked up once a host."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass_environment  # type: ignore[attr-defined]  # not in the stubs

from scrapy import Request
from scrapy.exceptions import NotConfigured
from scrapy.utils.httpobj import urlparse_cached

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class EnvironmentProxies:
    """Says ``meta["proxy"]`` by ``http_proxy``, ``https_proxy`` and ``no_proxy``, before Scrapy's HttpProxyMiddleware.

    That one goes through the whole environment again for each request, which took 3 % of a page. With the proxy said,
    it only takes the password out of its address. What a request says itself stays.
    """

    def __init__(self, proxies: dict[str, str]) -> None:
        """``proxies``: address by scheme; ``no`` holds the exceptions. As ``urllib.request.getproxies`` has them."""
        self._proxies = proxies
        self._proxy_of = lru_cache(maxsize=1024)(self._look_up)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> EnvironmentProxies:
        proxies = {scheme: value for scheme, value in getproxies().items() if not value.startswith("/")}  # no sockets
        if not crawler.settings.getbool("HTTPPROXY_ENABLED") or not {"http", "https"} & set(proxies):
            raise NotConfigured
        return cls(proxies)

    def process_request(self, request: Request) -> None:
        if "proxy" not in request.meta:
            parts = urlparse_cached(request)
            request.meta["proxy"] = self._proxy_of(parts.scheme, parts.hostname or "")

    def _look_up(self, scheme: str, host: str) -> str | None:
        return None if proxy_bypass_environment(host, self._proxies) else self._proxies.get(scheme)
