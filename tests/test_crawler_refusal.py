"""Walls, soft 404 and shells: each told with its reason, and no story taken for one."""

# ruff: noqa: E501 - markup stands in lines as on the sites

import pytest
from scrapy.http import Response

from crawler.refusal import WALLS, by_headline
from spiders.baoquocte_vn import BaoquocteSpider
from spiders.news import AnyNewsSpider

URL = "https://bensong.example/doi-song/hoi-dua-ghe-tren-song-10311.html"
OWN = "https://baoquocte.vn/hoi-dua-ghe-tren-song-410311.html"
STORY = [
    "Từ mờ sáng, hai bên bờ đã chật người. Ghe của mười bốn xã nối đuôi nhau về vạch xuất phát, mái chèo sơn đỏ sơn xanh dựng đều như một hàng rào, tiếng trống giục vang khắp mặt nước.",
    "Đội ghe xóm Cồn năm nay toàn tay chèo trẻ. Họ tập suốt ba tháng, cứ tan buổi đồng là ra bến, có hôm chèo tới khuya dưới ánh đèn bình ắc quy mắc trên cọc tràm.",
    "Ông Bảy, người cầm lái hơn ba mươi mùa hội, đứng trên bờ mà tay vẫn đánh nhịp. Ông bảo nước ròng thì phải nương, nước lớn mới được bung sức, hiểu con nước hơn nhau chỗ đó.",
    "Chung cuộc, ghe xóm Cồn về nhì, kém đúng một mũi ghe. Không ai buồn: bữa cơm chiều hôm ấy, nồi cháo vịt nấu chung cho cả hai đội, người thắng múc trước cho người thua.",
]  # fmt: skip
LONG = "".join(f"<p>{text}</p>" for text in STORY)
HEAD = "<title>Hội đua ghe trên sông</title>"
PAID = '<script type="application/ld+json">{"@type": "NewsArticle", "headline": "Hội đua ghe trên sông", "isAccessibleForFree": "False"}</script>'
ASK = "<script>start()</script>"

WALLED = [
    # a browser check
    ("challenge", "<title>Just a moment...</title><h1>bensong.example</h1><p>Enable JavaScript and cookies to continue</p>"),
    ("challenge", "<title>Attention Required! | Cloudflare</title><h1>Sorry, you have been blocked</h1>"),
    ("challenge", "<title>bensong.example</title><div id='challenge-error-text'>Enable JavaScript and cookies to continue</div>"),
    ("challenge", "<title>Vui lòng chờ giây lát</title><p>Đang kiểm tra kết nối của bạn.</p>"),
    ("challenge", "<title>Pardon Our Interruption</title><h1>Pardon Our Interruption...</h1><p>Something about your browser made us think you were a bot.</p>"),
    ("challenge", "<title>Access Denied</title><h1>Access Denied</h1><p>Reference #18.</p>"),
    # a question for people only
    ("captcha", "<title>bensong.example</title><h1>Verify you are human</h1><div class='h-captcha'></div>"),
    ("captcha", "<title>Xác minh bạn không phải robot</title><form><div class='g-recaptcha'></div></form>"),
    ("captcha", f"{HEAD}<p>Vui lòng nhập các chữ trong hình.</p><form><input id='captcha'></form>"),
    ("captcha", "<title>Security check</title><iframe src='https://captcha.example/x'></iframe><p>One more step.</p>"),
    # consent before anything
    ("consent", "<title>Before you continue</title><h1>Before you continue to Bến Sông</h1><p>We use cookies and data to deliver our services.</p><form><button>Accept all</button></form>"),
    ("consent", "<title>Chúng tôi tôn trọng quyền riêng tư của bạn</title><p>Bản tin và các đối tác lưu thông tin trên thiết bị của bạn.</p>"),
    ("consent", "<title>bensong.example</title><div id='consent-page'><h2>Your choice</h2><p>Accept cookies to go on.</p></div>"),
    # a door with a key
    ("login", "<title>Đăng nhập | Bản tin Bến Sông</title><form><input type='password'></form>"),
    ("login", "<title>Log in to Bến Sông</title><h1>Log in</h1><form><input name='p' type='password'></form>"),
    ("login", f"{HEAD}<h1>Hội đua ghe trên sông</h1><p>Bài này cần tài khoản.</p><form><input type='password'></form>"),
    # the beginning of a story
    ("paywall", f"{HEAD}<article><h1>Hội đua ghe trên sông</h1><p>{STORY[0]}</p><div class='offer'><p>Subscribe now to continue reading.</p></div></article>"),
    ("paywall", f"{HEAD}<article><h1>Hội đua ghe trên sông</h1><p>{STORY[0]}</p><p>Đăng ký gói tháng để đọc tiếp</p></article>"),
    ("paywall", f"{HEAD}{PAID}<article><h1>Hội đua ghe trên sông</h1><p>{STORY[0]}</p><p>{STORY[1]}</p></article>"),
    ("paywall", f"{HEAD}<article><h1>Hội đua ghe trên sông</h1><p>{STORY[0]}</p><p>Nội dung dành riêng cho thuê bao.</p></article>"),
    # nothing there
    ("soft404", "<title>404</title><h1>404 Not Found</h1>"),
    ("soft404", f"<title>Không tìm thấy trang - Bản tin Bến Sông</title><h1>Xin lỗi</h1>{LONG}"),
    ("soft404", "<title>Bến Sông</title><h1>Bài viết đã bị gỡ</h1><p>Mời bạn đọc tin khác.</p>"),
    ("soft404", "<title>Bến Sông</title><h1>Sorry</h1><p>The page you are looking for doesn't exist or has moved.</p>"),
    ("soft404", "<title>This article is no longer available</title><p>Try our front page.</p>"),
    ("soft404", "<title>Bến Sông</title><link rel='canonical' href='/'><h1>Bản tin Bến Sông</h1><p>Tin mới trong ngày, cập nhật liên tục.</p>"),
    # scripts would have to write it first
    ("empty_shell", f"<title>Bến Sông</title><div id='root'></div>{ASK}"),
    ("empty_shell", f"<title>Hội đua ghe</title><noscript>You need to enable JavaScript to run this app.</noscript><div id='__next'></div><footer><p>Bản tin Bến Sông, giấy phép thử nghiệm.</p></footer>{ASK}"),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "html"), WALLED)
