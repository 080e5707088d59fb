"""Article pages of the replica's vietnam.vn, in the five forms of the Next.js years and that of the WordPress years.

Only ``post-detail-body``, ``post-detail-container``, ``ant-layout-content`` and ``v-link-title`` are class names
seen on the site. The others are ours and differ between the forms, so that nobody can lean on them.
"""

# ruff: noqa: E501 - markup stands in lines as on the site

from __future__ import annotations

import json
from datetime import UTC
from html import escape
from typing import Any

from tests.replica.model import Picture, Piece, Story, Target
from tests.replica.vietnamvn_edition import VietnamEdition
from tests.replica.vietnamvn_frame import footer_banners, legal, link_block, page, promo_blocks, stamp
from tests.replica.vietnamvn_sections import LABELS, SITE_NAME, THUMB, WWW, author, prefix


def article_page(story: Story, edition: VietnamEdition) -> str:
    if "wordpress" in story.traits:
        return wordpress_page(story)
    inner, after = main_part(story), after_part(story, edition)
    crumbs = breadcrumb(story)
    if "plain" in story.traits:  # everything in one layout element, the footer's legal text too
        main = f'<main class="ant-layout-content css-1kz">{crumbs}{inner}{after}{legal()}</main>'
    elif "stream" in story.traits:
        main = (
            f'<main class="ant-layout-content"><div class="post-detail-container">{crumbs}{inner}{after}</div></main>'
        )
    else:
        main = f'<main class="ant-layout-content" role="main">{crumbs}<div class="post-detail-container">{inner}</div>{after}</main>'
    return page(story.language, head(story), main, tail(story))


def main_part(story: Story) -> str:
    """Headline, publisher line, sapo, body, source line."""
    line, lead = publisher_line(story), sapo(story)
    top = lead + line if "sapo_first" in story.traits else line + lead
    source = source_line(story)
    title = f'<h1 class="title-{"a" if "json_ld" in story.traits else "b"}">{escape(story.title, quote=False)}</h1>'
    if "plain" in story.traits or "stream" in story.traits:
        return f"{title}{top}{body(story)}{source}"
    if "json_ld" in story.traits:
        return f'{title}{top}<div class="post-detail-body">{body(story)}{source}</div>'
    return f'{title}{top}<div class="post-detail-body">{body(story)}</div>{source}'


def publisher_line(story: Story) -> str:
    """The paper's name twice, as the logo's alternative text and as text, glued to the day."""
    label = author(story.source[0] or "", story.language)
    logo = f"{THUMB}/48x48/vietnam/resource/IMAGE/2025/1/20/{label.key}.png"
    return f'<div class="pub-{story.language}"><a href="{label.url.removeprefix(WWW)}"><img src="{logo}" width="48" height="48" alt="{escape(label.name)}"><span>{escape(label.name)}</span></a><span>{story.published:%d/%m/%Y}</span></div>'


def sapo(story: Story) -> str:
    text = escape(story.sapo or "", quote=False)
    if "next_data" in story.traits:
        return f'<h2 class="lead-k2">{text}</h2>'
    return f'<div class="lead-k1"><strong>{text}</strong></div>'


def body(story: Story) -> str:
    parts = [_piece(piece, story) for piece in story.pieces]
    if story.byline:
        parts.append(f'<p style="text-align: right;"><strong>{escape(story.byline.printed)}</strong></p>')
    return "\n".join(part for part in parts if part)


def _piece(piece: Piece, story: Story) -> str:
    text = escape(piece.text or "", quote=False)
    match piece.kind:
        case "paragraph":
            return f"<p>{text}</p>"
        case "heading":
            return f"<h{piece.level}>{text}</h{piece.level}>"
        case "quote":
            return f"<blockquote><p>{text}</p></blockquote>"
        case "list":
            return "<ul>" + "".join(f"<li>{escape(item, quote=False)}</li>" for item in piece.items) + "</ul>"
        case "table":
            rows = ("".join(f"<td>{escape(cell, quote=False)}</td>" for cell in row) for row in piece.rows)
            return "<table><tbody>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</tbody></table>"
    return _image(piece.picture, story) if piece.picture else ""


def _image(picture: Picture, story: Story) -> str:
    image = f'<img src="{picture.url}" alt="{escape(picture.alt or "")}">'
    printed = escape(picture.printed, quote=False) if picture.printed else ""
    if "wordpress" in story.traits:
        caption = f'<figcaption class="wp-caption-text">{printed}</figcaption>' if printed else ""
        return f'<figure class="wp-caption aligncenter">{image}{caption}</figure>'
    if "next_data" in story.traits or "stream" in story.traits:
        caption = f'<div class="caption">{printed}</div>' if printed else ""
        return f'<div class="image-wrapper">{image}{caption}</div>'
    return f"<figure>{image}{f'<figcaption>{printed}</figcaption>' if printed else ''}</figure>"


def source_line(story: Story) -> str:
    """The line that names the original: its address, or where there is none the paper."""
    name, url, _ = story.source
    target = f'<a href="{url}" target="_blank" rel="nofollow">{url}</a>' if url else escape(name or "")
    return f'<p class="src-line">{LABELS[story.language]["source"]}: {target}</p>'


def breadcrumb(story: Story) -> str:
    crumb = story.crumbs[0]
    home = f'<li><a href="{prefix(story.language) or "/"}">{LABELS[story.language]["home"]}</a></li>'
    return f'<nav class="ant-breadcrumb"><ol>{home}<li class="ant-breadcrumb-separator">/</li><li><a href="{crumb.url.removeprefix(WWW)}">{crumb.name}</a></li></ol></nav>'


