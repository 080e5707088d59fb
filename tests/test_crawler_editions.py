"""The lines around an article in every edition's language: source, comments, boxes, bylines; any colon, any direction."""

# ruff: noqa: E501 - markup and tables stand in lines

from __future__ import annotations

import json
import unicodedata

import pytest
from scrapy.http import Response

from crawler.byline import split_byline
from crawler.editions import COMMENTS, SAME_OTHER, SAME_TAG, SOURCES, counts_comments, folded
from crawler.labels import label_of
from crawler.sourceline import source_in
from crawler.text import clean, fold
from pipelines.clean import CleanPipeline
from spiders.vietnam_vn import LANGUAGES, VietnamPage

PAPER = "Báo Bãi Bồi"
URL = "https://baibo.example/mua-nuoc-noi.html"
RLM, RLE, PDF, LRI, PDI = "\u200f", "\u202b", "\u202c", "\u2066", "\u2069"
COLONS = (":", " :", "\u00a0:", "：", "﹕", f":{RLM}", f"{RLM}:")
WORDS = [(language, word) for language, own in SOURCES.items() for word in own]
BOXES = [(language, word) for table in (SAME_TAG, SAME_OTHER) for language, own in table.items() for word in own]


@pytest.mark.parametrize("table", [SOURCES, SAME_TAG, SAME_OTHER, COMMENTS])
def test_every_edition_has_its_words(table: dict[str, tuple[str, ...]]) -> None:
    assert tuple(table) == LANGUAGES
    assert all(table.values())


@pytest.mark.parametrize(("language", "word"), WORDS)
@pytest.mark.parametrize("colon", COLONS)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_source_lines(language: str, word: str, colon: str, form: str) -> None:
    for shown in (word, word.upper(), word.capitalize()):
        line = unicodedata.normalize(form, f"{shown}{colon} ")
        assert source_in(line + URL) == source_in(line + URL, [URL])
        found = source_in(line + URL)
        assert found is not None
        assert (found.name, found.url) == (None, URL)
        named = source_in(line + PAPER)
        assert named is not None
        assert (named.name, named.url) == (PAPER, None)


@pytest.mark.parametrize(
    "line",
    [
        f"({{}}：{PAPER}）",
        f"（{{}}：{PAPER}）",
        f"[{{}}: {PAPER}]",
        f"{RLE}{{}}: {PAPER}{PDF}",
        f"{LRI}{{}}{PDI}: {PAPER}",
    ],
)
@pytest.mark.parametrize("word", ["Nguồn", "Source", "出典", "출처", "来源", "المصدر"])
def test_brackets_and_directions(line: str, word: str) -> None:
    found = source_in(line.format(word))
    assert found is not None
    assert found.name == PAPER


@pytest.mark.parametrize(
    "line",
    [
        None,
        "",
        "Nguồn",
        "Nguồn:",
        "来源：",
        "Nguồn nước: sông Hậu",
        "Nguồn tin cho biết: mưa còn kéo dài",
        "Theo ông Bảy: nước còn lên.",
        "Nguồn: mưa lớn ở thượng nguồn khiến nước dâng nhanh hơn mọi năm.",
        "المصدر: قال الصياد إن الماء ارتفع.",
        "Source: TTXVN",
        "Quelle: Reuters",
        "10:15 Nguồn",
        "Nguồn: " + "chữ " * 60,
    ],
)
def test_what_is_no_source_line(line: str | None) -> None:
    assert source_in(line) is None


@pytest.mark.parametrize(("language", "word"), BOXES)
@pytest.mark.parametrize("end", ["", ":", " :", "：", " (5)", "（5）", "(12):"])
def test_labels_of_boxes(language: str, word: str, end: str) -> None:
    same = folded(SAME_TAG) | folded(SAME_OTHER)
    assert label_of(word + end) in same
    assert label_of(unicodedata.normalize("NFD", word.title() + end)) in same


def test_no_label_means_two_things() -> None:
    assert not folded(SAME_TAG) & folded(SAME_OTHER)


@pytest.mark.parametrize(("language", "word"), [(lang, word) for lang, own in COMMENTS.items() for word in own])
@pytest.mark.parametrize("count", [" (0)", "(0)", "（12）", " （3）", f" ({RLM}7)", " (٠)"])
def test_heads_of_comments(language: str, word: str, count: str) -> None:
    assert counts_comments(word + count)
    assert counts_comments(word.upper() + count)
    assert not counts_comments(word)


@pytest.mark.parametrize("line", ["Số người (5)", "Nước lên (2 m)", "Bình luận viên (3) nói gì", "", "(0)"])
def test_what_is_no_head_of_comments(line: str) -> None:
    assert not counts_comments(line)


