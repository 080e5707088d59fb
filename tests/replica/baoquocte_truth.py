"""What is true of the replica's baoquocte.vn, read from its model and never from its pages."""

from __future__ import annotations

from typing import Any

from tests.replica.baoquocte_edition import Edition
from tests.replica.baoquocte_links import CHALLENGE, CLOSED, GONE, SOFT_404
from tests.replica.baoquocte_listing import listings
from tests.replica.baoquocte_sections import EDITION_EN, HOME, TOPICS
from tests.replica.model import Story


def baoquocte_truth(edition: Edition) -> dict[str, Any]:
    """Every list is in page order, every address as a page prints it."""
    related_from: dict[str, list[str]] = {}
    for story in edition.stories:
        for target in story.related():
            if target.id is not None:
                related_from.setdefault(target.id, []).append(story.id)
    return {
        "articles": {
            story.id: {
                **story.row(),
                "group": story.group,
                "era": story.era,
                "traits": sorted(story.traits),
                "reachable_from": reachable_from(story, edition, related_from.get(story.id, [])),
                "page_links": page_links(story, edition),
            }
            for story in edition.stories
        },
        "listings": {
            url: {
                "kind": page.kind,
                "name": page.name,
                "articles": [story.id for story in page.stories],
                "next_page": page.next_page,
            }
            for url, page in listings(edition).items()
        }
        | {f"{HOME}/": {"kind": "front", "name": "", "articles": [s.id for s in edition.front], "next_page": None}},
        "feeds": {
            f"{HOME}/rss_feed/{path}": [story.id for story in edition.feed(path) or ()]
            for path in ("", *edition.section_lists)
        },
        "sitemaps": {
            "index": f"{HOME}/sitemap_site_1.xml",
            "articles": {f"{HOME}/sitemaparticles-site-1.xml": [story.id for story in edition.sitemap]},
        },
        "robots_closed": [
            CLOSED.url,
            f"{HOME}/apicenter@/print_article&i={edition.listed[0].number}",
            f"{HOME}/widgets@/article_statistic&aid=MQ==",
            f"{HOME}/search_enginer.html?p=tim-kiem&q=bien",
        ],
        "gone": [GONE.url, *(url for url in edition.removed_urls)],
        "soft_404": [SOFT_404.url],
        "challenge": [CHALLENGE.url],
        "not_articles": [f"{HOME}/thong-tin-toa-soan", f"{HOME}/chu-de", f"{EDITION_EN}/", SOFT_404.url],
        "edited": list(edition.edited),
        "removed": list(edition.removed),
        "added": list(edition.added),
    }


def reachable_from(story: Story, edition: Edition, related_from: list[str]) -> dict[str, Any]:
    """The channels that promise the article."""
    listed = story in edition.listed
    sections = [path for path, stories in edition.section_lists.items() if story in stories]
    return {
        "front": story in edition.front,
        "categories": sections,
        "tags": [tag.url for tag in story.tags] if listed else [],
        "topics": [topic.url for topic in story.topics] if listed else [],
        "sitemap": story in edition.sitemap,
        "feeds": [path for path in ("", *sections) if story in (edition.feed(path) or ())],
        "related": related_from,
        "every_page": story in edition.most_viewed or story.group == "english",
    }


def page_links(story: Story, edition: Edition) -> dict[str, list[str]]:
    """Addresses on the article's page by link kind. ``topic``: its own first, then the five of the column."""
    more = [*edition.also_read(story), *(s for _, stories in edition.strips(story) for s in stories)]
    return {
        "related": [target.address for target in story.related()],
        "most_viewed": [s.url for s in edition.most_viewed],
        "tag": [tag.url for tag in story.tags],
        "category": [crumb.url for crumb in story.crumbs],
        "topic": list(dict.fromkeys([*(t.url for t in story.topics), *(t.url for t in TOPICS)])),
        "article": list(dict.fromkeys([*([story.keyword.url] if story.keyword else []), *(s.url for s in more)])),
        "edition": [s.url for s in edition.english],
    }
