"""Pictures: decoded and written anew, so that nothing but the pixels of the first frame goes on.

`clean` sets limits of the whole process; it is meant for the process of its own that `activities.files.box` starts.
"""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageCms

from activities.files.kinds import FileKind
from activities.files.words import refusal
from domain.policy.evidence import LONGEST_SIDE, Evidence

READS = ("JPEG", "PNG", "WEBP")
_QUALITIES = (90, 75, 60)
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings a picture upright, by the orientation that its camera noted."""


def clean(content: bytes, limits: Evidence) -> tuple[FileKind, bytes]:
    """The picture as JPEG, or as PNG where it was one or is transparent. Raises Invalid, or what the decoder does."""
    Image.MAX_IMAGE_PIXELS = limits.pixels
    too_large = refusal(f"has more than {limits.most_pixels} million pixels")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(content), formats=READS) as picture:
                if max(picture.size) > LONGEST_SIDE:
                    raise refusal(f"has a side of more than {LONGEST_SIDE} pixels")
                plain = _plain(picture)
                keep = picture.format == "PNG" or plain.mode == "RGBA"
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise too_large from None
    return _written(plain, FileKind.PNG if keep else FileKind.JPEG, limits)


def _plain(picture: Image.Image) -> Image.Image:
    """The upright pixels in sRGB, as L, RGB or RGBA, and nothing else."""
    upright = _turned(picture)
    seen = upright.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info
    if upright.mode in ("RGB", "RGBA", "CMYK"):
        upright = _in_srgb(upright, picture.info.get("icc_profile"))
    if upright.mode.startswith("I"):
        upright = upright.convert("I").point(lambda level: level * (1 / 256))
    mode = "RGBA" if seen else "L" if upright.mode in ("1", "L", "I", "F") else "RGB"
    plain = upright.convert(mode)
    plain.info.clear()
    return plain


def _turned(picture: Image.Image) -> Image.Image:
    picture.load()
    try:
        turn = _TURNS.get(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001  # Notes of a camera that nobody can read turn nothing.
        turn = None
    return picture.copy() if turn is None else picture.transpose(turn)


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """The colours as every screen shows them; a profile that does not fit is left out."""
    if not profile:
        return picture
    wanted = "RGBA" if picture.mode == "RGBA" else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        turned = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode=wanted)
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return picture
    return picture if turned is None else turned


def _written(picture: Image.Image, kind: FileKind, limits: Evidence) -> tuple[FileKind, bytes]:
    """The file, in the best quality that fits."""
    for quality in _QUALITIES if kind is FileKind.JPEG else (0,):
        out = io.BytesIO()
        if kind is FileKind.JPEG:
            picture.save(out, "JPEG", quality=quality)
        else:
            picture.save(out, "PNG")
        if out.tell() <= limits.bytes:
            return kind, out.getvalue()
    raise refusal(f"is a picture that does not fit into {limits.largest} million bytes; make it smaller")
