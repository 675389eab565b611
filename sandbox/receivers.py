"""Where the news of both providers go, told by the environment as an installation registers its webhooks once."""

from __future__ import annotations

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from sandbox.carrier import CarrierWorld
from sandbox.store import Record, new_id
from sandbox.world import World


class Settings(BaseSettings, hide_input_in_errors=True):
    """What the sandbox takes from its environment. Without a gateway it sends no news but where it is told over HTTP.

    The secrets are those that the gateway knows; of two for the payment provider the second signs what happens on
    connected accounts.
    """

    gateway_url: str = ""
    easypost_webhook_secret: SecretStr = SecretStr("")
    stripe_webhook_secret: SecretStr = SecretStr("")


def register(world: World, carrier: CarrierWorld, told: Settings) -> None:
    """Send the news of both providers to the gateway, and no more to where a kept sandbox was told to send them."""
    if not told.gateway_url:
        return
    carrier.register_webhook(f"{told.gateway_url}/webhooks/easypost", told.easypost_webhook_secret.get_secret_value())
    for former in world.store.all("webhook_endpoint"):
        if former.private.get("told"):
            world.store.remove(former)
    secrets = [each.strip() for each in told.stripe_webhook_secret.get_secret_value().split(",")]
    for connect, secret in ((False, secrets[0]), (True, secrets[-1])):
        data = {
            "object": "webhook_endpoint",
            "created": int(world.now().timestamp()),
            "enabled_events": ["*"],
            "status": "enabled",
            "url": f"{told.gateway_url}/webhooks/stripe",
        }
        private = {"secret": secret, "connect": connect, "told": True}
        id_ = new_id("we")
        world.store.put(Record("webhook_endpoint", id_, {"id": id_, **data}, private=private))
    world.store.commit()
