"""The replica: the source sites, generated, behind a forward proxy that any client can crawl through."""
