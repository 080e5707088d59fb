"""Sitemaps and feeds of every kind, broken ones and hostile ones."""

from __future__ import annotations

import gzip
import zlib
from datetime import UTC, date, datetime
from time import process_time
from tracemalloc import get_traced_memory, start, stop

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.feeds import Entry, read_entries
from crawler.limits import MB, Limits

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
A, B = "https://bao.example/a-1.html", "https://bao.example/b-2.html"
DAY = date(2026, 3, 4)
SITEMAP = f"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><url><loc>{A}</loc>"
SITEMAP += f"<lastmod>2026-03-04T07:00:00+07:00</lastmod></url><url><loc>{B}</loc></url></urlset>"
BOTH = [Entry(A, DAY), Entry(B, None)]


def urls(document: str | bytes, limits: Limits | None = None) -> list[str]:
    return [entry.url for entry in read(document, limits).found]


def read(document: str | bytes, limits: Limits | None = None):
    body = document.encode() if isinstance(document, str) else document
    return read_entries(body, limits or Limits(), NOW)


@pytest.mark.parametrize(
    ("document", "entries"),
    [
        (SITEMAP, BOTH),
        (f"<?xml version='1.0' encoding='UTF-8'?>\n{SITEMAP}", BOTH),
        (f"\n  {SITEMAP}", BOTH),
        (
            f"<s:urlset xmlns:s='s'><s:url><s:loc> {A}\n</s:loc><s:lastmod>2026-03-04</s:lastmod></s:url></s:urlset>",
            BOTH[:1],
        ),
        (
            "<urlset xmlns:image='i' xmlns:xhtml='x'><url><image:image><image:loc>https://bao.example/a.jpg</image:loc>"
            f"</image:image><xhtml:link rel='alternate' hreflang='en' href='https://en.bao.example/'/><loc>{A}</loc></url></urlset>",
            [Entry(A, None)],
        ),
        (
            f"<sitemapindex><sitemap><loc>{A}</loc></sitemap><sitemap><loc>https://bao.example/s-2026-03-01.xml.gz</loc>"
            "<lastmod>2026-03-04</lastmod></sitemap></sitemapindex>",
            [Entry(A, None, True), Entry("https://bao.example/s-2026-03-01.xml.gz", date(2026, 3, 1), True)],
        ),
        (
            f"<rss><channel><link>https://bao.example/</link><item><title>Chợ</title><link>{A}</link>"
            f"<pubDate>Wed, 04 Mar 2026 07:00:00 +0700</pubDate></item><item><guid>{B}</guid></item>"
            "<item><guid isPermaLink='false'>77</guid></item></channel></rss>",
            BOTH,
        ),
        (f"<rss><item><link><![CDATA[ {A}?x=1&y=2 ]]></link></item></rss>", [Entry(f"{A}?x=1&y=2", None)]),
        (
            "<feed xmlns='http://www.w3.org/2005/Atom'><link href='https://bao.example/'/><entry>"
            f"<link rel='self' href='/self'/><link rel='alternate' href='{A}'/><updated>2026-03-04T00:00:00Z</updated>"
            "<source><link href='/s'/></source></entry>"
            f"<entry><link href='{B}'/></entry></feed>",
            BOTH,
        ),
        (
            "<rdf:RDF xmlns:rdf='r' xmlns='http://purl.org/rss/1.0/' xmlns:dc='d'><channel><items/></channel>"
            f"<item rdf:about='{A}'><link>{A}</link><dc:date>2026-03-04</dc:date></item></rdf:RDF>",
            BOTH[:1],
        ),
        ("<html><body><a href='/a'>a</a></body></html>", []),
        ('{"items": [{"url": "https://bao.example/a"}]}', []),
        ("", []),
        ("\0\0\0", []),
    ],
)
def test_every_kind_of_list(document: str, entries: list[Entry]) -> None:
    assert read(document).found == entries


