"""Write, read and verify WARC/1.1 files (ISO 28500:2017). Knows nothing of crawling: bytes in, records out.

    message   the stored form of an HTTP message (chunked takes the framing off, digest names the payload)
    record    what a record is (values keeps each header on its line)
    writer    how records reach a file
    reader    records and captures out of any producer's file
    verify    a strict reading: scan (bytes) -> examine (a record) -> rules, relations -> a list of faults

``python -m warc verify FILE`` and ``python -m warc ls FILE`` do the last two from a terminal.
"""
