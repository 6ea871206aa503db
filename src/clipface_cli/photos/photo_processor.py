"""A few photos at a time to masked images, head parameters and a report of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipface_cli.artifacts.dataset import PARAMETERS
from clipface_cli.artifacts.images import MAX_MEGAPIXELS
from clipface_cli.errors import InputError
from clipface_cli.head import HeadParams
from clipface_cli.photos import align, filters
from clipface_cli.photos.accessory_detector import AccessoryDetector
from clipface_cli.photos.encoder import Encoded, Encoder
from clipface_cli.photos.landmarks import Face, find_faces_any_way
from clipface_cli.photos.masks import HeadMask, cover
from clipface_cli.photos.reading import read_photo
from clipface_cli.photos.squares import Square

Pixels = NDArray[np.uint8]


@dataclass
class Candidate:
    """One face of a photo; reason: why it is rejected, None where it is kept."""

    square: Square
    image: Pixels
    face: Face
    scores: dict[str, float]
    reason: str | None = None
    hair: Tensor | None = None
    unsure: list[str] = field(default_factory=list)

    def report(self, image: int | None) -> dict[str, Any]:
        """Entry of the manifest; image: its number within the batch."""
        square = [self.square.x, self.square.y, self.square.side, self.square.angle]
        line: dict[str, Any] = {"status": "rejected" if self.reason else "kept"}
        line |= {"reason": self.reason} if self.reason else {"image": image}
        line |= {"unsure": self.unsure} if self.unsure else {}
        line["square"] = [round(value, 4) for value in square]
        line["scores"] = {name: round(float(value), 4) for name, value in self.scores.items()}
        return line


@dataclass
class PhotoBatch:
    """Part of a dataset: images (N, R, R, 3), tables with a row an image, a line a photo."""

    images: list[Pixels] = field(default_factory=list)
    tables: dict[str, Tensor] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)


class PhotoProcessor:
    """Turns photos into a batch of the dataset, with models that are loaded once.

    limits None keeps every face; accessories: detector of hats, glasses and hair.
    """

    def __init__(
        self,
        encoder: Encoder,
        resolution: int,
        limits: filters.Limits | None,
        accessories: AccessoryDetector | None = None,
        max_megapixels: float = MAX_MEGAPIXELS,
    ) -> None:
        self._encoder, self._resolution, self._limits = encoder, resolution, limits
        self._accessories, self._max_megapixels = accessories, max_megapixels
        self._mask = HeadMask(encoder.head, resolution)

    def process(self, root: Path, sources: Sequence[str]) -> PhotoBatch:
        """All faces of the photos root/source, in order; a bad photo becomes a failed line."""
        found: list[list[Candidate] | str] = [self._examine(root / source) for source in sources]
        faces = [face for each in found if not isinstance(each, str) for face in each]
        batch = PhotoBatch()
        self._fit([face for face in faces if not face.reason], batch)
        numbers = iter(range(len(batch.images)))
        for source, each in zip(sources, found, strict=True):
            batch.lines.append(_line(source, each, numbers))
        return batch

    def _examine(self, path: Path) -> list[Candidate] | str:
        """The photo's faces, or an error message."""
        try:
            image = read_photo(path, self._max_megapixels)
            if filters.is_cut_off(image):
                return "its lower part is one grey, as of a JPEG that broke off"
            faces = find_faces_any_way(image)
            if faces and align.is_aligned(image, faces[0]):
                return [self._candidate(image, faces[0], align.whole(image))]
            return [self._candidate(image, face, align.face_square(face)) for face in faces]
        except InputError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - one photo must not stop the others
            return f"{type(error).__name__}: {error}"

    def _candidate(self, photo: Pixels, face: Face, square: Square) -> Candidate:
        scores = {
            "score": face.score,
            "pixels": filters.face_pixels(face),
            "inside": filters.share_inside(face, photo),
            "light": filters.light(photo, face),
        }
        image = align.crop(photo, square, self._resolution)
        moved = align.move_face(face, square, self._resolution)
        scores["blur"] = filters.blur(image, moved)
        candidate = Candidate(square, image, moved, scores)
        self._check_limits(candidate)
        if self._accessories and not candidate.reason:
            worn, candidate.hair = self._accessories(photo, face, image)
            candidate.scores |= worn
            self._check_limits(candidate)
            if self._limits:
                candidate.unsure = filters.unsure_of(worn, self._limits.certainty)
        return candidate

    def _check_limits(self, candidate: Candidate) -> None:
        if self._limits and not candidate.reason:
            candidate.reason = filters.reason_against(candidate.scores, self._limits)

    def _fit(self, candidates: Sequence[Candidate], batch: PhotoBatch) -> None:
        """Fit heads, check the fits, mask everything but the head; fills images and tables."""
        if not candidates:
            return
        images = np.stack([c.image for c in candidates])
        encoded = self._encoder.encode(images, [c.face for c in candidates])
        self._check_fits(candidates, encoded)
        chosen = [i for i, c in enumerate(candidates) if not c.reason]
        if not chosen:
            return
        params, camera = encoded.params[torch.tensor(chosen)], encoded.camera[chosen]
        batch.tables = _tables(params, camera)
        self._cut_out([candidates[i] for i in chosen], params, camera, batch)

    def _cut_out(
        self, candidates: Sequence[Candidate], params: HeadParams, camera: Tensor, batch: PhotoBatch
    ) -> None:
        """Fill the batch's images, masked to the pixels that the fitted heads cover."""
        hair = [c.hair for c in candidates if c.hair is not None]
        with torch.inference_mode():
            coverage = self._mask(
                self._encoder.head.pose_head(params),
                camera,
                [c.face for c in candidates],
                torch.stack(hair) if hair else None,
            )
        batch.images = [cover(c.image, a) for c, a in zip(candidates, coverage, strict=True)]

    def _check_fits(self, candidates: Sequence[Candidate], encoded: Encoded) -> None:
        everything = torch.cat([*_tables(encoded.params, encoded.camera).values()], 1)
        for i, candidate in enumerate(candidates):
            if not bool(everything[i].isfinite().all()):
                candidate.reason = "no head could be fitted"
                continue
            candidate.scores |= filters.turns(encoded.params.pose[i, :3].numpy())
            if bool(encoded.residual[i].isfinite()):
                candidate.scores["residual"] = float(encoded.residual[i])
            self._check_limits(candidate)


def _tables(params: HeadParams, camera: Tensor) -> dict[str, Tensor]:
    """Tables of a fit, as the dataset stores them."""
    return dict(
        zip(PARAMETERS, (params.shape, params.expression, params.pose, camera), strict=True)
    )


def _line(source: str, found: list[Candidate] | str, numbers: Iterator[int]) -> dict[str, Any]:
    """The manifest's line of a photo; its kept faces take the next numbers."""
    line: dict[str, Any] = {"source": source}
    if isinstance(found, str):
        return line | {"status": "failed", "error": found}
    if not found:
        return line | {"status": "rejected", "reason": filters.NO_FACE}
    faces = [face.report(None if face.reason else next(numbers)) for face in found]
    reason = found[0].reason if all(face.reason for face in found) else None
    line |= {"status": "rejected", "reason": reason} if reason else {"status": "kept"}
    return line | {"faces": faces}
