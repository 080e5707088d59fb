"""Canonical addresses: tables of what merges and what must not, and properties over arbitrary text."""

import string
import unicodedata
from urllib.parse import quote

import pytest
from ada_url import normalize_url
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scrapy import Request

from crawler import urls
from crawler.urls import canonical_url

SITE = "https://baoquocte.vn"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        # host, port, scheme, fragment
        ("HTTPS://BaoQuocTe.VN/tin-1.html", f"{SITE}/tin-1.html"),
        ("https://baoquocte.vn", f"{SITE}/"),
        ("https://baoquocte.vn:443/a", f"{SITE}/a"),
        ("http://baoquocte.vn:80/a", "http://baoquocte.vn/a"),
        ("http://baoquocte.vn:443/a", "http://baoquocte.vn:443/a"),
        ("https://baoquocte.vn:8443/a", f"{SITE}:8443/a"),
        ("https://baoquocte.vn/a#binh-luan", f"{SITE}/a"),
        ("https://baoquocte.vn/a?#", f"{SITE}/a"),
        ("https://báo.vn/a", "https://xn--bo-mia.vn/a"),
        ("https://xn--bo-mia.vn/a", "https://xn--bo-mia.vn/a"),
        ("https://baoquocte。vn/a", f"{SITE}/a"),
        ("http://127.0.0.1:8000/a", "http://127.0.0.1:8000/a"),
        ("http://0x7f.1/a", "http://127.0.0.1/a"),
        ("http://[0:0:0:0:0:0:0:1]:80/a", "http://[::1]/a"),
        # white space and controls as browsers read them
        ("  https://baoquocte.vn/a \n", f"{SITE}/a"),
        ("https://baoquocte.vn/a\n\tb", f"{SITE}/ab"),
        ("https:\\\\baoquocte.vn\\a", f"{SITE}/a"),
        ("https://baoquocte.vn/a\x01b", f"{SITE}/a%01b"),
        # dot segments, also spelled as escapes
        ("https://baoquocte.vn/x/../a/./b", f"{SITE}/a/b"),
        ("https://baoquocte.vn/x/%2e%2E/a", f"{SITE}/a"),
        ("https://baoquocte.vn/../../a", f"{SITE}/a"),
        ("https://baoquocte.vn/a//b", f"{SITE}/a//b"),
        # one spelling of text
        ("https://baoquocte.vn/tag/giá", f"{SITE}/tag/gi%C3%A1"),
        ("https://baoquocte.vn/tag/gia\u0301", f"{SITE}/tag/gi%C3%A1"),
        ("https://baoquocte.vn/tag/gia%CC%81", f"{SITE}/tag/gi%C3%A1"),
        ("https://baoquocte.vn/tag/gi%c3%a1", f"{SITE}/tag/gi%C3%A1"),
        ("https://baoquocte.vn/tag/%67i%c3%a1", f"{SITE}/tag/gi%C3%A1"),
        ("https://baoquocte.vn/a%7Eb%2Dc%5F%2e", f"{SITE}/a~b-c_."),
        ("https://baoquocte.vn/a b|c^d", f"{SITE}/a%20b%7Cc%5Ed"),
        ("https://baoquocte.vn/a?q=Việt Nam", f"{SITE}/a?q=Vi%E1%BB%87t%20Nam"),
        ("https://baoquocte.vn/a?q=\\", f"{SITE}/a?q=%5C"),
        # escapes that are no UTF-8, or escape nothing
        ("https://baoquocte.vn/%c3(%e1%ba", f"{SITE}/%C3(%E1%BA"),
        ("https://baoquocte.vn/100%", f"{SITE}/100%25"),
        ("https://baoquocte.vn/%%341", f"{SITE}/%2541"),
        ("https://baoquocte.vn/%2541", f"{SITE}/%2541"),
        # a mark must not melt into a delimiter or into the digits of an escape
        ("https://baoquocte.vn/a?b=\u0338", f"{SITE}/a?b=%CC%B8"),
        ("https://baoquocte.vn/%2F\u0307", f"{SITE}/%2F%CC%87"),
        ("https://baoquocte.vn/\u037e", f"{SITE}/%3B"),  # the Greek question mark is a semicolon in NFC
        # the ampersand in the path is no query
        ("https://baoquocte.vn/the-gioi&s_cond=&BRSR=15", f"{SITE}/the-gioi&s_cond=&BRSR=15"),
        ("https://baoquocte.vn/tin-1.html&mobile=yes&amp=1", f"{SITE}/tin-1.html&mobile=yes&amp=1"),
        ("https://baoquocte.vn/the-gioi&utm_source=x", f"{SITE}/the-gioi&utm_source=x"),
        # queries
        ("https://baoquocte.vn/a?", f"{SITE}/a"),
        ("https://baoquocte.vn/a?&&", f"{SITE}/a"),
        ("https://baoquocte.vn/a?b=2&a=1&b=3", f"{SITE}/a?b=2&a=1&b=3"),
        ("https://baoquocte.vn/a?x=1?y=2", f"{SITE}/a?x=1?y=2"),
        ("https://baoquocte.vn/a?q=a+b", f"{SITE}/a?q=a+b"),
        ("https://baoquocte.vn/a?utm_source=zalo&id=3&fbclid=IwAR0", f"{SITE}/a?id=3"),
        ("https://baoquocte.vn/a?UTM_Campaign=x&utm%5Fmedium=y", f"{SITE}/a"),
        ("https://baoquocte.vn/a?zarsrc=30&gclid=1&__cft__[0]=2", f"{SITE}/a"),
        ("https://baoquocte.vn/a?ref=home&source=menu", f"{SITE}/a?ref=home&source=menu"),
        # lone surrogates become U+FFFD, pairs one character
        ("https://baoquocte.vn/\ud800", f"{SITE}/%EF%BF%BD"),
        ("https://baoquocte.vn/\ud83d\ude00", f"{SITE}/%F0%9F%98%80"),
    ],
)
def test_canonical_form(url: str, expected: str) -> None:
    assert canonical_url(url) == expected
    assert canonical_url(expected) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "   ",
        "tin-1.html",
        "//baoquocte.vn/a",
        "mailto:toasoan@example.vn",
        "javascript:void(0)",
        "data:text/html,<p>",
        "ftp://baoquocte.vn/a",
        "file:///etc/passwd",
        "blob:https://baoquocte.vn/1",
        "ws://baoquocte.vn/",
        "about:blank",
        "http://",
        "https:///",
        "http://a b/",
        "http://baoquocte.vn:99999/",
        "http://baoquocte.vn:port/",
        "http://[::1/",
        "http://1.2.3.4.5/",
        "http://a..vn/",
        "http://.vn/",
        f"http://{'a' * 64}.vn/",
        "https://user@baoquocte.vn/a",
        "https://user:secret@baoquocte.vn/a",
        f"{SITE}/{'a' * urls.MAX_URL}",
        f"{SITE}/{'ệ' * 1000}",
    ],
)
def test_no_address_to_fetch(url: str) -> None:
    assert canonical_url(url) is None


