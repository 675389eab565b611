"""The sandbox as one web application: the payment provider, the carrier and the levers of both."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.carrier import CarrierWorld, carrier_routes
from sandbox.control import Control
from sandbox.payments.api import PaymentApi
from sandbox.world import World


def build_app(world: World, carrier: CarrierWorld) -> Starlette:
    """The application over the state of both providers."""
    return Starlette(routes=[*payment_routes(world), *carrier_routes(carrier), Route("/healthz", _healthz)])


def payment_routes(world: World) -> list[BaseRoute]:
    """The payment provider's dialect under /v1 and its levers under /sandbox."""
    api = PaymentApi(world)
    world.when_clock_moves(api.catch_up)
    return [*api.routes(), *Control(api).routes()]


async def _healthz(_: Request) -> Response:
    return JSONResponse({"status": "ok"})
