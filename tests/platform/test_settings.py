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


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
def test_spans_are_wanted_where_opentelemetrys_own_variables_say_where_they_go(environ, name):
    assert read_settings(environ).traces is None
    assert read_settings(environ | {name: "http://127.0.0.1:4318"}).traces == "otlp"


def test_spans_can_go_to_the_daemon_of_lambda(environ):
    lambdas = environ | {"OTEL_TRACES_EXPORTER": "xray", "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000"}

    assert read_settings(lambdas).traces == "xray:169.254.100.1:2000"


@pytest.mark.parametrize("off", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_spans_are_not_wanted_where_opentelemetry_is_switched_off(environ, off):
    assert read_settings(environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"} | off).traces is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "127.0.0.1:4318"},
        {"OTEL_TRACES_EXPORTER": "zipkin"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"},
    ],
)
def test_spans_go_over_http_as_protobuf(environ, wrong):
    with pytest.raises(WrongSetting, match=next(iter(wrong))):
        read_settings(environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"} | wrong)


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
    assert (settings.storage, settings.bus, settings.stack) == ("sqlite", "local", "shop")
    assert settings.catalog_url is None
    assert settings.delivery_attempts == 24
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
        *(("SHOP_STORAGE", value) for value in ("postgres", "sqlite dynamodb")),
        *(("SHOP_BUS", value) for value in ("kafka", "sqs")),
        *(("SHOP_STACK", value) for value in ("Shop", "1shop", "-shop", "my_shop", "my shop", "s" * 32, "shöp")),
        *(
            ("SHOP_CATALOG_URL", value)
            for value in (
                "catalog.example",
                "ftp://catalog.example",
                "http://",
                "http://a b",
                "lambda:",
                "lambda:a/b",
                f"lambda:{'f' * 65}",
                "arn:aws:lambda:eu-central-1:000000000000:function:f",
            )
        ),
        *(("SHOP_DELIVERY_ATTEMPTS", value) for value in ("0", "25", "-1", "1.5", "x", "\u0661", "1e1")),
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


ON_AWS = {"SHOP_STORAGE": "dynamodb"}


def test_what_is_set_for_aws_is_read(environ):
    settings = read_settings(
        environ
        | {
            "SHOP_STORAGE": "DynamoDB",
            "SHOP_STACK": "shop-2",
            "SHOP_CATALOG_URL": " lambda:shop-2-catalog-api ",
            "SHOP_DELIVERY_ATTEMPTS": "3",
        }
    )

    assert (settings.storage, settings.bus, settings.stack) == ("dynamodb", "eventbridge", "shop-2")
    assert settings.catalog_url == "lambda:shop-2-catalog-api"
    assert settings.delivery_attempts == 3


@pytest.mark.parametrize("url", ["http://127.0.0.1:8001", "https://shop.example/catalog/", "http://[::1]:80"])
def test_the_catalog_may_be_at_any_address(environ, url):
    assert read_settings(environ | {"SHOP_CATALOG_URL": url}).catalog_url == url


@pytest.mark.parametrize(("storage", "bus"), [("sqlite", "local"), ("dynamodb", "eventbridge")])
def test_each_storage_has_its_bus(environ, storage, bus):
    assert read_settings(environ | {"SHOP_STORAGE": storage}).bus == bus
    assert read_settings(environ | {"SHOP_STORAGE": storage, "SHOP_BUS": bus}).bus == bus


@pytest.mark.parametrize(("storage", "bus"), [("sqlite", "eventbridge"), ("dynamodb", "local")])
def test_a_bus_that_does_not_go_with_its_storage_is_refused_with_both_names(environ, storage, bus):
    with pytest.raises(WrongSetting, match=f"SHOP_BUS={bus} does not go with SHOP_STORAGE={storage}"):
        read_settings(environ | {"SHOP_STORAGE": storage, "SHOP_BUS": bus})


def test_on_aws_nothing_is_kept_in_a_folder_and_keys_that_are_not_given_nobody_knows(environ, tmp_path):
    first, second = read_settings(environ | ON_AWS), read_settings(environ | ON_AWS)

    assert not (tmp_path / "data").exists()
    assert first.jwt_key != second.jwt_key
    assert first.payment_secrets != second.payment_secrets
    assert len(first.jwt_key) >= 32


def test_on_aws_keys_that_are_given_are_used(environ):
    settings = read_settings(environ | ON_AWS | KEYS)

    assert (settings.jwt_key, settings.payment_secrets) == ("j" * 32, ("p" * 32,))


@pytest.mark.parametrize("name", list(KEYS))
def test_on_aws_too_a_short_or_empty_key_is_refused(environ, name):
    for secret in ("", "short"):
        with pytest.raises(WrongSetting, match=name):
            read_settings(environ | ON_AWS | KEYS | {name: secret})


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
