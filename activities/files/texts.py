"""Plain text: UTF-8 without anything that a program would run or a screen obey."""

from __future__ import annotations

import re

from activities.files.words import refusal

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_MARKUP = re.compile(
    r"<(?:!doctype\b|\?(?:xml|php)\b|!\[cdata\[|/?(?:[\w.-]+:)?(?:html|head|body|script|svg|iframe|object|embed|style|link|meta"
    r"|base|form|img|video|audio|math|template)(?=[\s/>]))",
    re.IGNORECASE,
)
_PAGE = re.compile(rb"(?<!<)<(?:!doctype\s+html|html|head|body|script|svg|iframe)[\s>]", re.IGNORECASE)
_BEGINNINGS = {
    "GIF8": "a GIF picture",
    "%PDF-": "a damaged PDF",
    "%!PS": "a PostScript program",
    "{\\rtf": "an RTF document",
    "#!": "a script",
}


def clean(content: bytes) -> bytes | None:
    """The text without a byte order mark; None when it is no text at all. Raises Invalid for text that is not plain."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    start = text.lstrip()
    for beginning, what in _BEGINNINGS.items():
        if start.startswith(beginning):
            raise refusal(f"is {what}")
    if _MARKUP.search(text):
        raise refusal("is a web page, an SVG picture or another text with markup")
    if _CONTROL.search(text):
        return None
    return text.encode() if text.strip() else None


def is_page(content: bytes) -> bool:
    """Whether a browser that guesses could take the bytes for a page."""
    return _PAGE.search(content) is not None