@pytest.mark.parametrize("name", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_that_say_what_they_are(name: str) -> None:
    document = f"<?xml version='1.0'?><rss><item><link>{A}?tựa=ệ</link></item></rss>"
    assert urls(document.encode(name)) == [f"{A}?tựa=ệ"]


@pytest.mark.parametrize(
    ("label", "codec"),
    [("windows-1258", "cp1258"), ("ISO-8859-1", "cp1252"), ("GBK", "gbk"), ("UTF-16", "utf-8"), ("hex", "utf-8")],
)
def test_encodings_that_are_declared(label: str, codec: str) -> None:
    text = "é"
    document = f"<?xml version='1.0' encoding='{label}'?><rss><item><link>{A}?{text}</link></item></rss>"
    assert urls(document.encode(codec)) == [f"{A}?{text}"]


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (f"<urlset><url><loc>{A}</loc><url><loc>{B}</loc></url>", [A, B]),
        (f"<urlset><url><loc>{A}</loc></url><url><loc>{B[:20]}", [A]),
        (f"<urlset><url><loc>{A}?x=1&y=2</loc></url></urlset>", [f"{A}?x=1&y=2"]),
        (f"<rss><item><title>a&nbsp;b & c</title><link>{A}</link></item><item><link>{B}</link></item></rss>", [A, B]),
        (f"<rss><item><title>\x00\x0b\x1b</title><link>{A}</link></item></rss>", [A]),
        (f"<rss><item><title>a < b</title><link>{A}</link></item><item><link>{B}</link></item></rss>", [A, B]),
        (f"<rss><item><link>{A}</link></item></rss><!-- made in 0.2 s --><p>{B}</p>", [A]),
        (f"Warning: mysql_connect() on line 7<rss><item><link>{A}</link></item></rss>", [A]),
        (f"<rss><channel><item><link>{A}</link></channel></rss>", [A]),
    ],
)
def test_broken_xml_gives_what_can_be_read(document: str, found: list[str]) -> None:
    assert urls(document) == found


def test_a_list_that_ends_early_is_told() -> None:
    assert read(SITEMAP).beyond == {}
    assert read(SITEMAP[:-30]).beyond == {"sitemap_broken": 1}
    assert read(gzip.compress(SITEMAP.encode() * 3)[:-12]).found


LAUGHS = "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 10))


@pytest.mark.parametrize(
    ("doctype", "counted"),
    [
        ("<!DOCTYPE rss>", 0),
        ("<!DOCTYPE rss PUBLIC '-//Netscape//DTD RSS 0.91//EN' 'http://127.0.0.1:9/rss.dtd'>", 0),
        (f"<!DOCTYPE lolz [<!ENTITY l0 'ha'>{LAUGHS}]>", 1),
        ("<!DOCTYPE a [<!ENTITY l9 SYSTEM 'file:///etc/passwd'> <!ENTITY % p SYSTEM 'http://127.0.0.1:9/p'> %p; ]>", 1),
        ('<!DOCTYPE a [<!-- ]> \' --> <!ENTITY l9 "]>"><!ELEMENT b (#PCDATA)>]>', 1),
        ("<!doctype html>", 0),
    ],
)
def test_no_document_type_is_read_and_no_entity_replaced(doctype: str, counted: int) -> None:
    document = (
        f"<?xml version='1.0'?><!-- bản đồ -->{doctype}<urlset><url><loc>{A}</loc></url><url><loc>&l9;</loc></url>"
    )
    document += f"<url x='&l9;'><loc>{B}</loc></url></urlset>"
    for body in (document.encode(), document.encode("utf-16"), gzip.compress(document.encode())):
        began = process_time()
        entries = read(body)
        assert [entry.url for entry in entries.found] == [A, B]
        assert entries.beyond["sitemap_doctype"] == counted
        assert process_time() - began < 5


