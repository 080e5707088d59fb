"""What the lines around an article are called in the languages of vietnam.vn's editions.

Those of the Vietnamese and the English edition were seen; the others are the usual words of these languages, more than
one where a machine may choose. All are folded (``crawler.text.fold``), without the colon, which may be full-width.
"""

# ruff: noqa: E501 - wide letters count twice

from __future__ import annotations

import re
import unicodedata

from crawler.text import clean, fold

COLON = "[:：﹕]"

SOURCES: dict[str, tuple[str, ...]] = {
    "vi": ("nguồn", "nguồn tin", "theo", "theo nguồn", "nguồn bài viết"),
    "en": (
        *("source", "sources", "news source", "original", "via"),
        *("originally published", "originally published on", "originally published by"),
    ),
    "ja": ("出典", "ソース", "情報源", "引用元", "出所", "源"),
    "ko": ("출처", "소스", "원문", "원천"),
    "zh-cn": ("来源", "资料来源", "消息来源", "文章来源", "新闻来源", "出处", "源", "來源"),
    "fr": ("source", "sources"),
    "es": ("fuente", "fuentes"),
    "de": ("quelle", "quellen"),
    "th": ("ที่มา", "แหล่งที่มา", "แหล่งข้อมูล", "แหล่งข่าว"),
    "id": ("sumber", "sumber berita"),
    "tr": ("kaynak", "kaynaklar"),
    "ar": ("المصدر", "مصدر", "المصادر"),
}
SAME_TAG: dict[str, tuple[str, ...]] = {
    "vi": ("cùng chủ đề", "cùng thẻ", "cùng tag", "cùng từ khóa"),
    "en": ("same tag", "same tags", "same topic"),
    "ja": ("同じタグ", "同タグ", "同じテーマ"),
    "ko": ("같은 태그", "동일 태그", "동일한 태그", "같은 주제"),
    "zh-cn": ("相同标签", "同一标签", "同标签", "相同主题", "同主题"),
    "fr": ("même étiquette", "même tag", "même balise", "même sujet"),
    "es": ("misma etiqueta", "mismo tema"),
    "de": ("gleicher tag", "gleiches tag", "gleiches schlagwort", "gleiches thema"),
    "th": ("แท็กเดียวกัน", "หัวข้อเดียวกัน"),
    "id": ("tag yang sama", "label yang sama", "topik yang sama"),
    "tr": ("aynı etiket", "aynı konu"),
    "ar": ("نفس العلامة", "نفس الوسم", "نفس الموضوع"),
}
SAME_OTHER: dict[str, tuple[str, ...]] = {
    "vi": ("cùng chuyên mục", "cùng danh mục", "cùng tác giả"),
    "en": ("same category", "same author"),
    "ja": ("同じカテゴリー", "同じカテゴリ", "同カテゴリー", "同じ著者", "同じ作者", "同じ筆者"),
    "ko": (
        "같은 카테고리",
        "동일 카테고리",
        "동일한 카테고리",
        "같은 작성자",
        "같은 저자",
        "동일한 저자",
    ),
    "zh-cn": ("相同类别", "同一类别", "同类别", "同栏目", "相同分类", "同作者", "同一作者", "相同作者"),
    "fr": ("même catégorie", "même rubrique", "même auteur"),
    "es": ("misma categoría", "mismo autor"),
    "de": ("gleiche kategorie", "gleiche rubrik", "gleicher autor", "gleicher verfasser"),
    "th": ("หมวดหมู่เดียวกัน", "ผู้เขียนเดียวกัน", "ผู้แต่งเดียวกัน"),
    "id": ("kategori yang sama", "penulis yang sama", "pengarang yang sama"),
    "tr": ("aynı kategori", "aynı yazar"),
    "ar": ("نفس الفئة", "نفس التصنيف", "نفس القسم", "نفس المؤلف", "نفس الكاتب"),
}
COMMENTS: dict[str, tuple[str, ...]] = {
    "vi": ("bình luận", "ý kiến"),
    "en": ("comment", "comments"),
    "ja": ("コメント",),
    "ko": ("댓글", "의견", "코멘트"),
    "zh-cn": ("评论", "留言"),
    "fr": ("commentaire", "commentaires"),
    "es": ("comentario", "comentarios"),
    "de": ("kommentar", "kommentare"),
    "th": ("ความคิดเห็น", "แสดงความคิดเห็น", "ความเห็น"),
    "id": ("komentar",),
    "tr": ("yorum", "yorumlar"),
    "ar": ("تعليق", "تعليقات", "التعليقات"),
}

