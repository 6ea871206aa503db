"""Find the photos below a folder, in an order that depends on their names only."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from clipface_cli.artifacts.dataset import MANIFEST, NOTE
from clipface_cli.errors import InputError

# HEIC and RAW are here so that they are reported as unreadable instead of passed over.
SUFFIXES = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".dib", ".tif", ".tiff"),
    *(".gif", ".ppm", ".pgm", ".pnm", ".tga", ".avif", ".jp2", ".j2k"),
    *(".heic", ".heif", ".dng", ".cr2", ".nef", ".arw"),
}


@dataclass
class Listing:
    """photos and problems (with why) by path relative to the root; others: files passed over."""

    photos: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    others: int = 0


def list_photos(root: Path, leave_out: Path) -> Listing:
    """All pictures below `root`, links followed, but for what lies in `leave_out`.

    Names that begin with a dot are passed over, and so are datasets that an earlier run left below
    `root`. A folder that cannot be opened, one that was read already (a link in a loop) and what is
    no plain file are problems. Raises InputError when `root` does not exist. `root` may also be one
    picture.
    """
    if root.is_file():
        return Listing([root.name])
    if not root.is_dir():
        raise InputError(f"There is no folder {root}; give the folder that holds the photos.")
    listing = Listing()
    seen = {_identity(leave_out)} if leave_out.exists() else set()
    seen.discard(_identity(root))
    _walk(root, "", seen, listing)
    listing.photos.sort(key=_order)
    return listing


def _walk(root: Path, start: str, seen: set[tuple[int, int]], listing: Listing) -> None:
    folders = [start]
    while folders:
        inside = folders.pop()
        try:
            identity = _identity(root / inside)
            if identity in seen:
                if inside and (root / inside).is_symlink():
                    listing.problems[inside] = "a link to a folder that was read already"
                continue
            seen.add(identity)
            with os.scandir(root / inside) as entries:
                names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
        except OSError as error:
            listing.problems[inside or "."] = f"the folder cannot be opened: {error.strerror}"
            continue
        if inside and {MANIFEST, NOTE} <= set(names):
            continue
        paths = [f"{inside}/{name}" if inside else name for name in names]
        folders.extend(reversed([path for path in paths if _sort(root, path, listing)]))


def _sort(root: Path, path: str, listing: Listing) -> bool:
    """File a directory's entry; True for a folder."""
    try:
        mode = (root / path).stat().st_mode
    except OSError as error:
        listing.problems[path] = f"cannot be opened: {error.strerror}"
        return False
    if stat.S_ISDIR(mode):
        return True
    if Path(path).suffix.lower() not in SUFFIXES:
        listing.others += 1
    elif stat.S_ISREG(mode):
        listing.photos.append(path)
    else:
        listing.problems[path] = "not a plain file"
    return False


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _order(path: str) -> list[str]:
    return path.split("/")
