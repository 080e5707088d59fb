"""robots.txt: the examples of RFC 9309 as tables, files as they are found, and files made to hurt."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from protego import Protego

from crawler.robots import MAX_BYTES, allowed, crawl_delay, decide, rule_for, sitemaps
from crawler.urls import target_of

AGENT = "BaoQuan"
HOST = "https://baoquocte.vn"


def everybody(*lines: str) -> str:
    return "\n".join(("User-agent: *", *lines))


MATCHES = [
    # (lines for everybody, path, allowed, deciding line)
    ((), "/a", True, None),
    (("Disallow:",), "/a", True, None),
    (("Disallow: /",), "/", False, "Disallow: /"),
    (("Disallow: /",), "/a", False, "Disallow: /"),
    (("Disallow: /",), "/robots.txt", True, "Disallow: /"),
    (("Disallow: /tag/",), "/tag", True, None),
    (("Disallow: /tag/",), "/tag/gia-lua", False, "Disallow: /tag/"),
    (("Disallow: /tag",), "/tags", False, "Disallow: /tag"),
    (("Disallow: /Tag",), "/tag", True, None),
    # longest match, a tie allows (RFC 9309, 2.2.2)
    (("Allow: /p", "Disallow: /"), "/page", True, "Allow: /p"),
    (("Allow: /folder", "Disallow: /folder"), "/folder/page", True, "Allow: /folder"),
    (("Disallow: /folder", "Allow: /folder"), "/folder/page", True, "Allow: /folder"),
    (("Allow: /page", "Disallow: /*.htm"), "/page.htm", False, "Disallow: /*.htm"),
    (("Allow: /$", "Disallow: /"), "/", True, "Allow: /$"),
    (("Allow: /$", "Disallow: /"), "/page.htm", False, "Disallow: /"),
    (
        ("Allow: /example/page/", "Disallow: /example/page/disallowed.gif"),
        "/example/page/",
        True,
        "Allow: /example/page/",
    ),
    (
        ("Allow: /example/page/", "Disallow: /example/page/disallowed.gif"),
        "/example/page/disallowed.gif",
        False,
        "Disallow: /example/page/disallowed.gif",
    ),
    # wildcards (2.2.3)
    (("Disallow: /fish*",), "/fishheads/yummy.html", False, "Disallow: /fish*"),
    (("Disallow: /fish*",), "/Fish.asp", True, None),
    (("Disallow: /*.php",), "/folder/any.php.file.html", False, "Disallow: /*.php"),
    (("Disallow: /*.php$",), "/folder/filename.php", False, "Disallow: /*.php$"),
    (("Disallow: /*.php$",), "/filename.php?parameters", True, None),
    (("Disallow: /*.php$",), "/windows.PHP", True, None),
    (("Disallow: /fish*.php",), "/fishheads/catfish.php?id=1", False, "Disallow: /fish*.php"),
    (("Disallow: *",), "/a", False, "Disallow: *"),
    (("Disallow: */amp",), "/x/amp", False, "Disallow: */amp"),
    (("Disallow: /a**b*$",), "/axxb", False, "Disallow: /a**b*$"),
    (("Disallow: /a$",), "/a", False, "Disallow: /a$"),
    (("Disallow: /a$",), "/ab", True, None),
    (("Disallow: /a$b",), "/a$b", False, "Disallow: /a$b"),
    (("Disallow: /*ab*ab$",), "/ab", True, None),
    (("Disallow: /*ab*ab$",), "/abab", False, "Disallow: /*ab*ab$"),
    (
        ("Disallow: /path/file-with-a-%2A.html",),
        "/path/file-with-a-*.html",
        False,
        "Disallow: /path/file-with-a-%2A.html",
    ),
    (("Disallow: /path/file-with-a-%2A.html",), "/path/file-with-a-b.html", True, None),
    (("Disallow: /path/foo-%24",), "/path/foo-$", False, "Disallow: /path/foo-%24"),
    (("Disallow: /path/foo-%24",), "/path/foo-", True, None),
    # one spelling of octets (2.2.2)
    (("Disallow: /foo/bar?baz=quz",), "/foo/bar?baz=quz", False, "Disallow: /foo/bar?baz=quz"),
    (("Disallow: /foo/bar/ツ",), "/foo/bar/%E3%83%84", False, "Disallow: /foo/bar/ツ"),
    (("Disallow: /foo/bar/%E3%83%84",), "/foo/bar/ツ", False, "Disallow: /foo/bar/%E3%83%84"),
    (("Disallow: /foo/bar/%e3%83%84",), "/foo/bar/%E3%83%84", False, "Disallow: /foo/bar/%e3%83%84"),
    (("Disallow: /foo/bar/%62%61%7A",), "/foo/bar/baz", False, "Disallow: /foo/bar/%62%61%7A"),
    (("Disallow: /foo/bar/baz",), "/foo/bar/%62%61%7A", False, "Disallow: /foo/bar/baz"),
    (("Disallow: /a%2Fb",), "/a/b", True, None),
    (("Disallow: /giá lúa",), "/gi%C3%A1%20l%C3%BAa", False, "Disallow: /giá lúa"),
    (("Disallow: /100%",), "/100%25", False, "Disallow: /100%"),
    (("Disallow: /the-gioi&s_cond=",), "/the-gioi&s_cond=&BRSR=15", False, "Disallow: /the-gioi&s_cond="),
    # the whole target counts, and the path as it is sent
    (("Disallow: /*?",), "/a?b=1", False, "Disallow: /*?"),
    (("Disallow: /*?",), "/a", True, None),
    (("Disallow: /a?utm_source=",), "/a?utm_source=x", False, "Disallow: /a?utm_source="),
    (("Disallow: /b",), "/a/../b", False, "Disallow: /b"),
    (("Disallow: /a#b",), "/a", False, "Disallow: /a#b"),
    # lines as people write them
    (("  disallow :  /a   # nháp",), "/a", False, "disallow :  /a   # nháp"),
    (("DISALLOW:/a",), "/a", False, "DISALLOW:/a"),
    (("Disallow /a",), "/a", False, "Disallow /a"),
    (("Dissallow: /a",), "/a", False, "Dissallow: /a"),
    (("Disallow: a/",), "/a/b", False, "Disallow: a/"),
    (("Disallow: https://baoquocte.vn/a",), "/a", False, "Disallow: https://baoquocte.vn/a"),
    (("# Disallow: /a",), "/a", True, None),
    (("Noindex: /a", "Disallow"), "/a", True, None),
    (("Disallow: /a\x00",), "/a", False, "Disallow: /a"),
    (("Disallow: /a\u2028Allow: /a",), "/a", True, None),  # no line end: one pattern, of another path
]


@pytest.mark.parametrize(("lines", "path", "open_", "line"), MATCHES)
def test_matching(lines: tuple[str, ...], path: str, open_: bool, line: str | None) -> None:
    robots = everybody(*lines)
    assert allowed(robots, AGENT, HOST + path) is open_
    assert allowed(robots.encode(), AGENT, HOST + path) is open_
    assert rule_for(robots, AGENT, HOST + path) == line


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", "\r\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_mark(end: str, mark: str) -> None:
    robots = mark + end.join(["User-agent: *", "Disallow: /a", "Allow: /a/b", ""])
    assert [allowed(robots, AGENT, HOST + path) for path in ("/a", "/a/b", "/c")] == [False, True, True]


GROUPS = """
User-agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot/2.0
Disallow: /private