@pytest.mark.parametrize(("spider", "url"), [(AnyNewsSpider, URL), (BaoquocteSpider, OWN)])
def test_a_wall_is_told_and_is_no_article(spider: type[AnyNewsSpider], url: str, reason: str, html: str) -> None:
    page = spider.page(Response(url, body=html.encode(), headers={"Content-Type": "text/html; charset=utf-8"}))
    assert page.refusal() == reason
    assert not page.is_article()
    assert page.is_challenge() is (reason in WALLS)


STORIES = [
    f"{HEAD}<article><h1>Hội đua ghe trên sông</h1>{LONG}</article>",
    # what walls have stands on any page too: a comment form, a consent bar, a meter
    f"{HEAD}<article><h1>Hội đua ghe trên sông</h1>{LONG}</article><form><input type='password'><div class='g-recaptcha'></div></form>",
    f"{HEAD}<div id='cookie-consent'><p>We use cookies.</p></div><article><h1>Hội đua ghe trên sông</h1>{LONG}</article>",
    f"{HEAD}<article><h1>Hội đua ghe trên sông</h1>{LONG}<p>Subscribe now to continue reading.</p></article>",
    f"{HEAD}{PAID}<article><h1>Hội đua ghe trên sông</h1>{LONG}</article>",  # all of it was delivered
    # headlines that begin like those of a wall
    f"<title>404 hộ dân có nước sạch</title><article><h1>404 hộ dân có nước sạch</h1>{LONG}</article>",
    f"<title>Không tìm thấy chiếc ghe trôi trên sông đêm qua</title><article><h1>Không tìm thấy chiếc ghe trôi trên sông đêm qua</h1>{LONG}</article>",
    f"<title>Đăng nhập sổ hội từ năm 1954</title><article><h1>Đăng nhập sổ hội từ năm 1954</h1>{LONG}</article>",
    # a short one, with the address of the front page nowhere
    f"{HEAD}<article><h1>Hội đua ghe trên sông</h1><p>{STORY[0]}</p></article>",
    f"{HEAD}{ASK}<article><h1>Hội đua ghe trên sông</h1><p>{STORY[1]}</p></article>",
]  # fmt: skip


@pytest.mark.parametrize("html", STORIES)
def test_no_story_is_taken_for_a_wall(html: str) -> None:
    page = AnyNewsSpider.page(Response(URL, body=html.encode(), headers={"Content-Type": "text/html; charset=utf-8"}))
    assert page.refusal() is None
    assert page.is_article()


@pytest.mark.parametrize(
    ("headline", "reason"),
    [
        ("Error 404", "soft404"),
        ("410 Gone", "soft404"),
        ("Trang bạn tìm không tồn tại", "soft404"),
        ("Oops! Something went wrong", "soft404"),
        ("Please verify you are a human", "captcha"),
        ("Are you a robot?", "captcha"),
        ("Cookie Consent", "consent"),
        ("Sign in | Bến Sông", "login"),
        ("Login", "login"),
        ("Oops", "soft404"),
        ("Robots replace rowers at a village race", None),
        ("Privacy law passes", None),
        ("Access to the river denied", None),
        ("Nobody could log in after the storm", None),
        ("", None),
    ],
)
def test_headlines(headline: str, reason: str | None) -> None:
    assert by_headline(["Bến Sông", headline]) == reason
