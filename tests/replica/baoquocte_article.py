"""Article pages of the replica's baoquocte.vn: the page itself, and its mobile, AMP and print copies."""

# ruff: noqa: E501 - markup stands in lines as on the site

from __future__ import annotations

import unicodedata
from base64 import b64encode
from html import escape

from tests.replica.baoquocte_body import body, inline
from tests.replica.baoquocte_edition import Edition
from tests.replica.baoquocte_frame import banner, block, card, footer, header, opening
from tests.replica.baoquocte_head import file_name, head, news_article
from tests.replica.baoquocte_sections import HOME
from tests.replica.model import Story, Target


def article_page(story: Story, edition: Edition, column: str) -> str:
    """The page as a browser gets it; ``column``: the right column, equal on all pages."""
    strips = "".join(
        block(
            "bx-cat-sub-list",
            f'<a class="bx-cat-link" href="{label.url}">{label.name}</a>',
            "".join(map(card, stories)),
        )
        for label, stories in edition.strips(story)
    )
    also = "".join(map(card, edition.also_read(story)))
    html = f"""{opening(story.title, head(story), story.language)}{header(story.crumbs[0].key)}
				<div class="main-detail fw lt clearfix">
					<div class="bx-grid-detail fw lt clearfix">
						<div class="bx-detail-left lt">{navigation(story)}{detail(story)}{tags(story)}{topic_box(story)}
{banner("kejubvyl", "banner-detail")}{banner("kejubvym", "banner-detail")}
							<!--googleoff: all-->
							<div id="user-comment" class="fw lt mb clearfix">
								<div class="__API_WIDGET" data-type="user_comments" data-url="{HOME}/apicenter@/user_comments&tpl_gui=tpl_member_comments_file_2&sidinfo=116"></div>
							</div>
							<!--googleon: all-->
						</div>
						<div class="bx-detail-right rt">{column}
						</div>
					</div>
					<div class="bx-grid-detail-bottom fw lt clearfix">
						<div class="bx-detail-bottom-left lt">{block("bx-detail-listing", '<span class="bx-cat-link">Đọc thêm</span>', also)}
						</div>
						<div class="bx-detail-bottom-right rt">{strips}
						</div>
					</div>
				</div>{footer(file_name(story))}"""
    return unicodedata.normalize("NFD", html) if "nfd" in story.traits else html


def copy_page(story: Story, form: str) -> str:
    """The ``mobile``, ``amp`` or ``print`` copy: the article alone, with its canonical address."""
    text = body(story)
    if form == "amp":
        text = text.replace("<img ", '<amp-img layout="responsive" ').replace("<video ", "<amp-video ")
    mark = {"amp": "⚡ ", "mobile": "", "print": ""}[form]
    robots = '<meta name="robots" content="noindex">' if form == "print" else ""
    return f"""<!DOCTYPE html>
<html {mark}lang="{story.language}"><head><meta charset="utf-8"><title>{escape(story.title, quote=False)}</title>
<link rel="canonical" href="{story.url}" />{robots}{news_article(story) if "json_ld" in story.traits else ""}</head>
<body class="{form}-detail"><a href="{HOME}/">{story.publisher}</a>{navigation(story)}
<div class="article-detail"><h1 class="article-detail-title">{escape(story.title, quote=False)}</h1>{date(story)}
<div class="article-detail-desc">{inline(story.sapo or "", 0, story)}</div>
<div class="__MASTERCMS_CONTENT"><div id="__MB_MASTERCMS_EL_3">{text}</div></div></div>{tags(story)}
<a href="{story.url}">Xem bản đầy đủ</a></body></html>"""


def navigation(story: Story) -> str:
    first, *rest = story.crumbs
    subs = "".join(
        f'<li class="nav-slash"><span>/</span></li>\n\t\t<li class="cat-alias cat-sub-alisa"><a href="{c.url}">{escape(c.name)}</a></li>'
        for c in rest
    )
    return f"""
<div class="navigation fw lt mb clearfix" style="position: relative;">
	<ul class="breadcrumb clearfix">
		<li class="menu-alias">
			<a class="hna-xshn" href="{first.url}">{escape(first.name)}</a>
		</li>
		{subs}
	</ul>
</div>"""


def date(story: Story) -> str:
    """The printed date, in the element of its years."""
    at = story.published
    match story.era:
        case "2018":
            return f'<div class="dateUp">{at:%H:%M | %d/%m/%Y}</div>'
        case "2021":
            return f'<span class="format_time">{at:%d/%m/%Y %H:%M}</span>'
        case "2024":
            return f'<div class="article-date lt">{at:%H:%M | %d/%m/%Y}</div>'
    return f'<div class="article-date hna-article-date lt">{at:%H:%M | %d/%m/%Y}</div>'


