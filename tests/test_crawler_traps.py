"""Traps: what an address gives away, what pages have to give, and how little is remembered of it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import traps
from crawler.capture import CaptureRef
from crawler.events import Sighting
from crawler.items import Article
from crawler.ledger import Ledger
from crawler.ledger_ops import TrapState
from crawler.traps import Seen, Traps, in_circles, name_of, pattern_of, wider_of, without_session
from crawler.visit import Found, Visit

BAO = "https://bao.vn"
REF = CaptureRef("warc/a.warc.gz", 10, 20, "<urn:uuid:1>", "response", BAO, None, "2026-11-21T10:00:00Z", 200)
HEX = "0f8fad5bd9cb469fa16570867728950e"


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("/a;jsessionid=1A2B3C", "/a"),
        ("/a;jsessionid=1A2B3C?trang=2", "/a?trang=2"),
        ("/a;jsessionid=1/b;sid=2", "/a/b"),
        ("/a?PHPSESSID=77ab", "/a"),
        ("/a?x=1&PHPSESSID=77ab&y=2", "/a?x=1&y=2"),
        ("/a?sid=" + HEX, "/a"),
        ("/a?ASPSESSIONIDQABC=XYZ", "/a"),
        ("/(S(lit3py55t21z5v55vlm25s55))/a.aspx", "/a.aspx"),
        ("/a?osCsid=1&zenid=2&cfid=3&cftoken=4", "/a"),
        ("/a?session=" + HEX, "/a"),
        # what only looks like one
        ("/a?sid=12345", "/a?sid=12345"),
        ("/a?session=sang-thu-hai", "/a?session=sang-thu-hai"),
        ("/president-inside-session.html", "/president-inside-session.html"),
        ("/a(S)/b", "/a(S)/b"),
        ("/the-gioi&s_cond=&BRSR=15", "/the-gioi&s_cond=&BRSR=15"),
    ],
)
def test_session_ids_are_left_out(url: str, plain: str) -> None:
    assert without_session(BAO + url) == BAO + plain
    assert without_session(BAO + plain) == BAO + plain


@pytest.mark.parametrize(
    ("path", "circles"),
    [
        ("a/b/a/b/a/b", True),
        ("tin/tin/tin/1.html", True),
        ("x/a/b/c/d/a/b/c/d/a/b/c/d/y", True),
        ("a/1/a/2/a/3/a/4/a/5", True),
        ("2011/11/11/tin.html", False),
        ("11/11/11/tin.html", False),
        ("van-hoa/le-hoi/van-hoa/le-hoi/1.html", False),
        ("a/b/c/d/e/f", False),
        ("", False),
    ],
)
def test_paths_that_lead_in_circles(path: str, circles: bool) -> None:
    assert in_circles(path, 3) is circles


@given(st.lists(st.sampled_from("ab1/"), max_size=40).map("".join), st.integers(2, 5))
def test_a_path_that_repeats_itself_is_found(path: str, times: int) -> None:
    if any(segment and not segment.isdigit() for segment in path.split("/")) and path.count("/") < 4:
        names = "/".join(segment for segment in path.split("/") if segment and not segment.isdigit())
        assert in_circles("/".join([names] * times), times)


@pytest.mark.parametrize(
    ("kind", "same"),
    [
        ("category", ["/lich/2026/11", "/lich/2026/12", "/lich/2027/1"]),
        ("tag", ["/tag/lua", "/tag/ca-phe", "/tag/x9"]),
        ("category", ["/loc?mau=do&co=to", "/loc?co=nho&gia=1", "/loc?a=1&b=2&c=3"]),
        ("next_page", ["/tin?trang=2", "/tin?trang=900"]),
        ("article", ["/the-gioi/mot-hai-ba-bon-1.html", "/the-gioi/mot-hai-ba-bon-0a2f.html"]),
        ("article", ["/a?s1=x", "/a?s2=y"]),
    ],
)
def test_addresses_of_one_template_have_one_pattern(kind: str, same: list[str]) -> None:
    assert len({pattern_of(BAO + path, kind) for path in same}) == 1


def test_patterns_are_given_up_together_by_their_wider_one() -> None:
    articles = [pattern_of(f"{BAO}/the-gioi/{name}.html", "article") for name in ("mot-hai-1", "ba bon-2", "\u0111a-3")]
    assert len(set(articles)) == 3
    assert {wider_of(pattern) for pattern in articles} == {"bao.vn article /the-gioi/*"}
    assert len(pattern_of(f"{BAO}/{'a' * 2000}", "article")) < 120
    assert wider_of(pattern_of(f"{BAO}/lich/2026/12", "category")) == "bao.vn list **"


def test_other_templates_have_other_patterns() -> None:
    paths = ["/", "/tin", "/tin/lua", "/the-gioi/lua", "/tin?trang=2", "/tin?a=1&b=2"]
    assert len({pattern_of(BAO + path, "category") for path in paths}) == len(paths)
    assert pattern_of(f"{BAO}/a", "category") != pattern_of(f"{BAO}/a", "article")


@pytest.mark.parametrize(
    ("path", "kind", "reason"),
    [
        ("/lich/2026/11", "category", traps.CALENDAR),
        ("/su-kien?thang=3&nam=2031", "category", traps.CALENDAR),
        ("/tag/lua", "tag", traps.TAGS),
        ("/loc?mau=do&co=to", "category", traps.FACETS),
        ("/tin?trang=7", "next_page", traps.LISTS),
        ("/tin-lua-1.html", "article", traps.COPIES),
    ],
)
def test_reasons(path: str, kind: str, reason: str) -> None:
    assert name_of(BAO + path, kind) == reason
    assert reason in traps.REASONS


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/a/b/a/b/a/b", traps.LOOP),
        ("/" + "/".join(map(str, range(21))), traps.DEEP),
        ("/" + "/".join(map(str, range(20))), None),
        ("/tin/2026/11/29/mua-lua.html?trang=2&in=1", None),
    ],
)
def test_addresses_that_are_judged_by_themselves(path: str, reason: str | None) -> None:
    assert Traps().judge(BAO + path, "category") == reason


def test_the_same_parameters_in_another_order() -> None:
    known = Traps()
    assert known.judge(f"{BAO}/a?x=1&y=2", "category") is None
    assert known.judge(f"{BAO}/a?x=1&y=2", "category") is None  # asked again after an error
    assert known.judge(f"{BAO}/a?y=2&x=1", "category") == traps.ORDER
    assert known.judge(f"{BAO}/a?y=1&x=2", "category") is None
    assert known.judge(f"{BAO}/b?y=2&x=1", "category") is None
    assert known.judge(f"{BAO}/a?x=1&x=2", "category") is None  # the order of values of one name may matter
    assert known.judge(f"{BAO}/a?x=2&x=1", "category") is None


# --- What pages give ----------------------------------------------------------------------------------------------


def a_list(number: int, *articles: str, path: str = "/lich/{}/1", kind: str = "category", **more: object) -> Visit:
    visit = Visit(number, BAO + path.format(number), kind, depth=1, **more)  # type: ignore[arg-type]
    visit.found = [Found(f"{BAO}/{name}.html", "article", "listing", 2, 0) for name in articles]
    return visit


def an_article(number: int, text: str, article_id: str | None = None, path: str = "/tin/x-{}.html") -> Visit:
    visit = Visit(number, BAO + path.format(number), "article", depth=2)
    visit.rows = [(Article(id="x", content_digest=text), b"")]
    visit.sighting = Sighting(article_id or f"bao.vn:{number}", "live", REF, visit.url)
    return visit


def first_closed(known: Traps, visits: list[Visit]) -> int | None:
    """After how many visits their pattern was given up."""
    for count, visit in enumerate(visits, 1):
        told = known.ended(visit)
        assert all(isinstance(state, TrapState) for state in told)
        if known.closed(visit.url, visit.kind):
            return count
    return None


def test_lists_that_name_nothing_new_are_given_up() -> None:
    known = Traps(pages=10)
    assert first_closed(known, [a_list(number, "a", "b") for number in range(100)]) == 11
    assert known.closed(f"{BAO}/lich/77/1", "category") == traps.CALENDAR
    assert known.closed(f"{BAO}/tin/77/1", "category") is None
    assert known.closed("https://khac.vn/lich/77/1", "category") is None
    assert known.closed(f"{BAO}/lich/77/1", "article") is None


def test_one_new_article_is_enough_to_go_on() -> None:
    known = Traps(pages=10)
    visits = [a_list(number, "a", *([f"b{number}"] if number % 9 == 0 else [])) for number in range(100)]
    assert first_closed(known, visits) is None


def test_lists_that_fail_or_are_redirected_to_one_place_are_barren_too() -> None:
    assert first_closed(Traps(pages=5), [a_list(n, outcome="failed", reason="http_404") for n in range(20)]) == 5
    away = [a_list(number, outcome="redirected", reason=f"{BAO}/") for number in range(20)]
    assert first_closed(Traps(pages=5), away) == 6


@pytest.mark.parametrize(("outcome", "reason"), [("failed", "timeout"), ("failed", "http_503"), ("refused", "robots")])
def test_what_the_network_or_the_rules_kept_from_us_says_nothing(outcome: str, reason: str) -> None:
    assert first_closed(Traps(pages=5), [a_list(n, outcome=outcome, reason=reason) for n in range(50)]) is None
    away = [a_list(number, outcome="redirected", reason=f"{BAO}/s/{number}") for number in range(50)]
    assert first_closed(Traps(pages=5), away) is None


@pytest.mark.parametrize("kind", ["sitemap", "feed"])
def test_files_that_list_old_days_are_no_trap(kind: str) -> None:
    assert first_closed(Traps(pages=5), [a_list(number, kind=kind) for number in range(50)]) is None


def test_seeds_are_never_counted() -> None:
    visits = [a_list(number) for number in range(50)]
    for visit in visits:
        visit.depth = 0
    assert first_closed(Traps(pages=5), visits) is None


def test_one_text_at_many_addresses() -> None:
    assert first_closed(Traps(pages=10), [an_article(number, "text") for number in range(50)]) == 11
    assert first_closed(Traps(pages=10), [an_article(number, f"text {number}") for number in range(50)]) is None
    assert first_closed(Traps(pages=10), [an_article(n, f"text {n}", "bao.vn:1") for n in range(50)]) == 11


def test_copies_are_given_up_and_not_their_neighbours() -> None:
    known = Traps(pages=10)
    known.ended(an_article(1, "sound", path="/gap-lai-nguoi-{}.html"))
    assert first_closed(known, [an_article(n, "text", path="/ban-sao-{}.html") for n in range(2, 50)]) == 11
    assert known.closed(f"{BAO}/ban-sao-77.html", "article") == traps.COPIES
    assert known.closed(f"{BAO}/gap-lai-nguoi-2.html", "article") is None


def test_copies_under_ever_new_names_are_given_up_with_their_neighbours() -> None:
    names = ["".join(chr(97 + ord(c) - 48) for c in str(number)) for number in range(200)]
    known = Traps(pages=10)
    copies = [an_article(n, "text", path=f"/tin/{name}.html") for n, name in enumerate(names)]
    assert first_closed(known, copies) == 10 * traps.WIDER + 1
    assert known.closed(f"{BAO}/tin/gap-lai-nguoi-2.html", "article") == traps.COPIES


def test_an_unchanged_article_at_its_own_address_is_no_copy() -> None:
    visits = [an_article(number, "") for number in range(50)]
    for visit in visits:
        visit.rows, visit.reason = [], "not_modified"
    assert first_closed(Traps(pages=10), visits) is None


def test_lists_of_what_was_given_up_are_barren() -> None:
    known = Traps(pages=10)
    assert first_closed(known, [an_article(number, "text", path="/sao/{}.html") for number in range(50)])
    lists = [a_list(number, f"sao/{number}") for number in range(50)]
    assert first_closed(known, lists) == 10


def test_dead_articles_among_living_ones_weigh_little() -> None:
    def dead(number: int) -> Visit:
        return Visit(number, f"{BAO}/tin/x-{number}.html", "article", depth=2, outcome="failed", reason="http_404")

    assert first_closed(Traps(pages=10), [dead(number) for number in range(50)]) == 10
    visits = [an_article(1, "text"), *(dead(number) for number in range(2, 200))]
    assert first_closed(Traps(pages=10), visits) in (101, 102)  # a tenth each


def test_lists_under_ever_new_names_are_given_up_with_their_host() -> None:
    names = ["".join(chr(97 + ord(c) - 48) for c in str(number)) for number in range(1000)]
    visits = [a_list(n, "a", path=f"/{name}") for n, name in enumerate(names)]
    assert first_closed(Traps(pages=10), visits) == 10 * traps.WIDER + 1


def test_what_was_counted_is_kept(tmp_path: Path) -> None:
    with closing(Ledger.open(tmp_path / "ledger.sqlite")) as ledger:
        ledger.open_scope("news", "{}")
        known = Traps(pages=50)
        for number in range(42):
            ledger.apply(known.ended(a_list(number)))
        assert [(state.pages, state.reason) for state in ledger.traps()] == [(40, None)] * 2
        known = Traps(pages=50)
        known.load(ledger.traps())
        told = [known.ended(a_list(number)) for number in range(10)]
        ledger.apply(told[-1])
        known = Traps(pages=50)
        known.load(ledger.traps())
        assert known.closed(f"{BAO}/lich/9/1", "category") is not None
        ledger.open_scope("news", '{"tags":["x"]}')
        assert ledger.traps() == []


def test_little_is_remembered() -> None:
    known = Traps(pages=10)
    for number in range(3 * traps.KEPT):
        known.ended(a_list(number, path="/x{}".replace("{}", "".join(chr(97 + int(c)) for c in str(number)))))
        known.judge(f"{BAO}/a?x={number}&y=1", "category")
    assert len(known._barren) <= traps.KEPT
    assert len(known._orders) <= traps.KEPT


def test_hardly_any_key_is_mistaken() -> None:
    seen = Seen()
    assert sum(not seen.is_new(str(number)) for number in range(50_000)) == 0
    assert not any(seen.is_new(str(number)) for number in range(1000))
