"""Write, read and verify WARC/1.1 files (ISO 28500:2017). Knows nothing of crawling: bytes in, records out.

message.py   the stored form of an HTTP message        record.py   what a record is
writer.py    how records reach a file                  reader.py   records and captures out of any producer's file
verify.py    a strict reading, with a fault list       digest.py   SHA-1 in Base32
"""
