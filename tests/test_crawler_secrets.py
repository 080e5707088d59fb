"""Nothing that opens a door stands in the evidence of a run."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from scrapy.settings import BaseSettings, Settings

from crawler.arguments import Arguments
from crawler.runfacts import arguments_of, as_json, secrets_of, settings_of
from crawler.runlog import RunLog
from crawler.secrets import LEFT_OUT, clean_text, clean_value, is_secret_name, secrets_in

SECRET = "Hoa-Gao-77"


@pytest.mark.parametrize(
    "name",
    [
        *("MAIL_PASS", "FTP_PASSWORD", "DB_PASSWD", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"),
        *("TELNETCONSOLE_PASSWORD", "HTTPAUTH_PASS", "SENTRY_DSN", "API_KEY", "apikey", "MY_TOKEN", "Authorization"),
        *("SLACK_WEBHOOK", "DATABASE_URL", "MONGO_URI", "PRIVATE_KEY", "credentials", "Cookie", "proxy_pwd"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)
    assert clean_value({name: SECRET}) == {name: LEFT_OUT}


@pytest.mark.parametrize("name", ["CONTACT", "OPERATOR", "COOKIES_ENABLED", "LOG_LEVEL", "AUTHOR", "follow_authors"])
def test_names_of_no_secrets(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "text",
    [
        f"http://an:{SECRET}@proxy.example:3128",
        f"ftp://{SECRET}@kho.example/x",
        f"an:{SECRET}@proxy.example:3128",
        f"postgresql://an:{SECRET}@db.example/tin?sslmode=require",
        f"host=db.example password={SECRET} user=an",
        f"https://api.example/x?token={SECRET}&a=1",
        f"https://api.example/x?a=1&api_key={SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"{{'Proxy-Authorization': 'Basic {SECRET}'}}",
        f"Bearer {SECRET}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}",
    ],
)
def test_forms_of_secrets(text: str) -> None:
    assert SECRET not in clean_text(text)
    assert SECRET not in json.dumps(clean_value({"FEEDS": {text: {"format": "jsonl"}}, "list": [text]}))


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8940/a-1.html?page=2",
        "2026-11-22 02:10:00 INFO crawler.store: 5 rows, basic work done",
        "Ghi chép từ Cần Thơ: 3.000 tấn lúa",
        "operator toasoan@bao.example",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert clean_text(text) == text


def test_switches_and_empty_values_are_no_secrets() -> None:
    assert clean_value({"AWS_SECRET_ACCESS_KEY": None, "MAIL_PASS": "", "TOKEN": False}) == {
        "AWS_SECRET_ACCESS_KEY": None,
        "MAIL_PASS": "",
        "TOKEN": False,
    }


def settings() -> Settings:
    return Settings(
        {
            "MAIL_PASS": SECRET,
            "DB": {"host": "db.example", "password": SECRET},
            "FEEDS": {f"ftp://an:{SECRET}@kho.example/x.jsonl": {"format": "jsonl"}},
            "DEFAULT_REQUEST_HEADERS": BaseSettings({"Authorization": f"Basic {SECRET}"}),
            "EXPORTER": RunLog,
            "CONTACT": "ban@bao.example",
        }
    )


def test_settings_are_told_without_secrets() -> None:
    told = settings_of(settings())
    text = as_json(told).decode()
    assert SECRET not in text
    assert told["MAIL_PASS"] == LEFT_OUT
    assert told["DB"] == {"host": "db.example", "password": LEFT_OUT}
    assert told["CONTACT"] == "ban@bao.example"
    assert told["EXPORTER"] == "crawler.runlog.RunLog"
    assert {"CONCURRENT_REQUESTS", "USER_AGENT", "FTP_PASSWORD"} <= told.keys()


def test_arguments_are_told_without_secrets() -> None:
    told = arguments_of(
        Arguments("news", "j1", seeds=(f"https://bao.example/?token={SECRET}",), follow=frozenset("ba"))
    )
    assert SECRET not in as_json(told).decode()
    assert told["follow"] == ["a", "b"]


def test_the_log_is_cleaned_of_their_values(tmp_path: Path) -> None:
    environment = {"HTTPS_PROXY": "http://an:Mat%2DKhau@proxy.example:3128", "HOME": "/root"}
    secrets = secrets_of(settings(), environment)
    assert {SECRET, "Mat%2DKhau", "Mat-Khau"} <= set(secrets)
    assert "guest" not in secrets  # what Scrapy has by default is known to everybody
    lines: list[bytes] = []
    log = RunLog(Settings({"LOG_LEVEL": "INFO", "LOG_FORMAT": "%(message)s"}), secrets)
    logger = logging.Logger("thu")
    logger.addHandler(log)
    logger.info("Overridden settings: %s", {"MAIL_PASS": SECRET})
    log.carry(lines.append)
    logger.info("proxy Mat-Khau and http://an:x@proxy.example/")
    logger.debug("below the level")
    log.end()
    logger.info("after the end")
    assert b"".join(lines).decode() == (
        "Overridden settings: {'MAIL_PASS': '(left out)'}\nproxy (left out) and http://(left out)@proxy.example/\n"
    )


def test_a_line_that_a_server_made_long_is_cut_and_takes_no_time() -> None:
    log = RunLog(Settings({"LOG_LEVEL": "INFO", "LOG_FORMAT": "%(message)s"}), [])
    for piece in ("2", "-.", "passwd", "an:", "a=b,"):  # each made some pattern look from every character to the end
        text = log.cleaned(f"begun\n{piece * 100_000}\nended")
        assert text.startswith("begun\n")
        assert text.endswith(" characters more)\nended")
        assert len(text) < 5000


def test_short_words_are_not_looked_for() -> None:
    assert secrets_in({"MAIL_PASS": "a", "TOKEN": "abcd"}, {}) == ["abcd"]
