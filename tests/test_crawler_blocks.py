"""From HTML to blocks: what stays in the body, what becomes a caption, what is left out."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html

from crawler.blocks import BlockRules, body_text, read_blocks
from crawler.htmltext import image_address, inline_text, pixels
from crawler.items import Block

BASE = "https://bensong.example/bai/1"
RULES = BlockRules(
    drop=".related, .banner",
    figure="table.fig",
    caption=".cap",
    quote=".quote",
    quote_text="td.text",
    box=".box",
)


def element(text: str) -> Any:
    return html.fragment_fromstring(text, create_parent="div")


def blocks(text: str, rules: BlockRules = RULES) -> list[Block]:
    return [piece.block for piece in read_blocks(element(text), rules, BASE)]


def short(text: str) -> list[tuple[Any, ...]]:
    return [(b.type, b.text if b.text is not None else b.url or b.rows) for b in blocks(text)]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("<p>Một.</p><p>Hai.</p>", [("paragraph", "Một."), ("paragraph", "Hai.")]),
        ("Chữ <b>đậm</b>liền\n  <i>nghiêng</i>.", [("paragraph", "Chữ đậmliền nghiêng.")]),
        ("<p>Dòng một<br>dòng hai</p>", [("paragraph", "Dòng một\ndòng hai")]),
        ("Đoạn một<br><br/>\nĐoạn hai", [("paragraph", "Đoạn một"), ("paragraph", "Đoạn hai")]),
        ("<div>trước<p>giữa</p>sau</div>", [("paragraph", "trước"), ("paragraph", "giữa"), ("paragraph", "sau")]),
        ("<span>a<div>b</div>c</span>", [("paragraph", "a"), ("paragraph", "b"), ("paragraph", "c")]),
        ("<p>&nbsp;</p><p> </p><p><br></p>", []),
        (
            "<p>a<script>x()</script>b<style>p{}</style><noscript><img src='/n.jpg'></noscript></p>",
            [("paragraph", "ab")],
        ),
        ('<p>hiện<span style="display: none">ẩn</span></p><div hidden>ẩn</div>', [("paragraph", "hiện")]),
        (
            "<h1>To</h1><h2>Vừa <em>phải</em></h2><h6>Nhỏ</h6>",
            [("heading", "To"), ("heading", "Vừa phải"), ("heading", "Nhỏ")],
        ),
        ("<ul><li>một</li><li>hai<ul><li>hai rưỡi</li></ul></li></ul>", [("list", "một\nhai\nhai rưỡi")]),
        ("<ol><li><p>một</p></li><li> </li></ol>", [("list", "một")]),
        ("<blockquote><p>lời</p><p>nói</p></blockquote>", [("quote", "lời\nnói")]),
        ("<aside><p>bên lề</p></aside>", [("box", "bên lề")]),
        ('<table class="quote"><tr><td>“</td><td class="text"><p>Lời.</p></td></tr></table>', [("quote", "Lời.")]),
        ('<div class="box">Hộp <b>tin</b></div>', [("box", "Hộp tin")]),
        ("<table><tr><td>chỉ một ô</td></tr></table>", [("box", "chỉ một ô")]),
        (
            "<table><tr><th>Năm</th><th>Số</th></tr><tr><td>2026</td><td>7<table><tr><td>trong</td></tr></table></td></tr></table>",
            [("table", [["Năm", "Số"], ["2026", "7 trong"]])],
        ),
        (
            '<p>a</p><div class="related"><p>b</p></div><div class="banner">c</div><p>d</p>',
            [("paragraph", "a"), ("paragraph", "d")],
        ),
        ("<video><source src='/v.mp4'></video>", [("video", "https://bensong.example/v.mp4")]),
        (
            "<iframe src='https://www.youtube.com/embed/x'></iframe><iframe src='/dem?x=1'></iframe>",
            [("video", "https://www.youtube.com/embed/x")],
        ),
        (
            "<p>chữ <img src='/a.jpg'> tiếp</p>",
            [("paragraph", "chữ"), ("image", "https://bensong.example/a.jpg"), ("paragraph", "tiếp")],
        ),
    ],
)
def test_blocks(text: str, want: list[tuple[str, str]]) -> None:
    assert short(text) == want


def test_heading_levels_begin_at_two() -> None:
    assert [b.level for b in blocks("<h1>a</h1><h2>b</h2><h4>c</h4><p>d</p>")] == [2, 2, 4, None]


def test_body_is_the_text_blocks_alone() -> None:
    found = blocks(
        '<p>Một.</p><aside>Bên lề.</aside><ul><li>a</li><li>b</li></ul><img src="/a.jpg"><blockquote>Lời.</blockquote>'
    )
    assert body_text(found) == "Một.\n\na\nb\n\nLời."
    assert body_text([]) is None


@pytest.mark.parametrize(
    "text",
    [
        '<table class="fig"><tr><td><img src="/a.jpg"></td></tr><tr><td>Chú thích.</td></tr></table>',
        '<table class="fig"><tr><td><img src="/a.jpg"><p>Chú thích.</p></td></tr></table>',
        '<table><tr><td><img src="/a.jpg"></td></tr><tr><td>Chú thích.</td></tr></table>',
        '<figure><a href="/to.jpg"><img src="/a.jpg"></a><figcaption>Chú <b>thích</b>.</figcaption></figure>',
        '<img src="/a.jpg"><div class="cap">Chú thích.</div>',
        '<p><img src="/a.jpg"></p><p><em>Chú thích.</em></p>',
        '<p><img src="/a.jpg"></p><p style="text-align:center">Chú thích.</p>',
    ],
)
def test_captions(text: str) -> None:
    found = blocks(text + "<p>Thân bài.</p>")
    assert [(b.type, b.caption) for b in found] == [("image", "Chú thích."), ("paragraph", None)]


def test_a_paragraph_after_a_picture_is_no_caption_without_a_sign() -> None:
    assert [b.caption for b in blocks('<img src="/a.jpg"><p>Câu thường.</p>')] == [None, None]
    assert blocks('<img src="/a.jpg"><p>Bến cũ. Ảnh: Lan Chi</p>')[0].caption == "Bến cũ. Ảnh: Lan Chi"


def test_captions_of_pictures_side_by_side() -> None:
    pair = '<table class="fig"><tr><td><img src="/a.jpg"></td><td><img src="/b.jpg"></td></tr><tr>{}</tr></table>'
    own = blocks(pair.format("<td>Trái</td><td>Phải</td>"))
    assert [b.caption for b in own] == ["Trái", "Phải"]
    assert [b.caption for b in blocks(pair.format("<td colspan=2>Cả hai</td>"))] == ["Cả hai", "Cả hai"]


@pytest.mark.parametrize(
    ("img", "address"),
    [
        ('<img src="/blank.gif" data-src="/that.jpg">', "https://bensong.example/that.jpg"),
        ('<img src="data:image/gif;base64,AAAA" data-original="//cdn.example/a.jpg">', "https://cdn.example/a.jpg"),
        ('<img src="data:image/gif;base64,AAAA" srcset="/s.jpg 1x, /l.jpg 2x">', "https://bensong.example/s.jpg"),
        ('<img srcset="/w=1,h=2/s.jpg 1x, /l.jpg 2x">', "https://bensong.example/w=1,h=2/s.jpg"),
        ('<img src="data:image/gif;base64,AAAA">', None),
        ('<img src="">', None),
        ('<img src="http://[broken">', None),
        ('<img src="ftp://a.example/x.jpg">', None),
    ],
)
def test_image_address(img: str, address: str | None) -> None:
    assert image_address(element(img)[0], BASE) == address


CARD = '<tr><td><a href="{}"><img src="/a.jpg"></a></td><td><a href="{}">{}</a><p>Câu mở đầu.</p></td></tr>'


def test_a_card_of_another_article_is_no_picture() -> None:
    """Whatever its class is called."""
    assert blocks(f"<table class='moi'>{CARD.format('/b.html', '/b.html', 'Bài khác')}</table>") == []
    assert blocks(f"<aside><table>{CARD.format('/b.html', '/b.html', 'Bài khác')}</table></aside>") == []
    enlarged = blocks(f"<table>{CARD.format('/a-to.jpg', '/a-to.jpg', '')}</table>")
    assert [(b.type, b.caption) for b in enlarged] == [("image", "Câu mở đầu.")]


def test_icons_are_no_pictures() -> None:
    assert blocks('<img src="/i.png" width="48" height="48"><img src="/p.gif" width=1 height=1>') == []
    assert len(blocks('<img src="/cao.jpg" width="48" height="600"><img src="/a.jpg" width="48">')) == 2


@pytest.mark.parametrize(
    ("value", "want"), [("640", 640), ("640px", 640), (" 640.5 ", 640), ("100%", None), ("", None)]
)
def test_pixels(value: str, want: int | None) -> None:
    assert pixels(element(f'<img width="{value}">')[0], "width") == want


def test_a_table_that_holds_most_of_the_text_is_no_box() -> None:
    paragraphs = [f"Đoạn thứ {n} kể chuyện ghe về bến, người mua kẻ bán gọi nhau trong sương sớm." for n in range(8)]
    laid_out = "".join(f"<p>{text}</p>" for text in paragraphs)
    picture = '<p><img src="/a.jpg"></p><p align="center"><i>Bến sớm.</i></p>'
    found = blocks(f"<table><tr><td>{laid_out}{picture}</td></tr></table><p>Câu cuối.</p>")
    assert body_text(found) == "\n\n".join([*paragraphs, "Câu cuối."])
    assert [block.caption for block in found if block.type == "image"] == ["Bến sớm."]
    boxed = blocks(f"{laid_out}<table><tr><td><p>Hồ sơ.</p><p>Bến có từ xưa.</p></td></tr></table>")
    assert [block.type for block in boxed] == [*["paragraph"] * 8, "box"]


@pytest.mark.parametrize(
    "text",
    [
        '<p>Xem thêm: <a href="/b">Bài khác</a></p>',
        '<p>>> <a href="/b">Bài khác</a></p>',
        '<p>► <a href="/b">Bài khác</a></p>',
        '<p>▶ Xem thêm: <a href="/b">Bài khác</a></p>',
        '<p>👉 Xem thêm: <a href="/b">Bài khác</a></p>',
        '<p>(Xem thêm: <a href="/b">Bài khác</a>)</p>',
        "<h3>Tin liên quan</h3><ul><li><a href='/b'>Bài khác</a></li></ul>",
        "<p><b>Đọc thêm:</b></p><p><a href='/b'>Bài khác</a></p><p><a href='/c'>Bài nữa</a></p>",
    ],
)
def test_lines_to_other_articles_are_left_out(text: str) -> None:
    assert short(f"<p>Trước.</p>{text}<p>Sau.</p>") == [("paragraph", "Trước."), ("paragraph", "Sau.")]


@pytest.mark.parametrize(
    "text",
    [
        '<p><a href="/b">Một câu là liên kết.</a></p>',
        "<p>Xem thêm nhiều đèn lồng ở bến sông, ai cũng vui.</p>",
        '<p>→ Nước lên <a href="/b">hai gang</a> trong một đêm.</p>',
        "<p>Ghé <st1:place><st1:City>Bến</st1:City></st1:place>, <nobr>rồi</nobr> <ruby>水<rt>thủy</rt></ruby>.</p>",
    ],
)
def test_sentences_stay(text: str) -> None:
    assert len(short(text)) == 1


def test_looks_of_a_paragraph() -> None:
    text = (
        '<p style="text-align: right"><strong>Lan <a href="/chi">Chi</a></strong></p>'
        "<p><b>Nửa</b> đậm</p><center><i>giữa</i></center>"
    )
    pieces = read_blocks(element(text), RULES, BASE)
    assert [(p.right, p.strong, p.italic, p.centred) for p in pieces] == [
        (True, True, False, False),
        (False, False, False, False),
        (False, False, True, True),
    ]
    assert pieces[0].links == ("https://bensong.example/chi",)


def test_inline_text_keeps_words_apart() -> None:
    assert inline_text(element("a<b>b</b><br>c<div>d</div>e<script>x</script>")) == "ab c d e"


def wrapped(shape: str, parts: list[str]) -> str:
    names = shape.split("><")
    return "".join(f"<{name}>" for name in names) + "".join(parts) + "".join(f"</{name}>" for name in reversed(names))


def test_a_page_nested_beyond_reason_is_read() -> None:
    depth = 120  # two elements each; libxml2's own limit is 255
    for shape in ("div", "ul><li", "blockquote", "i", "aside", "figure"):
        text = "sâu"
        for _ in range(depth):
            text = wrapped(shape, [text])
        assert "sâu" in str(blocks(text)), shape


SHAPES = (
    "p",
    "div",
    "b",
    "i",
    "a",
    "ul",
    "ul><li",
    "table><tr><td",
    "blockquote",
    "h2",
    "figure",
    "img",
    "br",
    "aside",
)


TREES = st.recursive(
    st.sampled_from(["Sông", " nước ", "\n", "lặng", ""]),
    lambda inner: st.builds(wrapped, st.sampled_from(SHAPES), st.lists(inner, max_size=4)),
    max_leaves=25,
)


@settings(max_examples=150)
@given(TREES)
def test_any_markup_loses_no_word(text: str) -> None:
    """Every word of the markup stands in some block, and none is made up."""
    root = element(text)
    found = blocks(text)
    words = sorted("".join(root.itertext()).replace("Sông", " Sông ").replace("lặng", " lặng ").split())
    seen = " ".join(
        filter(None, [x for b in found for x in (b.text, b.caption, *(cell for row in b.rows for cell in row))])
    )
    assert sorted(seen.replace("Sông", " Sông ").replace("lặng", " lặng ").split()) == words
