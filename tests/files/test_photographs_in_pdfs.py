"""A document's photographs and remarks tell nothing of who made them, and where, however they are packed."""

from __future__ import annotations

import base64
import io
import zlib

import pytest
from pikepdf import Array, Dictionary, Name, Pdf
from PIL import Image

from activities.files.accept import accept
from domain.policy.evidence import Evidence

CAMERA = 0x010F


def photograph() -> bytes:
    """A JPEG that names its camera."""
    notes, out = Image.Exif(), io.BytesIO()
    notes[CAMERA] = "CANARYCAM"
    Image.new("RGB", (32, 32), "red").save(out, "JPEG", exif=notes.tobytes(), comment=b"CANARYHOME")
    return out.getvalue()


def document(raw: bytes, *filters: Name) -> bytes:
    """A page with one picture, packed in that way."""
    pdf, out = Pdf.new(), io.BytesIO()
    page = pdf.add_blank_page(page_size=(200, 200))
    picture = pdf.make_stream(b"", Type=Name.XObject, Subtype=Name.Image, Width=32, Height=32)
    picture.write(raw, filter=Array(filters))
    picture.ColorSpace, picture.BitsPerComponent = Name.DeviceRGB, 8
    page.Resources = Dictionary(XObject=Dictionary(Im0=picture))
    page.Contents = pdf.make_stream(b"q 100 0 0 100 0 0 cm /Im0 Do Q")
    pdf.save(out)
    return out.getvalue()


PACKED: dict[str, tuple[bytes, list[Name]]] = {
    "plain": (photograph(), [Name.DCTDecode]),
    "ascii 85": (base64.a85encode(photograph()) + b"~>", [Name.ASCII85Decode, Name.DCTDecode]),
    "hexadecimal": (photograph().hex().encode() + b">", [Name.ASCIIHexDecode, Name.DCTDecode]),
    "deflated": (zlib.compress(photograph()), [Name.FlateDecode, Name.DCTDecode]),
    "deflated in ascii 85": (
        base64.a85encode(zlib.compress(photograph())) + b"~>",
        [Name.ASCII85Decode, Name.FlateDecode, Name.DCTDecode],
    ),
    "padded": (photograph().replace(b"\xff\xe1", b"\xff\xff\xff\xe1", 1), [Name.DCTDecode]),
}


@pytest.mark.parametrize("how", PACKED)
def test_a_photograph_in_a_pdf_loses_its_notes_however_it_is_packed(how: str) -> None:
    raw, filters = PACKED[how]
    _, content = accept(document(raw, *filters), Evidence())
    with Pdf.open(io.BytesIO(content)) as pdf:
        picture = pdf.pages[0].Resources.XObject.Im0
        assert picture.Filter == Name.DCTDecode
        kept = picture.read_raw_bytes()
    with Image.open(io.BytesIO(kept)) as image:
        assert image.getexif().get(CAMERA) is None
        image.load()
    assert b"CANARY" not in kept


def test_a_remark_in_a_pdf_loses_its_author_and_a_forms_field_keeps_its_name() -> None:
    pdf, out = Pdf.new(), io.BytesIO()
    remark = Dictionary(Type=Name.Annot, Subtype=Name.Text, Rect=[0, 0, 9, 9], T="CANARYAUTHOR", Contents="dented")
    named = Dictionary(Type=Name.Annot, Subtype=Name.Widget, FT=Name.Tx, Rect=[0, 0, 9, 9], T="size")
    field = pdf.make_indirect(named)
    pdf.Root.AcroForm = Dictionary(Fields=Array([field]))
    pdf.add_blank_page(page_size=(200, 200)).Annots = Array([pdf.make_indirect(remark), remark, field])
    pdf.save(out)
    _, content = accept(out.getvalue(), Evidence())
    with Pdf.open(io.BytesIO(content)) as kept:
        told = [(str(mark.get("/T")), str(mark.get("/Contents"))) for mark in kept.pages[0].Annots]
    assert told == [("None", "dented"), ("None", "dented"), ("size", "None")]
