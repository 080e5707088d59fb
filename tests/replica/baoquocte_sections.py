"""Addresses, sections, tags and topics of the replica's baoquocte.vn."""

# ruff: noqa: E501 - a section a line

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tests.replica.language import slug
from tests.replica.model import Label

BASE = datetime.fromisoformat("2026-11-20T12:00:00+07:00")
NEXT_DAY = datetime.fromisoformat("2026-11-21T12:00:00+07:00")
HOME = "https://baoquocte.vn"
EDITION_EN = "https://en.baoquocte.vn"
PUBLISHER = "Báo Thế giới và Việt Nam"
PUBLISHER_EN = "The World and Vietnam Report"


@dataclass(frozen=True, slots=True)
class Section:
    """A category of the menu with its sub-categories."""

    label: Label
    subs: tuple[Label, ...]


def _section(key: str, name: str, subs: str = "") -> Section:
    """``subs``: lines "key name"."""
    pairs = [line.strip().partition(" ") for line in subs.split(";") if line.strip()]
    labels = [Label(sub_name, f"{HOME}/{key}/{sub}", f"{key}/{sub}") for sub, _, sub_name in pairs]
    return Section(Label(name, f"{HOME}/{key}", key), tuple(labels))


_SECTIONS = (
    _section("thoi-su", "Thời sự", "suy-ngam Suy ngẫm; viet-nam-va-asean Việt Nam và ASEAN; phan-tich-chuyen-thoi-su Phân tích chuyện thời sự"),
    _section("the-gioi", "Thế giới", "toan-canh Toàn cảnh; tieu-diem Tiêu điểm; binh-luan Bình luận; ho-so Hồ sơ; doc-bao-nuoc-ngoai Đọc báo nước ngoài"),
    _section("ngoai-giao", "Ngoại giao", "tin-bo-ngoai-giao Tin Bộ Ngoại giao; bao-ho-cong-dan Bảo hộ công dân; chuyen-ngoai-giao Chuyện ngoại giao"),
    _section("kinh-te", "Kinh tế", "kinh-te-the-gioi Kinh tế thế giới; hoi-nhap-phat-trien Hội nhập - Phát triển; bat-dong-san Bất động sản; thuong-hieu-san-pham Thương hiệu - Sản phẩm"),
    _section("van-hoa", "Văn hóa", "di-san-van-hoa Di sản văn hóa; du-lich Du lịch; so-tay-van-hoa Sổ tay văn hóa"),
    _section("xa-hoi", "Xã hội", "giao-duc Giáo dục; doi-song Đời sống; y-te Y tế"),
    _section("the-thao", "Thể thao", "ngoai-hang-anh Ngoại hạng Anh; v-league V-League; cup-c1 Cup C1; sea-games SEA Games; world-cup World Cup"),
    _section("khoa-hoc-cong-nghe", "Công nghệ", "chuyen-doi-so Chuyển đổi số; kham-pha Khám phá; meo-hay Mẹo hay"),
    _section("infographic", "Infographic"),
    _section("emagazine", "eMagazine"),
    _section("tin-moi", "Mới nhất"),
    _section("tin-24h", "Tin 24h"),
    _section("bien-dong-247", "Biển Đông 24/7"),
    _section("nguoi-viet", "Người Việt"),
    _section("giai-tri", "Giải trí", "hau-truong Hậu trường; xem-nghe Xem - Nghe"),
    _section("o-to", "Ô tô+", "xe-moi Xe mới"),
)  # fmt: skip
TREE = {section.label.key: section for section in _SECTIONS}

_TAG_NAMES = (
    "chuyển đổi số", "kinh tế biển", "du lịch xanh", "Vịnh Xanh", "hợp tác quốc tế", "cà phê", "nhà ở xã hội",
    "ngoại giao nhân dân", "kiều bào", "học bổng", "bóng đá trẻ", "di sản", "làng nghề", "năng lượng sạch",
    "trí tuệ nhân tạo", "an toàn giao thông", "thiên tai", "vòng 1/8", "Veldania", "Torsk", "đàm phán",
    "khởi nghiệp", "xuất khẩu", "y tế cơ sở", "ẩm thực", "lễ hội", "chuyển nhượng", "vệ tinh", "Kim Giang", "Sông Trầm",
)  # fmt: skip
TAGS = tuple(
    Label(name, f"{HOME}/tag/{slug(name)}-{718 + 463 * n}.tag", str(718 + 463 * n)) for n, name in enumerate(_TAG_NAMES)
)
TOPICS = tuple(
    Label(name, f"{HOME}/chu-de/{slug(name)}.topic", slug(name))
    for name in (
        "Biển xanh và sinh kế bền vững", "Đàm phán ở Vịnh Xanh", "Chính quyền số vì người dân",
        "Mùa lễ hội 2026", "Bóng đá trẻ vươn tầm",
    )
)  # fmt: skip
