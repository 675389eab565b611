"""What a process needs from its environment, by the names that the ecosystem uses already."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings
from temporalio.envconfig import ClientConfig, ClientConnectConfig

from domain.errors import Invalid

LOCAL_TEMPORAL = "localhost:7233"
_ABOUT_VALUES = re.compile(r"\A(Input|Value) should ")


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
    """How to reach Temporal, for `Client.connect`; a server on this machine when nothing is set. Raises Invalid."""
    try:
        config = ClientConfig.load_client_connect_config()
    except (OSError, RuntimeError):
        # What is wrong is not quoted: it may be a key.
        where = "see TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE and the files that they name"
        raise Invalid("TEMPORAL_*", f"cannot be read; {where}") from None
    config.setdefault("target_host", LOCAL_TEMPORAL)
    return config


def cannot_connect(error: Exception) -> bool:
    """Whether it is Temporal's client saying that its server cannot be connected to, also for want of an address."""
    return isinstance(error, (RuntimeError, ValueError)) and any(
        words in str(error) for words in ("connect", "target URL", "client cert")
    )


def plainly(rule: str) -> str:
    """What pydantic says of a value, without what it says of itself; any other words as they are."""
    return _ABOUT_VALUES.sub("must ", rule.removeprefix("Value error, "))


@contextmanager
def starting(process: str) -> Iterator[None]:
    """A setting that a process cannot work with ends it in one sentence that names the setting, never its value."""
    try:
        yield
    except Invalid as error:
        sys.exit(f"The {process} cannot start: {error}")
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, each['loc'])).upper()}: {plainly(each['msg'])}" for each in error.errors())
        sys.exit(f"The {process} cannot start: {'; '.join(wrong)}")
    except (RuntimeError, ValueError) as error:
        if not cannot_connect(error):
            raise
        sys.exit(f"The {process} cannot start: TEMPORAL_ADDRESS: Temporal cannot be connected to")
