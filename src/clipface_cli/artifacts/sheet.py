"""Labelled contact sheets and before/after pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from clipface_cli.artifacts.images import Pixels

GAP = 8
PAPER = (250, 249, 247)
INK = (45, 42, 40)


def contact_sheet(
    rows: Sequence[Sequence[Pixels]],
    columns: Sequence[str] = (),
    captions: Sequence[str] = (),
) -> Pixels:
    """Pictures (H, W, 3) of one size in a grid, 8-bit sRGB as the result.

    columns: a heading over each; captions: one left of each row.
    """
    height, width = rows[0][0].shape[:2]
    font = _font(width)
    margin = _text_width(captions, font) + 2 * GAP if captions else GAP
    headings = [_wrap(text, width, font) for text in columns]
    top = _text_height(headings, font) + GAP if columns else GAP
    across = max(len(row) for row in rows)
    size = (margin + across * (width + GAP), top + len(rows) * (height + GAP))
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for j, text in enumerate(headings):
        middle = margin + j * (width + GAP) + width // 2
        draw.multiline_text((middle, top // 2), text, INK, font, anchor="mm", align="center")
    for i, row in enumerate(rows):
        y = top + i * (height + GAP)
        if captions:
            draw.text((margin - GAP, y + height // 2), captions[i], INK, font, anchor="rm")
        for j, picture in enumerate(row):
            sheet.paste(Image.fromarray(picture), (margin + j * (width + GAP), y))
    return np.asarray(sheet)


def captioned_sheet(pictures: Sequence[Pixels], captions: Sequence[str], across: int) -> Pixels:
    """Pictures (H, W, 3) of one size in rows of `across`, each over its wrapped caption."""
    width = pictures[0].shape[1]
    font = _font(width)
    texts = [_wrap(caption, width, font) for caption in captions]
    strip = _text_height(texts, font)
    cards = [_card(*card, strip, font) for card in zip(pictures, texts, strict=True)]
    return contact_sheet([cards[i : i + across] for i in range(0, len(cards), across)])


def before_after(before: Sequence[Pixels], after: Sequence[Pixels], prompt: str) -> Pixels:
    """Pictures (H, W, 3) of each view before and after the edit, beside each other."""
    row = [picture for pair in zip(before, after, strict=True) for picture in pair]
    return contact_sheet([row], ["before", prompt] * len(before))


def _card(picture: Pixels, text: str, strip: int, font: ImageFont.FreeTypeFont) -> Pixels:
    """The picture above its text on `strip` rows of paper."""
    height, width = picture.shape[:2]
    card = Image.new("RGB", (width, height + strip), PAPER)
    card.paste(Image.fromarray(picture))
    ImageDraw.Draw(card).multiline_text((0, height + GAP // 2), text, INK, font)
    return np.asarray(card)


def _wrap(text: str, width: int, font: ImageFont.FreeTypeFont) -> str:
    """Break lines between words so that each fits the width where it can."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


def _font(width: int) -> ImageFont.FreeTypeFont:
    """PIL's own font, sized to pictures `width` pixels wide."""
    font = ImageFont.load_default(size=max(12, width // 20))
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType")
    return font


def _text_width(texts: Sequence[str], font: ImageFont.FreeTypeFont) -> int:
    return max(round(font.getlength(text)) for text in texts)


def _text_height(texts: Sequence[str], font: ImageFont.FreeTypeFont) -> int:
    """Rows of the tallest of wrapped texts, with room around it."""
    lines = max(text.count("\n") for text in texts) + 1
    return round(lines * font.size * 1.35) + GAP
