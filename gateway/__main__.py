"""The receiver of carriers' webhooks: ``python -m gateway``. Settings in, real clients wired, server started."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import uvicorn
from pydantic import SecretStr
from pydantic_settings import BaseSettings
from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.envconfig import ClientConfig

from activities.carriers import CarrierDesk
from activities.logs import set_up
from activities.providers.easypost import EasyPostCarrier
from activities.store import inbox
from activities.store.database import connect
from domain.tracking import TrackerReport
from gateway.webhooks import create_app

SOURCE = "easypost"


class Settings(BaseSettings):
    """What the receiver needs, by environment names. Temporal's own come from ``TEMPORAL_*`` and ``temporal.toml``."""

    database_url: SecretStr
    easypost_api_key: SecretStr
    easypost_api_base: str = "https://api.easypost.com"
    easypost_webhook_secret: SecretStr
    gateway_host: str = "127.0.0.1"
    gateway_port: int = 8080
    log_level: str = "INFO"


class SeenInPostgres:
    """Events that were acted on, remembered across restarts and receivers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def contains(self, event_id: str) -> bool:
        """Whether it was acted on."""
        return await asyncio.to_thread(self._contains, event_id)

    async def add(self, event_id: str) -> None:
        """It was acted on."""
        await asyncio.to_thread(self._add, event_id)

    def _contains(self, event_id: str) -> bool:
        with self._engine.begin() as conn:
            return inbox.is_known(conn, SOURCE, event_id)

    def _add(self, event_id: str) -> None:
        with self._engine.begin() as conn:
            inbox.first_seen(conn, SOURCE, event_id, datetime.now(UTC))


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
    client = await Client.connect(**ClientConfig.load_client_connect_config())
    desk = CarrierDesk(engine, client, carrier, SOURCE)

    async def deliver(tracker_id: str, report: TrackerReport) -> None:
        await desk.deliver(tracker_id, report)

    app = create_app(carrier, deliver, SeenInPostgres(engine))
    server = uvicorn.Server(
        uvicorn.Config(app, host=settings.gateway_host, port=settings.gateway_port, access_log=False, log_config=None)
    )
    await server.serve()


if __name__ == "__main__":
    asyncio.run(main())
