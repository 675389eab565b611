"""What is said of a file that is not taken."""

from __future__ import annotations

from domain.errors import Invalid

FIELD = "file"
PDF = b"%PDF-"
"""How a PDF begins, at its very first byte."""

ALLOWED = "allowed are JPEG, PNG and WebP pictures, PDF documents and plain text in UTF-8"


def refusal(rule: str) -> Invalid:
    """The error of a file that breaks a rule: which one, and what would be right."""
    return Invalid(FIELD, f"{rule}; {ALLOWED}")