def detail(story: Story) -> str:
    """The element ``article-detail``: from the kicker to the hidden inputs."""
    name = escape(story.byline.printed) if story.byline else ""
    place = story.byline.place if story.byline else ""
    member = f'<div class="article-member lt">{name}</div>' if place == "member" else ""
    member += f'<span class="cms-author lt">{name}</span>' if place == "cms" else ""
    parameter = b64encode(str(story.number).encode()).decode()
    return f"""
							<div class="article-detail fw lt mb clearfix">
								<span class="article-detail-subtitle">{escape(story.kicker or "")}</span>
								<h1 class="article-detail-title{" f0" if story.era != "2018" else ""}">{escape(story.title, quote=False)}</h1>
								<div class="article-social fw lt clearfix">
									<div class="inforAuthor lt">{member}
										{date(story)}
									</div>
								</div>
								<div class="article-detail-desc fw lt f0 mb clearfix">{inline(story.sapo or "", 0, story)}</div>
								<!--googleoff: all-->
								<div class="bqt-share-social fw lt mb clearfix">
									<a class="share-social__link facebook lt" rel="noopener nofollow" target="_blank" href="https://www.facebook.com/sharer/sharer.php?u={story.url}"><span class="icon"></span></a>
									<a class="share-social__link print lt" rel="noopener nofollow" target="_blank" title="In bài viết" href="{HOME}/apicenter@/print_article&i={story.number}"><span class="icon"></span></a>
									<div class="share-social__link share copy-link lt" title="Sao chép liên kết"><span class="icon-copy">Sao chép liên kết</span></div>
									<span class="__API_WIDGET" data-type="mod_member_account_functions" data-url="{HOME}/apicenter@/mod_member_account_functions&tpl_gui=follow_button"></span>
									<a class="bqt-google-new lt" rel="noopener nofollow" target="_blank" href="https://news.google.com/publications/0">Theo dõi Baoquocte.vn trên</a>
								</div>
								<!--googleon: all-->
{related_above(story)}{content(story)}
									<div class="article-detail-author clearfix"> <i style="font-family: Arial, sans-serif;">{name if place == "bottom" else ""}</i></div>
									<!-- <div class="article-detail-source clearfix">Nguồn: bản tin cũ</div> -->
								</div>
								<!--googleoff: all-->
								<div style="display: none;">
									<iframe rel="nofollow" src="{HOME}/widgets@/article_statistic&aid={parameter}" width="0" height="0" data-nosnippet></iframe>
									<input type="hidden" name="__printURL" value="{story.url}"/>
									<input type="hidden" name="__PARAMS_ID_WIDGET" class="__PARAMS_ID_WIDGET" data-type="user_comments" value="{parameter}"/>
								</div>
								<!--googleon: all-->
							</div>"""


def content(story: Story) -> str:
    """The body in the layers of its years, left open for the author line."""
    inner = f'<style id="css_tpl_box_in_db">\n.tpl-box p{{margin:0}}\n</style>\n{body(story)}'
    match story.era:
        case "2018":
            return f'<div class="__MASTERCMS_CONTENT __MB_CONTENT_FOR_PRINTER fw lt clearfix">{inner}'
        case "2021":
            return f'<div class="__MASTERCMS_CONTENT fw lt clearfix"><div id="__MB_MASTERCMS_EL_3" class="fw lt clearfix">{inner}</div>'
    return f"""<div class="__MASTERCMS_CONTENT fw lt clearfix">
									<div id="articleBody" class="fw lt clearfix" itemprop="articleBody">
										<div id="__MB_MASTERCMS_EL_3" class="fw lt clearfix">{inner}</div>
										<div style="clear: both;"></div>{banner("kvrvoo7l")}
									</div>"""


def related_above(story: Story) -> str:
    heading = '<div class="bx-cat-title fw lt mb">\n<h2 class="h2-title f0"><span class="bx-cat-link">Tin liên quan</span></h2>\n</div>'
    if "old_headings" not in story.traits:
        heading = f"<!-- {heading} -->"
    return f"""
								<div class="article-relate fw lt mb clearfix">
									{heading}
									<div class="bx-cat-content fw lt">{"".join(map(_line, story.above))}
									</div>
								</div>"""


def _line(target: Target) -> str:
    title = escape(target.title, quote=False)
    return f"""
										<a class="article-link" href="{target.url}" title='{target.title}'>{title}</a>"""


def tags(story: Story) -> str:
    if not story.tags:
        return ""
    links = "".join(f'\n\t\t\t\t<a class="tag-link" href="{tag.url}">{escape(tag.name)}</a>' for tag in story.tags)
    return f"""
							<div class="article-tag fw lt mb clearfix">
								<span class="article-tag-title">Tags:</span>
								<div class="article-tag-link">{links}
								</div>
							</div>"""


def topic_box(story: Story) -> str:
    if not story.topics:
        return ""
    topic = story.topics[0]
    lines = "".join(f"<li>{_line(target)}</li>" for target in story.below)
    return f"""
							<div class="bx-same-topic fw lt mb clearfix">
								<div class="bx-cat-title fw lt mb"><span class="label">Bài viết cùng chủ đề</span> <a href="{topic.url}">{escape(topic.name)}</a></div>
								<ul>{lines}</ul>
							</div>"""
