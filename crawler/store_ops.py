"""What the store tells the ledger: a capture, a rendered page, a row in quarantine."""

from __future__ import annotations

from crawler.arguments import Arguments
from crawler.dom import HTML, STATUS
from crawler.items import Article
from crawler.ledger_ops import Capture, Quarantined
from crawler.records import CaptureRecords, reading_of
from crawler.versions import page_class
from crawler.visit import Visit
from warc.record import WarcRecord
from warc.writer import RecordRef


def captured(
    made: CaptureRecords, url: str, file: str, place: RecordRef, run: str, url_id: int | None
) -> Capture | None:
    """An answer to a request of ``url``, as its response or revisit record in ``file`` holds it; None without one."""
    main, message = made.main, made.message
    if main is None or message is None:
        return None
    return Capture(
        record_id=place.record_id,
        url=main.target_uri or url,
        file=file,
        offset=place.offset,
        length=place.length,
        record_type=main.type,
        captured_at=main.date,
        run=run,
        url_id=url_id if made.truncated is None else None,  # a cut page is not one to be read later
        original_id=made.original.record_id if made.original else None,
        status=message.status,
        payload_digest=main.payload_digest,
        truncated=made.truncated,
        mime=(message.get("Content-Type") or "").split(";")[0].strip().lower() or None,
        etag=message.get("ETag"),
        last_modified=message.get("Last-Modified"),
        reading=reading_of(message),
    )


def rendered(dom: WarcRecord, file: str, place: RecordRef, run: str) -> Capture:
    """A rendered page, as the record of its DOM holds it."""
    return Capture(
        record_id=place.record_id,
        url=dom.target_uri or "",
        file=file,
        offset=place.offset,
        length=place.length,
        record_type=dom.type,
        captured_at=dom.date,
        run=run,
        status=STATUS,
        payload_digest=dom.payload_digest,
        mime=HTML.partition(";")[0],
    )


def quarantined(
    article: Article, visit: Visit, fields: tuple[str, ...], args: Arguments, place: tuple[str, int, int]
) -> Quarantined:
    """A row that does not fit its template. ``place``: file, offset and length of its line."""
    assert visit.seen is not None
    file, offset, length = place
    return Quarantined(
        row_id=article.row_id,
        spider=args.spider,
        site=article.site,
        template=visit.seen.template,
        fields=fields,
        article_id=article.id,
        record_id=article.warc.revisit_id or article.warc.record_id or "",
        url=visit.url,
        page=page_class(article)[0],
        page_number=page_class(article)[1],
        file=file,
        offset=offset,
        length=length,
        captured_at=article.captured_at,
        run=args.job,
        url_id=visit.url_id,
        content_digest=article.content_digest,
    )
