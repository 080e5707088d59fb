"""When an article has a new version, decided in the writer thread so that it is decided once."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from crawler.items import Article
from crawler.ledger import Ledger
from crawler.ledger_ops import ArticleSeen, Basis, Op, Version
from crawler.text import nfc

DECIDING_FIELDS = ("title", "sapo", "body")  # a change of one of these is a new version


class Versions:
    """Versions of articles: those in the ledger, and those of this run that are not committed yet."""

    def __init__(self, ledger: Ledger, job: str) -> None:
        self._ledger = ledger
        self._job = job
        self._pending: dict[str, Version] = {}
        self._written: set[str] = set()
        self._seen: list[Op] = []  # articles that said the same again

    def says_the_same(self, article: Article) -> bool:
        """Whether the archive has this text as the newest version already."""
        known = self.known(article.id)
        return known is not None and known.content_digest == article.content_digest

    def known(self, article_id: str) -> Version | None:
        """The newest version, committed or not."""
        return self._pending.get(article_id) or self._ledger.latest_version(article_id)

    def decide(self, article: Article, url_id: int | None) -> bool:
        """Fill in version, previous, changed, first_captured_at; False when there is nothing new to write."""
        known = self.known(article.id)
        name, number = page_class(article)
        fields = {key: field_digest(getattr(article, key)) for key in DECIDING_FIELDS}
        same_reader = known is not None and (known.page, known.page_number) == (name, number)
        if known is None:
            article.version, article.first_captured_at = 1, article.captured_at
        elif known.content_digest == article.content_digest or not same_reader:
            # Other words under another page class number may be the extractor's: no version, but what the next
            # capture is compared with.
            basis = None if same_reader else Basis(article.content_digest, name, number, fields)
            born = known.published_at or known.first_captured_at
            self._seen.append(ArticleSeen(article.id, article.captured_at, url_id, born, known.version, basis))
            return False
        else:
            article.version, article.previous = known.version + 1, known.row_id
            article.changed = [key for key in DECIDING_FIELDS if known.fields.get(key) != fields[key]]
            article.first_captured_at = known.first_captured_at
        self._pending[article.id] = Version(
            article_id=article.id,
            version=article.version,
            row_id=article.row_id,
            record_id=article.warc.record_id or "",
            url=article.canonical_url,
            file="",
            offset=0,
            length=0,
            content_digest=article.content_digest,
            page=name,
            page_number=number,
            captured_at=article.captured_at,
            first_captured_at=article.first_captured_at,
            run=self._job,
            fields=fields,
            published_at=article.published_at or article.published_date,
            section=article.section,
        )
        return True

    def rebase(self, article_id: str, basis: Basis) -> None:
        """Compare what follows with this: how the present page class reads the newest version."""
        known = self.known(article_id)
        if known is None or (known.page, known.page_number) == (basis.page, basis.page_number):
            return  # read by this class already, or just written by it
        self._pending[article_id] = replace(
            known,
            content_digest=basis.content_digest,
            page=basis.page,
            page_number=basis.page_number,
            fields=basis.fields,
        )
        seen = ArticleSeen(article_id, known.captured_at, None, None, known.version, basis)
        self._seen.append(seen)

    def written(self, article: Article, file: str, offset: int, length: int, url_id: int | None) -> Version:
        """The row of a decided article stands in a file now."""
        pending = self._pending[article.id]
        self._written.add(article.id)
        return replace(pending, file=file, offset=offset, length=length, url_id=url_id)

    def take_seen(self) -> list[Op]:
        """Operations for articles that said the same again; part of the next commit."""
        seen, self._seen = self._seen, []
        return seen

    def committed(self) -> None:
        """The ledger knows every version that was written."""
        for article_id in self._written:
            self._pending.pop(article_id, None)
        self._written.clear()


def page_class(article: Article) -> tuple[str, int]:
    """Name and number of the page class that made the row."""
    name, _, number = article.extraction.page.partition("/")
    return name, int(number or 1)


def field_digest(text: str | None) -> str:
    """Digest of one field's text, so that the ledger can tell which field changed without holding the text."""
    return hashlib.sha256(nfc(text or "").encode("utf-8", "replace")).hexdigest()[:32]
