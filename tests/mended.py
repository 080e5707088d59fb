"""The spider of baoquocte.vn after a mend: what ``--rename`` of the replica has changed is read again.

For ``-s SPIDER_MODULES=tests.mended``.
"""

from spiders.baoquocte_vn import BaoquoctePage as Before
from spiders.baoquocte_vn import BaoquocteSpider as Spider


class BaoquoctePage(Before):
    number = Before.number + 1

    TITLE = ("h1.bx-head-x", *Before.TITLE)
    SAPO = ("div.bx-lead-x", *Before.SAPO)


class BaoquocteSpider(Spider):
    page = BaoquoctePage
