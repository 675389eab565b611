"""Calls to a provider over HTTP: which way they take, and what they carry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from activities.providers.session import session_for
from tests.serving import serve

PROVIDER = "http://provider.invalid"


@pytest.fixture
def asked() -> list[Request]:
    return []


@pytest.fixture
def server(asked: list[Request]) -> Iterator[str]:
    """Answers everything, also what it is asked as a proxy, and sets a cookie."""

    async def app(scope: dict, receive: object, send: object) -> None:  # type: ignore[type-arg]
        asked.append(Request(scope))
        answer = PlainTextResponse("here")
        answer.set_cookie("tracked", "yes")
        await answer(scope, receive, send)  # type: ignore[arg-type]

    with serve(app) as url:  # type: ignore[arg-type]
        yield url


def test_calls_go_through_the_proxy_of_the_environment_of_the_start(
    server: str, asked: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server)
    session = session_for(PROVIDER)
    monkeypatch.delenv("http_proxy")
    assert session.get(f"{PROVIDER}/v1/charges", timeout=20).text == "here"
    assert asked[0].headers["host"] == "provider.invalid"


def test_a_provider_that_the_environment_excepts_is_reached_without_a_proxy(
    server: str, asked: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert session_for(server).get(server, timeout=20).text == "here"
    assert len(asked) == 1


def test_no_password_of_a_netrc_file_takes_the_place_of_the_providers_key(
    server: str, asked: list[Request], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "netrc"
    other.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(other))
    session_for(server).get(server, headers={"Authorization": "Bearer sk_test_1"}, timeout=20)
    assert asked[0].headers["authorization"] == "Bearer sk_test_1"


def test_certificates_of_the_environment_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ours.pem")
    assert session_for(PROVIDER).verify == "/etc/ours.pem"


def test_no_cookie_is_kept(server: str, asked: list[Request]) -> None:
    session = session_for(server)
    for _ in range(2):
        session.get(server, timeout=20)
    assert [request.headers.get("cookie") for request in asked] == [None, None]
