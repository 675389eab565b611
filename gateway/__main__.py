"""The receiver of webhooks: ``python -m gateway``. Settings in, real clients wired, server started."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import uvicorn
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings
from sqlalchemy import Engine
from temporalio.client import Client

from activities.carriers import CarrierDesk
from activities.logs import set_up
from activities.payments_desk import PaymentsDesk
from activities.providers.easypost import EasyPostCarrier
from activities.providers.stripe import StripePayments
from activities.store.database import connect
from activities.store.desk import inbox
from gateway.webhooks import Source, create_app
from starter.settings import starting, temporal

CARRIER, PROVIDER = "easypost", "stripe"
"""The names under which the sources are reached, and under which their events are remembered."""


class Settings(BaseSettings, hide_input_in_errors=True):
    """What the receiver needs, by environment names. Temporal's own come from ``TEMPORAL_*`` and ``temporal.toml``."""

    database_url: SecretStr
    easypost_api_key: SecretStr
    easypost_api_base: str = "https://api.easypost.com"
    easypost_webhook_secret: SecretStr
    stripe_secret_key: SecretStr
    stripe_api_base: str = "https://api.stripe.com"
    stripe_webhook_secret: SecretStr
    aftersale_command_key: SecretStr = Field(min_length=16, description="signs what the payment provider tells orders")
    gateway_host: str = "127.0.0.1"
    gateway_port: int = 8080
    log_level: str = "INFO"


class SeenInPostgres:
    """Events that were acted on, remembered across restarts and receivers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def contains(self, source: str, event_id: str) -> bool:
        """Whether it was acted on."""
        return await asyncio.to_thread(self._contains, source, event_id)

    async def add(self, source: str, event_id: str) -> None:
        """It was acted on."""
        await asyncio.to_thread(self._add, source, event_id)

    def _contains(self, source: str, event_id: str) -> bool:
        with self._engine.begin() as conn:
            return inbox.is_known(conn, source, event_id)

    def _add(self, source: str, event_id: str) -> None:
        with self._engine.begin() as conn:
            inbox.first_seen(conn, source, event_id, datetime.now(UTC))


async def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = Settings()  # type: ignore[call-arg]  # from the environment
    set_up(settings.log_level)
    engine = connect(settings.database_url.get_secret_value())
    carrier = EasyPostCarrier(
        base_url=settings.easypost_api_base,
        api_key=settings.easypost_api_key.get_secret_value(),
        webhook_secret=settings.easypost_webhook_secret.get_secret_value(),
    )
    payments = StripePayments(
        settings.stripe_secret_key.get_secret_value(),
        url=settings.stripe_api_base,
        webhook_secrets=settings.stripe_webhook_secret.get_secret_value().split(","),
    )
    client = await Client.connect(**temporal())
    parcels = CarrierDesk(engine, client, carrier, CARRIER)
    command_key = settings.aftersale_command_key.get_secret_value().encode()
    money = PaymentsDesk(engine, client, payments, PROVIDER, command_key)
    app = create_app(
        (
            Source(CARRIER, carrier.parse_webhook, parcels.look),
            Source(PROVIDER, payments.parse_webhook, money.look, max_age=None),
        ),
        SeenInPostgres(engine),
    )
    server = uvicorn.Server(
        uvicorn.Config(app, host=settings.gateway_host, port=settings.gateway_port, access_log=False, log_config=None)
    )
    await server.serve()


if __name__ == "__main__":
    with starting("receiver of webhooks"):
        asyncio.run(main())
