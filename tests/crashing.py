"""The spider of baoquocte.vn with a page that takes the process with it: any whose text speaks of a reef.

For ``-s SPIDER_MODULES=tests.crashing``. ``DEATH=segv`` or ``DEATH=exit`` says how; without it nothing happens.
"""

import os
import signal

from spiders.baoquocte_vn import BaoquoctePage as Before
from spiders.baoquocte_vn import BaoquocteSpider as Spider

DEATH = os.environ.get("DEATH")


class BaoquoctePage(Before):
    def is_article(self) -> bool:
        if "đá ngầm" in self.html and DEATH == "segv":
            os.kill(os.getpid(), signal.SIGSEGV)
        if "đá ngầm" in self.html and DEATH == "exit":
            os._exit(9)
        return super().is_article()


class BaoquocteSpider(Spider):
    page = BaoquoctePage
