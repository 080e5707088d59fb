"""A row without its text, and a row in the words of others: zyte-common-items and schema.org."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from crawler.dates import utc_text

TEXTS = ("kicker", "sapo", "body")  # null without full text; ``blocks`` is empty then
OF_PICTURES = ("alt", "caption")
Row = dict[str, Any]


def without_text(row: Row) -> Row:
    """The row as it may be passed on: ids, addresses, dates, names, headline and digests, without the site's text."""
    pictures = {
        key: [one | dict.fromkeys((name for name in OF_PICTURES if name in one), None) for one in row[key]]
        for key in ("images", "videos")
    }
    return row | dict.fromkeys(TEXTS, None) | {"blocks": []} | pictures


def zyte(row: Row) -> Row:
    """Keys of ``zyte_common_items.Article``; what is not known is left out, as there."""
    images = [{"url": image["url"]} for image in row["images"]]
    return _filled(
        {
            "headline": row["title"],
            "datePublished": row["published_at"],
            "datePublishedRaw": row["published_text"],
            "dateModified": row["modified_at"],
            "dateModifiedRaw": row["modified_text"],
            "authors": [{"name": one["name"], "nameRaw": row["byline"]} for one in row["authors"]],
            "breadcrumbs": [_filled({"name": one["name"], "url": one["url"]}) for one in row["breadcrumbs"]],
            "inLanguage": row["language"],
            "mainImage": images[0] if images else None,
            "images": images,
            "description": row["sapo"],
            "articleBody": row["body"],
            "videos": [{"url": one["url"]} for one in row["videos"]],
            "canonicalUrl": row["canonical_url"],
            "url": row["url"],
            "metadata": {"dateDownloaded": utc_text(datetime.fromisoformat(row["captured_at"])), "probability": 1.0},
        }
    )


def schema_org(row: Row) -> Row:
    """A ``NewsArticle`` of schema.org as JSON-LD; what is not known is left out."""
    source = row["source"]
    return _filled(
        {
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "@id": row["canonical_url"],
            "identifier": row["id"],
            "url": row["canonical_url"],
            "headline": row["title"],
            "alternativeHeadline": row["kicker"],
            "abstract": row["sapo"],
            "articleBody": row["body"],
            "articleSection": row["section"],
            "keywords": [tag["name"] for tag in row["tags"]],
            "author": [{"@type": "Person", "name": one["name"]} for one in row["authors"] if one["role"] == "author"],
            "translator": [
                {"@type": "Person", "name": one["name"]} for one in row["authors"] if one["role"] == "translator"
            ],
            "publisher": {"@type": "NewsMediaOrganization", "name": row["publisher"]} if row["publisher"] else None,
            "datePublished": row["published_at"] or row["published_date"],
            "dateModified": row["modified_at"] or row["modified_date"],
            "inLanguage": row["language"],
            "image": [
                _filled(
                    {
                        "@type": "ImageObject",
                        "contentUrl": one["url"],
                        "caption": one["caption"],
                        "creditText": one["credit"],
                        "width": one["width"],
                        "height": one["height"],
                    }
                )
                for one in row["images"]
            ],
            "video": [
                _filled({"@type": "VideoObject", "contentUrl": one["url"], "caption": one["caption"]})
                for one in row["videos"]
            ],
            "isBasedOn": source["url"],
            "translationOfWork": {"@type": "NewsArticle", "identifier": row["translation_of"]}
            if row["translation_of"]
            else None,
            "version": row["version"],
            "sdDatePublished": row["captured_at"],
        }
    )


def _filled(value: Row) -> Row:
    return {key: member for key, member in value.items() if member not in (None, [], {})}
