"""The viewer's page (three.js, bundled by tools/viewer): served in parts, or as one HTML file."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from clipface_cli.artifacts.files import write_text

_LOAD = '<script type="module" src="viewer.js"></script>'


@dataclass(frozen=True)
class Shown:
    """One head of the page: what the list calls it, a note, its edits, and where its GLB is."""

    label: str
    note: str
    url: str
    history: Sequence[dict[str, Any]] = field(default_factory=list)


def page_file(name: str) -> bytes:
    """`index.html` or `viewer.js`."""
    return (files("clipface_cli.artifacts") / "viewer" / name).read_bytes()


def scene_json(title: str, heads: Sequence[Shown]) -> str:
    """Description of the scene, the first file that the page loads."""
    models = [
        {"label": h.label, "note": h.note, "url": h.url, "history": list(h.history)} for h in heads
    ]
    return json.dumps({"title": title, "models": models}, ensure_ascii=False)


def write_page(path: Path, title: str, head: Shown, glb: bytes) -> None:
    """Write one HTML file that holds the page, its program and the head's GLB."""
    url = "data:model/gltf-binary;base64," + base64.b64encode(glb).decode()
    scene = scene_json(title, [Shown(head.label, head.note, url, head.history)])
    program = page_file("viewer.js").decode().replace("</script", "<\\/script")
    scene = scene.replace("<", "\\u003c")
    inline = (
        f'<script type="application/json" id="scene">{scene}</script>\n'
        f'<script type="module">{program}</script>'
    )
    page = page_file("index.html").decode()
    write_text(path, page.replace(_LOAD, inline))