def test_length_is_that_of_the_result() -> None:
    longest = f"{SITE}/".ljust(urls.MAX_URL, "a")
    assert canonical_url(longest) == longest
    assert canonical_url(longest + "a") is None
    assert canonical_url(f"{longest}?utm_term={'x' * 5000}#end") == longest


@pytest.mark.parametrize(
    ("url", "base", "expected"),
    [
        ("tin-2.html", f"{SITE}/the-gioi/binh-luan", f"{SITE}/the-gioi/tin-2.html"),
        ("/tin-2.html", f"{SITE}/the-gioi/binh-luan", f"{SITE}/tin-2.html"),
        ("//cdn.baoquocte.vn/a.jpg", f"{SITE}/x", "https://cdn.baoquocte.vn/a.jpg"),
        ("?q=1", f"{SITE}/x?p=0#f", f"{SITE}/x?q=1"),
        ("#top", f"{SITE}/x?p=0#f", f"{SITE}/x?p=0"),
        ("", f"{SITE}/x", f"{SITE}/x"),
        ("http://vietnam.vn/a", "not a base", "http://vietnam.vn/a"),
        ("a", "not a base", None),
        ("a", "mailto:x@example.vn", None),
        ("mailto:x@example.vn", f"{SITE}/x", None),
        ("\ud800", f"{SITE}/x", f"{SITE}/%EF%BF%BD"),
    ],
)
def test_relative_to_a_base(url: str, base: str, expected: str | None) -> None:
    assert canonical_url(url, base) == expected


DIFFERENT_PAGES = [
    f"{SITE}/a",
    f"{SITE}/a/",
    f"{SITE}/A",
    f"{SITE}//a",
    "http://baoquocte.vn/a",
    "https://www.baoquocte.vn/a",
    "https://baoquocte.vn./a",
    f"{SITE}:8443/a",
    f"{SITE}/a?b",
    f"{SITE}/a?b=",
    f"{SITE}/a?b=1&c=2",
    f"{SITE}/a?c=2&b=1",
    f"{SITE}/a?b=1;c=2",
    f"{SITE}/a&b=1&c=2",
    f"{SITE}/a%3Fb=1",
    f"{SITE}/a?b=1%26c=2",
    f"{SITE}/a%2Fb",
    f"{SITE}/a/b",
    f"{SITE}/a?q=x+y",
    f"{SITE}/a?q=x%2By",
    f"{SITE}/a?q=x%20y",
    f"{SITE}/a%2541",
    f"{SITE}/aA",
    f"{SITE}/gia",
    f"{SITE}/giá",
    f"{SITE}/gi%E1",
]


