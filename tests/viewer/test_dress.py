from pathlib import Path

import numpy as np
import torch
import trimesh
from painted import PALE, long_haired

from clipface_cli.artifacts import Mesh, RunRecord, from_pixels, rig_bytes, write_obj
from clipface_cli.avatar import Subject, save_subject
from clipface_cli.head import HeadModel, HeadParams, rig_of
from clipface_cli.viewer import dress, with_original

BALD = np.full((64, 64, 3), PALE, np.uint8)


def test_hair_is_a_part_where_it_is_long(head: HeadModel) -> None:
    rig = rig_of(head, HeadParams.neutral(), head.template)
    (bald,) = dress(head, (rig, BALD))
    assert [part.name for part in bald.parts] == [part.name for part in rig.parts]
    texture = long_haired(head, 40)
    (haired,) = dress(head, (rig, texture))
    assert haired.parts[-1].name == "hair"
    for made in (bald, haired):
        count = len(made.mesh.vertices)
        assert all(len(moved) == count for moved in made.targets.values())
        assert made.weights is not None
        np.testing.assert_allclose(made.weights.sum(1), 1, atol=1e-5)
        assert len(made.weights) == count > made.mesh.faces.max()
        assert sum(part.faces.sum() for part in made.parts) == len(made.mesh.faces)
    glb = trimesh.load(trimesh.util.wrap_as_stream(rig_bytes(haired, texture)), file_type="glb")
    assert len(glb.geometry) == len(haired.parts)


def test_looks_that_turn_into_each_other_have_the_same_vertices(head: HeadModel) -> None:
    rig = rig_of(head, HeadParams.neutral(), head.template)
    bald, haired = dress(head, (rig, BALD), (rig, long_haired(head, 40)))
    assert np.array_equal(bald.mesh.faces, haired.mesh.faces)
    moved = np.abs(bald.mesh.vertices - haired.mesh.vertices).max(1)
    assert moved[: len(head.template)].max() < 0.05 < moved[-1000:].max()


def test_a_scan_is_no_look_of_the_head_made_from_it(head: HeadModel, tmp_path: Path) -> None:
    scan, made = tmp_path / "scan/scan.obj", tmp_path / "made/edited.obj"
    triangle = Mesh(np.eye(3), np.array([[0, 1, 2]]), np.eye(3)[:, :2], np.array([[0, 1, 2]]))
    write_obj(scan, triangle, BALD)
    record = RunRecord({}, [scan])
    w = torch.zeros(1, 14, 512)
    save_subject(made, Subject(HeadParams.neutral(), w, from_pixels(BALD)), head)
    record.write(made.parent, [made])
    found = with_original(made, head)
    assert found.before is None
    assert found.glb()
