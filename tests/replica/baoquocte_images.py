"""Pictures, their addresses in the forms of their years, and videos of the replica's baoquocte.vn."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.replica.baoquocte_sections import HOME
from tests.replica.language import Writer
from tests.replica.model import Clip, Picture, Story
from tests.replica.vocabulary import AGENCIES

LOGINS = ("hoanglam", "thuquynh", "dangminh", "phongvien3")


def picture(story_slug: str, at: datetime, era: str, index: int, n: int, writer: Writer, alt: str) -> Picture:
    """Image ``n`` of an article, with one of the caption forms."""
    extension = "png" if (index + n) % 9 == 0 else "webp" if era == "2026" and index % 2 else "jpg"
    url = image_url(story_slug, at + timedelta(seconds=n * 61 - 900), era, index, "in_article/" if n else "", extension)
    if era in ("2024", "2026"):
        url += f"?rt={at:%Y%m%d%H%M}"
    if (index + n) % 13 == 6:
        return Picture(url, alt)
    caption = writer.say("chu_thich") + "."
    agency, person = writer.random.choice(AGENCIES), writer.pen_name()
    match (index + n) % 5:
        case 0:
            return Picture(url, alt, caption, None, caption)
        case 1:
            return Picture(url, alt, caption, person, f"{caption} Ảnh: {person}")
        case 2:
            return Picture(url, alt, caption, person, f"{caption} (Ảnh: {person})")
    return Picture(url, alt, caption, agency, f"{caption} (Nguồn: {agency})")


def image_url(story_slug: str, at: datetime, era: str, index: int, variant: str, extension: str) -> str:
    """The address of an image file, in the form of its years; ``variant`` is empty or ends in a slash."""
    host = "https://cdn.baoquocte.vn" if era == "2018" and index % 2 else HOME
    if era in ("2018", "2021"):
        folder = f"{LOGINS[index % 4]}/{at:%m%Y/%d/%H}"
        name = f"{at:%M%S}_{story_slug[:30].strip('-')}.{'jpg' if extension == 'webp' else extension}"
    else:
        folder, name = f"{at:%Y/%m%Y/%d/%H}", f"{story_slug}-{at:%Y%m%d%H%M%S}.{extension}"
    return f"{host}/stores/news_dataimages/{folder}/{variant}{name}"


def thumb_url(story: Story, variant: str = "croped/thumbnail/") -> str:
    """The list thumbnail: some addresses carry two question marks, as on the site."""
    name = story.url.rpartition("/")[2].rpartition("-")[0]
    url = image_url(name, story.published - timedelta(minutes=15), story.era, story.number // 2, variant, "jpg")
    if story.number % 7 == 0:
        url += f"?rt={story.published:%Y%m%d%H%M%S}"
    return url + f"?{story.published:%y%m%d%H%M%S}"


def clip(index: int, at: datetime, story_slug: str, writer: Writer) -> Clip | None:
    """A video, for some articles."""
    caption = writer.say("chu_thich") + "."
    agency = writer.random.choice(AGENCIES)
    if index % 16 == 5 or index % 40 == 27:
        url = f"{HOME}/stores/video_data/{at:%Y/%m%Y/%d}/{story_slug[:40].strip('-')}.mp4"
        return Clip(url, "video", caption, agency, f"{caption} (Nguồn: {agency})")
    if index % 16 == 13:
        return Clip(f"https://www.youtube.com/embed/bq{index:04d}TgvN", "iframe", caption, None, caption)
    return None