def test_different_pages_stay_apart() -> None:
    assert len({canonical_url(url) for url in DIFFERENT_PAGES}) == len(DIFFERENT_PAGES)


@given(st.text(), st.none() | st.text() | st.just(f"{SITE}/a/b?c"))
@example("http://a/%%341", None)
@example("http://a/?%utm_x&", None)
def test_never_raises_and_is_idempotent(url: str, base: str | None) -> None:
    result = canonical_url(url, base)
    if result is not None:
        assert canonical_url(result) == result
        assert len(result) <= urls.MAX_URL


ADDRESS_CHARACTERS = st.sampled_from(
    "aZ09-._~:/?#[]@!$&'()*+,;=% \\|^<>\"{}éệđ\u0301\u0323\u0338\u212a\ufffd\U0001f600\x00\x7f"
)


@given(st.text(ADDRESS_CHARACTERS, max_size=40))
def test_result_is_plain_ascii_and_stable(tail: str) -> None:
    result = canonical_url(f"https://h.vn/{tail}")
    assert result is not None
    assert set(result) <= set(string.ascii_letters + string.digits + "-._~:/?#[]@!$&'()*+,;=%")
    assert canonical_url(result) == result
    assert urls.host_of(result) == "h.vn"


VIETNAMESE = st.text(st.sampled_from("aăâbcdđeêghiklmnoôơpqrstuưvxyáàảãạấầẩẫậếềểễệ 0-9"), min_size=1, max_size=20)


@given(VIETNAMESE, VIETNAMESE)
def test_spellings_of_one_address_merge(path: str, query: str) -> None:
    assume(path.strip())
    written = f"{SITE}/tag/{path}x?q={query}x"
    decomposed = unicodedata.normalize("NFD", written)
    escaped = f"{SITE}/tag/{quote(path)}x?q={quote(query)}x"
    lower = f"{SITE}/tag/{quote(unicodedata.normalize('NFD', path)).lower()}x?q={quote(query).lower()}x"
    assert len({canonical_url(form) for form in (written, decomposed, escaped, lower)}) == 1


SEGMENT = st.text(string.ascii_letters + string.digits + "-_~!$'()*,:@&=+", min_size=1, max_size=8)
PAIR = st.tuples(st.text(string.ascii_letters, min_size=1, max_size=5), st.text(string.digits + "+,:/?", max_size=5))


@given(*[st.tuples(st.lists(SEGMENT, max_size=3), st.lists(PAIR, max_size=3))] * 2)
def test_never_merges_two_that_differ(one: tuple[list[str], list[object]], two: tuple[list[str], list[object]]) -> None:
    def build(parts: tuple[list[str], list[object]]) -> str:
        segments, pairs = parts
        return f"{SITE}/{'/'.join(segments)}" + ("?" + "&".join(f"{k}={v}" for k, v in pairs) if pairs else "")

    a, b = build(one), build(two)
    assume(not any(key in a.lower() + b.lower() for key in ("gclid", "epik")))
    assert (canonical_url(a) == canonical_url(b)) == (a == b)


def test_fingerprint() -> None:
    assert len(urls.fingerprint(f"{SITE}/a")) == 16
    assert urls.fingerprint(f"{SITE}/a") == bytes.fromhex("b826480de6180e36de54ab78f4eaf81d")
    assert urls.fingerprint(f"{SITE}/a") != urls.fingerprint(f"{SITE}/b")


@pytest.mark.parametrize(
    ("url", "host", "host_port"),
    [
        ("https://EN.baoquocte.vn/a", "en.baoquocte.vn", "en.baoquocte.vn:443"),
        ("http://user:pw@h.vn:8080/", "h.vn", "h.vn:8080"),
        ("http://[::1]/", "[::1]", "[::1]:80"),
        ("http://báo.vn", "xn--bo-mia.vn", "xn--bo-mia.vn:80"),
        ("mailto:x", "", ""),
        ("http://", "", ""),
        ("ftp://h.vn/", "", ""),
    ],
)
def test_host(url: str, host: str, host_port: str) -> None:
    assert urls.host_of(url) == host
    assert urls.origin_host_port(url) == host_port


HOSTS = st.text(st.sampled_from("ab09-.:@[]%xn_Aé\u3002"), min_size=1, max_size=12)


