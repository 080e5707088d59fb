"""What stands around every page of the replica's vietnam.vn: head, header, menu, blocks of links, footer."""

# ruff: noqa: E501 - markup stands in lines as on the site

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from html import escape

from tests.replica.model import Target
from tests.replica.vietnamvn_edition import CLOSED
from tests.replica.vietnamvn_sections import CATEGORIES, LABELS, SITE_NAME, STATIC, TAGLINE, WWW, category, prefix

LEGAL = (
    "BỘ VĂN HÓA, THỂ THAO VÀ DU LỊCH (trang mô phỏng dùng cho kiểm thử)",
    "Chịu trách nhiệm nội dung: người viết kiểm thử",
    "Cục trưởng: không có",
    "Trụ sở: trong bộ nhớ của máy",
    "Giấy phép số 0/GP ngày 01/02/2020",
)


def stamp(at: datetime) -> str:
    """An instant as the site's data states it: UTC with milliseconds and Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def page(language: str, head: str, main: str, tail: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
{head}
{styles()}</head>
<body>{header(language)}{main}
<footer class="ant-layout-footer">{legal()}<a href="{WWW}/sitemap.xml">Sitemap</a></footer>
{tail}</body></html>"""


@cache
def styles() -> str:
    """The style sheet that Ant Design writes into each page: the bulk of its bytes."""
    rules = "".join(
        f".css-{n:x}.ant-btn-{part}{{color:#{n * 4657 % 16777216:06x};padding:{n % 17}px {n % 23}px;border-radius:{n % 7}px}}"
        for n in range(70)
        for part in ("primary", "default", "text")
    )
    return f'<link rel="stylesheet" href="/_next/static/css/ung-dung.css"><style id="antd-cssinjs">{rules}</style>'


@cache
def header(language: str) -> str:
    entries = "".join(
        f'<li class="ant-menu-item"><a href="{label.url.removeprefix(WWW)}">{label.name}</a></li>'
        for label in (category(field, language) for field in CATEGORIES)
    )
    return f"""<header class="ant-layout-header"><a href="{prefix(language) or "/"}"><img src="/_next/static/media/logo.png" alt="{SITE_NAME}"></a>
<p class="tagline">{TAGLINE}</p><ul class="ant-menu">{entries}</ul>
<button class="ant-btn lang-switch">VI / EN / JA</button><a href="{CLOSED.removeprefix(WWW)}">Bài đã lưu</a></header>"""


@cache
def legal() -> str:
    return "".join(f"<p>{line}</p>" for line in LEGAL)


def link_block(label: str, targets: list[Target], absolute: bool) -> str:
    """A headed list of articles; headline in the title attribute and in the text."""
    if not targets:
        return ""
    items = "".join(
        f"""<div class="ant-col"><a href="{t.url if absolute else t.url.removeprefix(WWW) or "/"}"><img class="lazy" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-src="{STATIC}/2025/1/19/{abs(len(t.title)) % 97:032x}" alt=""></a>
<a class="v-link-title" href="{t.url if absolute else t.url.removeprefix(WWW) or "/"}" title="{escape(t.title)}">{escape(t.title, quote=False)}</a></div>"""
        for t in targets
    )
    return f'<section class="block"><h3>{label}</h3><div class="ant-row">{items}</div></section>'


def promo_blocks(language: str, targets: list[Target]) -> str:
    """Seven headed blocks with two articles each."""
    names = LABELS[language]["promo"]
    return "".join(link_block(name, targets[2 * n : 2 * n + 2], False) for n, name in enumerate(names))


@cache
def footer_banners() -> str:
    """A set of three banners, four times."""
    return "".join(
        f'<a href="{WWW}/"><img src="{STATIC}/2025/10/0{n}/1759300000000_banner-{n}.png" alt="Footer Banner {n}"></a>'
        for _ in range(4)
        for n in (1, 2, 3)
    )
