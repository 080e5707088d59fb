"""What is true of the replica's vietnam.vn, read from its model and never from its pages."""

from __future__ import annotations

from typing import Any

from tests.replica.model import Story
from tests.replica.vietnamvn_article import promoted
from tests.replica.vietnamvn_edition import CLOSED, GONE, SOFT_404, VietnamEdition
from tests.replica.vietnamvn_listing import listings, news_stories
from tests.replica.vietnamvn_sections import LANGUAGES, WWW, prefix


def vietnamvn_truth(edition: VietnamEdition) -> dict[str, Any]:
    """Every list is in page order. ``related`` is the block "same tag"."""
    related_from: dict[str, list[str]] = {}
    for story in edition.stories:
        for target in story.related():
            if target.id is not None:
                related_from.setdefault(target.id, []).append(story.id)
    sitemap: dict[str, list[str]] = {f"{WWW}/news-sitemap.xml": [story.id for story in news_stories(edition)]}
    for story in edition.in_sitemaps:
        sitemap.setdefault(daily_sitemap(story), []).append(story.id)
    return {
        "articles": {
            story.id: {
                **story.row(),
                "copy_of": story.copy_of,
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
        },
        "feeds": {f"{WWW}{prefix(lang)}/sitemap.rss": [s.id for s in edition.feed(lang)] for lang in LANGUAGES},
        "sitemaps": {"index": f"{WWW}/sitemap.xml", "articles": sitemap},
        "robots_closed": [CLOSED, f"{WWW}/api/binh-luan"],
        "gone": [GONE.url],
        "soft_404": [SOFT_404.url],
        "challenge": [],
        "not_articles": [f"{WWW}/", f"{WWW}/en", SOFT_404.url],
        "edited": [],
        "removed": [],
        "added": [],
    }


def daily_sitemap(story: Story) -> str:
    return f"{WWW}/sitemap/sitemap-post/{story.row()['published_date']}.xml"


def reachable_from(story: Story, edition: VietnamEdition, related_from: list[str]) -> dict[str, Any]:
    """The channels that promise the article. ``sitemap``: the address of its daily sitemap, or None."""
    listed = story.group == "listed"
    language = story.language
    in_sitemap = story.language == "vi" and story.group in ("listed", "sitemap")
    return {
        "front": story in edition.front(language),
        "categories": [crumb.url for crumb in story.crumbs] if listed else [],
        "tags": [tag.url for tag in story.tags] if listed else [],
        "topics": [],
        "sitemap": daily_sitemap(story) if in_sitemap else None,
        "feeds": [f"{WWW}{prefix(language)}/sitemap.rss"] if story in edition.feed(language) else [],
        "related": related_from,
        "every_page": any(target.id == story.id for target in promoted(edition, language)),
        "edition_of": story.translation_of if story.editions else None,
    }


def page_links(story: Story, edition: VietnamEdition) -> dict[str, list[str]]:
    """Addresses on the article's page by link kind; pages of the WordPress years have no blocks of links."""
    bare = story.era == "wordpress"
    others = [] if bare else [*edition.same_category(story), *edition.same_author(story)]
    promo = [] if bare else [target.url for target in promoted(edition, story.language)]
    return {
        "related": [target.address for target in story.related()],
        "most_viewed": [],
        "tag": [tag.url for tag in story.tags],
        "category": [crumb.url for crumb in story.crumbs],
        "topic": [],
        "article": list(dict.fromkeys([*(s.url for s in others), *promo])),
        "edition": [target.url for target in story.editions],
    }
