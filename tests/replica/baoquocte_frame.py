"""What stands around every page of the replica's baoquocte.vn: head, header, menu, right column, footer.

``PAGEGEN``, ``RANDTIME``, ``TODAY`` and ``CACHED`` are replaced at every fetch (``baoquocte.stamp``).
"""

# ruff: noqa: E501 - markup stands in lines as on the site

from __future__ import annotations

import json
from functools import cache
from html import escape
from typing import Any

from tests.replica.baoquocte_edition import Edition
from tests.replica.baoquocte_images import thumb_url
from tests.replica.baoquocte_links import CLOSED
from tests.replica.baoquocte_sections import EDITION_EN, HOME, PUBLISHER, PUBLISHER_EN, TOPICS, TREE
from tests.replica.model import Label, Story

PAGEGEN, RANDTIME, TODAY, CACHED = "@@PAGEGEN@@", "@@RANDTIME@@", "@@TODAY@@", "@@CACHED@@"
THEME = f"{HOME}/modules/frontend/themes/thegioivietnam"
BUILD = "?v=2.620261104090011"
ICON_SIZES = (57, 60, 72, 76, 114, 120, 144, 152, 180)


def opening(title: str, meta: str, language: str = "vi") -> str:
    """From the comment before the doctype to the end of the head."""
    icons = "\n".join(
        f'<link rel="apple-touch-icon" sizes="{n}x{n}" href="{THEME}/images/favicon/apple-icon-{n}x{n}.png{BUILD}" />'
        for n in ICON_SIZES
    )
    return f"""<!--
{HOME}/ BASED ON MASTERCMS ULTIMATE EDITION 2024 VERSION 2.9 (BUILD: {BUILD})
-->
<!DOCTYPE html>
<html translate="no" lang="{language}">
<head>
    <title>{escape(title, quote=False)}</title>\t
<meta name="google" content="notranslate">
<meta http-equiv="Content-Type" content="text/html; charset=utf-8" />
<!-- <meta http-equiv="refresh" content="210" /> -->
<meta name="robots" content="index,follow,max-image-preview:large" />
<meta name="pagegen" content="{PAGEGEN}" />
<meta name="author" content="{PUBLISHER if language == "vi" else PUBLISHER_EN}" />
<meta property="fb:app_id" content="100200300400" />
{meta}
<meta name="viewport" content="width=device-width, initial-scale=1" />
<link rel="dns-prefetch" href="//quang-cao.example" />
{icons}
<script>
  window.dataLayer = window.dataLayer || [];
  function gtag(){{dataLayer.push(arguments);}}
  gtag('js', new Date());
</script>
{json_ld(WEBSITE)}"""


def json_ld(data: dict[str, Any]) -> str:
    text = json.dumps({"@context": "https://schema.org", **data}, ensure_ascii=False, indent=2)
    return f'<script type="application/ld+json">\n{text}\n</script>'


WEBSITE = {
    "@type": "WebSite",
    "name": PUBLISHER,
    "url": f"{HOME}/",
    "potentialAction": {
        "@type": "SearchAction",
        "target": HOME + "/search_enginer.html?p=search&q={q}",
        "query-input": "required name=q",
    },
}


@cache
def header(active: str) -> str:
    """From the end of the head to the menu; ``active``: key of the current category."""
    return f"""
	<link href="{THEME}/css/pc/style.css{BUILD}" charset="UTF-8" type="text/css" rel="stylesheet" media="all" />
	<script src="{THEME}/js/mastercms-ultimate-edition.js{BUILD}"></script>
	<!-- <script src="{THEME}/js/snow.js{BUILD}"></script> -->
	<script async src="//quang-cao.example/arf.min.js"></script>
	<script>
	var arfAsync = arfAsync || [];
	</script>
</head>
<body>
<!--googleoff: all-->
<noscript><iframe src="https://quang-cao.example/ns.html?id=GTM-0" height="0" width="0" style="display:none"></iframe></noscript>
<!--googleon: all-->	<div class="webpage pc-detail">
		<header id="header">
<div class="header-top">
	<div class="siteCenter">
		<div class="lt">
			<span class="ico-systemDate"><i class="icon"></i>{TODAY}</span>
			<span class="ico-slash">|</span>
			<span class="ico-hotline"><i class="icon"></i>Đường dây nóng: 0000000000</span>
			<span class="ico-envelope"><i class="icon"></i><a href="/cdn-cgi/l/email-protection" class="__cf_email__" data-cfemail="9cfefdf3">[email&#160;protected]</a></span>
		</div>
		<!--googleoff: all-->
		<div class="rt">
			<form id="frmSearch" data-page="tim-kiem" name="frmSearch">
				<input type="text" name="q" value="" placeholder="Nhập từ khóa tìm kiếm" />
			</form>
			<a class="mobile-btn" href="{HOME}/&mobile=yes" title="Phiên bản di động">Phiên bản di động</a>
		</div>
		<!--googleon: all-->
	</div>
</div>
<div class="header-logo">
	<a class="logo lt" href="{HOME}/" title="{PUBLISHER}"><img src="{THEME}/images/pc/logo-2022.png{BUILD}" height="90" alt="{PUBLISHER}" /></a>
	<div class="banner-728x90 lt"><zone id="kdl4py77"></zone><script>arfAsync.push("kdl4py77");</script></div>
	<div class="header-link rt">
		<a class="ico-24h f1" href="{HOME}/tin-24h"><i class="fa fa-fire"></i>Tin 24h</a>
		<a class="ico-events f1" href="{HOME}/chu-de">Danh sách chủ đề</a>
	</div>
</div>
		</header>
<div class="banner-full"><zone id="kdl4qlzx"></zone><script>arfAsync.push("kdl4qlzx");</script></div>
<nav id="nav">
	<div class="siteCenter">
		<ul class="main-menu">
			<li class="cat"><a href="{HOME}/"><img src="{THEME}/images/pc/ico-home.png{BUILD}" alt="{PUBLISHER}" /></a></li>
{"".join(_menu_entry(section.label, section.subs, active) for section in TREE.values())}
			<li class="cat"><a href="{EDITION_EN}/" target="_blank" style="color: #0065b3;">English</a></li>
		</ul>
	</div>
</nav>
		<main id="main">
			<div class="siteCenter clearfix">
"""


