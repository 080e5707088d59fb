"""Bylines and captions: tables of the forms that newspapers print. All names are made up."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.byline import split_byline, split_caption

BYLINES: list[tuple[str, list[str], list[str]]] = [
    # (byline, "name/role" …, agencies); no role means author
    ("Trần Minh Quân", ["Trần Minh Quân"], []),
    ("Minh Quân, Thu Hà", ["Minh Quân", "Thu Hà"], []),
    ("Minh Quân - Thu Hà", ["Minh Quân", "Thu Hà"], []),
    ("Minh Quân – Thu Hà", ["Minh Quân", "Thu Hà"], []),
    ("Minh Quân và Thu Hà", ["Minh Quân", "Thu Hà"], []),
    ("Minh Quân & Thu Hà", ["Minh Quân", "Thu Hà"], []),
    ("Minh Quân; Thu Hà | Hải Anh", ["Minh Quân", "Thu Hà", "Hải Anh"], []),
    ("Minh Quân/Thu Hà", ["Minh Quân", "Thu Hà"], []),
    ("Minh Quân, Minh Quân", ["Minh Quân"], []),
    ("  MINH\xa0QUÂN.  ", ["MINH QUÂN"], []),
    ("TS. Lê Thu Hà", ["TS. Lê Thu Hà"], []),
    ("Đài Trang - Bảo Châu", ["Đài Trang", "Bảo Châu"], []),
    ("Bàn Văn Phát", ["Bàn Văn Phát"], []),
    ("Jean-Pierre Dumont", ["Jean-Pierre Dumont"], []),
    # roles before names
    ("Bài: Minh Quân - Ảnh: Thu Hà", ["Minh Quân", "Thu Hà/photo"], []),
    ("Bài và ảnh: Minh Quân", ["Minh Quân", "Minh Quân/photo"], []),
    ("Bài, ảnh: Minh Quân", ["Minh Quân", "Minh Quân/photo"], []),
    ("Tin, ảnh: Minh Quân - Thu Hà", ["Minh Quân", "Minh Quân/photo", "Thu Hà", "Thu Hà/photo"], []),
    ("Minh Quân (bài và ảnh)", ["Minh Quân", "Minh Quân/photo"], []),
    ("Minh Quân (ảnh: Thu Hà)", ["Minh Quân", "Thu Hà/photo"], []),
    ("Ảnh: Minh Quân", ["Minh Quân/photo"], []),
    ("Thực hiện: Minh Quân", ["Minh Quân"], []),
    ("Nhóm PV: Minh Quân, Thu Hà", ["Minh Quân", "Thu Hà"], []),
    ("Nội dung: Minh Quân. Thiết kế: Thu Hà", ["Minh Quân", "Thu Hà"], []),
    ("Biên dịch: Thu Hà", ["Thu Hà/translator"], []),
    ("Người dịch: Thu Hà", ["Thu Hà/translator"], []),
    ("Tổng hợp: Thu Hà", ["Thu Hà/compiler"], []),
    ("Minh Quân. Biên tập: Thu Hà", ["Minh Quân"], []),
    # roles after names
    ("Thu Hà (dịch)", ["Thu Hà/translator"], []),
    ("Thu Hà dịch", ["Thu Hà/translator"], []),
    ("Thu Hà (lược dịch)", ["Thu Hà/translator"], []),
    ("Paul Martin (Paris), Thu Hà (dịch)", ["Paul Martin", "Thu Hà/translator"], []),
    ("Thu Hà (tổng hợp)", ["Thu Hà/compiler"], []),
    ("Minh Quân, Thu Hà (tổng hợp)", ["Minh Quân/compiler", "Thu Hà/compiler"], []),
    ("Minh Quân - Thu Hà (T/h)", ["Minh Quân/compiler", "Thu Hà/compiler"], []),
    ("Thu Hà (TH)", ["Thu Hà/compiler"], []),
    ("Thu Hà tổng hợp", ["Thu Hà/compiler"], []),
    ("Thu Hà (Tổng hợp từ Reuters, AFP)", ["Thu Hà/compiler"], ["Reuters", "AFP"]),
    ("Thu Hà (tổng hợp theo AP)", ["Thu Hà/compiler"], ["AP"]),
    ("Thu Hà (dịch từ Kyodo)", ["Thu Hà/translator"], ["Kyodo"]),
    # agencies, and where the text was taken from
    ("TTXVN", [], ["TTXVN"]),
    ("Thông tấn xã Việt Nam", [], ["TTXVN"]),
    ("Theo TTXVN", [], ["TTXVN"]),
    ("(Theo Reuters, AFP)", [], ["Reuters", "AFP"]),
    ("Theo Tân Hoa xã", [], ["Xinhua"]),
    ("Theo hãng tin Yonhap", [], ["Yonhap"]),
    ("Theo Lao Động", [], []),
    ("Minh Quân/VOV-Paris", ["Minh Quân"], []),
    ("Theo Minh Quân", [], []),
    ("Nguồn: Sputnik, TASS", [], ["Sputnik", "TASS"]),
    ("Minh Quân (TTXVN)", ["Minh Quân"], ["TTXVN"]),
    ("Minh Quân/TTXVN", ["Minh Quân"], ["TTXVN"]),
    ("Minh Quân (TTXVN/Vietnam+)", ["Minh Quân"], ["TTXVN"]),
    ("Minh Quân (theo Reuters)", ["Minh Quân"], ["Reuters"]),
    ("Minh Quân theo Bloomberg", ["Minh Quân"], ["Bloomberg"]),
    ("PV TTXVN tại Hà Nội", [], ["TTXVN"]),
    ("Ani Nguyễn, Ani", ["Ani Nguyễn", "Ani"], []),
    # nobody
    ("PV", [], []),
    ("P.V", [], []),
    ("Nhóm PV", [], []),
    ("Nhóm phóng viên", [], []),
    ("PV Minh Quân", ["Minh Quân"], []),
    ("Phóng viên Minh Quân từ Paris", ["Minh Quân"], []),
    ("Ban Biên tập", [], []),
    ("Tòa soạn", [], []),
    ("admin", [], []),
    ("By admin", [], []),
    ("Administrator", [], []),
    ("Báo Thế giới và Việt Nam", [], []),
    ("Báo Thế giới & Việt Nam", [], []),
    ("TG&VN", [], []),
    ("Baoquocte.vn", [], []),
    ("toasoan@example.vn", [], []),
    ("Minh Quân | 10:15 22/10/2024", ["Minh Quân"], []),
    ("(tổng hợp)", [], []),
    ("...", [], []),
    ("", [], []),
    ("Chữ " * 100, [], []),
    # English
    ("By John Carter", ["John Carter"], []),
    ("by John Carter and Jane Lowe in London", ["John Carter", "Jane Lowe"], []),
    ("Reporting by John Carter; Editing by Jane Lowe", ["John Carter"], []),
    ("Text and photos: Jane Lowe", ["Jane Lowe", "Jane Lowe/photo"], []),
    ("John Carter, Photo by Jane Lowe", ["John Carter", "Jane Lowe/photo"], []),
    ("Translated by Jane Lowe", ["Jane Lowe/translator"], []),
    ("John Carter, Associated Press", ["John Carter"], ["AP"]),
    ("Daily Mail Reporter", [], []),
    ("Web Desk", [], []),
    ("IANS", [], ["IANS"]),
]


@pytest.mark.parametrize(("byline", "people", "agencies"), BYLINES)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_split_byline(byline: str, people: list[str], agencies: list[str], form: str) -> None:
    authors, found = split_byline(unicodedata.normalize(form, byline))
    expected = [tuple((person + "/author").split("/")[:2]) for person in people]
    assert [(author.name, author.role) for author in authors] == expected
    assert found == agencies


def test_the_page_s_own_papers_are_nobody() -> None:
    assert [author.name for author in split_byline("Minh Quân, Báo mới sáng", ["Thời Sáng"])[0]] == ["Minh Quân"]
    assert split_byline("THỜI SÁNG", ["Thời Sáng"]) == ([], [])
    assert [author.name for author in split_byline("Minh Quân - Thời sáng", ["Thời Sáng"])[0]] == ["Minh Quân"]
    assert [author.name for author in split_byline("Minh Quân - Thời sáng")[0]] == ["Minh Quân", "Thời sáng"]


@pytest.mark.parametrize("byline", [None, "", " ", "\u200b"])
def test_no_byline(byline: str | None) -> None:
    assert split_byline(byline) == ([], [])


CAPTIONS = [
    ("Cảnh họp. (Nguồn: TTXVN)", "Cảnh họp.", "TTXVN"),
    ("Cảnh họp (Nguồn: TTXVN).", "Cảnh họp", "TTXVN"),
    ("Cảnh họp. Ảnh: Minh Quân", "Cảnh họp.", "Minh Quân"),
    ("Cảnh họp - Ảnh: Minh Quân.", "Cảnh họp", "Minh Quân"),
    ("Cảnh họp (Ảnh: Minh Quân)", "Cảnh họp", "Minh Quân"),
    ("Cảnh họp (ảnh: Minh Quân)", "Cảnh họp", "Minh Quân"),
    ("Cảnh họp. (Ảnh: Minh Quân/TTXVN)", "Cảnh họp.", "Minh Quân/TTXVN"),
    ("Cảnh họp. (Ảnh minh họa: Internet)", "Cảnh họp.", "Internet"),
    ("Cảnh họp. (Ảnh chụp màn hình: VTV)", "Cảnh họp.", "VTV"),
    ("Cảnh họp. Ảnh tư liệu: Thu Hà", "Cảnh họp.", "Thu Hà"),
    ("Cảnh họp. Nguồn ảnh: Reuters", "Cảnh họp.", "Reuters"),
    ("Cảnh họp. [Nguồn: AFP]", "Cảnh họp.", "AFP"),
    ("Cảnh họp. (AFP)", "Cảnh họp.", "AFP"),
    ("Cảnh họp. (Reuters/TTXVN)", "Cảnh họp.", "Reuters/TTXVN"),
    ("Cảnh họp. (Ảnh TTXVN)", "Cảnh họp.", "TTXVN"),
    ("Cảnh họp (giữa) và đoàn (trái). (Nguồn: TTXVN (tư liệu))", "Cảnh họp (giữa) và đoàn (trái).", "TTXVN (tư liệu)"),
    ("The meeting. Photo: John Carter", "The meeting.", "John Carter"),
    ("The meeting. (Photo by: John Carter)", "The meeting.", "John Carter"),
    ("The meeting. Source: AP", "The meeting.", "AP"),
    ("Ảnh: Minh Quân", None, "Minh Quân"),
    ("(Nguồn: TTXVN)", None, "TTXVN"),
    ("Photo: AP", None, "AP"),
    # no credit
    ("Cảnh họp.", "Cảnh họp.", None),
    ("Cảnh họp (Hà Nội)", "Cảnh họp (Hà Nội)", None),
    ("Cảnh họp (ảnh minh họa)", "Cảnh họp (ảnh minh họa)", None),
    ("Trong ảnh: Cụ bà bên hiên nhà.", "Trong ảnh: Cụ bà bên hiên nhà.", None),
    ("Nguồn nước sạch đã về bản.", "Nguồn nước sạch đã về bản.", None),
    (
        "Ảnh: Đoàn cứu hộ dọn bùn ở cổng trường trong buổi sáng đầu tuần sau bão.",
        "Ảnh: Đoàn cứu hộ dọn bùn ở cổng trường trong buổi sáng đầu tuần sau bão.",
        None,
    ),
    (
        "Ảnh: Đoàn cứu hộ dọn bùn. Nguồn: Thu Hà",
        "Ảnh: Đoàn cứu hộ dọn bùn.",
        "Thu Hà",
    ),
    ("", None, None),
    ("\u200b ", None, None),
    (None, None, None),
]


@pytest.mark.parametrize(("text", "caption", "credit"), CAPTIONS)
def test_split_caption(text: str | None, caption: str | None, credit: str | None) -> None:
    assert split_caption(text) == (caption, credit)
    assert split_caption(text and unicodedata.normalize("NFD", text)) == (caption, credit)


@given(
    st.text(st.sampled_from("Ảnh Nguồn: (Theo)Bài,và-/. TTXVN dịch tổng hợp PV A\u0301"), max_size=80)
    | st.text(max_size=80)
)
def test_anything_is_read(text: str) -> None:
    authors, agencies = split_byline(text)
    assert all(author.name == author.name.strip() != "" for author in authors)
    assert len(set(agencies)) == len(agencies)
    caption, credit = split_caption(text)
    assert caption != ""
    assert credit != ""
