"""From the bytes of one file to a JPEG that every decoder reads as RGB: passed as it is, converted, or refused.

The decision is taken on the content, never on the file's name: first the header (header.py), so that no decoder
meets an absurd size, then a strict decode. TensorFlow and Pillow pass over damage in the middle of a scan; simplejpeg's
strict mode reports it, and also what costs no pixels: that is mended, and decoded strictly again (jpeg_mending.py).
"""

import contextlib
import io
from collections.abc import Iterator
from typing import NamedTuple

import simplejpeg
from PIL import Image, PngImagePlugin

from trainer.imagenet import MAX_SIDE
from trainer.pictures import chunks, jpeg_mending, jpeg_segments
from trainer.pictures.exif import UPRIGHT, orientation, upright
from trainer.pictures.header import Header, Refused, read_header
from trainer.pictures.jpeg_mending import Mended
from trainer.pictures.limits import APPLIED, MAX_PIXELS, RECORDED, TURNED, Orientation

__all__ = ["MAX_PIXELS", "Orientation", "Picture", "Refused", "normalise"]

MENDED = "mended without a change of pixels"  # How the note of such a JPEG begins.
OPAQUE = "alpha 0 everywhere taken as opaque"
_MAX_TEXT = 64 << 20  # Bytes of a PNG's texts once they are unpacked.
_BEHIND = "extraneous bytes before marker"  # libjpeg's words.
_MAX_SCANS = 100  # A progressive JPEG has about ten; each further one costs a pass over all pixels...
_ENOUGH_SCANS, _SCANNED_PIXELS = 20, 1_500_000_000  # ...so of large pictures fewer do: a second of work or so.


class Picture(NamedTuple):
    """A checked picture.

    Attributes:
        jpeg: Decodes to RGB with channels=3; the file's own bytes unless converted.
        height, width: In pixels, of `jpeg`.
        grey: One colour component in the file; such a JPEG passes as it is.
        converted: Why it was encoded anew, or None.
        orientation: EXIF's, of `jpeg` as it is stored: 1 is upright.
        turned: EXIF's of the file, where it was applied; 1 where it was not.
    """

    jpeg: bytes
    height: int
    width: int
    grey: bool
    converted: str | None
    orientation: int = UPRIGHT
    turned: int = UPRIGHT


def normalise(
    data: bytes, *, max_pixels: int = MAX_PIXELS, exif_orientation: Orientation = RECORDED, decode_check: bool = True
) -> Picture:
    """Checks one file and gives it back as a JPEG that decodes to three channels.

    Args:
        data: The file's bytes.
        max_pixels: Larger pictures are refused.
        exif_orientation: `recorded` leaves the picture as stored, as the reference did; `applied` turns it.
        decode_check: Without it damage behind the header shows only in what has to be converted.

    Raises:
        Refused: not a picture, empty, truncated, damaged, or larger than max_pixels.
    """
    header = read_header(data)
    _check_size(header.height, header.width, max_pixels)
    chunks.check(data, header.format)
    turn = exif_orientation == APPLIED
    if header.format != "JPEG":
        return _convert(data, header, f"{header.format} to JPEG", max_pixels, turn)
    reason, note = _check_jpeg(data, header), None
    if decode_check:
        sound = _sound(data, "CMYK" if header.components == 4 else "GRAY")
        if sound is None:
            reason = reason or "unusual chroma subsampling"
        elif sound.notes:
            data, note = sound.data, f"{MENDED}: {', '.join(sound.notes)}"
    if reason or (turn and header.orientation != UPRIGHT):
        return _convert(data, header, ", ".join(filter(None, [reason, note])) or None, max_pixels, turn)
    return Picture(data, header.height, header.width, header.components == 1, note, header.orientation)


def _check_size(height: int, width: int, max_pixels: int) -> None:
    if min(height, width) < 1:
        raise Refused(f"absurd size: {width} x {height} pixels")
    if max(height, width) > MAX_SIDE:
        raise Refused(f"absurd size: {width} x {height} pixels; at most {MAX_SIDE:,} a side")
    if height * width > max_pixels:
        raise Refused(
            f"absurd size: {width} x {height} pixels; at most {max_pixels:,}, or as many as --max-pixels allows"
        )


