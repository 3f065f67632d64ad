"""TLS contexts: one for equal trust, made late, and the engine without sockets."""

from __future__ import annotations

import contextlib
import os
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from pyfly.client.adapters._tls import context_for
from pyfly.client.adapters.settings import ConnectionSettings
from pyfly.client.errors import TlsException
from pyfly.transport import tls
from pyfly.transport.tls_engine import Operation, TlsEngine


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def test_equal_trust_is_one_context(ca: Path) -> None:
    assert context_for(ConnectionSettings()) is context_for(ConnectionSettings(max_connections=3))
    assert context_for(ConnectionSettings(ca=ca)) is context_for(ConnectionSettings(ca=str(ca)))
    assert context_for(ConnectionSettings(ca=ca)) is not context_for(ConnectionSettings())
    assert context_for(ConnectionSettings(verify=False)) is not context_for(ConnectionSettings())


def test_a_renewed_file_makes_a_new_context(ca: Path) -> None:
    before = context_for(ConnectionSettings(ca=ca))
    assert context_for(ConnectionSettings(ca=ca)) is before
    os.utime(ca, ns=(1, 1))
    assert context_for(ConnectionSettings(ca=ca)) is not before


def test_a_named_authority_is_trusted_instead_of_all_others(ca: Path) -> None:
    context = context_for(ConnectionSettings(ca=ca))
    assert context.cert_store_stats()["x509"] == 1
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_directory_of_authorities_is_accepted(ca: Path) -> None:
    context = context_for(ConnectionSettings(ca=ca.parent))
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_without_verification_nothing_is_checked() -> None:
    context = context_for(ConnectionSettings(verify=False))
    assert context.verify_mode is ssl.CERT_NONE
    assert not context.check_hostname


def test_the_environment_names_the_authorities(ca: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    context = context_for(ConnectionSettings())
    assert context.cert_store_stats()["x509"] == 1
    monkeypatch.setenv("SSL_CERT_FILE", "")
    assert context_for(ConnectionSettings()) is not context
    monkeypatch.setenv("SSL_CERT_DIR", str(ca.parent))
    assert context_for(ConnectionSettings()).cert_store_stats()["x509"] == 0


def test_else_the_authorities_are_those_of_the_system(
    ca: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere: Any = ssl.DefaultVerifyPaths(*[None] * 6)  # type: ignore[arg-type]
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr(tls, "_BUNDLES", (str(ca.parent / "missing"), str(ca)))
    assert tls._system_context().cert_store_stats()["x509"] == 1
    monkeypatch.setattr(tls, "_BUNDLES", ())
    assert tls._system_context().cert_store_stats()["x509"] == 0


def test_a_file_that_cannot_be_used_is_named_with_its_setting(
    authority: trustme.CA, ca: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("s3cret")
    missing = tmp_path / "missing.pem"
    encrypted = tmp_path / "encrypted.pem"
    encrypted.write_bytes(_encrypted_key(authority))
    for change, text in (
        ({"ca": missing}, r"^ca is '.*missing.pem', which cannot be used: No such file"),
        ({"ca": junk}, "^ca is '.*junk.pem', .*: it holds no PEM certificate"),
        ({"cert": missing}, "^cert is '.*missing.pem', .*: No such file"),
        ({"cert": (ca, missing)}, "^cert is '.*missing.pem'"),
        ({"cert": junk}, "^cert is '.*junk.pem', .*: it holds no certificate with a matching"),
        ({"cert": (ca, junk)}, "^cert is '.*ca.pem', .*: it holds no certificate with a matching"),
        ({"cert": encrypted}, "^cert is '.*encrypted.pem', .*: its key is encrypted"),
    ):
        with pytest.raises(TlsException, match=text) as caught:
            context_for(ConnectionSettings(**change))
        assert "s3cret" not in str(caught.value)
        assert caught.value.__cause__ is not None
    monkeypatch.setenv("SSL_CERT_FILE", str(missing))
    with pytest.raises(TlsException, match=r"^SSL_CERT_FILE is '.*missing.pem'"):
        context_for(ConnectionSettings())


def _encrypted_key(authority: trustme.CA) -> bytes:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    issued = authority.issue_cert("client@example.org")
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    return encrypted + issued.cert_chain_pems[0].bytes()


class Server:
    """The other end, in memory."""

    def __init__(self, authority: trustme.CA) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("h.example").configure_cert(context)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def run(self, operation: Operation) -> Any:
        """Drive an operation of the engine against this end."""
        try:
            step = next(operation)
            while True:
                if step is None:
                    step = operation.send(self.outgoing.read())
                    continue
                self.incoming.write(step)
                with contextlib.suppress(ssl.SSLWantReadError):
                    self.object.do_handshake()
                step = operation.send(b"")
        except StopIteration as stop:
            return stop.value


@pytest.fixture
def connected(authority: trustme.CA, ca: Path) -> tuple[TlsEngine, Server]:
    engine = TlsEngine(context_for(ConnectionSettings(ca=ca)), "h.example")
    server = Server(authority)
    server.run(engine.handshake())
    return engine, server


def test_session_tickets_are_not_taken_for_data(connected: tuple[TlsEngine, Server]) -> None:
    engine, server = connected
    engine.digest(server.outgoing.read())  # the tickets of TLS 1.3
    assert not engine.has_more()
    server.object.write(b"more")
    engine.digest(server.outgoing.read())
    assert engine.has_more()


def test_a_proper_end_is_an_end_and_a_cut_is_an_error(connected: tuple[TlsEngine, Server]) -> None:
    engine, server = connected
    server.object.write(b"all")
    with pytest.raises(ssl.SSLWantReadError):
        server.object.unwrap()
    assert server.run(engine.read()) == b"all"
    assert server.run(engine.read()) == b""
    assert engine.has_more()


def test_nonsense_counts_as_something(connected: tuple[TlsEngine, Server]) -> None:
    engine, _ = connected
    engine.digest(b"this is no TLS record")
    assert engine.has_more()


def test_a_cut_is_told_from_an_end(connected: tuple[TlsEngine, Server]) -> None:
    engine, server = connected
    with pytest.raises(ssl.SSLEOFError):
        server.run(engine.read())


def test_a_farewell_ends_the_stream_for_the_peer(connected: tuple[TlsEngine, Server]) -> None:
    engine, server = connected
    server.incoming.write(engine.farewell(b"last word"))
    assert server.object.read(100) == b"last word"
    assert server.object.read(1) == b""


def test_a_farewell_before_the_handshake_says_nothing(ca: Path) -> None:
    assert TlsEngine(context_for(ConnectionSettings(ca=ca)), "h.example").farewell() == b""
