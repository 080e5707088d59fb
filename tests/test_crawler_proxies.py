"""Which requests go through the proxy of the environment."""

from __future__ import annotations

import pytest
from scrapy import Request
from scrapy.downloadermiddlewares.httpproxy import HttpProxyMiddleware

from crawler.proxies import EnvironmentProxies

PROXIES = {"http": "http://ai:mat-khau@proxy.example:3128", "no": "localhost,.noi-bo.example"}


@pytest.mark.parametrize(
    ("url", "meta", "proxy", "authorized"),
    [
        ("http://bao.example/a", {}, "http://proxy.example:3128", True),
        ("http://bao.example:8080/a", {}, "http://proxy.example:3128", True),
        ("https://bao.example/a", {}, None, False),  # no proxy for this scheme
        ("http://localhost/a", {}, None, False),
        ("http://kho.noi-bo.example/a", {}, None, False),
        ("http://bao.example/a", {"proxy": None}, None, False),
        ("http://bao.example/a", {"proxy": "http://khac.example:1"}, "http://khac.example:1", False),
    ],
)
@pytest.mark.parametrize("times", [1, 2])  # a request that is repeated passes again
def test_the_proxy_of_a_request(
    url: str,
    meta: dict[str, str | None],
    proxy: str | None,
    authorized: bool,
    times: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    request = Request(url, meta=dict(meta))
    ours, scrapys = EnvironmentProxies(PROXIES), HttpProxyMiddleware()
    for _ in range(times):
        ours.process_request(request)
        scrapys.process_request(request)
    assert request.meta["proxy"] == proxy
    assert (b"Proxy-Authorization" in request.headers) is authorized
