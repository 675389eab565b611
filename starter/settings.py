"""What a client needs from its environment, by the names that the ecosystem uses already."""

from __future__ import annotations

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings
from temporalio.envconfig import ClientConfig, ClientConnectConfig

from domain.errors import Invalid

LOCAL_TEMPORAL = "localhost:7233"


class ClientSettings(BaseSettings):
    """Settings of the client and the command line. Temporal's own come from ``TEMPORAL_*`` and ``temporal.toml``."""

    database_url: SecretStr = Field(description="PostgreSQL of the application role, postgresql://...")
    aftersale_master_key: SecretStr = Field(description="32 bytes, base64: wraps the keys of personal data")
    aftersale_command_key: SecretStr = Field(
        default=SecretStr(""), description="signs the commands of specialists and operators; parties need none"
    )

    @property
    def command_key(self) -> bytes:
        """The key as `domain.signing` takes it; empty when this client may not act for the desk."""
        return self.aftersale_command_key.get_secret_value().encode()


def load() -> ClientSettings:
    """The settings of this process; raises Invalid, naming the variable, never its value."""
    try:
        return ClientSettings()  # type: ignore[call-arg]  # pydantic reads them from the environment
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]).upper()
        about = ClientSettings.model_fields[name.lower()].description
        raise Invalid(name, f"is missing from the environment or cannot be read; it is: {about}") from None


def temporal() -> ClientConnectConfig:
    """How to reach Temporal, for `Client.connect`; a server on this machine when nothing is set."""
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", LOCAL_TEMPORAL)
    return config
