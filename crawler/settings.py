"""The project's decisions as Scrapy settings, one reason each.

Everything here can be set with ``-s NAME=VALUE``, in Scrapyd or in the environment that runs the crawl. Names that
Scrapy does not know are ours and are read by ``from_crawler`` methods alone.
"""

BOT_NAME = "baoquan"
SPIDER_MODULES = ["spiders"]
COMMANDS_MODULE = "crawler.commands"

# --- Where the archive goes, and who answers for the crawl ------------------------------------------------------
ARCHIVE_DIR = "archive"  # an absolute path under Scrapyd
CONTACT = None  # mail address or web page; needed before the first request to a host that is not loopback
OPERATOR = None  # person or institution that archives; stands in every warcinfo, beside CONTACT
COLLECTION = None  # what the archive is part of, in every warcinfo; the name of ARCHIVE_DIR when it is not set
WARC_TARGET_SIZE = 1_000_000_000  # bytes after which the next WARC file is begun
DISK_FLOOR = 500_000_000  # bytes of the disk that a crawl leaves free: it stops before
DISK_SHARE = 0.01  # of the disk, likewise; the larger of the two counts

# --- Politeness -------------------------------------------------------------------------------------------------
HOST_DELAY = 1.0  # seconds between two requests to one host
CRAWL_DELAY_MAX = 30.0  # seconds; a larger Crawl-delay in robots.txt is cut to this
CONCURRENT_REQUESTS = 16
CONCURRENT_REQUESTS_PER_DOMAIN = 4
DOWNLOAD_DELAY = 0  # the frontier keeps the delay, so that the downloader's queues stay empty and a stop is quick
ROBOTSTXT_OBEY = False  # Scrapy's own middleware lets requests through; crawler.robotsmw obeys instead
ROBOTS_POLICY = "obey"  # record-only: robots.txt is archived and noted, and forbids nothing; needs ROBOTS_REASON
ROBOTS_REASON = None  # why, in one line: a legal deposit law, the publisher's consent; stands in every warcinfo
TDMREP = True  # ask each site once a run for /.well-known/tdmrep.json: what it reserves stands in the rows
ROBOTS_RETRY_TIMES = 3  # a robots.txt that could not be had is asked again so often; its host waits meanwhile
ROBOTS_RETRY_DELAY = 5.0  # seconds before the first of these, four times as long before each further one
ROBOTS_RETRY_SECONDS = 300.0  # after that its host is closed for so long
PARK_SECONDS = 900.0  # a host that refuses is left alone so long, twice as long each further time; vietnam.vn's quarter
PARK_WAIT = 3600.0  # so long a run waits for such a host when nothing else is left; then it ends, with work left
PARK_LONGEST = 86_400.0  # seconds, whatever Retry-After says
COOKIES_ENABLED = False  # no site needs them, and the public-suffix list would be fetched over the network

# --- Articles that are archived already -----------------------------------------------------------------------------
RECRAWL_INTERVALS = "1d:1h, 7d:1d, 30d"  # age:interval; asked again hourly on the first day, daily in the first week …
RECRAWL_LIMIT = 1000  # due articles that a new pass asks again though no list may promise them any longer

# --- The drift alarm (docs/drift.md) ----------------------------------------------------------------------------
DRIFT_EVERY = 50  # pages of a template between two looks at all of its fields; 0: no alarm
DRIFT_FALL = 0.2  # by how much the share of pages with a field may lie under its history
DRIFT_HISTORY = 30  # pages of a year before its shares are a history

