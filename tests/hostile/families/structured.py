"""JSON-LD that is deep, huge, of the wrong type everywhere, or no JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.hostile.scenario import HOME, PATIENT, Scenario, bad, together, whole
from tests.oddserver import Answering, Steps
from tests.smallpaper import page

ENDS = ("done", "failed/", "refused/")
SHELL = (
    "<!doctype html><html><head><script></script></head><body><article><p>Bà con ra đồng.</p></article></body></html>"
)
MORE = '"@context":"https://schema.org","@type":"NewsArticle","headline":"Mưa trên sông"'


def _scripts(name: str, texts: Callable[[], Sequence[str]]) -> Scenario:
    """An article with these scripts before its own, and one with nothing else; made when they are asked for."""

    def page_of(shell: str) -> Answering:
        def answer(request: bytes) -> Steps:
            scripts = "".join(f'<script type="application/ld+json">{text}</script>' for text in texts())
            return whole(shell.replace("<script", f"{scripts}<script", 1).encode("utf-8", "surrogatepass"))

        return answer

    answers = {bad(1): page_of(page(60).decode()), bad(2): page_of(SHELL)}
    return Scenario(name, answers, extra=6, ends=dict.fromkeys(answers, ENDS), settings=PATIENT)


def _raw(name: str, *texts: str) -> Scenario:
    return _scripts(name, lambda: texts)


def _article(name: str, fields: Callable[[], dict[str, Any]]) -> Scenario:
    stated = {"@context": "https://schema.org", "@type": "NewsArticle", "headline": "Mưa trên sông"}
    return _scripts(name, lambda: [json.dumps({**stated, **fields()}, ensure_ascii=False)])


KEYS = (
    *(
        "headline",
        "description",
        "articleBody",
        "datePublished",
        "dateModified",
        "author",
        "publisher",
        "image",
        "video",
    ),
    *(
        "keywords",
        "articleSection",
        "inLanguage",
        "url",
        "mainEntityOfPage",
        "@id",
        "isPartOf",
        "translationOfWork",
        "name",
    ),
    *("breadcrumb", "itemListElement", "associatedMedia", "about", "mentions", "sourceOrganization", "isBasedOn"),
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1e308,
    "",
    " ",
    [],
    {},
    [[[]]],
    [None],
    {"@type": []},
    {"name": {"name": []}},
    [{"url": 5}, 7, "x"],
)
CYCLE = {"@id": "#a", "@type": ["Person", "NewsArticle"], "author": {"@id": "#b"}, "isPartOf": {"@id": "#a"}}
_ALL = (
    _raw("json-ld-nested-arrays", "[" * 100_000 + "]" * 100_000),
    _raw("json-ld-nested-objects", '{"@graph":' * 50_000 + "1" + "}" * 50_000),
    _raw(
        "json-ld-nested-authors",
        f'{{{MORE},"author":' + '{"@type":"Person","name":"A","parentOrganization":' * 5000 + "1" + "}" * 5001,
    ),
    _raw("json-ld-unclosed", f"{{{MORE}," + '"a":[' * 50_000),
    _article("json-ld-of-8-mb", lambda: {"articleBody": "Mưa rơi trên sông. " * 300_000}),
    _article(
        "json-ld-of-100000-authors",
        lambda: {"author": [{"@type": "Person", "name": f"An {n}"} for n in range(100_000)]},
    ),
    _article(
        "json-ld-of-100000-keywords",
        lambda: {"keywords": [f"từ khóa {n}" for n in range(100_000)], "articleSection": ["x"] * 100_000},
    ),
    _article("json-ld-of-100000-images", lambda: {"image": [f"{HOME}/anh-{n}.jpg" for n in range(100_000)]}),
    _scripts(
        "json-ld-of-100000-nodes",
        lambda: [json.dumps({"@graph": [{"@type": "Person", "@id": f"#{n}"} for n in range(100_000)]})],
    ),
    _scripts("json-ld-of-100000-types", lambda: [json.dumps({"@type": ["NewsArticle"] * 100_000, "headline": "x"})]),
    _scripts("json-ld-of-5000-scripts", lambda: [f"{{{MORE}}}"] * 5000),
    _raw(
        "json-ld-of-wrong-types",
        *(json.dumps({"@type": "NewsArticle", **dict.fromkeys(KEYS, value)}) for value in VALUES),
    ),
    _raw("json-ld-of-wrong-roots", *map(json.dumps, VALUES), "NewsArticle", "\x00", "", "<b>", "//"),
    _raw(
        "json-ld-with-keys-twice",
        f'{{{MORE},"headline":"Hai","headline":["Ba"],"@type":"Person","@type":"NewsArticle"}}',
    ),
    _raw(
        "json-ld-with-nan", f'{{{MORE},"datePublished":NaN,"position":Infinity,"x":-Infinity,"author":{{"name":NaN}}}}'
    ),
    _raw(
        "json-ld-with-huge-numbers",
        f'{{{MORE},"datePublished":1e999,"position":{"9" * 100_000},"width":-{"1" * 10_000}.5e-{"9" * 50}}}',
    ),
    _raw(
        "json-ld-with-lone-surrogates",
        f'{{{MORE},"headline":"M\\ud800ưa","author":"\\udfff An","articleBody":"\\ud83d\\ud83d Sông"}}',
    ),
    _raw(
        "json-ld-with-control-characters",
        f'{{{MORE},"headline":"Mưa\\u0000\\u001b[31m\\u2028\\u0085\\u202e","author":"An\\r\\nBình: x\\u007f"}}',
    ),
    _raw("json-ld-in-circles", json.dumps({"@graph": [CYCLE, {**CYCLE, "@id": "#b", "author": {"@id": "#a"}}, CYCLE]})),
    _raw(
        "json-ld-with-trailing-mess",
        f"<!-- {{{MORE},}} -->;;;",
        f"{{{MORE}}}}}}}",
        f"/* a */{{{MORE}}}",
        "{'headline':'x'}",
    ),
    _raw("json-ld-with-a-closed-script", f'{{{MORE},"a":"<\\/script><script>alert(1)</script>"}}', "<!--<script>"),
    _article(
        "json-ld-of-html",
        lambda: {
            "headline": "<h1>Mưa</h1><script>x</script>" * 2000,
            "articleBody": "<p>" * 200_000,
            "author": "<b>An</b>",
        },
    ),
    _article(
        "json-ld-with-wrong-dates",
        lambda: {
            "datePublished": "0000-00-00T99:99:99+99:99",
            "dateModified": "2" * 200_000,
            "uploadDate": "-271821-04-20",
        },
    ),
    _article(
        "json-ld-with-bad-addresses",
        lambda: dict(
            url="http://[", image="//\x00", mainEntityOfPage={"@id": "javascript:x"}, **{"@id": "x" * 100_000}
        ),
    ),
)
SCENARIOS = (
    *(one for one in _ALL if one.name.split("-")[2] == "of"),
    *(
        together(f"json-ld-{way}", *(one for one in _ALL if one.name.split("-")[2] == way))
        for way in ("with", "nested")
    ),
    *(one for one in _ALL if one.name.split("-")[2] in ("in", "unclosed")),
)