@given(st.one_of(HOSTS, HOSTS.map("xn--{}".format), HOSTS.map("0x{}".format)), st.text(ADDRESS_CHARACTERS, max_size=8))
@example("127.1", "")
@example("0x7f", "")
@example("xn--a", "")
@example("a" * 64, "")
@example("a.b.", "")
def test_host_is_the_parsers(host: str, tail: str) -> None:
    url = f"https://{host}/{tail}"
    assert urls.host_of(url) == urls.origin_host_port(url).rpartition(":")[0]


@given(st.from_regex(r"https?://([ab0-]{1,3}\.)?[a-z]{1,3}/[aZ0_.~/=&?-]*", fullmatch=True))
def test_a_plain_address_is_sent_as_it_stands(written: str) -> None:
    url = canonical_url(written)
    assume(url is not None and urls.is_plain(url))
    assert url is not None
    assert Request(url).url == url


@given(st.from_regex(r"https?://([ab0.-]{1,6}\.)?[a-z0-9]{1,3}/[aZ0_.~/=&?#%-]*", fullmatch=True))
@example("http://a.vn/b/../c")
@example("http://a.vn/..")
@example("http://a.0x/")
@example("https://a.vn//b//")
def test_what_is_settled_at_first_sight_is_canonical_to_a_parser(written: str) -> None:
    assume(urls.is_settled(written))
    assert normalize_url(written) == written == canonical_url(written + "#")


@pytest.mark.parametrize(
    ("tail", "plain"), [("", True), ("a-1.html?b=2&c", True), ("%20", False), ("[1]", False), ("the-gioi&s=", True)]
)
def test_plain(tail: str, plain: bool) -> None:
    assert urls.is_plain(f"{SITE}/{tail}") is plain


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://baoquocte.vn/a", "baoquocte.vn"),
        ("https://en.baoquocte.vn/a", "baoquocte.vn"),
        ("www.vietnam.vn", "vietnam.vn"),
        ("https://m.nguoiduatin.com.vn/", "nguoiduatin.com.vn"),
        ("https://a.b.net.vn/", "b.net.vn"),
        ("https://x.gov.vn/", "x.gov.vn"),
        ("https://x.id.vn/", "x.id.vn"),
        ("https://www.london24news.co.uk/", "london24news.co.uk"),
        ("https://www.breakinglatest.news/", "breakinglatest.news"),
        ("https://www.x.or.jp/", "x.or.jp"),
        ("https://a.t.co/", "t.co"),
        ("https://www.info.com/", "info.com"),
        ("https://com.vn/", "com.vn"),
        ("http://localhost:80/", "localhost"),
        ("http://10.0.0.1/", "10.0.0.1"),
        ("http://[2001:db8::1]/", "[2001:db8::1]"),
        ("https://baoquocte.vn./", "baoquocte.vn"),
        ("not an address", ""),
    ],
)
def test_registered_domain(url: str, domain: str) -> None:
    assert urls.registered_domain(url) == domain


def test_in_domains() -> None:
    assert urls.in_domains("https://en.baoquocte.vn/", ["vietnam.vn", "baoquocte.vn"])
    assert urls.in_domains("https://baoquocte.vn/", ["baoquocte.vn"])
    assert not urls.in_domains("https://notbaoquocte.vn/", ["baoquocte.vn"])
    assert not urls.in_domains("mailto:a@baoquocte.vn", ["baoquocte.vn"])


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://h.vn", "/"),
        ("https://h.vn/a/../b?utm_source=x#f", "/b?utm_source=x"),
        ("https://h.vn/a?", "/a?"),
        ("https://h.vn/giá", "/gi%C3%A1"),
        ("mailto:x", ""),
        ("http://[", ""),
    ],
)
def test_target_of(url: str, target: str) -> None:
    assert urls.target_of(url) == target


@pytest.mark.parametrize(
    ("canonical", "path"),
    [(f"{SITE}/", ""), (f"{SITE}/2026/11/21/tin/", "2026/11/21/tin/"), (f"{SITE}/?p=12", "?p=12"), ("", "")],
)
def test_path_of(canonical: str, path: str) -> None:
    assert urls.path_of(canonical) == path


@pytest.mark.parametrize(
    ("headline", "slug"),
    [
        ("Đường sắt đô thị: tuyến số 3 chạy thử", "duong-sat-do-thi-tuyen-so-3-chay-thu"),
        ("Giá vàng ngày 3/2/2026", "gia-vang-ngay-3-2-2026"),
        ("  “Mùa nước nổi” – U23!  ", "mua-nuoc-noi-u23"),
        ("...", ""),
    ],
)
def test_slugify(headline: str, slug: str) -> None:
    assert urls.slugify(headline) == slug
    assert urls.slugify(unicodedata.normalize("NFD", headline)) == slug
