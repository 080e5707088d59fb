import errno
import gzip
import hashlib
import io
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from tests.test_warc_message import MESSAGES
from tests.test_warc_record import DATE, GET, ID, VISIT
from warc import record, writer
from warc.message import read_message
from warc.record import Original, Visit
from warc.writer import CutBack, WarcFile, cut_back, file_name

NAME = "baoquocte-20261121100000-00000-thu.warc.gz"
FIELDS = {"software": "bao-quan/0.1", "robots": "classic"}


def capture(raw: bytes = MESSAGES["identity"][0]) -> list[record.WarcRecord]:
    """The records of one exchange: response, its request, facts about it."""
    response = record.response(VISIT, read_message(raw))
    pair = [response.record_id]
    return [
        response,
        record.request(VISIT, GET, concurrent_to=pair),
        record.metadata(VISIT, {"fetchTimeMs": "12", "via": "https://baoquocte.vn/"}, concurrent_to=pair),
    ]


def write_every_kind(folder: Path) -> Path:
    """A file with every message of the message table and every kind of record."""
    file = WarcFile(folder / NAME, FIELDS, date=DATE)
    for raw, *_ in MESSAGES.values():
        file.append(capture(raw))
    response, request, facts = capture(MESSAGES["chunked"][0])
    file.append([response, request, facts])
    original = Original(response.record_id, VISIT.uri, DATE)
    for message, profile in (
        (read_message(MESSAGES["chunked"][0]), record.IDENTICAL_PAYLOAD),
        (read_message(MESSAGES["304"][0]), record.NOT_MODIFIED),
    ):
        again = record.revisit(VISIT, message, original, profile=profile)
        file.append([again, record.request(VISIT, GET, concurrent_to=[again.record_id])])
    file.append([record.resource(Visit("urn:dom:" + VISIT.uri, DATE), "<p>lúa chín".encode(), "text/html")])
    file.append(beside(response.record_id))
    return file.close()


def beside(record_id: str) -> list[record.WarcRecord]:
    """What is known of a connection: a lookup, and the chain over which this record came first."""
    chain = record.metadata(Visit("urn:tls:bao.vn:443:sha256:00", DATE), {"host": "bao.vn"}, refers_to=record_id)
    return [record.lookup(Visit("dns:bao.vn", DATE), b"20261121100000\nbao.vn.\tIN\tA\t1.1.1.1\n"), chain]


def peer(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name(str(arguments[0]))), *map(str, arguments[1:])]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def members(data: bytes) -> list[tuple[int, bytes]]:
    """Offset and content of each gzip member, by zlib."""
    found = []
    rest = data
    while rest:
        decompressor = zlib.decompressobj(31)
        content = decompressor.decompress(rest)
        assert decompressor.eof
        found.append((len(data) - len(rest), content))
        rest = decompressor.unused_data
    return found


def test_both_peers_accept_every_kind_of_message(tmp_path):
    path = write_every_kind(tmp_path)
    for command in (("warcio", "check"), ("fastwarc", "check", "-q")):
        checked = peer(*command, path)
        assert (checked.returncode, checked.stdout.strip(), checked.stderr) == (0, "", ""), command


def test_the_block_of_every_message_is_what_the_table_says(tmp_path):
    path = write_every_kind(tmp_path)
    with path.open("rb") as file:
        blocks = [
            one.raw_stream.read() for one in ArchiveIterator(file, no_record_parse=True) if one.rec_type == "response"
        ]
    expected = [
        (raw[: len(raw) - len(body)] if head is None else head) + body for raw, head, body, *_ in MESSAGES.values()
    ]
    assert blocks[: len(expected)] == expected


