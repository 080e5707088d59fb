"""Dates of a page that are not the article's: licence, clock, law, picture, comment, another story. None is ever taken.

And how many cases the tables of the other tests have, by the shapes that were seen on Vietnamese papers.
"""

# ruff: noqa: E501 - markup stands in lines

from __future__ import annotations

import pytest
from scrapy.http import Response

from crawler.capture import CaptureRef
from crawler.page import ArticlePage
from pipelines.clean import CleanPipeline
from spiders.baoquocte_vn import BaoquoctePage
from spiders.news import NewsPage
from spiders.vietnam_vn import VietnamPage
from tests import test_crawler_byline, test_crawler_charset, test_crawler_dates

CAPTURED = "2026-11-20T05:00:00Z"
PAGES: dict[str, tuple[type[ArticlePage], str]] = {
    "baoquocte": (BaoquoctePage, "https://baoquocte.vn/mua-nuoc-noi-ve-som-412345.html"),
    "vietnamvn": (VietnamPage, "https://www.vietnam.vn/mua-nuoc-noi-ve-som-tren-dong"),
    "news": (NewsPage, "https://bensong.example/mua-nuoc-noi-ve-som-tren-dong"),
}
TEXT = [
    "Nước tràn đồng sớm hơn mọi năm gần nửa tháng, cá linh non đã theo về từng đàn, ghe lưới đậu kín hai bên rạch từ chập tối.",
    "Người trong xóm nói điên điển chưa kịp trổ bông mà nước đã ngập chân cầu, năm nay chắc lớn, phải kê lúa giống lên cao.",
    "Trường học trong xã cho học trò nghỉ buổi chiều để kịp về trước con nước, thầy giáo chống xuồng đưa tụi nhỏ tới tận ngõ.",
]
STORY = "".join(f"<p>{text}</p>" for text in TEXT)
BODY = f'<div class="article-detail"><h1 class="article-detail-title">Mùa nước nổi về sớm trên đồng</h1><div class="__MASTERCMS_CONTENT post-detail-body">{{}}{STORY}{{}}</div></div>'
LAW = "<p>Theo Nghị định 15/2020/NĐ-CP ngày 3/2/2020 của Chính phủ, người dân được hỗ trợ giống lúa và xuồng máy trong mùa nước nổi hằng năm.</p>"

TRAPS = {
    "licence in the footer": (BODY.format("", ""), "<footer><p>Giấy phép số 215/GP-BTTTT cấp ngày 12/3/2019</p></footer>"),
    "licence in a plain element": (BODY.format("", ""), "<div class='ft'><p>Giấy phép: 15/GP-TTĐT do Sở cấp ngày 02/02/2018</p></div>"),
    "clock in the header": ("<header><div class='system-date'>Thứ sáu, 20/11/2026 12:00</div></header>", BODY.format("", "")),
    "clock of another name": ("<div class='ico-systemDate'>20/11/2026</div><div id='clock'>12:00:07 20/11/2026</div>", BODY.format("", "")),
    "a law in the text": (BODY.format(LAW, LAW), ""),
    "a day in the text": (BODY.format("", "<p>Ngày 5/9/2026, cả xã làm lễ khai giảng trên ghe, học trò ngồi hai hàng, trống đánh ở mũi ghe.</p>"), ""),
    "the address of a picture": (BODY.format('<figure><img src="https://anh.example/2024/05/17/ghe.jpg" alt="Ghe"></figure>', ""), ""),
    "a preview picture's address": ('<meta property="og:image" content="https://anh.example/stores/2025/1/18/ghe-20250118.jpg">', BODY.format("", "")),
    "copyright": (BODY.format("", ""), "<footer>© 2009-2026 Bến Sông. Bản quyền từ 01/01/2009</footer>"),
    "a comment": (BODY.format("", ""), '<div class="comments"><div class="comment"><time datetime="2026-11-02T10:00:00+07:00">2/11/2026</time><p>Hay quá.</p></div></div>'),
    "a related story": (BODY.format("", ""), '<aside class="related"><div class="item"><a href="/cho-noi-tan-som-vi-nuoc-10240.html">Chợ nổi tan sớm</a><span class="date">01/11/2026</span></div></aside>'),
    "a year alone": (BODY.format("<p>Mùa nước năm 2024 và 2025 đều muộn.</p>", ""), ""),
}  # fmt: skip


def row_of(name: str, before: str, after: str, head: str = "") -> object:
    page, url = PAGES[name]
    html = f"<!DOCTYPE html><html lang='vi'><head><meta charset='utf-8'><title>Mùa nước nổi</title>{head}</head><body>{before}{after}</body></html>"
    response = Response(url, body=html.encode(), headers={"Content-Type": "text/html; charset=utf-8"})
    ref = CaptureRef("w", 0, 1, "<urn:uuid:1>", "response", url, None, CAPTURED, 200)
    response.request = None
    made = page(response)
    made.__dict__["capture"] = ref
    return CleanPipeline().process_item(made.article())


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("trap", TRAPS)
def test_no_date_is_taken_from_elsewhere(name: str, trap: str) -> None:
    row = row_of(name, *TRAPS[trap])
    assert (row.published_at, row.published_date, row.published_text) == (None, None, None), trap  # type: ignore[attr-defined]
    assert (row.modified_at, row.modified_date) == (None, None)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(
    ("stated", "taken"),
    [
        ("2026-11-20T11:00:00+07:00", "2026-11-20"),
        ("2026-11-21T11:00:00+07:00", "2026-11-21"),  # clocks and zones differ by a day
        ("2026-11-22T12:00:00+07:00", None),
        ("2027-01-01T00:00:00+07:00", None),
        ("2062-11-20T11:00:00+07:00", None),
    ],
)
def test_never_in_the_future_beyond_a_day(name: str, stated: str, taken: str | None) -> None:
    head = f'<script type="application/ld+json">{{"@type": "NewsArticle", "headline": "Mùa nước nổi", "datePublished": "{stated}"}}</script>'
    assert row_of(name, BODY.format("", ""), "", head).published_date == taken  # type: ignore[attr-defined]


# --- The other tables ------------------------------------------------------------------------------------------------

SEEN = (
    *("22/10/2024", "5/3/2024", "05.03.2024", "08:52 | 05/03/2024", "08:52 05/03/2024", "05/03/2024 08:06 GMT+7"),
    *("Thứ Ba, 22/10/2024 | 10:15", "Thứ ba, 5/3/2024, 00:05 (GMT+7)", "T3, 05/03/2024", "CN, 03/03/2024"),
    *("8h52 ngày 5/3/2024", "22 Th10 2024", "5 Tháng Ba, 2024", "ngày 5 tháng 3 năm 2024"),
    *("Cập nhật: 05/03/2024 10:15", "3/24/2024 6:53:30 AM", "2024-03-05T08:52:10 +07:00"),
    *("2024-03-05T08:52:10&#x2B;07:00", "2024-03-05T08:52:10"),
)


def test_the_tables_hold_every_shape_that_was_seen() -> None:
    dates = [text for text, *_ in (*test_crawler_dates.INSTANTS, *test_crawler_dates.DAYS)]
    assert set(SEEN) <= set(dates)
    assert len(dates) >= 60
    assert len(test_crawler_byline.BYLINES) >= 40
    assert len(test_crawler_charset.LEGACY) >= 17
    (hostile,) = test_crawler_charset.test_hostile_headers_over_utf8.pytestmark  # type: ignore[attr-defined]
    assert len(hostile.args[1]) >= 48
