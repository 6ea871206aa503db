"""The photometric encoder on renders whose landmarks mislead, and on photos."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.photos import Face, find_faces, load_encoder
from clipface_cli.photos.encoder import landmark_vertices, project
from clipface_cli.photos.landmark_encoder import LandmarkEncoder
from clipface_cli.photos.photometric_encoder import PhotometricEncoder
from clipface_cli.render import Camera, Light, Renderer
from clipface_cli.texture import Generator

SIZE = 256


@pytest.fixture(scope="module")
def encoder(head: HeadModel) -> PhotometricEncoder:
    return PhotometricEncoder(head)


def params(head: HeadModel, scale: float = 1.0) -> HeadParams:
    """Three frames of one person, whose jaw opens; its features as strong as `scale`."""
    random = torch.Generator().manual_seed(5)
    shape = scale * torch.randn(1, head.shape_size, generator=random)
    pose = torch.zeros(3, 6)
    pose[:, 1], pose[:, 3] = 0.2, torch.tensor([0.0, 0.1, 0.2])
    return HeadParams(shape.expand(3, -1), torch.zeros(3, head.expression_size), pose)


@pytest.fixture(scope="module")
def pictures(head: HeadModel) -> list[tuple[NDArray[np.uint8], Face]]:
    """Renders of that person, with landmarks of one who is more like the average."""
    generator = Generator.load("builtin")
    camera = torch.tensor([[6.5, 0.0, 0.03]])
    with torch.no_grad():
        w = generator.mapping(torch.randn(1, 512, generator=torch.Generator().manual_seed(1)))
        image, _ = Renderer(head, SIZE, background=0.1)(
            head.pose_head(params(head)),
            generator.synthesis(w).clamp(-1, 1),
            Camera(camera),
            light=Light.studio(),
        )
        timid = landmark_vertices(head, head.pose_head(params(head, 0.3)))
        points = project(timid, camera.expand(3, -1))
    pixels = (image.permute(0, 2, 3, 1) * 127.5 + 127.5).clamp(0, 255).round().byte().numpy()
    flat = (points * torch.tensor([1.0, -1, -1]) + torch.tensor([1.0, 1, 0])) * (SIZE / 2)
    return [(i, Face(f, 1.0, np.zeros(4))) for i, f in zip(pixels, flat.numpy(), strict=True)]


def missed(head: HeadModel, found: HeadParams, true: HeadParams) -> float:
    """Mean millimetres between landmarks, as far as both are centred."""
    points = [landmark_vertices(head, head.pose_head(each)) for each in (found, true)]
    first, second = (each - each.mean(1, keepdim=True) for each in points)
    return 1000 * float((first - second).norm(dim=2).mean())


def test_colours_correct_the_landmarks(
    head: HeadModel, encoder: PhotometricEncoder, pictures: list[tuple[NDArray[np.uint8], Face]]
) -> None:
    images, faces = np.stack([p[0] for p in pictures]), [p[1] for p in pictures]
    true = params(head)
    before = missed(head, LandmarkEncoder(head).encode(images, faces).params, true)
    encoded = encoder.encode(images, faces)
    assert missed(head, encoded.params, true) < 0.7 * before
    assert torch.allclose(encoded.camera[:, 0], torch.tensor(6.5), atol=0.5)
    assert not encoded.params.shape.requires_grad


def test_a_clip_has_one_shape(
    head: HeadModel, encoder: PhotometricEncoder, pictures: list[tuple[NDArray[np.uint8], Face]]
) -> None:
    clip = encoder.encode_clip(iter(pictures))
    assert bool((clip.params.shape == clip.params.shape[:1]).all())
    before = missed(head, LandmarkEncoder(head).encode_clip(pictures).params, params(head))
    assert missed(head, clip.params, params(head)) < before


def test_the_overlay_stays_on_a_photo(head: HeadModel) -> None:
    from skimage.data import astronaut

    photo = astronaut()
    encoder = load_encoder("photometric", head)
    assert isinstance(encoder, PhotometricEncoder)
    encoded = encoder.encode(photo[None], find_faces(photo, limit=1))
    assert float(encoded.residual) < 0.03
