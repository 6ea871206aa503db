import numpy as np
import pytest
import scan_like
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.spatial import cKDTree

from clipface_cli.artifacts import Mesh, to_pixels
from clipface_cli.artifacts.glb import write_glb
from clipface_cli.artifacts.ply import write_ply
from clipface_cli.artifacts.scan import Scan, read_scan
from clipface_cli.avatar import sample_subject
from clipface_cli.avatar.retopologise import retopologise
from clipface_cli.errors import InputError
from clipface_cli.geometry.similarity import similarity
from clipface_cli.texture import Generator
from clipface_cli.train.gan.weight_map import region_map


def write_scan(folder, mesh, pixels):
    Image.fromarray(pixels).save(folder / "scan.png")
    (folder / "scan.mtl").write_text("newmtl skin\nmap_Kd scan.png\n")
    lines = ["mtllib scan.mtl", *(f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in mesh.vertices)]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in mesh.uv] + ["usemtl skin"]
    for face, corners in zip(mesh.faces + 1, mesh.uv_faces + 1, strict=True):
        lines.append("f " + " ".join(f"{a}/{b}" for a, b in zip(face, corners, strict=True)))
    (folder / "scan.obj").write_text("\n".join(lines) + "\n")
    return folder / "scan.obj"


@pytest.mark.slow
def test_a_scan_becomes_the_head_it_was_cut_from(tmp_path, head):
    person = sample_subject(head, Generator.load("builtin"), 16)
    generator = Generator.create(128, 512, 16)  # only fills in what the scan does not show
    made = scan_like.make(head, head.pose_head(person.params)[0], person.texture, spacing=0.004)
    found = retopologise(write_scan(tmp_path, made.mesh, made.pixels), head, generator)
    assert found.face_share > 0.9
    assert found.mean_mm < 0.5
    vertices, truth = head.pose_head(found.subject.params)[0].double(), torch.from_numpy(made.truth)
    apart = (similarity(vertices, truth).apply(vertices) - truth).norm(dim=1)
    assert apart[head.masks["face"] > 0.5].mean() < 0.002
    wanted = F.avg_pool2d(person.texture, person.texture.shape[-1] // 128)
    face = region_map(head, "face", 128) > 0.99
    error = (found.subject.texture - wanted).abs().mean(1, keepdim=True)[face].mean()
    assert error * 127.5 < 6


def test_containers_hold_what_was_exported(tmp_path, head):
    texture = torch.rand(1, 3, 64, 64) * 2 - 1
    mesh = Mesh(head.template.numpy(), *(x.numpy() for x in (head.faces, head.uv, head.uv_faces)))
    write_ply(tmp_path / "head.ply", mesh, texture)
    write_glb(tmp_path / "head.glb", mesh, texture)
    face, centre = np.arange(len(head.faces)), np.full((len(head.faces), 3), 1 / 3)
    known = Scan(mesh.vertices, mesh.faces, mesh.uv[mesh.uv_faces], [to_pixels(texture)], 0 * face)
    for name in ("head.ply", "head.glb"):
        scan = read_scan(tmp_path / name)
        places = scan.vertices[scan.faces].mean(1)
        nearest = cKDTree(places).query(mesh.vertices[mesh.faces].mean(1))
        assert nearest[0].max() < 1e-5
        found = scan.colours(face, centre)[nearest[1]]
        assert np.abs(found - known.colours(face, centre)).max() < 0.01


def test_what_is_no_scan_is_refused(tmp_path):
    bare = tmp_path / "bare.obj"
    bare.write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    with pytest.raises(InputError, match="texture coordinates"):
        read_scan(bare)
    with pytest.raises(InputError, match="does not exist"):
        read_scan(tmp_path / "none.obj")
    (tmp_path / "cloud.xyz").write_text("0 0 0")
    with pytest.raises(InputError, match="OBJ, GLB or PLY"):
        read_scan(tmp_path / "cloud.xyz")


def test_a_ball_is_no_face(tmp_path, head):
    import trimesh

    ball = trimesh.creation.uv_sphere(count=(12, 12))
    count = len(ball.vertices)
    mesh = type("Ball", (), {})()
    mesh.vertices, mesh.faces, mesh.uv_faces = ball.vertices, ball.faces, ball.faces
    mesh.uv = np.stack([np.linspace(0, 1, count), np.linspace(0, 1, count)], 1)
    path = write_scan(tmp_path, mesh, np.full((8, 8, 3), 128, np.uint8))
    with pytest.raises(InputError, match="No face is found"):
        retopologise(path, head, Generator.create(32, 512, 16))


def test_plain_colours_are_no_texture(tmp_path, head):
    (tmp_path / "scan.mtl").write_text("newmtl m\nKd 0.8 0.8 0.8\n")
    (tmp_path / "scan.obj").write_text(
        "mtllib scan.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl m\nf 1 2 3\n"
    )
    with pytest.raises(InputError, match="plain colours and no picture"):
        retopologise(tmp_path / "scan.obj", head, Generator.create(32, 512, 16))
