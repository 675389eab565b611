"""Files of every sort, good and bad, made on the spot."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable
from struct import pack
from typing import Any

import pikepdf
from pikepdf import Dictionary, Name, Pdf
from PIL import Image, ImageCms

PLACE = "Vogelweg 12, 10115 Berlin"
LATITUDE = (52.0, 31.0, 12.75)


def picture(width: int = 40, height: int = 20, mode: str = "RGB") -> Image.Image:
    """Two halves, red on the left and blue on the right, so that a turn shows."""
    made = Image.new("RGB", (width, height), "red")
    made.paste("blue", (width // 2, 0, width, height))
    return made.convert(mode)


def jpeg(*, orientation: int = 0, secrets: bool = False, **about: Any) -> bytes:
    """A JPEG; with `secrets` it tells of camera, place and person in every way that a JPEG can."""
    out, made = io.BytesIO(), picture(**about)
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    if not secrets:
        made.save(out, "JPEG", exif=exif)
        return out.getvalue()
    exif[0x010F] = "CanaryCam"
    exif[0x013B] = PLACE
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "N", LATITUDE
    made.save(out, "JPEG", exif=exif, comment=PLACE, xmp=f"<x:xmpmeta>{PLACE}</x:xmpmeta>".encode())
    return out.getvalue()


def png(*, profile: bool = False, **about: Any) -> bytes:
    out = io.BytesIO()
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() if profile else None
    picture(**about).save(out, "PNG", icc_profile=icc)
    return out.getvalue()


def webp(*, mode: str = "RGB", frames: int = 1) -> bytes:
    out = io.BytesIO()
    more = [picture(mode=mode).rotate(90 * n) for n in range(1, frames)]
    first = picture(mode=mode)
    if mode == "RGBA":
        first.putalpha(128)
    first.save(out, "WEBP", lossless=True, save_all=frames > 1, append_images=more)
    return out.getvalue()


def gif() -> bytes:
    out = io.BytesIO()
    picture().save(out, "GIF")
    return out.getvalue()


def png_bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A small file that says it has so many pixels; its rows are all black."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = b"\0" * (1 + (width + 7) // 8)
    rows = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    head = pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def pdf(*, pages: int = 1, change: Callable[[Pdf], object] | None = None, **how: Any) -> bytes:
    """A PDF with a line of text on each page; `change` may do to it what it likes."""
    out = io.BytesIO()
    with pikepdf.new() as made:
        for number in range(pages):
            page = made.add_blank_page(page_size=(200, 200))
            page.Contents = made.make_stream(f"BT /F1 12 Tf 20 100 Td (Page {number + 1}) Tj ET".encode())
        if change is not None:
            change(made)
        made.save(out, **how)
    return out.getvalue()


def with_action(**action: Any) -> bytes:
    """A PDF that does something when it is opened."""

    def change(made: Pdf) -> None:
        made.Root.OpenAction = Dictionary(**action)

    return pdf(change=change)


def pdf_bomb(million: int = 2000) -> bytes:
    """A PDF of a few megabytes at most whose page unpacks to so many millions of spaces."""
    packer = zlib.compressobj(9)
    piece = b" " * 1_000_000
    packed = b"".join([*(packer.compress(piece) for _ in range(million)), packer.flush()])

    def change(made: Pdf) -> None:
        made.pages[0].Contents = made.make_stream(packed, Filter=Name.FlateDecode)

    return pdf(change=change)


def archive(name: str = "evil.txt", text: str = "hello") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr(name, text)
    return out.getvalue()


def docx() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("[Content_Types].xml", "<Types/>")
        made.writestr("word/document.xml", "<w:document/>")
    return out.getvalue()
