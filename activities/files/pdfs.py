"""PDF documents: looked through for what acts or hides, unpacked within bounds, and written anew without metadata.

`clean` sets limits of the whole process; it is meant for the process of its own that `activities.files.box` starts.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, PasswordError, Pdf, Stream

from activities.files.texts import is_page
from activities.files.words import refusal
from domain.policy.evidence import LONGEST_SIDE, MOST_UNPACKED, Evidence

UNPACKED = MOST_UNPACKED * 1_000_000
_SNIFFED = 2048  # bytes at the start by which browsers guess what a file is
_ACTING = frozenset({
    "/Launch", "/JavaScript", "/SubmitForm", "/ImportData", "/ResetForm", "/GoToE", "/GoToR", "/Rendition", "/Movie",
    "/Sound", "/RichMediaExecute", "/SetOCGState", "/GoTo3DView",
})  # fmt: skip
_TRIGGERS = frozenset({"/OpenAction", "/AA", "/Next"})
_HIDING = frozenset({"/JS", "/JavaScript", "/EmbeddedFiles", "/EF", "/AF", "/XFA", "/RichMediaContent", "/Collection"})
_PLAYING = frozenset({"/FileAttachment", "/RichMedia", "/3D", "/Movie", "/Screen", "/Sound"})
_PACKING = frozenset({"/FlateDecode", "/Fl", "/LZWDecode", "/LZW", "/RunLengthDecode", "/RL"})
_METADATA = (Name.Metadata, Name.PieceInfo, Name.LastModified)
_WHO_AND_WHEN = (Name.T, Name.M, Name.CreationDate)  # of a remark on a page
_KEPT_SEGMENTS = frozenset({0xE0, 0xEE})  # JFIF, and Adobe's, which tells how colours are to be read


def clean(content: bytes, limits: Evidence) -> bytes:
    """The document without metadata, earlier versions and anything behind its end. Raises Invalid or PdfError."""
    _one_thing(content)
    pikepdf.settings.set_qpdf_limits(
        doc_max_warnings=100,
        parser_max_nesting=100,
        max_stream_filters=3,
        flate_max_memory=UNPACKED,
        run_length_max_memory=UNPACKED,
        png_max_memory=UNPACKED,
        tiff_max_memory=UNPACKED,
    )
    try:
        # A document whose parts are not where it says shows different readers different things.
        pdf = Pdf.open(io.BytesIO(content), attempt_recovery=False, suppress_warnings=True)
    except PasswordError:
        raise refusal("is a PDF that is locked with a password; store it without") from None
    with pdf:
        if pdf.is_encrypted:
            raise refusal("is a PDF that is protected; store it without")
        if not 1 <= len(pdf.pages) <= limits.most_pages:
            raise refusal(f"is a PDF of {len(pdf.pages)} pages; 1 to {limits.most_pages} are taken")
        _look_through(pdf, limits)
        _strip(pdf)
        out = io.BytesIO()
        pdf.save(out, deterministic_id=True, fix_metadata_version=False)
    _one_thing(out.getvalue())
    if out.tell() > limits.bytes:
        raise refusal(f"is a PDF of more than {limits.largest} million bytes when it is written anew")
    return out.getvalue()


def _one_thing(content: bytes) -> None:
    """Refuse a file that is something else as well, for a program that looks elsewhere than at its first bytes."""
    if zipfile.is_zipfile(io.BytesIO(content)):
        raise refusal("is a PDF and a ZIP archive at once")
    if is_page(content[:_SNIFFED]):
        raise refusal("is a PDF and a web page at once")


def _look_through(pdf: Pdf, limits: Evidence) -> None:
    """Every object, those that no page names included."""
    left = UNPACKED
    for found in pdf.objects:
        for part in _dictionaries(found):
            _harmless(part, limits)
        if isinstance(found, Stream):
            left -= _unpacked(found, left)
            if left < 0:
                raise refusal(f"is a PDF that unpacks to more than {MOST_UNPACKED} million bytes")


def _dictionaries(found: Object) -> Iterator[Dictionary | Stream]:
    """The object and what stands directly in it."""
    waiting = [found]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (Dictionary, Stream)):
            yield part
            waiting += [child for _, child in part.items() if _stands_in(child)]
        elif isinstance(part, Array):
            waiting += [child for child in part if _stands_in(child)]


def _stands_in(child: object) -> bool:
    """Whether a value is a part of its holder, and no plain number or text."""
    return isinstance(child, Object) and not child.is_indirect


def _harmless(part: Dictionary | Stream, limits: Evidence) -> None:
    keys = set(part.keys())
    named = {str(part.get(key)) for key in ("/S", "/Subtype") if isinstance(part.get(key), Name)}
    if keys & _HIDING or named & _PLAYING:
        raise refusal("is a PDF with a program, another file or a player inside")
    if named & _ACTING or _acts_unasked(part, links="/Link" in named):
        raise refusal("is a PDF that does something when it is opened or clicked")
    if isinstance(part, Stream) and keys & {"/F", "/Ref"}:
        raise refusal("is a PDF whose contents stand in another file")
    if "/Image" in named:
        width, height = (int(part.get(key, 0)) for key in ("/Width", "/Height"))
        if width * height > limits.pixels or max(width, height) > LONGEST_SIDE:
            raise refusal(f"is a PDF with a picture of more than {limits.most_pixels} million pixels")


def _acts_unasked(part: Dictionary | Stream, *, links: bool) -> bool:
    """Whether this calls another place but by a click on a link, or has a trigger for more than a jump within.

    What is refused wherever it stands is left to those who find it there.
    """
    for key, child in part.items():
        kinds = set(_kinds(child))
        if key == "/AA" and isinstance(child, Dictionary):
            kinds.update(kind for _, action in child.items() for kind in _kinds(action))
        if (key in _TRIGGERS and kinds - _ACTING - {"/GoTo"}) or ("/URI" in kinds and not (links and key == "/A")):
            return True
    return False


def _kinds(child: object) -> Iterator[str]:
    """What an action does, or each in a list of them."""
    for action in child if isinstance(child, Array) else (child,):
        if isinstance(action, Dictionary) and isinstance(kind := action.get("/S"), Name):
            yield str(kind)


def _unpacked(stream: Stream, most: int) -> int:
    """How many bytes a stream grows to, counted until there are more than `most`."""
    packings = [name for name in _filters(stream) if name in _PACKING]
    if len(packings) > 1:
        raise refusal("is a PDF with parts that are packed more than once")
    if not packings:
        return 0
    if _filters(stream)[0] in ("/FlateDecode", "/Fl"):
        return _inflated(stream.read_raw_bytes(), most)
    return len(_photograph(stream) if _is_photograph(stream) else stream.read_bytes())


def _filters(stream: Stream) -> list[str]:
    named = stream.get("/Filter")
    return [str(name) for name in named] if isinstance(named, Array) else [str(named)] if named is not None else []


def _inflated(raw: bytes, most: int) -> int:
    """Stops at `most`, in pieces, so that a bomb is counted and not held."""
    unpacker, size, waiting = zlib.decompressobj(), 0, raw
    while waiting and size <= most:
        try:
            size += len(unpacker.decompress(waiting, 1 << 20))
        except zlib.error:  # What is broken shows as nothing.
            break
        waiting = unpacker.unconsumed_tail
    return size


def _strip(pdf: Pdf) -> None:
    """Take out what tells of people, places and programs. Photographs in documents bear their own."""
    del pdf.docinfo
    for found in pdf.objects:
        for part in list(_dictionaries(found)):
            marks = "/Rect" in part and part.get("/Subtype") != Name.Widget  # Of a form's field /T is the name.
            for key in (*_METADATA, *(_WHO_AND_WHEN if marks else ())):
                if key in part:
                    del part[key]
        if isinstance(found, Stream) and _is_photograph(found):
            _strip_photograph(found)


def _is_photograph(stream: Stream) -> bool:
    return _filters(stream)[-1:] in (["/DCTDecode"], ["/DCT"])


def _strip_photograph(photo: Stream) -> None:
    """It loses its notes, and what it was packed in besides. Raises PdfError for a packing that cannot be undone."""
    hows, packings = _hows(photo), _filters(photo)[:-1]
    own: Any = hows[len(packings)] if len(hows) > len(packings) else None
    photo.write(_bare_jpeg(_photograph(photo)), filter=Name.DCTDecode, decode_parms=own)


def _photograph(photo: Stream) -> bytes:
    """The JPEG out of what it is packed in besides. Raises PdfError for a packing that cannot be undone."""
    raw, packings = photo.read_raw_bytes(), _filters(photo)[:-1]
    if not packings:
        return raw
    with Pdf.new() as bench:
        packed, hows = Stream(bench, b""), _parameters(_hows(photo), packings)
        packed.write(raw, filter=Array([Name(name) for name in packings]), decode_parms=hows)
        return packed.read_bytes()


def _hows(stream: Stream) -> list[Any]:
    how = stream.get("/DecodeParms")
    return list(how) if isinstance(how, Array) else [how]


def _parameters(hows: list[Any], packings: list[str]) -> Any:
    own = hows[: len(packings)]
    return Array(own) if any(how is not None for how in own) else None


def _bare_jpeg(raw: bytes) -> bytes:
    """A JPEG without its notes: EXIF with the place, XMP, comments. The picture itself is not touched."""
    kept, at = [raw[:2]], 2
    while at + 4 <= len(raw) and raw[at] == 0xFF and raw[at + 1] != 0xDA:
        if raw[at + 1] == 0xFF:  # Any number of these may stand before a marker.
            at += 1
            continue
        kind, size = raw[at + 1], 2 + int.from_bytes(raw[at + 2 : at + 4], "big")
        if not (0xE0 <= kind <= 0xEF or kind == 0xFE) or kind in _KEPT_SEGMENTS:
            kept.append(raw[at : at + size])
        at += size
    return b"".join([*kept, raw[at:]])
