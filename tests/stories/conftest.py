"""A post office for the stories that send their mails, and the command line."""

from __future__ import annotations

from tests.smtp_fixture import post_office
from tests.starter.conftest import aftersale

__all__ = ["aftersale", "post_office"]
