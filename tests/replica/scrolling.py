"""The replica's vietnam.vn as an application: lists grow when they are scrolled, "same tag" comes by script.

A list's first page is in the HTML; the further ones, ``…/list.json?base=…&page=N``, are asked for when the end of the
list is seen, and appended. Every second list has a button instead. Of an article the block "same tag" is
``…/related.json?path=…``. The articles, lists and links are those of the site without scripts, and so is its truth.
"""

# ruff: noqa: E501 - markup stands in lines as on the site

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

from tests.replica.server import Answer, Request
from tests.replica.vietnamvn import Vietnamvn
from tests.replica.vietnamvn_article import article_page
from tests.replica.vietnamvn_edition import VietnamEdition
from tests.replica.vietnamvn_frame import link_block
from tests.replica.vietnamvn_listing import Listing, listing_page
from tests.replica.vietnamvn_sections import LABELS, WWW

DATA = "/_next/data/"
LIST_SCRIPT, RELATED_SCRIPT = "/_next/static/js/danh-sach.js", "/_next/static/js/cung-chu-de.js"

LIST_CODE = """
const end = document.getElementById("cuoi");
let page = 1, asking = false;
async function more() {
  if (asking || page >= Number(end.dataset.pages)) return;
  asking = true;
  const answer = await fetch(`/_next/data/list.json?base=${encodeURIComponent(end.dataset.base)}&page=${page + 1}`);
  const html = (await answer.json()).html;
  page += 1;
  end.insertAdjacentHTML("beforebegin", html);
  asking = false;
  if (page >= Number(end.dataset.pages)) end.remove();
}
if (end.tagName === "BUTTON") end.addEventListener("click", more);
else new IntersectionObserver(seen => { if (seen.some(one => one.isIntersecting)) more(); }).observe(end);
const lazy = new IntersectionObserver(seen => seen.filter(one => one.isIntersecting).forEach(one => { one.target.src = one.target.dataset.src; lazy.unobserve(one.target); }));
document.querySelectorAll("img.lazy").forEach(one => lazy.observe(one));
"""
RELATED_CODE = """
const place = document.getElementById("cung-chu-de");
const asked = new XMLHttpRequest();
asked.onload = () => { place.outerHTML = JSON.parse(asked.responseText).html; };
asked.open("GET", `/_next/data/related.json?path=${encodeURIComponent(place.dataset.path)}`);
asked.send();
"""


class ScrollingVietnamvn(Vietnamvn):
    """Answers as the site does, and for what its scripts ask."""

    def __init__(self, edition: VietnamEdition) -> None:
        super().__init__(edition)
        self._bare: dict[str, str] = {}

    def respond(self, request: Request) -> Answer:
        parts = urlsplit(request.target)
        if request.host == "www.vietnam.vn" and request.scheme == "https":
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if parts.path == f"{DATA}list.json":
                return self._part_of_list(query)
            if parts.path == f"{DATA}related.json":
                return self._related(query.get("path", ""))
            if parts.path in (LIST_SCRIPT, RELATED_SCRIPT):
                code = LIST_CODE if parts.path == LIST_SCRIPT else RELATED_CODE
                return Answer(200, "OK", [("Content-Type", "application/javascript")], code.encode(), gzip=True)
        return super().respond(request)

    def _page(self, path: str, target: str) -> Answer:
        bare = path.rstrip("/") or "/"
        story = self.edition.by_path.get(bare)
        if story is not None and path == bare and "wordpress" not in story.traits:
            if bare not in self._bare:
                html = article_page(replace(story, below=()), self.edition)
                hook = f'<div id="cung-chu-de" data-path="{bare}"></div><script src="{RELATED_SCRIPT}"></script></main>'
                self._bare[bare] = html.replace("</main>", hook)
            return self._send(self._bare[bare], path, "text/html; charset=utf-8", etag="etag" in story.traits)
        listing = self.listings.get(WWW + path)
        if listing is not None and "?" not in target and listing.pages > 1:
            return self._send(scrolled(listing), target, "text/html; charset=utf-8", modified=True)
        return super()._page(path, target)

    def _part_of_list(self, query: dict[str, str]) -> Answer:
        base, number = query.get("base", ""), query.get("page", "")
        listing = self.listings.get(f"{base}?page={number}")
        if listing is None:
            return Answer(404, "Not Found", [("Content-Type", "application/json")], b"{}")
        html = link_block("", [story.as_target() for story in listing.stories], False)
        return self._json({"html": html, "page": listing.number, "pages": listing.pages})

    def _related(self, path: str) -> Answer:
        story = self.edition.by_path.get(path)
        if story is None:
            return Answer(404, "Not Found", [("Content-Type", "application/json")], b"{}")
        label = str(LABELS[story.language]["tag"])
        return self._json({"html": link_block(label, list(story.below), "absolute" in story.traits)})

    def _json(self, value: dict[str, object]) -> Answer:
        body = json.dumps(value, ensure_ascii=False).encode()
        return Answer(200, "OK", [("Content-Type", "application/json; charset=utf-8")], body, gzip=True)


def scrolled(listing: Listing) -> str:
    """The first page of a list without its pager; what follows is asked for at its end."""
    html = listing_page(replace(listing, pages=1))
    data = f'id="cuoi" data-base="{listing.base}" data-pages="{listing.pages}"'
    button = sum(listing.base.encode()) % 2
    end = f'<button class="ant-btn" {data}>Xem thêm</button>' if button else f'<div class="ant-spin" {data}>…</div>'
    return html.replace("</main>", f'{end}<script src="{LIST_SCRIPT}"></script></main>')