@pytest.mark.parametrize(
    "prolog",
    [
        "<!DOCTYPE a [" + "<!ENTITY a 'b'>" * 9_000 + "]>",
        "<!--" + "x" * 70_000 + "--><!DOCTYPE a [<!ENTITY l9 'b'>]>",
        "<!DOCTYPE a [",
    ],
)
def test_a_document_type_that_cannot_be_cut_out_ends_the_reading(prolog: str) -> None:
    entries = read(f"{prolog}<urlset><url><loc>{A}</loc></url></urlset>")
    assert entries.found == []
    assert entries.beyond["sitemap_doctype"] == 1


def test_a_document_type_in_an_article_is_text() -> None:
    assert urls(f"<rss><item><title><![CDATA[<!DOCTYPE html>]]></title><link>{A}</link></item></rss>") == [A]


@pytest.mark.parametrize(
    "text", ["", "hôm nào", "0001-01-01", "1970-01-01T00:00:00Z", "2099-01-01", "2026-13-45", "2026-03-07", "9" * 5_000]
)
def test_a_date_that_cannot_be_is_none_and_the_entry_stays(text: str) -> None:
    entries = read(f"<urlset><url><loc>{A}</loc><lastmod>{text}</lastmod></url></urlset>")
    assert entries.found == [Entry(A, None)]
    assert entries.beyond == ({"sitemap_bad_date": 1} if text else {})


def test_no_more_entries_than_the_limit() -> None:
    limits = Limits(sitemap_entries=3)
    many = [f"{A}?{n}" for n in range(5)]
    document = "<urlset>" + "".join(f"<url><loc>{url}</loc></url>" for url in many) + "</urlset>"
    assert urls(document, limits) == many[:3]
    assert read(document, limits).beyond == {"sitemap_too_long": 1}
    three = "<urlset>" + "".join(f"<url><loc>{url}</loc></url>" for url in many[:3]) + "</urlset>"
    assert read(three, limits).beyond == {}


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_no_more_bytes_than_the_limit(pack) -> None:
    document = f"<urlset><url><loc>{A}</loc></url>".encode() + b" " * 200_000 + f"<url><loc>{B}</loc></url>".encode()
    entries = read(pack(document), Limits(sitemap_maxsize=100_000))
    assert [entry.url for entry in entries.found] == [A]
    assert entries.beyond["sitemap_too_large"] == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    [
        b"<a/>",
        b"<a>",
        b"<url>",
        b"<url><loc>x</loc>",
        b"<loc>",
        b"&amp;",
        b"<![CDATA[",
        b"<!--",
        b"&x",
        b"x",
        b"<a b='",
        b"<?a ",
    ],
)
def test_ten_megabytes_of_nonsense_take_seconds_and_no_tree(piece: bytes) -> None:
    body = gzip.compress(b"<urlset>" + piece * (2 * MB // len(piece)), 1)
    start()
    began = process_time()
    read(body, Limits(sitemap_entries=1_000))
    assert process_time() - began < 20  # under tracemalloc
    assert get_traced_memory()[1] < 16 * MB + len(body)
    stop()


def test_a_gz_bomb_is_read_to_the_limit() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = packer.compress(b"<urlset>") + b"".join(packer.compress(bytes(MB)) for _ in range(40)) + packer.flush()
    start()
    entries = read(bomb, Limits(sitemap_maxsize=20 * MB))
    assert get_traced_memory()[1] < 8 * MB
    stop()
    assert entries.beyond["sitemap_too_large"] == 1


@given(
    st.lists(
        st.sampled_from(
            ["<url>", "</url>", "<loc>", "</loc>", A, "&", ";", "<![CDATA[", "]]>", "<!DOCTYPE ", "[", "'", "<", ">"]
        )
    )
)
def test_any_parts_give_entries_and_no_error(parts: list[str]) -> None:
    assert all(entry.url for entry in read("<urlset>" + "".join(parts)).found)


@given(st.binary(max_size=300))
def test_any_bytes_give_entries_and_no_error(body: bytes) -> None:
    read(body)
    read(b"<urlset>" + body)
    read(b"\x1f\x8b" + body)
