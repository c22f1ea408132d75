"""Settings: defaults that work, wrong values refused by name, keys made once."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from shop.kernel.money import Money
from shop.platform.settings import Rate, WrongSetting, read_settings

KEYS = {"SHOP_JWT_KEY": "j" * 32, "SHOP_PAYMENT_SECRETS": "p" * 32}


_STARTER = """
import sys
from shop.platform.settings import read_settings
print("ready", flush=True)
sys.stdin.read()
for folder in sys.argv[1:]:
    print(read_settings({"SHOP_DATA": folder}).jwt_key)
"""


@pytest.fixture
def environ(tmp_path):
    return {"SHOP_DATA": str(tmp_path / "data")}


def test_nothing_set_works_on_a_laptop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    settings = read_settings({})

    assert settings.data == Path("data")
    assert settings.store == Path("data/shop.db")
    assert settings.order_expiry == timedelta(minutes=30)
    assert settings.event_retention == timedelta(days=30)
    assert settings.catalog_budget == 5
    assert settings.catalog_timeout == 2
    assert settings.redis_url is None
    assert settings.log_level == "info"
    assert settings.point_value == Money(1, "EUR")
    assert len(settings.jwt_key) >= 32
    assert len(settings.payment_secrets) == 1


def test_what_is_set_is_read(environ):
    settings = read_settings(
        environ
        | {
            "SHOP_JWT_KEY": "j" * 32,
            "SHOP_PAYMENT_SECRETS": "n" * 32 + "," + "o" * 40,
            "SHOP_ORDER_EXPIRY_MINUTES": "0.5",
            "SHOP_CATALOG_BUDGET_SECONDS": "60",
            "SHOP_EVENT_RETENTION_DAYS": "365",
            "SHOP_REDIS_URL": " rediss://user:secret@cache.example:6380/2 ",
            "SHOP_RATE_LIMIT": "600/minute",
            "SHOP_CORS_ORIGINS": "https://shop.example, http://localhost:5173,http://[::1]:80",
            "SHOP_CACHE_TAG_HEADERS": "Cache-Tag, Surrogate-Key",
            "SHOP_LOG": "WARNING",
            "SHOP_POINT_VALUE": "2 JPY",
        }
    )

    assert settings.jwt_key == "j" * 32
    assert settings.payment_secrets == ("n" * 32, "o" * 40)
    assert settings.order_expiry == timedelta(seconds=30)
    assert settings.catalog_budget == 60
    assert settings.event_retention == timedelta(days=365)
    assert settings.redis_url == "rediss://user:secret@cache.example:6380/2"
    assert "secret" not in repr(settings)
    assert settings.rate_limit == Rate(600, 60)
    assert settings.cors_origins == ("https://shop.example", "http://localhost:5173", "http://[::1]:80")
    assert settings.cache_tag_headers == ("Cache-Tag", "Surrogate-Key")
    assert settings.log_level == "warning"
    assert settings.point_value == Money(2, "JPY")


@pytest.mark.parametrize(("budget", "seconds"), [("60", 2), ("1", 0.4)])
def test_a_try_ends_before_the_budget_does_so_that_failures_are_counted(environ, budget, seconds):
    assert read_settings(environ | {"SHOP_CATALOG_BUDGET_SECONDS": budget}).catalog_timeout == seconds


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHOP_CATALOG_TIMEOUT_SECONDS", "5"),
        ("SHOP_JWT_KEY", ""),
        ("SHOP_JWT_KEY", "short"),
        ("SHOP_PAYMENT_SECRETS", "p" * 32 + ",short"),
        ("SHOP_PAYMENT_SECRETS", "p" * 32 + ","),
        *(
            (name, value)
            for name in ("SHOP_ORDER_EXPIRY_MINUTES", "SHOP_CATALOG_BUDGET_SECONDS", "SHOP_EVENT_RETENTION_DAYS")
            for value in ("0", "-1", "x", "nan", "inf", "-inf", "1e99", "30 minutes")
        ),
        ("SHOP_LOG", "loud"),
        ("SHOP_CACHE_TAG_HEADERS", "Cache Tag"),
        *(("SHOP_REDIS_URL", value) for value in ("localhost:6379", "http://a", "redis://", "redis://a b")),
        *(
            ("SHOP_POINT_VALUE", value)
            for value in (
                "0.01",
                "EUR",
                "0 EUR",
                "-0.01 EUR",
                "0.001 EUR",
                "0.01 XXX",
                "0.01EUR",
                "10000.01 EUR",
                "1e2 EUR",
            )
        ),
        *(
            ("SHOP_RATE_LIMIT", value)
            for value in ("600", "0/minute", "-1/second", "1.5/second", "1/day", "/second", "x/y")
        ),
        *(
            ("SHOP_CORS_ORIGINS", value)
            for value in (
                "*",
                "shop.example",
                "https://a.example/",
                "https://a.example, null",
                "https://a b",
                "ftp://a",
            )
        ),
    ],
)
def test_a_wrong_value_is_refused_by_name(environ, name, value):
    with pytest.raises(WrongSetting) as refused:
        read_settings(environ | KEYS | {name: value})

    assert name in refused.value.detail
    assert "give" in refused.value.detail
    assert "\n" not in refused.value.detail


def test_a_wrong_value_of_a_point_is_refused_with_an_example(environ):
    with pytest.raises(WrongSetting, match=r"SHOP_POINT_VALUE=a cent .* give one like 0\.01 EUR"):
        read_settings(environ | KEYS | {"SHOP_POINT_VALUE": "a cent"})


@pytest.mark.parametrize("secret", ["short-secret", "p" * 31])
def test_a_secret_that_is_refused_is_not_shown(environ, secret):
    with pytest.raises(WrongSetting) as refused:
        read_settings(environ | KEYS | {"SHOP_PAYMENT_SECRETS": secret})

    assert secret not in refused.value.detail


@pytest.mark.parametrize("place", ["", "inside", "deep/inside"])
def test_a_folder_that_is_a_file_or_in_one_is_refused_by_name(tmp_path, place):
    (tmp_path / "file").write_text("")

    with pytest.raises(WrongSetting, match="SHOP_DATA"):
        read_settings({"SHOP_DATA": str(tmp_path / "file" / place)})


def test_an_empty_value_is_the_default(environ):
    settings = read_settings(environ | {"SHOP_ORDER_EXPIRY_MINUTES": "", "SHOP_LOG": ""})

    assert (settings.order_expiry, settings.log_level) == (timedelta(minutes=30), "info")


def test_keys_are_made_once_and_only_their_owner_can_read_them(environ, tmp_path):
    first = read_settings(environ)
    second = read_settings(environ)

    assert first == second
    assert first.jwt_key != first.payment_secrets[0]
    for name, key in (("jwt.key", first.jwt_key), ("payment.key", first.payment_secrets[0])):
        file = tmp_path / "data" / name
        assert file.read_text() == key
        assert file.stat().st_mode & 0o777 == 0o600


def test_another_folder_has_other_keys(tmp_path):
    one, other = (read_settings({"SHOP_DATA": str(tmp_path / name)}) for name in ("one", "other"))

    assert one.jwt_key != other.jwt_key


def test_a_key_that_is_given_is_not_kept_beside_the_data(environ, tmp_path):
    read_settings(environ | KEYS)

    assert not (tmp_path / "data").exists()


def test_processes_that_start_at_once_have_the_same_keys(tmp_path):
    folders = [str(tmp_path / f"data-{n}") for n in range(25)]
    many = [
        subprocess.Popen([sys.executable, "-c", _STARTER, *folders], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    for one in many:
        assert one.stdout.readline() == b"ready\n"
    for one in many:
        one.stdin.write(b"go")
        one.stdin.close()
    told = [one.stdout.read().decode().split() for one in many]
    for one in many:
        one.wait()
        one.stdout.close()

    assert told == [[read_settings({"SHOP_DATA": folder}).jwt_key for folder in folders]] * 4