def test_each_record_is_one_member_at_the_offset_that_append_returned(tmp_path):
    file = WarcFile(tmp_path / NAME, FIELDS)
    first_size = file.size
    records = capture()
    refs = file.append(records)
    data = file.close().read_bytes()
    found = members(data)
    assert [ref.offset for ref in refs] == [offset for offset, _ in found[1:]]
    assert refs[0].offset == first_size
    assert refs[-1].offset + refs[-1].length == len(data) == file.size
    for ref, built in zip(refs, records, strict=True):
        content = gzip.decompress(data[ref.offset : ref.offset + ref.length])
        assert built.record_id.encode() in content.split(b"\r\n\r\n")[0]
        assert f"WARC-Warcinfo-ID: {file.warcinfo_id}\r\n".encode() in content
        assert ref.record_id == built.record_id


def test_the_name_is_final_only_after_close(tmp_path):
    file = WarcFile(tmp_path / NAME, FIELDS, date=DATE, record_id=ID)
    file.append(capture())
    file.sync()
    assert [path.name for path in tmp_path.iterdir()] == [NAME + ".open"]
    assert file.close() == tmp_path / NAME
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    first = members((tmp_path / NAME).read_bytes())[0][1]
    assert f"WARC-Filename: {NAME}\r\n".encode() in first
    assert f"WARC-Record-ID: {ID}\r\n".encode() in first


@pytest.mark.parametrize("suffix", ["", ".open"])
def test_an_existing_file_is_never_touched(tmp_path, suffix):
    (tmp_path / (NAME + suffix)).write_bytes(b"old")
    with pytest.raises(FileExistsError):
        WarcFile(tmp_path / NAME, FIELDS)
    assert (tmp_path / (NAME + suffix)).read_bytes() == b"old"


def test_a_name_taken_meanwhile_is_not_overwritten(tmp_path):
    file = WarcFile(tmp_path / NAME, FIELDS)
    (tmp_path / NAME).write_bytes(b"other")
    with pytest.raises(FileExistsError):
        file.close()
    assert (tmp_path / NAME).read_bytes() == b"other"
    assert (tmp_path / (NAME + ".open")).exists()


def test_discard_leaves_nothing(tmp_path):
    WarcFile(tmp_path / NAME, FIELDS).discard()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_append_leaves_the_file_as_before(tmp_path):
    file = WarcFile(tmp_path / NAME, FIELDS)
    file.append(capture())
    size = file.size
    shrinking = io.BytesIO(os.urandom(3_000_000))
    broken = record.resource(VISIT, shrinking, "application/octet-stream")
    shrinking.truncate(2_000_000)
    with pytest.raises(EOFError):
        file.append([*capture(), broken])
    assert file.size == size == file.open_path.stat().st_size
    file.append(capture())
    path = file.close()
    assert len(members(path.read_bytes())) == 7
    assert peer("warcio", "check", path).returncode == 0


def test_a_full_disk_leaves_the_file_as_before(tmp_path):
    """The kernel's own limit on a file's size stands for the full disk: the write comes back short, then fails."""
    code = f"""
import errno, os, resource, signal, sys
from pathlib import Path
from tests.test_warc_writer import NAME, FIELDS, VISIT, capture, record
from warc.writer import WarcFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
file = WarcFile(Path({str(tmp_path)!r}) / NAME, FIELDS)
file.append(capture())
size = file.size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 400_000, resource.RLIM_INFINITY))
try:
    file.append([*capture(), record.resource(VISIT, os.urandom(1_000_000), "image/png")])
except OSError as error:
    assert error.errno == errno.EFBIG, error
    assert size == file.size == file.open_path.stat().st_size
    file.append(capture())
    file.close()
    sys.exit(7)
"""
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (7, "")
    assert len(members((tmp_path / NAME).read_bytes())) == 7


def test_a_file_that_cannot_be_cut_back_takes_no_more(tmp_path):
    file = WarcFile(tmp_path / NAME, FIELDS)
    os.close(file._file)
    file._file = os.open(file.open_path, os.O_RDONLY)  # neither writing nor cutting works
    with pytest.raises(OSError, match=r".+") as caught:
        file.append(capture())
    assert caught.value.errno in (errno.EBADF, errno.EINVAL)
    with pytest.raises(OSError, match="could not be cut back"):
        file.append(capture())
    file.discard()