# --- Limits -----------------------------------------------------------------------------------------------------
CONNECT_TIMEOUT = 10.0  # seconds to a usable connection
RESPONSE_DEADLINE = 30.0  # seconds for the whole response, from request to last byte
DOWNLOAD_MAXSIZE = 32 * 1024 * 1024  # bytes of body; what is longer is archived truncated and fails
DOWNLOAD_WARNSIZE = 0
DOWNLOAD_VERIFY_CERTIFICATES = True  # every chain is judged; TLS_POLICY says what a bad one leads to
TLS_POLICY = "refuse"  # or archive: pages behind a bad certificate are kept, and their captures say so
HEADERS_MAXSIZE = 128 * 1024  # bytes of an answer's head
HEADERS_MAX = 500  # lines of it
INTERIM_MAX = 20  # answers 1xx before the answer
DECODED_MAXSIZE = 50 * 1024 * 1024  # bytes of a body without its content encodings
DECODED_RATIO = 300  # times the size of what came, from 1 MB on; text shrinks to a tenth, a bomb to a thousandth
CONTENT_ENCODINGS_MAX = 3  # one over the other
PAGE_MAXSIZE = 8 * 1024 * 1024  # bytes of a page that is read
PARSE_SECONDS = 5.0  # of processor time to read one page
HTML_TAGS_MAX = 200_000  # of one page: each takes memory
HTML_ATTRIBUTES_MAX = 2_000  # of one tag: the parser's time grows with their square
HTML_DEPTH_MAX = 1_000  # elements inside each other: some dozens in a newspaper, and what it forgets to close
JSON_DEPTH_MAX = 40  # objects and lists inside each other: JSON-LD has some ten
SITEMAP_MAXSIZE = 50 * 1024 * 1024  # bytes of a sitemap or feed without compression: sitemaps.org
SITEMAP_ENTRIES = 50_000  # of one sitemap or feed: sitemaps.org
SITEMAP_DEPTH = 3  # sitemaps that name sitemaps
LINKS_PER_PAGE = 10_000
LINK_DEPTH_MAX = 100  # links from a seed; the pages of one list count once
LIST_PAGES_MAX = 10_000  # pages of one list
HOSTS_PER_RUN = 10_000  # of links
PAGES_PER_HOST = 1_000_000  # in one run; the next one goes on
PAGES_PER_RUN = 10_000_000  # in one run; the next one goes on
REDIRECTS_MAX = 8  # in a row
URL_LENGTH_MAX = 2048  # characters: sitemaps.org
ALLOWED_PRIVATE_HOSTS: list[str] = []  # "host:port" pairs that the guard lets through
REDIRECT_ENABLED = False  # the spider follows them, so that each address has its own state in the ledger
RETRY_TIMES = 2
RETRY_HTTP_CODES = [500, 502, 503, 504, 522, 524, 408]  # 429 and 403 park the host instead
TRAP_PAGES = 200  # of one pattern in a row without anything new, and the pattern is given up; 0: none is
PATH_SEGMENTS = 20  # of an address's path; what is deeper is made up
PATH_REPEATS = 3  # times that the same segments stand in a path; then it leads in circles
PYWB = None  # environment or program of pywb, for scrapy replay; never the environment that Scrapy is in
REQUISITE_DELAY = 0.25  # seconds between two requests for pictures, styles, scripts to one host (capture=page)
REQUISITE_MAXSIZE = 32 * 1024 * 1024  # bytes of one such file; films are often larger
REQUISITE_SECONDS = 300.0  # for all files of one article; after that its row is written with what there is
CHROMIUM = None  # program of the browser; when not set, Playwright's own, then chromium or google-chrome on the PATH
BROWSER_CONCURRENCY = 2  # pages open at once; each takes some 150 MB
BROWSER_PAGES = 200  # pages after which the browser is started anew: it grows
BROWSER_MEMORY = 2000  # MB that its processes may hold for themselves between two pages; then it is started anew too
RENDER_SECONDS = 60.0  # for one page in the browser; what stands there then is taken
RENDER_SCROLLS = 50  # times that a list is scrolled to its end, as long as new links come
RENDER_SAMPLES = 20  # rendered pages of a template that are compared with what plain HTTP gave
EXTRACT_SECONDS = 30.0  # of processor time for one page that is read again; then it is told as too slow
STOP_GRACE = 15.0  # seconds that running requests get after the first stop signal