def _menu_entry(label: Label, subs: tuple[Label, ...], active: str) -> str:
    mark = "active" if label.key == active else ""
    inner = "".join(
        f'\n\t\t\t\t\t\t<li class="sub-cat"><a href="{sub.url}">{escape(sub.name)}</a></li>' for sub in subs
    )
    return f"""
			<li class="cat {mark}" title="{escape(label.name)}">
				<a class="{mark}" href="{label.url}">{escape(label.name)}</a>
				<ul class="sub-menu">{inner}
				</ul>
			</li>"""


def card(story: Story, *, desc: bool = True, thumb: str = "croped/thumbnail/") -> str:
    """A story in a list. The title attribute stands in single quotes, unescaped, as on the site."""
    title = escape(story.title, quote=False)
    lines = f'<div class="article-desc">{escape(story.sapo or "", quote=False)}</div>' if desc else ""
    return f"""
				<div class="article">
					<a class="article-image" href="{story.url}" title='{story.title}'>
						<img class="mastercms_lazyload" src="{thumb_url(story, thumb)}" alt="{escape(story.title)}" />					</a>
					<h3 class="article-title">
						<a class="article-link f0" href="{story.url}" title='{story.title}'>
							{title}													</a>
					</h3>
					{lines}
				</div>"""


def block(css: str, head: str, cards: str) -> str:
    return f"""
<div class="{css} fw lt mb clearfix">
	<div class="bx-cat-title fw lt mb"><h2 class="h2-title f0">{head}</h2></div>
	<div class="bx-cat-content fw lt">{cards}
	</div>
</div>"""


def banner(zone: str, css: str = "banner") -> str:
    return f"""
<div class="{css} fw lt mb clearfix"><zone id="{zone}"></zone>
<script>
arfAsync.push("{zone}");
</script></div>"""


def right_column(edition: Edition) -> str:
    """Most viewed, the five topics, the English strip; adverts between them."""
    viewed = "".join(f"<li>{card(story, desc=False)}</li>" for story in edition.most_viewed)
    topics = "".join(
        f"""
		<div class="article">
			<a class="article-image" href="{topic.url}" title='{topic.name}'><img class="mastercms_lazyload" src="{HOME}/stores/news_dataimages/2025/122025/31/15/medium/{topic.key}-20251231151449.jpg" alt='{topic.key}' /></a>
			<h3 class="article-title"><a class="article-link" href="{topic.url}" title='{topic.name}'>{topic.name}</a></h3>
		</div>"""
        for topic in TOPICS
    )
    strip = "".join(card(story, desc=False, thumb="croped/medium/") for story in edition.english)
    return (
        banner("kdl4zn5h")
        + block("bx-breadking-news", '<span class="bx-cat-link">Xem nhiều</span>', f"<ol>{viewed}</ol>")
        + banner("kdl5034g")
        + block("bx-topic-list", f'<a class="bx-cat-link" href="{HOME}/chu-de">Chủ đề</a>', topics)
        + banner("kvrvoo7l")
        + block(
            "bx-cat bx-special bx-special-five",
            f'<a class="bx-cat-link" href="{EDITION_EN}/">En.baoquocte.vn</a>',
            strip,
        )
    )


def footer(cached_name: str) -> str:
    return f"""
			</div>
		</main>
<link href="{THEME}/css/css_mastercms_article_style_controler.css{BUILD}" rel="stylesheet" type="text/css" media="all"/>
<script src="{THEME}/js/mastercms_contents_processing.js{BUILD}"></script>
<footer id="footer">
	<div class="footer-top">
		<a class="ico-information f1" href="{HOME}/thong-tin-toa-soan">Thông tin tòa soạn</a>
		<a class="ico-adsvertisation f1" href="{HOME}/lien-he-quang-cao">Liên hệ quảng cáo</a>
		<a class="ico-adsvertisation f1" href="{HOME}/chinh-sach-bao-mat">Chính sách bảo mật</a>
		<a class="ico-adsvertisation f1" href="{HOME}/doc-gia-lam-bao">Bạn đọc làm báo</a>
		<a class="ico-internal f1" href="{CLOSED.url}">{CLOSED.title}</a>
	</div>
	<div class="footer-info">
		<p style="text-transform: uppercase;"><b>{PUBLISHER}</b></p>
		<p>Trang mô phỏng dùng cho kiểm thử, mọi nội dung đều do máy đặt ra. Cấp ngày 3/11/2022.</p>
		<p>Thư điện tử: <a href="/cdn-cgi/l/email-protection" class="__cf_email__" data-cfemail="f092919f">[email&#160;protected]</a></p>
	</div>
</footer>
	</div>
	<!--googleoff: all-->
	<a class="mobile-button" href="{HOME}/&mobile=yes" title="Phiên bản di động">Phiên bản di động</a>
	<!--googleon: all-->
	<span class="backTop"></span>
</body>
</html><!-- Gen by masterCMS superCached 218 {cached_name}_218_1.cached {CACHED} -->"""
