"""The embedded head: shapes, units, gradients, symmetry."""

import pytest
import torch

from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.head.skinning import skin, skin_ref


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return HeadModel.load("builtin")


def test_sizes(head: HeadModel) -> None:
    assert head.template.shape == (4768, 3)
    assert head.faces.shape == head.uv_faces.shape == (9388, 3)
    assert (head.shape_size, head.expression_size, len(head.units)) == (100, 50, 52)
    assert int(head.faces.max()) == len(head.template) - 1
    assert head.uv.min() >= 0
    assert head.uv.max() <= 1


def test_neutral_parameters_give_the_template(head: HeadModel) -> None:
    vertices = head.pose_head(HeadParams.neutral(2))
    torch.testing.assert_close(vertices[1], head.template, atol=1e-6, rtol=0)


def test_shape_components_have_unit_variance_and_are_mirrored(head: HeadModel) -> None:
    mirror = torch.tensor([-1.0, 1.0, 1.0])
    distances = torch.cdist(head.template * mirror, head.template)
    partner = distances.argmin(1)
    assert distances.min(1).values.max() < 1e-4
    for component in head.shape_basis[:10].view(10, -1, 3):
        image = component[partner] * mirror
        apart = torch.minimum((image - component).norm(), (image + component).norm())
        assert apart < 0.02 * component.norm()


def test_face_takes_at_least_two_fifths_of_the_texture(head: HeadModel) -> None:
    face = head.masks["face"][head.faces].mean(1)
    corners = head.uv[head.uv_faces]
    along, across = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = (along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0]) / 2
    assert (area > 0).all(), "a flipped triangle in the UV layout"
    assert (area * face).sum() > 0.40


def test_units_are_reached_by_the_expression_basis(head: HeadModel) -> None:
    coefficients = head.expression_from_units({"jawOpen": 0.7, "mouthSmileLeft": 0.5})
    moved = (coefficients @ head.expression_basis).view(-1, 3)
    wanted = 0.7 * head.units["jawOpen"] + 0.5 * head.units["mouthSmileLeft"]
    assert (moved - wanted).norm(dim=1).max() < 2e-4


def test_jaw_pose_opens_the_mouth_and_leaves_the_scalp(head: HeadModel) -> None:
    params = HeadParams.neutral()
    params.pose[0, 3] = 0.3
    moved = (head.pose_head(params)[0] - head.template).norm(dim=1)
    assert moved[head.masks["lower_lip"] > 0.9].min() > 0.01
    assert moved[head.masks["scalp"] > 0.9].max() < 1e-3


def test_gradients_reach_every_parameter(head: HeadModel) -> None:
    params = [torch.zeros(1, n, requires_grad=True) for n in (100, 50, 6)]
    head(*params).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in params)


def test_unknown_unit_and_missing_file_are_input_errors(head: HeadModel) -> None:
    with pytest.raises(InputError, match="mouthSmile"):
        head.expression_from_units({"mouthSmiel": 1.0})
    with pytest.raises(InputError, match="No head model"):
        HeadModel.load("nowhere.safetensors")


def test_skinning_is_what_the_formula_says(head: HeadModel) -> None:
    random = torch.Generator().manual_seed(0)
    vertices = torch.randn(2, 5, 3, generator=random, dtype=torch.float64, requires_grad=True)
    transforms = torch.randn(2, 4, 3, 4, generator=random, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(5, 4, generator=random, dtype=torch.float64).softmax(1)
    posed = skin(vertices.permute(2, 1, 0), transforms, weights)
    torch.testing.assert_close(posed, skin_ref(vertices, transforms, weights))

    def move(planes: torch.Tensor, transforms: torch.Tensor) -> torch.Tensor:
        return skin(planes, transforms, weights)

    inputs = (vertices.detach().permute(2, 1, 0).contiguous().requires_grad_(), transforms)
    assert torch.autograd.gradcheck(move, inputs)
    assert torch.autograd.gradgradcheck(move, inputs)


def test_head_in_double_precision_and_batches(head: HeadModel) -> None:
    random = torch.Generator().manual_seed(1)
    sizes = (100, 50, 6, 3, 6)
    inputs = [0.3 * torch.randn(3, size, generator=random) for size in sizes]
    together = head(*inputs)
    for i in range(3):
        alone = head(*[value[i : i + 1] for value in inputs])
        torch.testing.assert_close(alone[0], together[i], atol=1e-6, rtol=0)
    double = HeadModel.load("builtin").double()(*[value.double() for value in inputs])
    torch.testing.assert_close(double.float(), together, atol=1e-6, rtol=0)


@pytest.mark.parametrize("device", ["meta", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_head_works_where_its_buffers_are(device: str) -> None:
    inputs = [torch.randn(2, size, requires_grad=True) for size in (100, 50, 6)]
    moved = [value.detach().to(device).requires_grad_() for value in inputs]
    posed = HeadModel.load("builtin").to(device)(*moved)
    posed.square().sum().backward()
    assert posed.device.type == device
    assert all(value.grad is not None for value in moved)
    if device == "cuda":
        torch.testing.assert_close(
            posed.cpu(), HeadModel.load("builtin")(*inputs), atol=1e-5, rtol=0
        )


@pytest.mark.slow
def test_head_compiles(head: HeadModel) -> None:
    inputs = [torch.randn(2, 100), torch.randn(2, 50), 0.3 * torch.randn(2, 6)]
    leaves = [value.clone().requires_grad_() for value in inputs]
    compiled = torch.compile(HeadModel.load("builtin"), backend="aot_eager", fullgraph=True)
    posed = compiled(*leaves)
    torch.testing.assert_close(posed, head(*inputs), atol=1e-6, rtol=0)
    posed.square().sum().backward()
    assert all(value.grad is not None for value in leaves)
