"""One file a command. Scrapy imports this package before it runs any, under Scrapyd too: no log line comes before."""

from crawler.loglines import keep_lines_whole

keep_lines_whole()
