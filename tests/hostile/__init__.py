"""The hostile web: scenarios, each crawled by the real command in a network that ends at this machine's loopback.

    scenarios (families/*.py) ─► bench.py: own network, server, canaries, `scrapy crawl` ─► judge.py ─► table N of N

``python -m tests.hostile`` runs them all, ``python -m tests.hostile NAME …`` some of them.
"""