User-Agent: foobot
Disallow: /example/page.html/secret
"""


@pytest.mark.parametrize(
    ("agent", "path", "open_"),
    [
        ("anybot", "/example/x", False),
        ("anybot", "/pic.gif", False),
        ("anybot", "/publications/", True),
        ("anybot", "/other", True),
        ("foobot", "/other", False),
        ("FooBot", "/example/page.html", True),
        ("FooBot/1.0 (+https://example.vn/bot)", "/example/allowed.gif", True),
        ("foobot", "/example/page.html/secret", False),  # groups for one agent are one
        ("barbot", "/example/page.html", False),
        ("barbot", "/example/other.html", True),  # the rules for everybody do not apply
        ("bazbot", "/example/page.html", False),
        ("quxbot", "/example/x", True),
        ("quxbot", "/private/x", False),
        ("foo", "/other", True),  # a part of a token is another agent
        ("", "/example/x", False),
    ],
)
def test_groups(agent: str, path: str, open_: bool) -> None:
    assert allowed(GROUPS, agent, HOST + path) is open_


@pytest.mark.parametrize(
    ("robots", "path", "open_"),
    [
        ("Disallow: /", "/a", True),  # rules before any agent
        ("User-agent: BaoQuan\nSitemap: /s.xml\nUser-agent: other\nDisallow: /a", "/a", False),
        ("User-agent: BaoQuan\n\n\nUser-agent: other\nDisallow: /a", "/a", False),
        ("User-agent: BaoQuan\nCrawl-delay: 3\nUser-agent: other\nDisallow: /a", "/a", False),
        ("User-agent: BaoQuan\nDisallow:\nUser-agent: *\nDisallow: /", "/a", True),
        ("User-agent: other\nDisallow: /", "/a", True),
        ("User-agent:\nDisallow: /", "/a", True),
        ("User agent: *\nDisallow: /", "/a", False),
        ("useragent *\nDisallow: /", "/a", False),
        ("User-agent: * # mọi máy\nDisallow: /", "/a", False),
    ],
)
def test_who_a_line_is_for(robots: str, path: str, open_: bool) -> None:
    assert allowed(robots, AGENT, HOST + path) is open_


HTML = b"<!-- trang loi -->\n<!DOCTYPE html><html><pre>\nUser-agent: *\nDisallow: /\n</pre></html>"


@pytest.mark.parametrize(
    ("status", "content_type", "body", "open_"),
    [
        (None, None, b"", False),
        (500, "text/plain", b"", False),
        (503, "text/plain", b"User-agent: *\nAllow: /", False),
        (429, None, b"", False),
        (100, None, b"", False),
        (404, "text/html", HTML, True),
        (401, None, b"", True),
        (403, None, b"User-agent: *\nDisallow: /", True),
        (410, None, b"", True),
        (302, None, b"", True),
        (200, "text/plain", b"", True),
        (200, "text/plain", b"User-agent: *\nDisallow: /", False),
        (200, None, b"User-agent: *\nDisallow: /", False),
        (200, "text/html", b"User-agent: *\nDisallow: /", False),
        (206, "text/plain", b"User-agent: *\nDisallow: /", False),
        (200, "text/html", HTML, True),
        (200, "text/plain", HTML, True),
        (200, "text/plain", b"\xff\xfe\x00\x01" * 50, True),
        (200, "image/png", b"\x89PNG\r\n\x1a\n", True),
    ],
)
def test_what_an_answer_means(status: int | None, content_type: str | None, body: bytes, open_: bool) -> None:
    assert decide(status, content_type, body, AGENT, HOST + "/a") is open_


@pytest.mark.parametrize("url", ["", "mailto:a@b.vn", "http://[", "/a"])
def test_what_is_no_address_is_closed(url: str) -> None:
    assert not allowed("", AGENT, url)


@pytest.mark.parametrize(
    ("robots", "delay"),
    [
        (everybody("Crawl-delay: 10"), 10.0),
        (everybody("crawl-delay: 0.5"), 0.5),
        (everybody("Crawl-delay: 5s"), 5.0),
        (everybody("Crawl-delay: 5", "Crawl-delay: 7"), 7.0),
        (everybody("Crawl-delay: nhanh"), None),
        (everybody("Crawl-delay: -1"), None),
        (everybody("Crawl-delay: inf"), None),
        (everybody("Crawl-delay: 1e9"), None),
        (everybody("Disallow: /a"), None),
        ("User-agent: other\nCrawl-delay: 60\nUser-agent: *\nDisallow: /a", None),  # meant for the other one
        ("User-agent: BaoQuan\nUser-agent: other\nCrawl-delay: 60\n\nUser-agent: *\nDisallow: /a", 60.0),
        ("User-agent: BaoQuan\nDisallow:\nUser-agent: *\nCrawl-delay: 5", None),
        ("", None),
    ],
)
def test_crawl_delay(robots: str, delay: float | None) -> None:
    assert crawl_delay(robots, AGENT) == delay


def test_sitemaps() -> None:
    robots = "Sitemap: https://h.vn/1.xml # tin\nUser-agent: *\nDisallow: /\nSITEMAPS:/2.xml\nSite-map https://h.vn/3.xml\nSitemap:"
    assert sitemaps(robots) == ["https://h.vn/1.xml", "/2.xml", "https://h.vn/3.xml"]


def test_only_whole_lines_below_the_limit_count() -> None:
    head = b"User-agent: *\nDisallow: /a\n#"
    filled = head.ljust(MAX_BYTES - len(b"\nAllow: /"), b"x")
    assert not allowed(filled + b"\nAllow: /a/b", AGENT, HOST + "/a/c")
    assert not allowed(filled + b"\nAllow: /a/b", AGENT, HOST + "/a/b")  # beyond the limit, and cut it would open "/"
    assert allowed(b"x" * 2 * MAX_BYTES + b"\n" + head, AGENT, HOST + "/a")


def test_where_protego_lets_in_what_the_file_closes() -> None:
    robots = "\ufeffUser-agent: *\nDisallow: /"
    assert Protego.parse(robots).can_fetch(HOST + "/a", AGENT)  # when this fails, our own reader may be given up
    assert not allowed(robots, AGENT, HOST + "/a")


def test_a_final_dollar_sign_closes_in_both_readings() -> None:
    assert not allowed(everybody("Disallow: /a$"), AGENT, HOST + "/a")
    assert not allowed(everybody("Disallow: /a$"), AGENT, HOST + "/a$/b")  # only Protego reads it as a plain character


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_files_of_editors_that_mean_well(encoding: str) -> None:
    robots = everybody("Disallow: /a", "Allow: /a/b").encode(encoding)
    assert [allowed(robots, AGENT, HOST + path) for path in ("/a", "/a/b", "/c")] == [False, True, True]
    assert rule_for(robots, AGENT, HOST + "/a") == "Disallow: /a"


BOMBS = [
    "/" + "*a" * 3000 + "b",
    "/" + "*" * 100_000 + "$",
    "/" + "a*" * 3000 + "$",
    "/" + "*/" * 3000,
    "/" + "%" * 50_000,
]


@pytest.mark.parametrize("pattern", BOMBS, ids=range(len(BOMBS)))
def test_star_bombs_take_no_time(pattern: str) -> None:
    robots = everybody(*[f"Disallow: {pattern}x{i}" for i in range(3)], f"Allow: {pattern}")
    started = time.process_time()
    allowed(robots, AGENT, HOST + "/" + "a" * 3000 + "/" * 1000)
    assert time.process_time() - started < 1.0


def test_a_full_size_file_is_read_once_and_matched_fast() -> None:
    robots = everybody(*[f"Disallow: /*/thu-muc-{i}/*.html$" for i in range(12_000)]).encode()
    assert allowed(robots, AGENT, HOST + "/a")
    started = time.process_time()
    for page in range(10):
        assert allowed(robots, AGENT, f"{HOST}/tin/bai-{page}.html")
    assert time.process_time() - started < 1.0


LINES = st.sampled_from(
    [
        *["User-agent: *", "User-agent: BaoQuan", "User-agent: other", "User-agent:", "user agent BaoQuan/9"],
        *["Disallow: /", "Disallow: /a", "Disallow: /a*b$", "Disallow:", "Disallow: %", "Disallow: *$*", "disallow x"],
        *[
            "Allow: /",
            "Allow: /a/index.html",
            "Allow: /*$",
            "Allow: /b%2fc",
            "Crawl-delay: 1",
            "Sitemap: x",
            ":",
            "#",
            "\x00",
        ],
    ]
)


@given(
    st.lists(LINES | st.text(max_size=20), max_size=12),
    st.sampled_from(["\n", "\r", "\r\n"]),
    st.sampled_from(["/", "/a", "/axb", "/a/index.html", "/b/c", "/b%2Fc", "/%", "/?"]),
)
@example(["User-agent: *", "Disallow: /a"], "\n", "/a")
def test_the_file_wins(lines: list[str], end: str, path: str) -> None:
    robots = end.join(lines)
    open_ = allowed(robots, AGENT, HOST + path)
    line = rule_for(robots, AGENT, HOST + path)
    if open_:
        assert line is None or line.lower().startswith("allow")


PATTERNS = st.text("ab/*$", max_size=10)


def by_all_ways(pattern: str, target: str) -> bool:
    """Whether a pattern matches, by trying every way to spread the stars: slow, and plainly RFC 9309, 2.2.3."""
    if not pattern:
        return True
    if pattern == "$":
        return not target
    if pattern[0] == "*":
        return any(by_all_ways(pattern[1:], target[at:]) for at in range(len(target) + 1))
    return target[:1] == pattern[0] and by_all_ways(pattern[1:], target[1:])


@given(st.lists(st.tuples(st.booleans(), PATTERNS), max_size=5), st.text("ab/", max_size=12))
def test_the_longest_pattern_decides_and_a_tie_allows(rules: list[tuple[bool, str]], path: str) -> None:
    known = [(allow, f"/{pattern}") for allow, pattern in rules if "$" not in pattern[:-1]]
    robots = everybody(*(f"{'Allow' if allow else 'Disallow'}: {pattern}" for allow, pattern in known))
    target = f"/{path}"
    if target_of(HOST + target) != target:
        return
    matching = [(len(pattern), allow) for allow, pattern in known if by_all_ways(pattern, target)]
    expected = max(matching, default=(0, True))[1]
    line = rule_for(robots, AGENT, HOST + target)
    assert (line is None or line.startswith("Allow")) is expected
    if not expected:
        assert not allowed(robots, AGENT, HOST + target)


@given(st.binary(max_size=200), st.text(max_size=20), st.text(max_size=40))
def test_never_raises(robots: bytes, agent: str, path: str) -> None:
    url = f"{HOST}/{path}"
    decide(200, None, robots, agent, url)
    rule_for(robots, agent, url)
    crawl_delay(robots, agent)
    sitemaps(robots)


@given(st.text("ab/*$%2Aé", max_size=12), st.text("ab/*$%2Aé?", max_size=12))
def test_a_closed_prefix_closes_what_begins_with_it(prefix: str, tail: str) -> None:
    robots = everybody(f"Disallow: /{prefix.replace('*', '%2A').replace('$', '%24').replace('%', '%25')}")
    url = f"{HOST}/{prefix.replace('*', '%2A').replace('$', '%24').replace('%', '%25')}{tail}"
    if ".." not in url and "//" not in url[8:]:
        assert not allowed(robots, AGENT, url)
