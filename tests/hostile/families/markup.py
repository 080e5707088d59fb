"""HTML that is deep, wide, endless or ill: each page is an article as well, so that all of the extraction reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.hostile.scenario import HOME, LIST, LISTED, PATIENT, Scenario, article, bad, listing, sound, together, whole
from tests.oddserver import Answering

ENDS = ("done", "failed/", "refused/")
DEPTH = 100_000
NUMBERS = range(100_000)


def _body(name: str, html: Callable[[], str]) -> Scenario:
    """An article with this in its text, and a page that is nothing else. Made when it is asked for: it is large."""
    answers: dict[str, Answering] = {
        bad(1): lambda request: whole(article(60, body_html=html())),
        bad(2): lambda request: whole(html().encode()),
    }
    return Scenario(name, answers, extra=8, ends=dict.fromkeys(answers, ENDS), settings=PATIENT)


def _head(name: str, html: Callable[[], str]) -> Scenario:
    answers: dict[str, Answering] = {bad(1): lambda request: whole(article(60, head_html=html()))}
    return Scenario(name, answers, extra=4, ends={bad(1): ENDS}, settings=PATIENT)


def _joined(parts: Iterable[str]) -> str:
    return "".join(parts)


_DEEP = (
    _body("html-nested-divs", lambda: "<div>" * DEPTH + "x"),
    _body("html-nested-mixed", lambda: "<b><i><a href=x><font><table><tr><td><ul><li>" * 9000),
    _body("html-nested-tables", lambda: "<table><tr><td>" * 5000 + "x"),
    _body("html-nested-lists", lambda: "<ul><li>x" * 20_000),
    _body("html-nested-quotes", lambda: "<blockquote><p>x" * 20_000),
    _body("html-nested-svg", lambda: "<svg><math><foreignObject>" * 20_000),
    _body("html-unclosed-formatting", lambda: "<b><i><u><s>x<p>" * 3000),
    _body("html-closed-never-opened", lambda: "</div></article></body></html>" * 50_000),
)
_WIDE = (
    _body("html-of-a-million-attributes", lambda: f"<p {' '.join(f'a{n}' for n in range(1_000_000))}>x</p>"),
    _body("html-of-a-million-classes", lambda: f'<div class="{" ".join(f"c{n}" for n in range(1_000_000))}">x</div>'),
    _body(
        "html-of-a-long-attribute",
        lambda: f'<img alt="{"a " * 1_000_000}" src="/a.jpg"><a title="{"b" * 2_000_000}" href="/x">x</a>',
    ),
    _body("html-of-paragraphs", lambda: "<p>Xóm nhỏ bên sông.</p>" * 60_000),
    _body("html-of-breaks", lambda: "x<br>" * 200_000),
    _body("html-of-a-huge-table", lambda: "<table>" + ("<tr>" + "<td>x</td>" * 500 + "</tr>") * 400 + "</table>"),
    _body("html-of-a-wide-cell", lambda: '<table><tr><td colspan="999999999" rowspan="999999999">x</td></tr></table>'),
    _body("html-of-images", lambda: _joined(f'<img src="/anh-{n}.jpg" alt="x">' for n in range(30_000))),
    _body(
        "html-of-a-long-srcset", lambda: f'<img src="/a.jpg" srcset="{", ".join(f"/a-{n}.jpg {n}w" for n in NUMBERS)}">'
    ),
    _body("html-of-forms", lambda: "<form><input><select><option>x" * 20_000),
    _body("html-of-entities", lambda: "&amp;&lt;&#x110;&nbsp;&unknown;&#0;&#x1F600;&#999999999;" * 40_000),
    _body("html-of-comments", lambda: "<!-- x --><!--><!--->" * 100_000 + "<!--"),
    _head(
        "html-of-meta",
        lambda: _joined(
            f'<meta name="m{n}" content="{n}"><meta property="og:title" content="{n}">' for n in range(30_000)
        ),
    ),
    _head("html-of-titles", lambda: "<title>x</title>" * 50_000),
    _head(
        "html-of-a-long-title",
        lambda: f'<title>{"Mưa " * 300_000}</title><meta property="og:title" content="{"Mưa " * 300_000}">',
    ),
    _head(
        "html-of-links-to-styles", lambda: _joined(f'<link rel="stylesheet" href="/{n}.css">' for n in range(30_000))
    ),
)
_TEXT = (
    _body("html-of-one-line", lambda: "<p>" + "a" * 5_000_000 + "</p>"),
    _body("html-of-spaces", lambda: "<p>" + " \t\u00a0\n" * 1_000_000 + "x</p>"),
    _body("html-of-combining-marks", lambda: "<p>a" + "\u0301\u0323\u031b" * 300_000 + "</p>"),
    _body("html-of-right-to-left-marks", lambda: "<h1>" + "\u202e\u2066\u200f" * 100_000 + "</h1>"),
    _body("html-of-nul", lambda: "<p>a\x00b</p>" * 20_000 + "\x00" * 500_000),
    _body("html-of-control-characters", lambda: "<h1>" + _joined(map(chr, range(32))) * 2000 + "\x7f\x9b31m</h1>"),
    _body(
        "html-of-dates",
        lambda: "<time>" + "12/12/2026 " * 100_000 + '</time><span class="date">' + "1/" * 200_000 + "</span>",
    ),
    _body(
        "html-of-digits",
        lambda: f'<span class="date time published">{"0" * 1_000_000}</span><p class="author">{"A" * 1_000_000}</p>',
    ),
    _body(
        "html-of-bylines",
        lambda: (
            '<p class="author byline">'
            + "Nguyễn An - " * 60_000
            + "</p><p><strong>"
            + "(TTXVN) " * 60_000
            + "</strong></p>"
        ),
    ),
    _body("html-unclosed-script", lambda: "<script>" + "var x = '<p>a</p>'; " * 100_000),
    _body("html-unclosed-attribute", lambda: '<p title="' + "x > <b> y " * 200_000),
    _body("html-plaintext", lambda: "<plaintext>" + "<p>x</p>" * 100_000),
    _body("html-of-data-urls", lambda: f'<img src="data:image/png;base64,{"A" * 5_000_000}">'),
    _body("html-of-templates", lambda: "<template><noscript><iframe><object>" * 20_000),
)
_LINKS = (
    _body(
        "html-of-100000-links-elsewhere",
        lambda: _joined(f'<a href="http://a{n}.example/tin-la-so-{n}.html">x</a>' for n in NUMBERS),
    ),
    _body("html-of-100000-fragments", lambda: _joined(f'<a href="#{n}">x</a>' for n in NUMBERS)),
    _body(
        "html-of-100000-schemes",
        lambda: _joined(
            f'<a href="javascript:f({n})">x</a><a href="mailto:{n}@a.example">y</a>' for n in range(50_000)
        ),
    ),
    _body("html-of-long-addresses", lambda: _joined(f'<a href="/{"a-" * 5000}{n}">x</a>' for n in range(200))),
    Scenario(
        "html-of-90000-links",  # which are read as far as the limit
        {
            LIST: lambda request: whole(
                listing("Nông thôn", LISTED, _joined(f'<a href="/anh-{n}.jpg">x</a>' for n in range(90_000)))
            )
        },
        ends={LIST: "done"},
        counted=("limits/too_many_links",),
        settings=PATIENT,
    ),
    Scenario(
        "html-of-30000-times-one-link",  # more, and no page is read
        {LIST: lambda request: whole(listing("Nông thôn", (*LISTED, *[HOME + sound(20)] * 30_000)))},
        also=(20,),
        settings=PATIENT,
    ),
    Scenario(
        "html-with-strange-links",
        {
            LIST: whole(
                listing(
                    "Nông thôn",
                    (
                        *LISTED,
                        "",
                        " ",
                        "?",
                        "#",
                        "//",
                        "http://",
                        "http:///x",
                        "HTTP://[",
                        "\\\\a\\b",
                        "/\x00",
                        "/\x1b[2J-a-b-c",
                        "/a\r\nb-c-d-e",
                        "//user:pw@x/",
                    ),
                )
            )
        },
        extra=8,
    ),
)


def _named(*names: str) -> list[Scenario]:
    return [scenario for scenario in (*_DEEP, *_WIDE, *_TEXT, *_LINKS) if scenario.name.removeprefix("html-") in names]


_LIGHT = (
    (
        "html-unclosed",
        "unclosed-formatting",
        "closed-never-opened",
        "unclosed-script",
        "unclosed-attribute",
        "plaintext",
    ),
    ("html-odd-elements", "of-a-wide-cell", "of-forms", "of-comments", "of-templates", "nested-svg"),
    ("html-of-names", "of-meta", "of-titles", "of-a-long-title", "of-links-to-styles", "of-a-long-attribute"),
    ("html-of-strange-text", "of-spaces", "of-right-to-left-marks", "of-nul", "of-control-characters", "of-entities"),
    ("html-of-numbers", "of-dates", "of-digits", "of-bylines", "of-combining-marks"),
    ("html-of-pictures", "of-images", "of-a-long-srcset", "of-data-urls"),
    ("html-nested-blocks", "nested-lists", "nested-quotes", "nested-tables"),
    ("html-of-100000-links", "of-100000-fragments", "of-100000-schemes", "of-long-addresses"),
)
_GROUPED = {name for _, *names in _LIGHT for name in names}
SCENARIOS = (
    *(one for one in (*_DEEP, *_WIDE, *_TEXT, *_LINKS) if one.name.removeprefix("html-") not in _GROUPED),
    *(together(name, *_named(*names)) for name, *names in _LIGHT),
)
