"""Pictures that people of the demo take: drawn, small, and of the kind that a telephone makes."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 320, 240
CARDBOARD, SCRATCH, PAPER = (196, 154, 108), (60, 30, 20), (240, 236, 228)


def photo(what: str) -> bytes:
    """A PNG of a parcel on a table, with `what` written on it, so that no two look alike."""
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    draw.rectangle((60, 60, 260, 200), fill=CARDBOARD, outline=SCRATCH, width=2)
    draw.line((60, 130, 260, 130), fill=SCRATCH)
    draw.text((70, 70), what, fill=SCRATCH)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
