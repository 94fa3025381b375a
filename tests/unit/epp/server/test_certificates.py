"""Which TLS the flags ask for."""

import asyncio
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from epp.server import certificates
from epp.server.errors import StartError
from epp.server.flags import parse
from machine.certificates import self_signed


async def served_name(context: ssl.SSLContext) -> str:
    """Return the common name of the certificate that a client is shown."""

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0, ssl=context)
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    async with server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting)
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        await writer.wait_closed()
    (name,) = x509.load_der_x509_certificate(shown).subject.get_attributes_for_oid(
        NameOID.COMMON_NAME
    )
    return str(name.value)


async def test_a_secret_that_kubernetes_swaps_is_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "_CHECK_SECONDS", 0.02)
    for folder, name in (("..1", "first"), ("..2", "second")):
        (tmp_path / folder).mkdir()
        self_signed(tmp_path / folder, name)
    (tmp_path / "..data").symlink_to("..1")
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    options = parse([f"--cert-path={tmp_path}", "--enable-cert-reload"]).options
    proxy = certificates.for_proxy(options)
    assert proxy is not None
    context = proxy.start()
    assert await served_name(context) == "first"

    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").rename(tmp_path / "..data")
    async with asyncio.timeout(60):
        while await served_name(context) != "second":  # each look takes a moment
            pass
    proxy.stop()


def test_nothing_to_load_again_is_no_reason_not_to_start(caplog: pytest.LogCaptureFixture) -> None:
    assert certificates.for_proxy(parse(["--enable-cert-reload"]).options) is not None

    assert "--enable-cert-reload has no effect without --cert-path" in caplog.text


def test_versions_and_suites_are_named_as_in_go() -> None:
    suites = "TLS_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    flags = ["--tls-min-version=VersionTLS13", f"--tls-cipher-suites={suites}"]
    demands = certificates.demands_from(parse(flags).options)

    assert demands.minimum == ssl.TLSVersion.TLSv1_3
    assert demands.ciphers == "ECDHE-RSA-AES128-GCM-SHA256"
    assert certificates.demands_from(parse([]).options).minimum == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("openssl", [each for each in certificates.SUITES.values() if each])
def test_openssl_knows_every_suite(openssl: str) -> None:
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(openssl)


def test_readers_of_metrics_may_have_to_show_a_certificate(tmp_path: Path) -> None:
    own = self_signed(tmp_path, "metrics").certificate
    flags = [f"--metrics-cert-dir={tmp_path}", f"--metrics-client-ca-file={own}"]
    metrics = certificates.for_metrics(parse([*flags, "--metrics-endpoint-auth=false"]).options)
    assert metrics is not None
    metrics._is_watched = False

    assert metrics.start().verify_mode is ssl.CERT_REQUIRED


def test_in_the_clear_there_is_no_certificate() -> None:
    options = parse(["--secure-serving=false"]).options

    assert certificates.for_proxy(options) is None
    assert certificates.for_metrics(options) is None


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--tls-min-version=1.2"], "--tls-min-version: '1.2' is not one of VersionTLS12"),
        (["--tls-cipher-suites=NULL"], "--tls-cipher-suites: 'NULL' is not one of"),
        (["--metrics-client-ca-file=x"], "--metrics-client-ca-file needs --metrics-cert-dir"),
        (
            ["--metrics-cert-dir=x", "--metrics-endpoint-auth=false"],
            "needs --metrics-client-ca-file or --metrics-endpoint-auth",
        ),
    ],
)
def test_flags_that_make_no_sense_are_refused(flags: list[str], said: str) -> None:
    options = parse(flags).options

    with pytest.raises(StartError, match=said):
        _ = certificates.for_metrics(options), certificates.for_proxy(options)


def test_a_directory_without_a_pair_is_named(tmp_path: Path) -> None:
    proxy = certificates.for_proxy(parse([f"--cert-path={tmp_path}"]).options)
    assert proxy is not None

    with pytest.raises(StartError, match=r"must hold tls\.crt and tls\.key in PEM"):
        proxy.start()
