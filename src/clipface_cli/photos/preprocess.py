"""A folder of photos to a dataset: plan, distribution over processes, summary."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from clipface_cli.artifacts import (
    Pixels,
    captioned_sheet,
    claim_folder,
    load_pixels,
    save_image,
)
from clipface_cli.artifacts.dataset import (
    MANIFEST,
    NOTE,
    PARAMETERS,
    TABLE,
    read_manifest,
    read_note,
    read_tables,
)
from clipface_cli.artifacts.images import MAX_MEGAPIXELS
from clipface_cli.errors import ClipfaceError, InputError
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.launch import rank_and_size
from clipface_cli.photos.accessories import Accessories
from clipface_cli.photos.accessory_detector import AccessoryDetector, ParsedAccessories
from clipface_cli.photos.align import crop, whole
from clipface_cli.photos.encoder import Encoder
from clipface_cli.photos.filters import Limits
from clipface_cli.photos.overlay import close_up, wireframe
from clipface_cli.photos.photo_processor import PhotoProcessor
from clipface_cli.photos.reading import read_photo
from clipface_cli.photos.registry import load_encoder, load_parser
from clipface_cli.photos.sources import list_photos
from clipface_cli.photos.squares import Square
from clipface_cli.photos.unfinished import Plan, UnfinishedDataset
from clipface_cli.photos.workers import Task, make_batches, wait_for_others

OWN = ("images", TABLE, MANIFEST, NOTE, "contact.png", "run.json", ".unfinished")
SHOWN, TILE = 24, 320  # fits on the contact sheet, and their pixels
_WAIT = 600.0  # seconds that other processes wait for rank 0 to begin


@dataclass(frozen=True)
class Settings:
    """Settings of all images of a dataset.

    head: a model's name or file, None for the encoder's own; limits None keeps every face.
    """

    resolution: int = 512
    encoder: str = "landmarks"
    parser: str | None = None
    head: str | None = None
    limits: Limits | None = field(default_factory=Limits)
    max_megapixels: float = MAX_MEGAPIXELS


@dataclass(frozen=True)
class Summary:
    """Contents of a dataset: photos by outcome, and number of images."""

    images: int
    kept: int
    rejected: dict[str, int]
    failed: int

    @classmethod
    def of(cls, lines: list[dict[str, Any]]) -> Summary:
        """Count a manifest's lines; each rejected photo by its first reason."""
        status = Counter(line["status"] for line in lines)
        reasons = Counter(line["reason"] for line in lines if line["status"] == "rejected")
        faces = (face for line in lines for face in line.get("faces", ()))
        images = sum(face["status"] == "kept" for face in faces)
        return cls(images, status["kept"], dict(sorted(reasons.items())), status["failed"])


def load_processor(settings: Settings) -> PhotoProcessor:
    """The processor of a worker: models and limits."""
    encoder = _encoder(settings)
    accessories: AccessoryDetector | None = None
    if settings.parser:
        accessories = ParsedAccessories(load_parser(settings.parser))
    elif settings.limits and settings.limits.accessories:
        accessories = Accessories()
    return PhotoProcessor(
        encoder, settings.resolution, settings.limits, accessories, settings.max_megapixels
    )


def load_head(settings: Settings) -> HeadModel:
    """The head whose parameters the dataset holds."""
    return _encoder(settings).head


def _encoder(settings: Settings) -> Encoder:
    head = HeadModel.load(settings.head) if settings.head else None
    return load_encoder(settings.encoder, head)


def check(photos: Path, settings: Settings) -> None:
    """InputError where the photos or the models are not there; before anything is overwritten."""
    if not photos.exists():
        raise InputError(f"There is no folder {photos}; give the folder that holds the photos.")
    load_processor(settings)


def claim(folder: Path, force: bool) -> None:
    """Check that a folder may be written into; `force` clears a dataset that it holds.

    Raises InputError for a file, for a folder that holds something else, and for `force` with
    several processes, which could not agree on when.
    """
    rank, world_size = rank_and_size(os.environ)
    if force and world_size > 1:
        raise InputError(f"Leave --force out when several ranks work; remove {folder} first.")
    if folder.is_dir():
        if force:
            clear(folder)
        known = (folder / NOTE).exists() or (folder / ".unfinished").exists()
        claim_folder(folder, force or known or rank > 0)
    else:
        claim_folder(folder, force)


