"""A small paper whose pages do everything that a page can do to a browser: every kind of request, and every mischief.

Each page is an article, so that a crawl has a row to write whatever the page tries. ``KINDS`` is the truth of the page
that asks in every way: by name, method, host and path of each request that a browser makes for it.
"""

from __future__ import annotations

import json

from tests.replica.media import jpeg
from tests.replica.message import Answer, Request

HOST, API = "ben-la.example", "api.ben-la.example"
HOME = f"https://{HOST}"
TEXT = (
    "Sáng nay, hàng trăm người dân xã Bến Lá đã ra bờ sông để xem đội thuyền thúng đầu tiên của mùa nước nổi về.",
    "Theo ban tổ chức, mỗi chuyến đi kéo dài chừng ba tiếng, đủ để khách nghe hết một làn điệu hò của người chèo đò.",
    "Chính quyền địa phương cho biết sẽ mở thêm hai bến nhỏ trước cuối năm, nhưng giữ nguyên hàng bần ven sông.",
)
KINDS = {
    "document": ("GET", HOST, "/moi-cach.html"),
    "style": ("GET", HOST, "/kieu.css"),
    "imported style": ("GET", HOST, "/kieu-nhap.css"),
    "font": ("GET", HOST, "/chu.woff2"),
    "script": ("GET", HOST, "/ma.js"),
    "module": ("GET", HOST, "/mo-dun.js"),
    "image": ("GET", HOST, "/anh.jpg"),
    "lazy image": ("GET", HOST, "/anh-cham.jpg"),  # comes when it is scrolled to
    "frame": ("GET", HOST, "/khung.html"),
    "script in a frame": ("GET", HOST, "/trong-khung.js"),
    "fetch": ("GET", HOST, "/lay.json"),
    "XHR": ("GET", HOST, "/xhr.json"),
    "POST": ("POST", HOST, "/gui"),
    "HEAD": ("HEAD", HOST, "/dau"),
    "range": ("GET", HOST, "/mot-phan"),
    "large answer": ("GET", HOST, "/lon"),
    "redirect": ("GET", HOST, "/chuyen-1"),
    "second redirect": ("GET", HOST, "/chuyen-2"),
    "where redirects lead": ("GET", HOST, "/chuyen-3.jpg"),
    "preflight": ("OPTIONS", API, "/hoi-truoc"),
    "another host": ("PUT", API, "/hoi-truoc"),
    "cookie": ("GET", HOST, "/banh.json"),  # with the one that /lay.json set
    "worker": ("GET", HOST, "/tho.js"),
    "fetch of a worker": ("GET", HOST, "/tho.json"),
    "shared worker": ("GET", HOST, "/tho-chung.js"),
    "fetch of a shared worker": ("GET", HOST, "/tho-chung.json"),
    "service worker": ("GET", HOST, "/phuc-vu.js"),
    "fetch of a service worker": ("GET", HOST, "/phuc-vu.json"),
    "prefetch": ("GET", HOST, "/tai-truoc.html"),
    "beacon": ("POST", HOST, "/den-hieu"),
    "event source": ("GET", HOST, "/su-kien"),
    "window": ("GET", HOST, "/cua-so.html"),
    "script in a window": ("GET", HOST, "/trong-cua-so.js"),
}
COOKIE = "ben=la"
LARGE = 5 * 1024 * 1024  # bytes