# --- Signs of life (docs/signals.md) -------------------------------------------------------------------------------
METRICS_DIR = None  # folder for Prometheus' node_exporter, one file a spider
WEBHOOK_URL = None  # told when a person should look
NOTHING_NEW_HOURS = 0  # hours without a new article after which it is told so; 0: never
LOG_JSON = False  # each line of the log as one JSON object

# --- Components -------------------------------------------------------------------------------------------------
SCHEDULER = "crawler.scheduler.LedgerScheduler"
DOWNLOAD_HANDLERS = {
    "http": "crawler.rendering.RenderingHandler",
    "https": "crawler.rendering.RenderingHandler",
    "data": None,
    "file": None,
    "ftp": None,
    "s3": None,
}
# The lists of Scrapy's own parts name what runs and nothing else: what they name is imported even when it is off, and
# that would cost the first request a quarter of a second. Left out: robots.txt (lets requests through), cookies,
# caches (their answers would be no captures), meta refresh (decodes every body), redirects (the spider's), depth.
DOWNLOADER_MIDDLEWARES_BASE = {
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": 50,
    "scrapy.downloadermiddlewares.defaultheaders.DefaultHeadersMiddleware": 400,
    "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": 500,
    "crawler.patience.Retry": 550,
    "crawler.decoding.Decoding": 590,
    "scrapy.downloadermiddlewares.httpproxy.HttpProxyMiddleware": 750,
    "scrapy.downloadermiddlewares.stats.DownloaderStats": 850,
}
DOWNLOADER_MIDDLEWARES = {"crawler.robotsmw.RobotsMiddleware": 100, "crawler.proxies.EnvironmentProxies": 740}
SPIDER_MIDDLEWARES_BASE = {"scrapy.spidermiddlewares.start.StartSpiderMiddleware": 25}
ITEM_PIPELINES = {
    "pipelines.clean.CleanPipeline": 100,
    "pipelines.validate.ValidatePipeline": 200,
    "pipelines.requisites.RequisitesPipeline": 250,  # with capture=page
    "pipelines.dedup.DedupPipeline": 300,
    "pipelines.jsonl.JsonlPipeline": 400,
}
EXTENSIONS_BASE = {
    "scrapy.extensions.corestats.CoreStats": 0,
    "scrapy.extensions.logcount.LogCount": 0,
    "scrapy.extensions.closespider.CloseSpider": 0,
    "scrapy.extensions.feedexport.FeedExporter": 0,
}
EXTENSIONS = {
    "crawler.archive.Archive": 0,  # opens the store before anything can be fetched
    "crawler.browser.Browser": 100,  # with render
    "crawler.signs.Signs": 400,  # metrics, webhook, the disk
    "crawler.progress.Progress": 500,
    "crawler.outlook.Outlook": 600,  # one line, from what the ledger knows
}
WARN_ON_GENERATOR_RETURN_VALUE = False  # it opens and parses our source while pages are waiting
REMOTE_CONTROL_ENABLED = False  # on by default: a local server that runs posted Python
TELNETCONSOLE_ENABLED = False
FEED_EXPORTERS = {
    "jsonlines": "crawler.exporter.JsonLinesExporter",
    "jsonl": "crawler.exporter.JsonLinesExporter",
    "jl": "crawler.exporter.JsonLinesExporter",
}
FEED_EXPORT_ENCODING = "utf-8"

DEFAULT_REQUEST_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "vi,en;q=0.7",
    "Accept-Encoding": "gzip",  # what every reader of the archive decodes
}

# --- Cost per page (measured by `make bench`) ----- ----------------------------------------------------------
CONCURRENT_ITEMS = 1  # worker tasks started for every response: a page has one item
SCRAPER_SLOT_MAX_ACTIVE_SIZE = 20_000_000

# --- Log --------------------------------------------------------------------------------------------------------
LOG_LEVEL = "INFO"
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
TWISTED_REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"