class Preprocessing:
    """One run, perhaps the continuation of an interrupted one, perhaps one process of several.

    Photos that the dataset in `folder` does not have yet are added to it. Raises InputError when
    the folder holds anything else, or a dataset of other settings.
    """

    def __init__(self, photos: Path, folder: Path, settings: Settings) -> None:
        self.settings, self.folder = settings, folder
        self.rank, self._world_size = rank_and_size(os.environ)
        self._root = photos.parent if photos.is_file() else photos
        self._unfinished = UnfinishedDataset(folder)
        self.listing = list_photos(photos, folder)
        self._described = _described(settings, self._root)
        self.plan = self._plan()

    def _plan(self) -> Plan | None:
        """Remaining work, begun by rank 0; None where there is none."""
        give_up = time.monotonic() + _WAIT
        while True:
            plan = self._unfinished.plan()
            note = read_note(self.folder)
            self._check(plan.settings if plan else note and note.get("settings", {}))
            plan = plan or self._new_plan(note)
            if plan is None or (self._unfinished.home / "plan.json").exists():
                return plan
            if self.rank == 0:
                self._unfinished.begin(plan)
                return plan
            if time.monotonic() > give_up:
                raise ClipfaceError("Rank 0 has not begun; see why, then run again.")
            time.sleep(0.2)

    def _check(self, there: Mapping[str, Any] | None) -> None:
        if there is None:
            return
        for name, value in self._described.items():
            if there.get(name) != value:
                raise InputError(
                    f"{self.folder} holds a dataset with {name} {there.get(name)}, not {value}; "
                    "choose another folder with -o or start it again with --force."
                )

    def _new_plan(self, note: Mapping[str, Any] | None) -> Plan | None:
        lines = read_manifest(self.folder) if note else []
        known = {line["source"] for line in lines}
        photos = [photo for photo in self.listing.photos if photo not in known]
        problems = [
            {"source": source, "status": "failed", "error": why}
            for source, why in sorted(self.listing.problems.items())
            if source not in known
        ]
        if note is None and not photos:
            raise InputError(f"{self._root} holds no photos; give the folder that does.")
        if not photos and not problems:
            return None
        images = note["count"] if note else 0
        return Plan(self._described, photos, images, len(lines), problems)

    def work(self, workers: int) -> Iterator[int]:
        """Make missing batches; yields numbers of photos done, first that of earlier runs."""
        if self.plan is None:
            return
        plan = self.plan
        self._unfinished.sweep(self.rank)
        todo = [
            i for i in plan.batches[self.rank :: self._world_size] if not self._unfinished.done(i)
        ]
        done = self._done(plan)
        yield done
        task = Task(partial(load_processor, self.settings), self.folder, self._root, self.rank)
        for index in make_batches(task, plan, todo, min(workers, max(1, len(todo)))):
            done += len(plan.batch(index))
            yield done
        if self.rank == 0:
            done = self._done(plan)
            for index in wait_for_others(self._unfinished, plan):
                done += len(plan.batch(index))
                yield done

    def _done(self, plan: Plan) -> int:
        return sum(len(plan.batch(i)) for i in plan.batches if self._unfinished.done(i))

    def assemble(self, head: HeadModel) -> Summary:
        """Put the dataset together; for rank 0 after `work`, before `end`."""
        if self.plan is None:
            return self.summary()
        note = {
            "head": head.head_id,
            "encoder": self.settings.encoder,
            "parser": self.settings.parser or "builtin",
            "resolution": self.settings.resolution,
            "settings": self._described,
        }
        return Summary.of(self._unfinished.assemble(self.plan, note))

    def summary(self) -> Summary:
        """Contents of the dataset now."""
        return Summary.of(read_manifest(self.folder))

    def contact_sheet(self, head: HeadModel) -> Path | None:
        """Draw fits over their photos for visual inspection; None where there is no image."""
        lines = read_manifest(self.folder)
        shown = choose(lines, SHOWN)
        if not shown:
            return None
        tables = read_tables(self.folder)
        pictures = [self._overlay(head, tables, *each) for each in shown]
        captions = [caption(source, face) for source, face, _ in shown]
        path = self.folder / "contact.png"
        save_image(path, captioned_sheet(pictures, captions, across=6))
        return path

    def _overlay(
        self,
        head: HeadModel,
        tables: Mapping[str, Tensor],
        source: str,
        face: Mapping[str, Any],
        row: int,
    ) -> Pixels:
        """The photo, or the image where the photo is gone, with its head's wireframe over it."""
        try:
            photo = read_photo(self._root / source, self.settings.max_megapixels)
            square = Square(*face["square"])
        except InputError:
            photo = load_pixels(self.folder / face["image"])
            square = whole(photo)
        params = HeadParams(*(tables[name][row : row + 1] for name in PARAMETERS[:3]))
        vertices = head.pose_head(params)
        closer, camera = close_up(vertices, tables["camera"][row : row + 1], square)
        return wireframe(crop(photo, closer, TILE), head, vertices, camera)

    def end(self) -> None:
        """Remove the files that only an interrupted run would need."""
        self._unfinished.end()


def _described(settings: Settings, root: Path) -> dict[str, Any]:
    """Settings that runs filling one dataset must share, in JSON's types."""
    return {"photos": root.resolve().name, **asdict(settings)}


def clear(folder: Path) -> None:
    """Remove a dataset, finished or not; nothing else in the folder is touched."""
    for name in OWN:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def choose(
    lines: Sequence[Mapping[str, Any]], count: int
) -> list[tuple[str, Mapping[str, Any], int]]:
    """Up to `count` kept faces spread evenly over a manifest: source, face, row of the tables."""
    faces = [(line["source"], face) for line in lines for face in line.get("faces", ())]
    kept = [(source, face) for source, face in faces if face["status"] == "kept"]
    rows = np.linspace(0, len(kept) - 1, min(count, len(kept))).round().astype(int)
    return [(*kept[row], int(row)) for row in rows]


def caption(source: str, face: Mapping[str, Any]) -> str:
    """The photo's name and how far its landmarks are from the head's."""
    name = Path(source).name.encode("ascii", "replace").decode()
    name = name if len(name) <= 24 else f"{name[:20]}...{name[-4:]}"
    residual = face["scores"].get("residual")
    return name if residual is None else f"{name}  {100 * residual:.1f} %"
