"""Meta elements, links and JSON-LD of an article page of the replica's baoquocte.vn."""

# ruff: noqa: E501 - markup stands in lines as on the site

from __future__ import annotations

from html import escape

from tests.replica.baoquocte_frame import RANDTIME, json_ld
from tests.replica.baoquocte_images import image_url
from tests.replica.baoquocte_sections import HOME
from tests.replica.model import Story


def file_name(story: Story) -> str:
    return story.url.rpartition("/")[2]


def social_image(story: Story) -> str:
    name = file_name(story).rpartition("-")[0]
    path = image_url(name, story.published, story.era, story.number // 2, "in_social/", "jpg")
    return f"{path}?randTime={RANDTIME}"


def head(story: Story) -> str:
    """Meta elements, links and JSON-LD of an article."""
    title, sapo = escape(story.title), escape(story.sapo or "")
    keywords = escape(", ".join(tag.name for tag in story.tags))
    section = story.crumbs[-1]
    rss = f'<link rel="alternate" type="application/rss+xml" title="RSS Feed for {title}" href="{HOME}/rss_feed/{section.key}" />'
    rss = rss if story.language == "vi" else ""
    return f"""<meta name="description" content="{sapo}" />
<meta name="keywords" content="{keywords}" />
<meta name="news_keywords" content="{keywords}" />
<meta property="og:locale" content="{"vi_VN" if story.language == "vi" else "en_US"}" />
<meta property="og:site_name" content="{story.publisher}" />
<meta property="og:url" content="{story.url}" />
<meta property="og:type" content="article" />
<meta property="og:title" content="{title}" />
<meta property="og:image" content="{social_image(story)}" />
<meta property="og:image:width" content="1200" />
<meta property="og:image:height" content="630" />
<meta property="og:description" content="{sapo}" />
<meta property="og:image:alt" content="{title}" />
<meta name="category_url" content="{section.url}" />
<link rel="alternate" href="{story.url}" hreflang="{"vi-vn" if story.language == "vi" else "en"}" />
<link rel="canonical" href="{story.url}" />
{rss}
<link rel="amphtml" href="{story.url}&mobile=yes&amp=1" />
{crumb_list(story) + news_article(story) if "json_ld" in story.traits else ""}"""


def crumb_list(story: Story) -> str:
    items = [
        {"@type": "ListItem", "position": n, "item": {"@id": crumb.url, "name": crumb.name}}
        for n, crumb in enumerate(story.crumbs, 1)
    ]
    return json_ld({"@type": "BreadcrumbList", "itemListElement": items})


def news_article(story: Story) -> str:
    """The third JSON-LD block; some pages hold HTML entities in its strings."""

    def text(value: str) -> str:
        return escape(value).encode("ascii", "xmlcharrefreplace").decode() if "entities" in story.traits else value

    return json_ld({
        "@type": "NewsArticle",
        "mainEntityOfPage": {"@type": "WebPage", "@id": story.url},
        "headline": text(story.title),
        "description": text(story.sapo or ""),
        "image": {"@type": "ImageObject", "url": social_image(story), "width": 1200, "height": 630},
        "datePublished": story.published.isoformat(),
        "dateModified": (story.modified or story.published).isoformat(),
        "publisher": {"@type": "Organization", "name": story.publisher,
                      "logo": {"@type": "ImageObject", "url": f"{HOME}/modules/frontend/themes/thegioivietnam/images/logo.png"}},
        "articleSection": story.crumbs[-1].name,
        "isAccessibleForFree": "true",
    })  # fmt: skip
