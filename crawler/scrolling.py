"""A reader's hands: scrolls a page to its end, presses "load more", until no new link comes or a limit is reached."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from crawler.door import Loading

QUIET: Final = 0.5  # seconds without a request after which what a script asked for is there
FRUITLESS: Final = 2  # rounds without a new link, after which none is expected

# One screen further, so that what shows itself when it is seen does; then whether the end is reached.
_DOWN: Final = """() => {
    window.scrollBy(0, Math.max(200, innerHeight * 0.9));
    return scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
}"""
_LINKS: Final = "() => new Set(Array.from(document.links, link => link.href)).size"
# Buttons that say "more" and lead nowhere by themselves: a link to another page is for the frontier.
_MORE: Final = """() => {
    const says = /^(xem thêm|tải thêm|hiển thị thêm|load more|show more|more)\\b/i;
    const all = document.querySelectorAll("button, [role=button], a:not([href]), a[href='#'], a[href^='javascript:']");
    const more = Array.from(all).find(one => says.test(one.textContent.trim()) && one.getClientRects().length);
    if (more) more.click();
    return Boolean(more);
}"""
STEPS: Final = 200  # screens of one round: pages that grow while one scrolls have no end


async def scroll(page: Any, loading: Loading, rounds: int, until: float, *, more: bool) -> None:
    """Go down to the end; with ``more`` again while that brings links, ``rounds`` times at most and until ``until``."""
    known, fruitless = -1, 0
    for _ in range(rounds):
        for _ in range(STEPS):
            if await page.evaluate(_DOWN) or monotonic() > until:
                break
            await page.wait_for_timeout(30)
        await loading.quiet(QUIET, until)
        pressed = more and await page.evaluate(_MORE)
        if pressed:
            await loading.quiet(QUIET, until)
        links = await page.evaluate(_LINKS)
        fruitless = 0 if links > known else fruitless + 1
        known = max(known, links)
        if not more or fruitless >= FRUITLESS or monotonic() > until:
            return
