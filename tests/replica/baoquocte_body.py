"""The body of an article of the replica's baoquocte.vn: pieces to markup, in the forms of their years."""

# ruff: noqa: E501 - markup stands in lines as on the site

from __future__ import annotations

from html import escape

from tests.replica.model import Piece, Story, Target

ZERO_WIDTH = "\u200b"


def body(story: Story) -> str:
    """The children of the body element."""
    pieces = list(story.pieces)
    last = max(n for n, piece in enumerate(pieces) if piece.kind not in ("cards", "empty"))
    html: list[str] = []
    for n, piece in enumerate(pieces):
        html.append(_piece(piece, n, story))
        if n == last and story.byline and story.byline.place == "paragraph":
            html.append(f'<p style="text-align: right;"><strong>{escape(story.byline.printed)}</strong></p>')
    return "    ".join(html)


def _piece(piece: Piece, n: int, story: Story) -> str:
    text = inline(piece.text, n, story) if piece.text else ""
    match piece.kind:
        case "paragraph":
            return f"<p>{text}</p>"
        case "heading":
            return f"<h{piece.level}>{text}</h{piece.level}>"
        case "quote":
            return _box(piece.style or "__MB_ARTICLE_QUOTE", text)
        case "list":
            entries = "".join(f"  	<li>{escape(item, quote=False)}</li>" for item in piece.items)
            return f"<{piece.style}>{entries}  </{piece.style}>"
        case "table":
            return _table(piece.rows)
        case "image":
            return _image(piece, story)
        case "video":
            return _video(piece)
        case "cards":
            return "".join(_card(target) for target in piece.targets)
        case "embed":
            return _embed(piece.targets)
        case "more":
            links = "".join(f"<li>{_anchor(target)}</li>" for target in piece.targets)
            return f'<table class="__MB_ARTICLE_A"><tbody><tr><td><strong>Tin cùng chuyên mục</strong><ul>{links}</ul></td></tr></tbody></table>'
        case "advert":
            return '<div class="banner fw lt mb clearfix"><p>Quảng cáo</p><zone id="kinbody1"></zone><script>arfAsync.push("kinbody1");</script></div>'
    return "<p>&nbsp;</p>"


def inline(text: str, n: int, story: Story) -> str:
    """A text with the inline markup of the site: emphasis, automatic keyword links, stray characters."""
    words = escape(text, quote=False).split(" ")
    if n % 4 == 1 and len(words) > 6:
        words[0], words[1] = f"<strong>{words[0]}", f"{words[1]}</strong>"
    if story.keyword and n % 3 == 1 and len(words) > 9:
        href = story.keyword.url
        words[5] = f'<a class="__MB_LINK_IN_ARTICLE" href="{href}" title="Xem thêm tin về {words[5]}">{words[5]}'
        words[6] += "</a>"
    if "dirty" in story.traits and len(words) > 4:
        words[2] = f"{words[2][:2]}{ZERO_WIDTH}{words[2][2:]}"
        words[-2:] = [f"{words[-2]}&nbsp;{words[-1]}"]
        words[3] = f"\n  {words[3]}"
        words[0] = f"\u00ad{words[0]}"
    return " ".join(words)


def _box(css: str, text: str) -> str:
    return f'<table class="{css}" style="width: 100%;">  	<tbody>  		<tr>  			<td class="__RE_PLACE_CONTENT">  			<p>{text}</p>  			</td>  		</tr>  	</tbody>  </table>'


def _table(rows: tuple[tuple[str, ...], ...]) -> str:
    lines = "".join(
        "  		<tr>" + "".join(f"<td>{escape(cell, quote=False)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<table border="1" cellpadding="1" cellspacing="1" style="width: 100%;">  	<tbody>{lines}  	</tbody>  </table>'


def _framed(inner: str, printed: str | None, era: str = "2026") -> str:
    """A table of one or two rows: what is shown, then its caption."""
    caption = ""
    if printed:
        text = escape(printed, quote=False)
        text = f"<p>{text}</p>" if era == "2021" else f"<em>{text}</em>" if era == "2018" else text
        caption = f"  		<tr>  			<td>{text}</td>  		</tr>"
    return f'<table class="MASTERCMS_TPL_TABLE" style="width: 100%;">  	<tbody>  		<tr>  			<td>{inner}</td>  		</tr>{caption}  	</tbody>  </table>'


def _image(piece: Piece, story: Story) -> str:
    picture = piece.picture
    assert picture is not None
    alt = escape(picture.alt or "")
    lazy = f'data-src="{picture.url}" ' if story.era == "2021" else ""
    inner = f'<img  src="{picture.url}" {lazy}class="__img_mastercms" alt="{alt}" style="max-width:100%; padding:0px; margin:0px;" title="{alt}">'
    return _framed(inner, picture.printed, story.era)


def _video(piece: Piece) -> str:
    clip = piece.clip
    assert clip is not None
    if clip.player == "iframe":
        inner = f'<iframe width="560" height="315" src="{clip.url}" frameborder="0" allowfullscreen></iframe>'
    else:
        inner = f'<video class="__MB_VIDEO" controls="" preload="none" width="100%"><source src="{clip.url}" type="video/mp4"></video>'
    return _framed(inner, clip.printed)


def _anchor(target: Target) -> str:
    return f'<a href="{target.url}" title="{escape(target.title)}">{escape(target.title, quote=False)}</a>'


def _card(target: Target) -> str:
    thumb = (
        f'<img alt="" src="{target.thumb}" style="max-width: inherit !important;width: 140px;" />'
        if target.thumb
        else ""
    )
    teaser = escape(" ".join(target.sapo.split(" ")[:20]), quote=False)
    return f"""<table class="__mb_article_in_image">  	<tbody>  		<tr>  			<td align="left" valign="top" width="100"><a href="{target.url}">{thumb}</a>    			<p>&nbsp;</p>  			</td>  			<td align="left" style="vertical-align: top;" valign="top">{_anchor(target)}  			<p><span class="tpl_desc">{teaser} ...</span></p>  			</td>  		</tr>  	</tbody>  </table>"""


def _embed(targets: tuple[Target, ...]) -> str:
    rows = "".join(
        f'  		<tr>  			<td><a href="{t.url}" title="{escape(t.title)}"><span class="img-item"><img alt="{escape(t.title)}" src="{t.thumb}" /> </span> <span class="title-item">{escape(t.title, quote=False)}</span> </a></td>  		</tr>'
        for t in targets
    )
    return f'<table align="right" class="_MB_EMBEDNEWS" style="width: 30%;">  	<thead>  		<tr>  			<td>More from WVR</td>  		</tr>  	</thead>  	<tbody>{rows}  	</tbody>  </table>'