EVERY_WAY = """
<link rel="stylesheet" href="/kieu.css"><link rel="prefetch" href="/tai-truoc.html">
<script src="/ma.js"></script><script type="module" src="/mo-dun.js"></script>
<img src="/anh.jpg"><img src="/chuyen-1"><iframe src="/khung.html"></iframe>
<p style="font-family: ChuRieng">chữ riêng</p>
<div style="height: 6000px"></div><img src="/anh-cham.jpg" loading="lazy" width="16" height="8">
<script>
fetch("/lay.json").then(() => fetch("/banh.json")); fetch("/dau", {method: "HEAD"});
fetch("/gui", {method: "POST", body: "xin chào"});
fetch("/mot-phan", {headers: {Range: "bytes=2-5"}}).then(a => a.text()).then(t => document.body.dataset.part = t);
fetch("/lon").then(a => a.arrayBuffer()).then(b => document.body.dataset.large = b.byteLength);
const xhr = new XMLHttpRequest(); xhr.open("GET", "/xhr.json"); xhr.send();
fetch("https://api.ben-la.example/hoi-truoc", {method: "PUT", headers: {"X-Rieng": "1"}, body: "{}"});
new Worker("/tho.js"); new SharedWorker("/tho-chung.js"); navigator.serviceWorker.register("/phuc-vu.js");
navigator.sendBeacon("/den-hieu", "toi"); new EventSource("/su-kien").onerror = e => e.target.close();
window.open("/cua-so.html");
</script>"""