def test_a_large_body_is_streamed(tmp_path):
    """Never more than a fraction of the body in memory, and the same bytes in the file."""
    body = tmp_path / "body"
    with body.open("wb") as out:
        out.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for number in range(300):
            out.write(hashlib.sha256(b"%d" % number).digest() * 4096)
    code = f"""
import resource
from pathlib import Path
from tests.test_warc_writer import NAME, FIELDS, VISIT, record, read_message
from warc.writer import WarcFile
file = WarcFile(Path({str(tmp_path)!r}) / NAME, FIELDS)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open({str(body)!r}, "rb") as raw:
    file.append([record.response(VISIT, read_message(raw))])
file.close()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    assert int(done.stdout) < 8_000  # kB, of a body of 39,000
    assert peer("warcio", "check", tmp_path / NAME).returncode == 0


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("baoquocte", "20261121100000", 0, "a_b-c"), "baoquocte-20261121100000-00000-a_b-c.warc.gz"),
        (("vietnamvn", "20261121100000", 123456, "x"), "vietnamvn-20261121100000-123456-x.warc.gz"),
    ],
)
def test_file_name(parts, name):
    assert file_name(*parts) == name


@pytest.mark.parametrize(
    "parts",
    [
        ("a/b", "20261121100000", 0, "x"),
        ("a", "2026112110", 0, "x"),
        ("a", "20261121100000", 0, "../x"),
        ("a", "20261121100000", 0, ""),
        ("", "20261121100000", 0, "x"),
    ],
)
def test_file_name_refuses(parts):
    with pytest.raises(ValueError, match="file name"):
        file_name(*parts)


def leftover(folder: Path, captures: int) -> tuple[Path, int]:
    """An .open file as a kill leaves it, and its committed length."""
    file = WarcFile(folder / NAME, FIELDS)
    for _ in range(captures):
        file.append(capture())
    os.close(file._file)
    return file.open_path, file.size


@pytest.mark.parametrize("junk", [b"", b"\x1f\x8b\x08half a member", os.urandom(3_000)])
def test_cut_back_keeps_what_was_committed(tmp_path, junk):
    open_path, committed = leftover(tmp_path, 2)
    whole = open_path.read_bytes()
    open_path.write_bytes(whole + junk)
    digest = hashlib.sha256(junk).hexdigest() if junk else None
    assert cut_back(open_path, committed) == CutBack(tmp_path / NAME, committed, len(junk), digest)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert (tmp_path / NAME).read_bytes() == whole


@pytest.mark.parametrize("nothing_committed", [True, False])
def test_cut_back_removes_a_file_without_captures(tmp_path, nothing_committed):
    open_path, warcinfo_only = leftover(tmp_path, 0)
    open_path.write_bytes(open_path.read_bytes() + b"half")
    committed = 0 if nothing_committed else warcinfo_only
    result = cut_back(open_path, committed)
    assert (result.path, result.kept) == (None, 0)
    assert result.cut_bytes == warcinfo_only + 4 - committed
    assert list(tmp_path.iterdir()) == []


def test_cut_back_changes_nothing_when_committed_bytes_are_missing(tmp_path):
    open_path, committed = leftover(tmp_path, 1)
    before = open_path.read_bytes()
    with pytest.raises(ValueError, match="were committed"):
        cut_back(open_path, committed + 1)
    assert open_path.read_bytes() == before


def test_cut_back_takes_open_files_only(tmp_path):
    (tmp_path / NAME).write_bytes(b"x")
    with pytest.raises(ValueError, match="not an open file"):
        cut_back(tmp_path / NAME, 1)


def test_the_compression_is_worth_it(tmp_path):
    """A news page shrinks to a third or better; the member is plain gzip of level-independent format."""
    page = ("<p>Sáng nay, nước lũ trên sông đã rút dần, người dân trở về dọn bùn.</p>\n" * 900).encode()
    file = WarcFile(tmp_path / NAME, FIELDS)
    [ref] = file.append([record.resource(VISIT, page, "text/html")])
    assert ref.length < len(page) / 3
    assert writer.LEVEL == 2
    file.discard()
