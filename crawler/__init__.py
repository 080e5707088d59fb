"""Everything site-neutral: the crawl, the archive folder, the row, the commands."""

__version__ = "0.1.0"  # here, because in the egg that Scrapyd runs nothing else tells it
