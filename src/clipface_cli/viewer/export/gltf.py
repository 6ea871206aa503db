"""GLB: the rig with morph targets, skin and hair in one file."""

from __future__ import annotations

from clipface_cli.artifacts import write_rig
from clipface_cli.avatar import load_rigged
from clipface_cli.viewer.dress import dress
from clipface_cli.viewer.export.exporter import ExportRequest, Facts, mesh_facts, resized


def write_glb_export(request: ExportRequest) -> Facts:
    """Materials of the parts, such as eyes and teeth, are those of `head.rig`."""
    head = request.head()
    made = load_rigged(request.source, head, request.allow_outside)
    rig, texture = made.rig, resized(made.texture, request.resolution)
    if made.params is not None:
        (rig,) = dress(head, (rig, texture))
    write_rig(request.target, rig, texture)
    return mesh_facts(rig.mesh) | {
        "morph_targets": list(rig.targets),
        "joints": [joint.name for joint in rig.joints],
        "parts": [part.name for part in rig.parts],
    }
