"""AWS is known by its certificate: one that botocore's authorities signed, or those of the environment's bundle."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shop.platform import aws_connections
from shop.platform.aws_connections import Connections

NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
NAMES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsent"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A server's, signed by itself, and its key, in one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)
    made = x509.CertificateBuilder(NAME, NAME, key.public_key(), x509.random_serial_number(), now - day, now + day)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = made.add_extension(address, critical=False).sign(key, hashes.SHA256())
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path / "aws.pem"
    file.write_bytes(plain + signed.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
async def url(certificate: Path) -> AsyncIterator[str]:
    """Of a server that has the certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@pytest.fixture(autouse=True)
def anew(monkeypatch):
    aws_connections._certificates.cache_clear()
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    yield
    aws_connections._certificates.cache_clear()


async def asked(url: str) -> bytes:
    connections = Connections(url, most=1, connect=5, read=5)
    try:
        return (await connections.post({"host": "aws"}, b"")).body
    finally:
        await connections.close()


async def test_who_has_another_certificate_is_told_nothing(url):
    with pytest.raises(EndpointConnectionError) as unknown:
        await asked(url)

    assert isinstance(unknown.value.__cause__, ssl.SSLCertVerificationError)
    assert len(aws_connections._certificates().get_ca_certs()) > 50  # AWS's are among these


@pytest.mark.parametrize("name", NAMES)
async def test_a_bundle_that_the_environment_names_counts_instead(url, certificate, monkeypatch, name):
    monkeypatch.setenv(name, str(certificate))

    assert await asked(url) == b"sent"