class BenLa:
    """``mischief`` is the canary's port on this machine; ``busy`` and ``consent`` are harmless."""

    hosts = (HOST, API)

    def __init__(self, canary: int = 9) -> None:
        script = ("Content-Type", "application/javascript")
        html, data = ("Content-Type", "text/html; charset=utf-8"), ("Content-Type", "application/json")
        style = ("Content-Type", "text/css")
        self._pages = {
            "/moi-cach.html": article("Mọi cách hỏi ở bến Lá", EVERY_WAY),
            "/hiem-hoc.html": article("Trang hiểm hóc ở bến Lá", mischief(canary)),
            "/khong-yen.html": article("Trang không lúc nào yên", BUSY),
            "/dong-y.html": article("Trang hỏi ý kiến trước", CONSENT),
            "/treo.html": article("Trang treo máy", "<script>setTimeout(() => { while (true) {} }, 300)</script>"),
        }
        css = b'@import "/kieu-nhap.css"; @font-face { font-family: ChuRieng; src: url(/chu.woff2); }'
        self._files: dict[str, tuple[tuple[str, str], bytes]] = {
            "/kieu.css": (style, css),
            "/kieu-nhap.css": (style, b"h1 { color: teal }"),
            "/ma.js": (script, b"document.title += '.';"),
            "/mo-dun.js": (script, b"export default 1;"),
            "/trong-khung.js": (script, b"1;"),
            "/trong-cua-so.js": (script, b"2;"),
            "/tho.js": (script, b"fetch('/tho.json');"),
            "/tho-chung.js": (script, b"fetch('/tho-chung.json');"),
            "/phuc-vu.js": (script, b"fetch('/phuc-vu.json');"),
            "/khung.html": (html, b'<script src="/trong-khung.js"></script>'),
            "/cua-so.html": (html, b'<script src="/trong-cua-so.js"></script>'),
            "/tai-truoc.html": (html, b"<p>sau"),
            "/lon": (("Content-Type", "application/octet-stream"), b"0123456789abcdef" * (LARGE // 16)),
            "/su-kien": (("Content-Type", "text/event-stream"), b"data: 1\n\n"),
            "/tep.zip": (("Content-Type", "application/zip"), b"PK\x05\x06" + bytes(18)),
        }
        for name in ("lay.json", "xhr.json", "banh.json", "tho.json", "tho-chung.json", "phuc-vu.json", "gui", "dau"):
            self._files[f"/{name}"] = (data, b"{}")

    def respond(self, request: Request) -> Answer:
        path = request.target.partition("?")[0]
        if path == "/robots.txt":
            return Answer(200, "OK", [("Content-Type", "text/plain")], b"User-agent: *\nDisallow: /cam/\n")
        if request.host == API:
            allow = [(f"Access-Control-Allow-{name}", value) for name, value in ALLOWED]
            return Answer(204 if request.method == "OPTIONS" else 200, "OK", allow, b"")
        if path in self._pages:
            return Answer(200, "OK", [("Content-Type", "text/html; charset=utf-8")], self._pages[path].encode())
        if path in ("/chuyen-1", "/chuyen-2"):
            target = "/chuyen-2" if path == "/chuyen-1" else "/chuyen-3.jpg"
            return Answer(302, "Found", [("Location", target)], b"")
        if path == "/mot-phan":
            head = [("Content-Type", "text/plain"), ("Content-Range", "bytes 2-5/10")]
            return Answer(206, "Partial Content", head, b"2345")
        if path.endswith(".jpg"):
            return Answer(200, "OK", [("Content-Type", "image/jpeg")], jpeg(path.encode()))
        if path in self._files:
            kind, body = self._files[path]
            extra = [("Set-Cookie", f"{COOKIE}; Path=/")] if path == "/lay.json" else []
            return Answer(200, "OK", [kind, *extra], body)
        return Answer(404, "Not Found", [("Content-Type", "text/plain")], b"")


ALLOWED = (("Origin", HOME), ("Methods", "PUT"), ("Headers", "x-rieng"))
BUSY = """<script>setInterval(() => fetch("/lay.json?" + Math.random()), 100); setInterval(() => {
  const more = document.createElement("a");
  more.href = "/them-" + Math.random();
  document.body.append(more); }, 50);</script>"""
CONSENT = """<div id="hoi" style="position: fixed; inset: 0; z-index: 99; background: white">
<p>Chúng tôi dùng cookie.</p><button onclick="this.parentNode.remove()">Đồng ý</button></div>
<script>document.body.style.overflow = "hidden";</script>"""


def mischief(canary: int) -> str:
    """What leads to the canary, to the cloud's own address, to files and to other people, by every means."""
    local, cloud, file = f"http://127.0.0.1:{canary}", "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd"
    spots = [f"{local}/img", f"http://localhost:{canary}/img", f"http://[::1]:{canary}/img", cloud, file]
    spots += ["https://chim-hoang-yen.example/img.jpg", f"{HOME}/cam/anh.jpg"]
    elements = "".join(
        f'<img src="{url}"><script src="{url}"></script><iframe src="{url}"></iframe>'
        f'<link rel="stylesheet" href="{url}">'
        f'<link rel="prefetch" href="{url}"><link rel="preconnect" href="{url}"><link rel="dns-prefetch" href="{url}">'
        f'<object data="{url}"></object><video src="{url}"></video><form id="f{n}" action="{url}" method="post"></form>'
        for n, url in enumerate(spots)
    )
    return f"""{elements}<a id="tai" href="/tep.zip" download>tải</a>
<meta http-equiv="refresh" content="1; url={local}/refresh">
<script>
const spots = {json.dumps(spots)};
const each = does => spots.forEach((url, n) => {{ try {{ does(url, n); }} catch (error) {{}} }});
each(url => fetch(url, {{mode: "no-cors"}}).catch(() => 0));
each(url => navigator.sendBeacon(url, "x"));
each(url => window.open(url));
each(url => new EventSource(url));
each(url => new WebSocket(url.replace(/^(https?|file)/, "ws")));
each((_, n) => document.getElementById("f" + n).submit());
for (let n = 0; n < 20; n++) window.open("/cua-so.html?" + n);
document.getElementById("tai").click();
new Worker(URL.createObjectURL(new Blob([`fetch("{local}/worker"); new WebSocket("ws://127.0.0.1:{canary}/worker")`])));
const peer = new RTCPeerConnection({{iceServers: [{{urls: "stun:127.0.0.1:{canary}"}}]}});
peer.createDataChannel("x"); peer.createOffer().then(offer => peer.setLocalDescription(offer));
setTimeout(() => location.href = "{local}/location", 200);
setTimeout(() => location.replace("https://chim-hoang-yen.example/"), 400);
setTimeout(() => alert("đứng lại"), 500);
</script>"""


def article(title: str, extra: str, paragraphs: str = "".join(f"<p>{text}</p>" for text in TEXT)) -> str:
    stated = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": title,
        "datePublished": "2026-11-19T08:30:00+07:00",
    }
    return f"""<!DOCTYPE html><html lang="vi"><head><meta charset="utf-8"><title>{title}</title>
<script type="application/ld+json">{json.dumps(stated, ensure_ascii=False)}</script></head>
<body><article><h1>{title}</h1>{paragraphs}</article>{extra}</body></html>"""
