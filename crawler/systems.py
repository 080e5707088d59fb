"""What content systems call the parts of a page, for sites that nobody has looked at.

MasterCMS runs dozens of Vietnamese papers under the same class names (seen on several, 2017 to 2026). CSS modules, as
Next.js makes them, keep a part's name between the component's and a hash: ``Meta_author__x1P9z``.
"""

from __future__ import annotations

from crawler.blocks import BlockRules

_FURNITURE = "table.__mb_article_in_image, table._MB_EMBEDNEWS, table.__MB_ARTICLE_A"

BODY = ("div.__MASTERCMS_CONTENT",)
BLOCKS = BlockRules(
    drop=f"{_FURNITURE}, #css_tpl_box_in_db, .article-detail-author, .article-detail-source, .article-relate",
    figure="figure, .wp-caption, table.MASTERCMS_TPL_TABLE",
    caption='figcaption, [class*="caption"], [class*="Caption"]',
    quote=".__MB_template_g, .__MB_template_d, .__MB_ARTICLE_QUOTE, .__MB_HL_BOX",
    quote_text="td.__RE_PLACE_CONTENT",
)
SAPO = (".article-detail-desc", '[class*="_sapo__"]', '[class*="_lead__"]', '[class*="_standfirst__"]')
BYLINE = (
    *(".article-member", ".cms-author", ".article-detail-author", "p.author"),
    *('[class*="_author__"]', '[class*="_byline__"]'),
)
DATE = (".article-date", "span.format_time", ".article-detail-date", ".article-detail-publish")
SOURCE = (".article-detail-source", '[class*="_source__"]', ".article-source", ".source-line")
RELATED = (*_FURNITURE.split(", "), ".article-relate", '[class*="_related__"]')