def after_part(story: Story, edition: VietnamEdition) -> str:
    """Tags, comments, the three blocks of links, promotional blocks, banners."""
    labels = LABELS[story.language]
    absolute = "absolute" in story.traits
    tags = "".join(f'<a class="ant-tag" href="{tag.url.removeprefix(WWW)}">{tag.name}</a>' for tag in story.tags)
    blocks = (
        ("tag", list(story.below)),
        ("category", [s.as_target() for s in edition.same_category(story)]),
        ("author", [s.as_target() for s in edition.same_author(story)]),
    )
    lists = "".join(link_block(str(labels[name]), targets, absolute) for name, targets in blocks)
    return f"""<div class="tag-list">{tags}</div>
<div class="comments"><h3>{labels["comment"]}</h3><p>{labels["invite"]}</p></div>
{lists}{promo_blocks(story.language, promoted(edition, story.language))}{footer_banners()}"""


def promoted(edition: VietnamEdition, language: str) -> list[Target]:
    """The fourteen articles that the promotional blocks show on every page."""
    return [s.as_target() for s in edition.listed[language][40:110:5]]


def head(story: Story) -> str:
    title, lead = escape(story.title), escape(story.sapo or "")
    pictures = story.pictures()
    parts = [
        f"<title>{escape(story.title, quote=False)} - {SITE_NAME}</title>",
        f'<meta name="description" content="{lead}">',
        f'<meta property="og:title" content="{title}">',
        f'<meta property="og:description" content="{lead}">',
        f'<meta property="og:site_name" content="{SITE_NAME}">',
        '<meta property="og:type" content="article">',
        f'<meta property="og:url" content="{story.url}">',
        f'<link rel="canonical" href="{story.url}">',
    ]
    if pictures:
        parts.append(f'<meta property="og:image" content="{pictures[0].url}">')
    if "next_data" in story.traits or "hreflang" in story.traits:
        parts.append(f'<meta property="article:published_time" content="{stamp(story.published)}">')
    if "alternates" in story.traits:
        parts += [
            f'<link rel="alternate" hreflang="{code}" href="{WWW}{prefix(language)}/{story.name}">'
            for code, language in (("vi", "vi"), ("en", "en"), ("x-default", "vi"))
        ]
    if "json_ld" in story.traits or "hreflang" in story.traits:
        parts.append(
            f'<script type="application/ld+json">{json.dumps(news_article(story), ensure_ascii=False)}</script>'
        )
    return "\n".join(parts)


def news_article(story: Story) -> dict[str, Any]:
    return {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": story.title,
        "description": story.sapo,
        "inLanguage": story.language,
        "image": [picture.url for picture in story.pictures()[:1]],
        "datePublished": stamp(story.published),
        "dateModified": stamp(story.modified or story.published),
        "author": {"@type": "Organization", "name": story.source[0]},
        "publisher": {"@type": "Organization", "name": SITE_NAME},
        "mainEntityOfPage": story.url,
    }


def tail(story: Story) -> str:
    """The data of the page as the framework leaves it: one object, or a stream of pieces."""
    text = {"slug": story.name, "lang": story.language, "title": story.title, "description": story.sapo}
    if "next_data" in story.traits:
        data = {"props": {"pageProps": {"post": {**text, "publishedAt": stamp(story.published)}}}, "page": "/[slug]"}
        return f'<script id="__NEXT_DATA__" type="application/json">{json.dumps(data, ensure_ascii=False)}</script>'
    if "stream" in story.traits:
        payload = "2:" + json.dumps(
            ["$", "article", None, {"post": {**text, "date": f"{story.published:%d/%m/%Y}"}}], ensure_ascii=False
        )
        half = len(payload) // 2
        pushes = (json.dumps([1, part], ensure_ascii=False) for part in (payload[:half], payload[half:] + "\n"))
        return "<script>(self.__next_f=self.__next_f||[]).push([0])</script>" + "".join(
            f"<script>self.__next_f.push({push})</script>" for push in pushes
        )
    return ""


def wordpress_page(story: Story) -> str:
    """A page of the WordPress years: no blocks of links, the breadcrumb as text, sometimes a stated time."""
    crumb = story.crumbs[0]
    stated = (
        f'<meta property="article:published_time" content="{story.published.astimezone(UTC).isoformat()}">'
        if story.precision == "second"
        else ""
    )
    home = LABELS[story.language]["home"]
    main = f"""<main role="main" class="site-main"><div class="crumbs"><a href="{WWW}{prefix(story.language)}/">{home}</a> / <a href="{crumb.url}/">{crumb.name}</a></div>
<article><h1 class="entry-title">{escape(story.title, quote=False)}</h1>{publisher_line(story)}{sapo(story)}
<div class="entry-content">{body(story)}{source_line(story)}</div></article>
<div class="tagcloud">{"".join(f'<a rel="tag" href="{tag.url}/">{tag.name}</a>' for tag in story.tags)}</div></main>"""
    meta = f"""<title>{escape(story.title, quote=False)} - {SITE_NAME}</title><meta name="generator" content="WordPress 6.2">
<meta property="og:title" content="{escape(story.title)}"><meta property="og:description" content="{escape(story.sapo or "")}">
<meta property="og:site_name" content="{SITE_NAME}"><link rel="canonical" href="{story.url}">{stated}"""
    return page(story.language, meta, main, "")
