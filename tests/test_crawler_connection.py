"""Lookups and TLS chains: what is archived of them, how often, and what a bad certificate leads to."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from crawler.connection import Connections, Handshake, Lookup
from tests.conftest import ROOT
from tests.fetch import fetch
from tests.oddserver import odd_server
from tests.replica.ca import Authority
from tests.test_crawler_handler import captures_in
from warc.cdxj import index_lines
from warc.reader import Record, read_records
from warc.record import Visit, metadata
from warc.verify import verify

PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"
AT = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)


def records_in(archive: Path) -> list[Record]:
    (file,) = captures_in(archive)
    report = verify(file)
    assert report.ours
    assert not report.faults
    return list(read_records(file))


def of_tls(records: list[Record]) -> list[Record]:
    return [record for record in records if record.target_uri.startswith("urn:tls:")]


# --- Which records are made -----------------------------------------------------------------------------------------


def test_a_lookup_is_told_again_only_when_its_answer_changes() -> None:
    connections = Connections()
    answers = [("1.1.1.1", "2606:4700::1"), ("2606:4700::1", "1.1.1.1"), ("9.9.9.9",), ("9.9.9.9",)]
    told = [len(list(connections.lookups(Lookup("bao.vn", answer, AT)))) for answer in answers]
    assert told == [1, 0, 1, 0]  # another order is no other answer
    assert list(connections.lookups(None)) == []


def test_the_record_of_a_lookup() -> None:
    (record,) = Connections().lookups(Lookup("bao.vn", ("1.1.1.1", "2606:4700::1"), AT))
    assert (record.type, record.target_uri, record.date) == ("response", "dns:bao.vn", "2026-11-21T10:00:00Z")
    assert dict(record.headers)["Content-Type"] == "text/dns"
    assert b"".join(record.pieces()) == b"20261121100000\nbao.vn.\tIN\tA\t1.1.1.1\nbao.vn.\tIN\tAAAA\t2606:4700::1\n"


def test_a_chain_is_told_once_for_each_host_certificate_and_verdict() -> None:
    connections = Connections()
    first = metadata(Visit("https://bao.vn/", "2026-11-21T10:00:00Z"), {"a": "b"})

    def told(**values: Any) -> int:
        made = {"host": "bao.vn", "port": 443, "chain": (b"a",), "protocol": "TLSv1.3", "cipher": "X", **values}
        return len(list(connections.chains(Handshake(**made), first, None)))

    assert [told(), told(), told(port=8443), told(chain=(b"b",)), told(failures=("expired",)), told()] == [
        1,
        0,
        1,
        1,
        1,
        0,
    ]


def test_what_is_remembered_is_bounded() -> None:
    connections = Connections(kept=2)
    for name in ("a.vn", "b.vn", "c.vn", "c.vn", "a.vn"):
        list(connections.lookups(Lookup(name, ("1.1.1.1",), AT)))
    assert len(connections._answers) == 2


# --- Over real connections ------------------------------------------------------------------------------------------

BAD: dict[str, dict[str, Any]] = {
    "unknown_authority": {},
    "self_signed": {"self_signed": True},
    "expired": {"begins": timedelta(days=-60)},
    "not_yet_valid": {"begins": timedelta(days=2)},
    "wrong_name": {"named": "bao.example"},
}


def settings_for(address: str, **more: Any) -> dict[str, Any]:
    return {"ALLOWED_PRIVATE_HOSTS": [address], "RETRY_TIMES": 0, **more}


def trusting(authority: Authority, folder: Path, reason: str) -> dict[str, str]:
    """The environment of a client that trusts this authority, unless the fault is that it does not."""
    trusted = folder / "trusted.pem"
    trusted.write_bytes(Authority().pem if reason == "unknown_authority" else authority.pem)
    return {**os.environ, "SSL_CERT_FILE": str(trusted), "SSL_CERT_DIR": str(folder)}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_certificate_is_refused_and_recorded(reason: str, tmp_path: Path) -> None:
    authority = Authority(**BAD[reason])
    with odd_server({"/": [PAGE]}, tls=authority) as server:
        (answer,) = fetch(
            tmp_path / "archive",
            [{"url": server.url("/")}],
            settings_for(server.address),
            trusting(authority, tmp_path, reason),
        )
        assert server.requests == []  # not one byte of a request
        assert b"".join(map(bytes, server.received)) == b""
    assert (answer["error"], reason in answer["message"]) == ("CertificateRefused", True)
    _, exchange, chain = records_in(tmp_path / "archive")
    facts, said = dict(exchange.fields()), dict(chain.fields())
    assert (facts["outcome"], facts["tlsFailure"]) == ("no-response", reason)
    assert reason in facts["error"]
    assert chain.get("WARC-Refers-To") == exchange.record_id
    assert (said["verified"], said["failure"], said["policy"]) == ("no", reason, "refuse")


@pytest.mark.slow
@pytest.mark.parametrize("reason", BAD)
def test_a_page_behind_a_bad_certificate_can_be_archived(reason: str, tmp_path: Path) -> None:
    authority = Authority(**BAD[reason])
    with odd_server({"/": [PAGE], "/2": [PAGE]}, tls=authority) as server:
        answers = fetch(
            tmp_path / "archive",
            [{"url": server.url("/")}, {"url": server.url("/2")}],
            settings_for(server.address, TLS_POLICY="archive"),
            trusting(authority, tmp_path, reason),
        )
    assert [answer["status"] for answer in answers] == [200, 200]
    records = records_in(tmp_path / "archive")
    facts = [dict(record.fields()) for record in records if record.type == "metadata"]
    assert [fact.get("tlsFailure") for fact in facts if "url" not in fact and "host" not in fact] == [reason, reason]
    (chain,) = of_tls(records)
    assert (dict(chain.fields())["failure"], dict(chain.fields())["policy"]) == (reason, "archive")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """Nine pages of one sound host, at an address and by its name, and the certificate that it showed for its name."""
    folder = tmp_path_factory.mktemp("sound")
    authority = Authority(named="localhost")
    pages: dict[str, Any] = {f"/{number}": [PAGE] for number in range(9)}
    with odd_server(pages, tls=authority) as server:
        der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", server.port)))
        urls = [f"https://localhost:{server.port}{path}" for path in pages]
        allowed = [f"localhost:{server.port}"]
        settings = {"ALLOWED_PRIVATE_HOSTS": allowed, "CONCURRENT_REQUESTS_PER_DOMAIN": 2}
        answers = fetch(folder / "archive", [{"url": url} for url in urls], settings, trusting(authority, folder, ""))
    assert [answer["status"] for answer in answers] == [200] * 9
    return folder / "archive", der


def test_lookup_and_chain_are_written_once_a_host(sound: tuple[Path, bytes]) -> None:
    archive, der = sound
    records = records_in(archive)
    assert len([record for record in records if record.type == "request"]) == 9
    lookups = [record for record in records if record.target_uri.startswith("dns:")]
    assert [(record.type, record.target_uri, record.get("Content-Type")) for record in lookups] == [
        ("response", "dns:localhost", "text/dns")
    ]
    assert b"localhost.\tIN\tA\t127.0.0.1\n" in lookups[0].block
    (chain,) = of_tls(records)
    first = next(record for record in records if record.type == "response" and record.is_http)
    assert chain.get("WARC-Refers-To") == first.record_id
    fields = dict(chain.fields())
    assert fields["verified"] == "yes"
    assert "failure" not in fields
    assert b64decode(fields["certificate"]) == der
    assert fields["fingerprint"] == f"sha256:{sha256(der).hexdigest()}"
    assert fields["not-after"] == f"{x509.load_der_x509_certificate(der).not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"
    assert fields["protocol"] == "TLSv1.3"


@pytest.mark.parametrize("check", [["warcio.cli", "check"], ["fastwarc.cli", "check"]], ids=["warcio", "fastwarc"])
def test_other_readers_accept_the_records(check: list[str], sound: tuple[Path, bytes]) -> None:
    (file,) = captures_in(sound[0])
    run = subprocess.run([sys.executable, "-m", *check, str(file)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_exchanges_and_the_index_know_them_apart(sound: tuple[Path, bytes]) -> None:
    (file,) = captures_in(sound[0])
    assert verify(file).exchanges == 9
    urls = [line.split(b" ")[0] for line in index_lines(file)]
    assert not [url for url in urls if url.startswith(b"urn:tls")]


# --- The real command -----------------------------------------------------------------------------------------------


def article(number: int) -> bytes:
    body = f"<title>Chợ nổi {number}</title><h1>Chợ nổi {number} họp từ sáng</h1>"
    body += "".join(
        f"<p>Ghe xuồng số {n} về bến {number}, người mua kẻ bán đông vui từ tờ mờ sáng.</p>" for n in range(9)
    )
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
    return head % len(body.encode()) + body.encode()


NO_ROBOTS = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def crawled(folder: Path, policy: str) -> tuple[str, list[bytes], dict[str, Any]]:
    """Two pages of a host whose certificate has expired: the log, what the server was asked, the report."""
    authority = Authority(begins=timedelta(days=-60))
    pages = {f"/cho-noi-hop-tu-sang-10{number}.html": [article(number)] for number in (1, 2)}
    with odd_server({**pages, "/robots.txt": [NO_ROBOTS]}, tls=authority) as server:
        seeds = ",".join(server.url(path) for path in pages)
        command = [sys.executable, "-m", "scrapy", "crawl", "news", "-a", f"seeds={seeds}"]
        given = {"ARCHIVE_DIR": folder / "archive", "HOST_DELAY": 0, "TLS_POLICY": policy}
        given["ALLOWED_PRIVATE_HOSTS"] = server.address
        command += [part for name, value in given.items() for part in ("-s", f"{name}={value}")]
        env = trusting(authority, folder, "") | {"no_proxy": "*"}
        run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
        asked = list(server.requests)
    assert run.returncode == 0, run.stderr
    (report,) = (folder / "archive").glob("reports/*/*.json")
    return run.stderr, asked, json.loads(report.read_text())["counts"]


def scrapy(folder: Path, *command: str) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "scrapy", *command, "-s", f"ARCHIVE_DIR={folder / 'archive'}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def crawl_log(folder: Path) -> list[list[str]]:
    (file,) = (folder / "archive").glob("logs/*/*.crawl.log")
    return [line.split(" ") for line in file.read_text().splitlines()]


@pytest.mark.slow
def test_urls_of_a_host_with_a_bad_certificate_fail_and_are_told(tmp_path: Path) -> None:
    log, asked, counts = crawled(tmp_path, "refuse")
    assert asked == []
    assert (counts["failed/tls_certificate"], counts["tls/refused/expired"]) == (2, 1)
    assert "Failed: tls_certificate 2" in log
    assert "Refused for the server's certificate: expired 1" in log
    lines = crawl_log(tmp_path)
    assert [line[1] for line in lines] == ["-2"] * 3
    assert sorted(line[9] for line in lines if line[8] == "-") == ["tls_certificate"] * 2
    assert "tls:expired" in next(line[9] for line in lines if line[8] != "-")
    scrapy(tmp_path, "verify")


@pytest.mark.slow
def test_the_policy_archive_keeps_the_pages_and_says_so(tmp_path: Path) -> None:
    log, asked, counts = crawled(tmp_path, "archive")
    paths = sorted(request.split()[1].decode() for request in asked)
    assert paths == ["/.well-known/tdmrep.json", *(f"/cho-noi-hop-tu-sang-10{n}.html" for n in (1, 2)), "/robots.txt"]
    assert counts["tls/archived/expired"] == 4
    assert "Archived in spite of the server's certificate: expired 4" in log
    assert all("tls:expired" in line[9] for line in crawl_log(tmp_path))
    scrapy(tmp_path, "verify")
    before = sorted((tmp_path / "archive").glob("articles/*/*.jsonl"))[0].read_bytes()
    (tmp_path / "archive" / "ledger.sqlite").unlink()
    scrapy(tmp_path, "rebuild")
    scrapy(tmp_path, "verify")
    scrapy(tmp_path, "extract", str(tmp_path / "archive"), "-o", str(tmp_path / "again.jsonl"))
    extracted = (tmp_path / "again.jsonl").read_bytes()
    assert len(extracted.splitlines()) == len(before.splitlines()) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("TLS_POLICY=ignore", "TLS_POLICY='ignore': choose from refuse, archive"),
        ("DOWNLOAD_VERIFY_CERTIFICATES=False", "TLS_POLICY=archive"),
    ],
)
def test_settings_that_would_hide_a_bad_certificate_are_refused(setting: str, told: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scrapy", "crawl", "news", "-a", "seeds=http://127.0.0.1:1/", "-s", setting]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (run.returncode, told in run.stderr) == (2, True)
