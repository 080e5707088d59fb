"""Addresses, categories, tags, papers and labels of the replica's vietnam.vn."""

# ruff: noqa: E501 - a list a line

from __future__ import annotations

from tests.replica.language import slug
from tests.replica.model import Label

WWW = "https://www.vietnam.vn"
STATIC = "https://vstatic.vietnam.vn/vietnam/resource/IMAGE"
THUMB = "https://vphoto.vietnam.vn/thumb"
SITE_NAME = "Vietnam.vn"
TAGLINE = "Vietnam.vn - Nền tảng quảng bá Việt Nam"
LANGUAGES = ("vi", "en")

# Field of the text generator → slug and names of the category.
CATEGORIES = {
    "thoi-su": ("chinh-tri", "Chính trị", "Political"),
    "the-gioi": ("the-gioi", "Thế giới", "World"),
    "ngoai-giao": ("viet-nam-hom-nay", "Việt Nam hôm nay", "Vietnam today"),
    "kinh-te": ("kinh-te", "Kinh tế", "Economy"),
    "van-hoa": ("van-hoa", "Văn hóa", "Culture"),
    "xa-hoi": ("xa-hoi", "Xã hội", "Society"),
    "the-thao": ("the-thao", "Thể thao", "Sports"),
    "khoa-hoc-cong-nghe": ("cong-nghe", "Công nghệ", "Technology"),
}
TAG_NAMES = (
    "giá lúa gạo", "chuyển đổi số", "du lịch biển", "ẩm thực", "bóng đá nữ", "Tết 2027", "kinh tế xanh", "đô thị thông minh",
    "làng nghề", "học bổng", "sức khỏe cộng đồng", "Kim Giang", "Sông Trầm", "hợp tác quốc tế", "di sản", "khởi nghiệp",
    "giao thông", "nông sản", "vệ tinh", "lễ hội",
)  # fmt: skip
PAPERS = (
    ("Báo Đồng Sen", "baodongsen.example"), ("Báo Vĩnh Hà", "baovinhha.example"), ("Hải Thanh Online", "haithanh.example"),
    ("Kim Giang Today", "kimgiang.example"), ("Tạp chí Sông Trầm", "tapchisongtram.example"), ("Báo Mộc Sơn", "baomocson.example"),
)  # fmt: skip

LABELS = {
    "vi": {
        "home": "Trang chủ", "source": "Nguồn", "comment": "Bình luận (0)", "invite": "Hãy bình luận để chia sẻ cảm nhận của bạn!",
        "tag": "Cùng chủ đề", "category": "Cùng chuyên mục", "author": "Cùng tác giả",
        "promo": ("Di sản", "Nhân vật", "Doanh nghiệp", "Tin tức", "Hệ thống Chính trị", "Điểm đến", "Sản phẩm"),
    },
    "en": {
        "home": "Home", "source": "Source", "comment": "Comment (0)", "invite": "Please leave a comment to share your feelings!",
        "tag": "Same tag", "category": "Same category", "author": "Same author",
        "promo": ("Heritage", "Figure", "Enterprise", "News", "Political System", "Destination", "Product"),
    },
}  # fmt: skip


def prefix(language: str) -> str:
    return "" if language == "vi" else f"/{language}"


def category(field: str, language: str) -> Label:
    key, vietnamese, english = CATEGORIES[field]
    return Label(vietnamese if language == "vi" else english, f"{WWW}{prefix(language)}/category/{key}", key)


def tag(n: int, language: str) -> Label:
    name = TAG_NAMES[n % len(TAG_NAMES)]
    return Label(name, f"{WWW}{prefix(language)}/tag/{slug(name)}", slug(name))


def author(paper: str, language: str) -> Label:
    """The page of a paper's articles."""
    return Label(paper, f"{WWW}{prefix(language)}/authors/{slug(paper)}", slug(paper))