# Before a colon; what the English label is. ``crawler/byline.py`` knows the Vietnamese and the English ones.
_BYLINES = {
    "by": "文 執筆 取材 筆者 記者 글 기자 작성 취재 作者 记者 撰文 文 撰稿 texte auteur texto autor autora redacción text"
    " autor autorin เขียน เรื่อง ผู้เขียน penulis teks pewarta yazan yazı haber metin بقلم كتب كتبت الكاتب نص",
    "photo": "写真 撮影 사진 摄影 图片 图 攝影 photo photos photographie foto fotos fotografía bild bilder ภาพ ถ่ายภาพ"
    " ภาพถ่าย foto fotografer fotoğraf fotoğraflar تصوير صور الصورة الصور عدسة",
    "translated": "翻訳 訳 번역 翻译 编译 译者 traduction traducción traductor übersetzung แปล ผู้แปล penerjemah terjemahan"
    " alih-bahasa çeviri çeviren ترجمة",
    "compiled": "編集部まとめ 종합 综合 整理 synthèse recopilación zusammenstellung เรียบเรียง rangkuman derleyen إعداد",
    "source": " ".join(w for code, own in SOURCES.items() if code not in ("vi", "en") for w in own if " " not in w),
    "text and photos": "文/图 图/文 文・写真 글/사진 글·사진 texte-et-photos texto-y-fotos text-und-fotos เรื่องและภาพ"
    " teks-dan-foto yazı-ve-fotoğraf نص-وصور",
}
_ENGLISH = {
    unicodedata.normalize("NFC", word).replace("-", " ").lower(): role
    for role, words in _BYLINES.items()
    for word in words.split()
}
_FOREIGN = re.compile(
    rf"(^|[\s,;|(（])({'|'.join(map(re.escape, sorted(_ENGLISH, key=len, reverse=True)))})\s*{COLON}", re.IGNORECASE
)
_BY = re.compile(r"(?:par|por|von|oleh|โดย)\s+(?=\S+\s+\S)", re.IGNORECASE)  # not the first name of "Von Miller"


def in_english(byline: str) -> str:
    """A clean byline with the labels of other editions in English, and with plain colons.

    >>> in_english("文/图：李小明"), in_english("Traduction : Anne Dupont")
    ('text and photos: 李小明', 'translated: Anne Dupont')
    """
    text = _FOREIGN.sub(lambda label: f"{label[1]}{_ENGLISH[label[2].lower()]}: ", byline)
    if by := _BY.match(text):
        text = f"by {text[by.end() :]}"
    return " ".join(re.sub(COLON, ":", text).split())


def folded(words: dict[str, tuple[str, ...]]) -> frozenset[str]:
    """All of them, of every language, for comparing."""
    return frozenset(fold(word) for own in words.values() for word in own)


SOURCE_LABELS = folded(SOURCES)
_COMMENTS = folded(COMMENTS)
_COUNTED = re.compile(r"(\D{2,40}?)\s*[(（]\s*\d+\s*[)）]")


def counts_comments(text: str) -> bool:
    """Whether a line is the head of the comments, in any of the languages: "Bình luận (0)", "评论（0）"."""
    line = _COUNTED.fullmatch(clean(text) or "")
    return line is not None and fold(line[1]).strip() in _COMMENTS
