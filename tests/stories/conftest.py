"""A post office for the stories that send their mails."""

from __future__ import annotations

from tests.smtp_fixture import post_office

__all__ = ["post_office"]
