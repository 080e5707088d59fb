"""Normalise what a page object found: one form of text, people apart from agencies, digests and the row's id."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from crawler.byline import split_byline, split_caption
from crawler.items import Article, Block, Image, Video
from crawler.text import clean, content_digest


class CleanPipeline:
    """First pipeline: the item's texts become what the row holds. Applied twice it changes nothing."""

    def process_item(self, item: Article) -> Article:
        for name in ("title", "kicker", "sapo", "byline", "publisher", "section", "published_text", "modified_text"):
            setattr(item, name, clean(getattr(item, name)))
        item.blocks = [block for block in item.blocks if _clean_block(block)]
        item.body = "\n\n".join(filter(None, map(_lines, (item.body or "").split("\n\n")))) or None
        for picture in item.images:
            _clean_picture(picture)
        for video in item.videos:
            _clean_picture(video)
        item.source.name = clean(item.source.name)
        for crumb in item.breadcrumbs:
            crumb.name = clean(crumb.name) or ""
        for tag in (*item.tags, *item.topics):
            tag.name = clean(tag.name) or ""
        for link in item.links:
            link.text = clean(link.text)
        papers = filter(None, (item.publisher, item.source.name, item.site))
        item.authors, item.agencies = split_byline(item.byline, papers)
        item.content_digest = content_digest(item.title, item.sapo, item.body)
        item.row_id = row_id(item.warc.revisit_id or item.warc.record_id, item.extraction.page)
        return item


def row_id(record_id: str | None, page: str) -> str:
    """SHA-256 (hex) of the visit's record id, a space, and page class with number; '' for a page without a record.

    Not of the record that holds the bytes: an article that returns to an earlier text is a version of its own.
    """
    return sha256(f"{record_id} {page}".encode()).hexdigest() if record_id else ""


@lru_cache(maxsize=256)  # the paragraphs of the body are the texts of its blocks
def _lines(text: str | None) -> str | None:
    """Text of one block: each line cleaned, empty ones left out."""
    return "\n".join(filter(None, map(clean, (text or "").split("\n")))) or None


def _clean_block(block: Block) -> bool:
    """Clean a block in place; False when nothing is left of it."""
    block.text = _lines(block.text)
    block.items = [text for item in block.items if (text := clean(item))]
    block.rows = [[clean(cell) or "" for cell in row] for row in block.rows]
    _clean_picture(block)
    return bool(block.text or block.url or any(map(any, block.rows)))


def _clean_picture(picture: Block | Image | Video) -> None:
    """The caption without the credit that is printed in it."""
    if picture.caption is None and picture.credit is None and (isinstance(picture, Video) or picture.alt is None):
        return
    if isinstance(picture, (Block, Image)):
        picture.alt = clean(picture.alt)
    picture.caption, picture.credit = clean(picture.caption), clean(picture.credit)
    if picture.credit is None:
        picture.caption, picture.credit = split_caption(picture.caption)