def _check_jpeg(data: bytes, header: Header) -> str | None:
    """Why it has to be encoded anew, if it has."""
    scans = 1 if header.one_scan else jpeg_segments.scans(data)
    most = max(_ENOUGH_SCANS, min(_MAX_SCANS, _SCANNED_PIXELS // (header.height * header.width)))
    if scans > most:
        raise Refused(f"absurd number of scans: {scans}; at most {most} of {header.width} x {header.height} pixels")
    if header.components not in (1, 3, 4):
        raise Refused(f"unsupported JPEG: {header.components} colour components; wanted 1, 3 or 4")
    return "CMYK to RGB" if header.components == 4 else None


def _sound(data: bytes, colorspace: str) -> Mended | None:
    """The JPEG whose pixels are all there, mended where libjpeg warns of what costs none of them.

    None where simplejpeg does not know the chroma subsampling.

    Raises:
        Refused: pixels are lost.
    """
    try:
        return Mended(data, ()) if _decode_strictly(data, colorspace) else None
    except ValueError as error:
        mended = jpeg_mending.mend(data, behind_scans=_BEHIND in str(error))
        with contextlib.suppress(ValueError):
            if mended.notes and _decode_strictly(mended.data, colorspace):
                return mended
        raise _damaged("JPEG", error) from error


def _decode_strictly(data: bytes, colorspace: str) -> bool:
    """Decodes all of the entropy-coded data; False where simplejpeg does not know the chroma subsampling.

    At an eighth of the size and without colour: damage shows in the entropy-coded data, and the verdict was the same as
    of a full decode on 900 damaged files, in 0.6 of the time and a hundredth of the memory.
    """
    try:
        simplejpeg.decode_jpeg(
            data, colorspace, fastdct=True, fastupsample=True, min_height=1, min_width=1, min_factor=8
        )
    except ValueError as error:
        if "subsampling" in str(error):
            return False
        raise
    return True


def _convert(data: bytes, header: Header, reason: str | None, max_pixels: int, turn: bool) -> Picture:
    """Encodes anew as an RGB JPEG of quality 100, alpha onto white; of several frames, the first.

    Alpha that is 0 everywhere means nothing: Windows' clipboard and Photoshop leave it so in opaque pictures.
    """
    try:
        with _long_texts(), Image.open(io.BytesIO(data), formats=[header.format]) as image:
            _check_size(image.height, image.width, max_pixels)  # A GIF's frame may exceed its screen.
            image.load()  # A PNG's EXIF may come last.
            is_jpeg = header.format == "JPEG"
            found = header.orientation if is_jpeg else orientation(image.info.get("exif", b""))
            opaque = _is_clear(image)
            rgb = upright(image.convert("RGBA").convert("RGB") if opaque else _rgb(image), found if turn else UPRIGHT)
        out = io.BytesIO()
        rgb.info.clear()  # Pillow would write the comment, which may be longer than a JPEG's can be.
        rgb.save(out, "JPEG", quality=100, subsampling=0)
    except Refused:
        raise
    except Exception as error:  # Pillow's parsers raise whatever damaged bytes led them to.
        raise _damaged(header.format, error) from error
    turned = found if turn else UPRIGHT
    reasons = [reason, OPAQUE if opaque else None, f"{TURNED}: {turned}" if turned != UPRIGHT else None]
    converted = ", ".join(filter(None, reasons))
    return Picture(out.getvalue(), rgb.height, rgb.width, False, converted, UPRIGHT if turn else found, turned)


@contextlib.contextmanager
def _long_texts() -> Iterator[None]:
    """Pillow refuses PNGs with more than a megabyte of XMP or of a colour profile; cameras and Photoshop write more."""
    before = PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = _MAX_TEXT
    try:
        yield
    finally:
        PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = before


def _is_clear(image: Image.Image) -> bool:
    """Whether it has an alpha channel, and that is 0 everywhere."""
    return "A" in image.getbands() and image.getchannel("A").getextrema() == (0, 0)


def _damaged(name: str, error: Exception) -> Refused:
    cut = any(word in str(error).lower() for word in ("premature end", "truncated"))
    return Refused(f"{'truncated' if cut else 'corrupt'} {name}: {error}")


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bit: Pillow's own conversion clips instead of scaling.
        return image.point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    rgb = Image.new("RGB", rgba.size, "white")
    rgb.paste(rgba, mask=rgba.getchannel("A"))  # A third of the memory of alpha_composite.
    return rgb
