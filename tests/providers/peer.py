"""localstripe, a stand-in for Stripe that others wrote, as a real server: where it is right, it judges the adapter.

It refuses parameters that it does not know and leaves out members that it has no use for. A fitting stands before it,
which drops the ones and fills in null for the others; it changes no number and no verdict.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.serving import serve

UNKNOWN = ("automatic_payment_methods", "setup_future_usage", "transfer_group")
"""Parameters of an intent that it has never heard of."""

UNKNOWN_PARTS = ("=review", "=data.review")
"""Parts of an intent that it cannot expand, since it has none."""


@contextmanager
def peer() -> Iterator[tuple[str, str]]:
    """Run it; answers the address for the adapter, and its own, where its levers are."""
    command = [sys.executable, "-m", "tests.providers.peer_process"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        routes = [Route("/v1/{rest:path}", _fitting(url), methods=["GET", "POST"])]
        with serve(Starlette(routes=routes)) as fitted:
            yield fitted, url


def _fitting(url: str) -> Any:
    async def handle(request: Request) -> Response:
        body = (await request.body()).decode()
        headers = {"Authorization": request.headers["Authorization"]}
        address, query = f"{url}{request.url.path}", request.url.query
        status, answer = await run_in_threadpool(_fit, request.method, address, query, body, headers)
        return JSONResponse(_filled(answer), status)

    return handle


def _fit(method: str, address: str, query: str, body: str, headers: dict[str, str]) -> tuple[int, Any]:
    form = [pair for pair in body.split("&") if not pair.startswith(UNKNOWN)]
    if not address.endswith("/capture"):
        return _send(method, address, query, "&".join(form), headers)
    # It takes metadata with an update only.
    metadata = [pair for pair in form if pair.startswith("metadata")]
    status, answer = _send(method, address, query, "&".join(pair for pair in form if pair not in metadata), headers)
    if status != 200:
        return status, answer
    return _send(method, address.removesuffix("/capture"), query, "&".join(metadata), headers)


def _send(method: str, address: str, query: str, body: str, headers: dict[str, str]) -> tuple[int, Any]:
    query, body = (_without_unknown_parts(form) for form in (query, body))
    typed = headers | {"Content-Type": "application/x-www-form-urlencoded"} if method == "POST" else headers
    answer = requests.request(method, address, params=query, data=body, headers=typed, timeout=10)
    return answer.status_code, answer.json()


def _without_unknown_parts(form: str) -> str:
    return "&".join(pair for pair in form.split("&") if not pair.endswith(UNKNOWN_PARTS))


def _filled(thing: Any) -> Any:
    """The answer with null for what it leaves out; what an intent received is what its charge kept of the hold."""
    match thing:
        case {"object": "list", "data": list(items)}:
            return thing | {"data": [_filled(item) for item in items]}
        case {"object": "charge"}:
            return {"payment_method_details": None} | thing
        case {"object": "payment_intent", "latest_charge": charge}:
            kept = charge["amount"] - charge["amount_refunded"] if charge and charge["captured"] else 0
            absent = {"setup_future_usage": None, "review": None, "amount_received": kept}
            return absent | thing | {"latest_charge": _filled(charge)}
        case _:
            return thing
