"""The generic extraction: what it finds, how a dispute is settled, and that it stays off the network."""

import socket
from time import process_time
from typing import Any

import pytest

from crawler import generic
from crawler.generic import dice, paragraphs

TEXT = [
    "Sáng đầu tháng, hơn bốn mươi người vác tre ra bãi, người cưa, người đục, người buộc dây, ai cũng có việc.",
    "Chiếc cầu cũ trôi theo con nước hồi tháng Sáu, từ đó học trò phải đi vòng gần năm cây số mới tới lớp.",
    "Ông Tư bảo tre già chịu nước tốt hơn sắt, mỗi mùa khô chỉ cần thay vài nhịp, đừng đợi gãy mới lo.",
    "Chiều hôm khánh thành, người đầu tiên qua cầu là một bà cụ gánh rau, vừa đi vừa cười với đám trẻ.",
]
MENU = "<nav><ul>" + "".join(f'<li><a href="/muc-{n}">Mục số {n}</a></li>' for n in range(12)) + "</ul></nav>"
FOOT = '<footer><p>Bản tin Bến Sông, giấy phép thử nghiệm.</p><a href="/lien-he">Liên hệ</a></footer>'


def document(body: str) -> str:
    return f"<!DOCTYPE html><html lang='vi'><head><title>Cầu tre</title></head><body>{MENU}{body}{FOOT}</body></html>"


ARTICLE = "".join(f"<p>{text}</p>" for text in TEXT)


@pytest.mark.parametrize(
    "frame", ["<article>{}</article>", "<div id='noi-dung'><div>{}</div></div>", "<main><section>{}</section></main>"]
)
def test_the_text_without_menu_and_footer(frame: str) -> None:
    assert paragraphs(document(frame.format(ARTICLE))) == TEXT


def test_no_connection_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Any] = []

    def refuse(*args: Any, **kwargs: Any) -> Any:
        tried.append(args)
        raise OSError("no network in this test")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    pictures = '<img src="https://bensong.example/a.jpg"><iframe src="https://bensong.example/v"></iframe>'
    assert paragraphs(document(f"<article>{pictures}{ARTICLE}</article>")) == TEXT
    assert tried == []


@pytest.mark.parametrize(
    ("first", "judge", "third", "taken"),
    [
        ("abcdef", "abcdef", "uvwxyz", "abcdef"),  # agreed: the third is not asked
        ("abcdef", "uvwxyz", "uvwxyz", "uvwxyz"),  # disputed: the nearer one
        ("abcdef", "abuvwx", "abuvwxyz", "abuvwxyz"),
        ("", "uvwxyz", "uvwxyz", "uvwxyz"),
        ("", "uvwxyz", "", "uvwxyz"),  # the judge's own text is better than none
        ("abcdef", "", "", "abcdef"),
        ("", "", "", ""),
    ],
)
def test_disputes(monkeypatch: pytest.MonkeyPatch, first: str, judge: str, third: str, taken: str) -> None:
    def opinion(text: str) -> Any:
        return lambda _: [" ".join(text)] if text else []

    monkeypatch.setattr(generic, "_trafilatura", opinion(first))
    monkeypatch.setattr(generic, "_resiliparse", opinion(judge))
    monkeypatch.setattr(generic, "_readability", opinion(third))
    assert paragraphs("<p>x</p>") == ([" ".join(taken)] if taken else [])


def test_a_library_that_fails_does_not_cost_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str) -> list[str]:
        raise RuntimeError("a bug of the library")

    monkeypatch.setattr(generic, "_trafilatura", broken)
    assert paragraphs(document(f"<article>{ARTICLE}</article>")) == TEXT


@pytest.mark.parametrize("text", ["", " ", "<html></html>", "không phải HTML", "<p>", "\x00\x00", "<div>" * 400])
def test_pages_without_text(text: str) -> None:
    assert all(isinstance(found, str) for found in paragraphs(text))


def test_libraries_print_no_stack_traces_of_odd_pages(caplog: pytest.LogCaptureFixture) -> None:
    assert paragraphs("") == []  # two of them say so at length
    assert not caplog.records


@pytest.mark.parametrize(
    ("one", "other", "want"),
    [
        (["a b c d e"], ["a b c d e"], 1.0),
        (["a b c d e"], ["a b c d", "e"], 1.0),  # paragraphs do not count
        (["a b c d e"], ["a b c d x"], 0.5),
        (["hòa"], ["hòa"], 1.0),  # one composed, one not
        (["a b"], [], 0.0),
        ([], [], 0.0),
    ],
)
def test_dice(one: list[str], other: list[str], want: float) -> None:
    assert dice(one, other) == want
    assert dice(other, one) == want


def test_what_the_libraries_have_no_limits_for_is_not_given_to_them() -> None:
    """One of them brings text into NFC, which takes hours for a million marks on a letter."""
    page = "<html><body><article>" + "<p>Ghe xuồng về bến từ khi trời chưa sáng, chợ họp rồi.</p>" * 20 + "{}</article>"
    began = process_time()
    assert paragraphs(page.format("a" + "\u0301\u0327" * 200_000))
    assert paragraphs(page.format("&#769;&#807;" * 200_000)) == []
    assert paragraphs(page.format("x" * 2_000_000)) == []
    assert paragraphs(page.format("<p>Ghe xuồng về bến.</p>" * 30_000)) == []
    assert process_time() - began < 20