BYLINES = [
    ("ja", "文：山田 花子", ["山田 花子/author"]),
    ("ja", "写真：山田 花子", ["山田 花子/photo"]),
    ("ja", "翻訳：山田 花子", ["山田 花子/translator"]),
    ("ko", "글: 김민수", ["김민수/author"]),
    ("ko", "사진: 김민수", ["김민수/photo"]),
    ("ko", "번역: 김민수", ["김민수/translator"]),
    ("zh-cn", "作者：李小明", ["李小明/author"]),
    ("zh-cn", "记者：李小明", ["李小明/author"]),
    ("zh-cn", "摄影：李小明", ["李小明/photo"]),
    ("zh-cn", "编译：李小明", ["李小明/translator"]),
    ("zh-cn", "文/图：李小明", ["李小明/author", "李小明/photo"]),
    ("fr", "Par Anne Dupont", ["Anne Dupont/author"]),
    ("fr", "Texte et photos : Anne Dupont", ["Anne Dupont/author", "Anne Dupont/photo"]),
    ("fr", "Traduction : Anne Dupont", ["Anne Dupont/translator"]),
    ("es", "Por Ana Ruiz", ["Ana Ruiz/author"]),
    ("es", "Texto y fotos: Ana Ruiz", ["Ana Ruiz/author", "Ana Ruiz/photo"]),
    ("es", "Traducción: Ana Ruiz", ["Ana Ruiz/translator"]),
    ("de", "Von Anna Schmidt", ["Anna Schmidt/author"]),
    ("de", "Text und Fotos: Anna Schmidt", ["Anna Schmidt/author", "Anna Schmidt/photo"]),
    ("de", "Übersetzung: Anna Schmidt", ["Anna Schmidt/translator"]),
    ("th", "โดย สมชาย ใจดี", ["สมชาย ใจดี/author"]),
    ("th", "ภาพ: สมชาย ใจดี", ["สมชาย ใจดี/photo"]),
    ("th", "แปล: สมชาย ใจดี", ["สมชาย ใจดี/translator"]),
    ("id", "Oleh Budi Santoso", ["Budi Santoso/author"]),
    ("id", "Foto: Budi Santoso", ["Budi Santoso/photo"]),
    ("id", "Penerjemah: Budi Santoso", ["Budi Santoso/translator"]),
    ("tr", "Yazan: Ayşe Yılmaz", ["Ayşe Yılmaz/author"]),
    ("tr", "Fotoğraf: Ayşe Yılmaz", ["Ayşe Yılmaz/photo"]),
    ("tr", "Çeviri: Ayşe Yılmaz", ["Ayşe Yılmaz/translator"]),
    ("ar", "بقلم: أحمد علي", ["أحمد علي/author"]),
    ("ar", f"{RLE}تصوير: أحمد علي{PDF}", ["أحمد علي/photo"]),
    ("ar", "ترجمة: أحمد علي", ["أحمد علي/translator"]),
    ("vi", "Bài và ảnh： Minh Quân", ["Minh Quân/author", "Minh Quân/photo"]),
    ("en", "Translated by：Jane Lowe", ["Jane Lowe/translator"]),
    ("fr", "Source : AFP", []),
    ("es", "Fuente: EFE", []),
    ("zh-cn", "来源：新华", []),
]


@pytest.mark.parametrize(("language", "byline", "people"), BYLINES)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_roles(language: str, byline: str, people: list[str], form: str) -> None:
    found = [f"{author.name}/{author.role}" for author in split_byline(unicodedata.normalize(form, byline))[0]]
    assert found == people


@pytest.mark.parametrize(
    "name", ["Von Miller", "Ursula von der Leyen", "Par Lindström", "Sarah Text", "Ana Fotopoulou", "Yazan Haddad"]
)
def test_names_that_look_like_roles(name: str) -> None:
    assert [author.name for author in split_byline(name)[0]] == [name]


# --- A whole page --------------------------------------------------------------------------------------------------

TEXT = {
    "ja": "川の水位は例年より早く上がり、村人たちは小舟で市場へ向かった。" * 4,
    "ko": "강물은 예년보다 일찍 불어났고 마을 사람들은 작은 배를 타고 시장으로 갔다. " * 4,
    "zh-cn": "今年河水比往年涨得早，村民们划着小船去赶集，孩子们也坐船上学。" * 4,
    "th": "ปีนี้น้ำขึ้นเร็วกว่าทุกปี ชาวบ้านพายเรือไปตลาดตั้งแต่เช้ามืด " * 4,
    "ar": "ارتفع ماء النهر هذا العام قبل موعده، وذهب أهل القرية إلى السوق بالقوارب الصغيرة. " * 4,
}
LATIN = "The river rose early this year and the villagers went to the market in small boats. "


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("colon", [":", "："])
def test_a_page_of_each_edition(language: str, colon: str) -> None:
    """Source line out of the text, comments and boxes behind it, the list of the same tag as related."""
    text = (clean(TEXT.get(language, LATIN * 4)) or "").strip()
    prefix = "" if language == "vi" else f"/{language}"
    direction = ' dir="rtl"' if language == "ar" else ""
    boxes = [(SAME_TAG[language][0], "cho-noi-tan-som"), (SAME_OTHER[language][0], "ghe-ngo-ve-dich")]
    lists = "".join(
        f'<div><h3>{label}</h3><ul><li><a class="v-link-title" href="{prefix}/{slug}">{slug}</a></li></ul></div>'
        for label, slug in boxes
    )
    html = f"""<html lang="{language}"{direction}><head><title>x</title></head><body><main role="main"><h1>Mùa nước nổi về sớm</h1>
<div class="post-detail-body"><p>{text}</p><p>{text}</p><p>{SOURCES[language][0]}{colon} <a href="{URL}">{URL}</a></p></div>
<div><h3>{COMMENTS[language][0]} (0)</h3><p>{text[:50]}</p></div>{lists}</main></body></html>"""
    url = f"https://www.vietnam.vn{prefix}/mua-nuoc-noi-ve-som"
    page = VietnamPage(Response(url, body=html.encode(), headers={"Content-Type": "text/html; charset=utf-8"}))
    row = CleanPipeline().process_item(page.article())
    assert row.body == f"{text}\n\n{text}", json.dumps(row.body, ensure_ascii=False)
    assert (row.source.name, row.source.url) == (None, URL)
    assert [link.url.rpartition("/")[2] for link in row.links if link.kind == "related"] == ["cho-noi-tan-som"]
    assert fold(COMMENTS[language][0]) not in fold(row.body or "")
