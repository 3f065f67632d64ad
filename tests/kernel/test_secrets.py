"""Which names hold secrets, and how what is secret is shown."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

from pyfly.client import Headers, secret_names
from pyfly.core.keys import looks_secret
from pyfly.kernel.secrets import SecretText, is_secret, redacted, shown
from pyfly.testing.requests.secrets import Redactor


@pytest.fixture(autouse=True)
def shipped_names() -> Iterator[None]:
    yield
    secret_names()


@pytest.mark.parametrize(
    "name",
    [
        "Ocp-Apim-Subscription-Key",
        "private_key",
        "accessKey",
        "signing_key",
        "X-Forwarded-Authorization",
        "authorization",
        "cookie",
        "Set-Cookie",
        "X_API_KEY",
        "apikey",
        "APIKey",
        "x-auth-token",
        "X-Amz-Security-Token",
        "sig",
        "X-Sig",
        "otp",
        "totp_code",
        "jwt",
        "idJWT",
        "PHPSESSID",
        "session",
        "sessionId",
        "JSESSIONID",
        "password",
        "passwd",
        "Passwort",
        "user_pwd",
        "X-Hub-Signature-256",
        "client_secret",
        "credentials",
        "access_token",
        "AWSAccessKeyId",
        "key",
        "KEYS",
        "X-Auth",
    ],
)
def test_a_name_with_such_a_word_holds_a_secret_in_any_spelling(name: str) -> None:
    assert is_secret(name)
    assert redacted(name, "hush") == "***"
    assert "hush" not in repr(Headers({name: "hush"}))
    assert Redactor().hides(name)
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "monkey",
        "turkeys",
        "keyboard",
        "config",
        "Accept",
        "content-type",
        "design",
        "sigma",
        "X-Request-Id",
        "author",
        "WWW-Authenticate",
        "significant",
        "optional",
        "page",
        "user",
        "keepalive",
        "Idempotency-Key",
    ],
)
def test_other_names_hold_none(name: str) -> None:
    assert not is_secret(name)
    assert redacted(name, "seen") == "seen"


def test_a_person_adds_and_excepts_names() -> None:
    secret_names(add=["X-Tenant"], without=["sort_key", "maxTokens"])
    assert is_secret("x_tenant")
    assert not is_secret("sortKey")
    assert not is_secret("max-tokens")
    assert not is_secret("Idempotency-Key")
    assert Redactor().hides("X-TENANT")
    assert not Redactor().hides("sort_key")
    secret_names()
    assert (is_secret("x_tenant"), is_secret("sort_key")) == (False, True)


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("https://h/back?code=hush&state=1", "https://h/back?***"),
        ("/back#access_token=hush", "/back?***"),
        ("/back", "/back"),
    ],
)
def test_of_where_a_redirect_leads_the_query_is_not_shown(location: str, told: str) -> None:
    assert repr(Headers({"Location": location})) == f"Headers(Location: {told})"


def test_a_text_is_shown_without_the_secrets_in_it() -> None:
    text = 'https://me:hush@h/a?page=2&api_key=hush {"password": "hush", "name": "seen"}'
    assert shown(text) == 'https://***@h/a?page=2&api_key=*** {"password": "***", "name": "seen"}'


def test_a_credential_is_the_text_and_is_not_shown() -> None:
    secret = SecretText("Bearer hush")
    assert secret == "Bearer hush"
    assert {"authorization": secret}["authorization"].encode() == b"Bearer hush"
    for value in (secret, secret[:9], secret.encode("latin-1"), pickle.loads(pickle.dumps(secret))):
        assert "hus" not in f"{value!r} {[value]} {(value,)}"


def test_a_token_in_the_fragment_of_a_url_is_hidden() -> None:
    assert shown("/y?page=2#id_token=hush&state=7") == "/y?page=2#id_token=***&state=7"
