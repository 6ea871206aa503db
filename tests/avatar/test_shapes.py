import shutil
from dataclasses import replace
from pathlib import Path

import torch

from clipface_cli.assets import builtin
from clipface_cli.avatar import sample_subject
from clipface_cli.avatar.shapes import person_painted, shape_for
from clipface_cli.guidance import load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer
from clipface_cli.synth import LATENT_SIZE, person_from_latent
from clipface_cli.texture import Generator


def test_jaws_of_men_are_larger_and_ages_differ(head: HeadModel) -> None:
    latent = torch.zeros(LATENT_SIZE).numpy()
    person = person_from_latent(latent)
    random_shape = torch.randn(1, head.shape_size, generator=torch.Generator().manual_seed(0))

    def face(**known: float) -> torch.Tensor:
        shape = shape_for(head, replace(person, **known), random_shape)
        nothing = torch.zeros(1, head.expression_size), torch.zeros(1, 6)
        return head(shape, *nothing)[0][head.masks["face"] > 0.5]

    man, woman, old = face(sex=1, age=0.3), face(sex=0, age=0.3), face(sex=0, age=0.8)
    assert man[:, 1].min() < woman[:, 1].min() - 0.002
    assert (old - woman).norm(dim=1).mean() > 0.002


def test_a_head_that_knows_no_traits_keeps_its_random_shape(head: HeadModel) -> None:
    bare = HeadModel.load("builtin")
    bare.traits = {}
    person = person_from_latent(torch.zeros(LATENT_SIZE).numpy())
    random_shape = torch.randn(1, head.shape_size)
    assert torch.equal(shape_for(bare, person, random_shape), random_shape)


def test_who_is_painted_is_known_where_the_file_says_that_z_means_it(tmp_path: Path) -> None:
    generator, z = Generator.create(16, 64, 8, z_dim=LATENT_SIZE), torch.randn(1, LATENT_SIZE)
    generator.save(tmp_path / "noise.safetensors")
    generator.latent = "attributes"
    generator.save(tmp_path / "attributes.safetensors")
    assert person_painted(Generator.load(tmp_path / "noise.safetensors"), z) is None
    known = Generator.load(tmp_path / "attributes.safetensors")
    assert person_painted(known, z) == person_from_latent(z[0].numpy())


def test_the_embedded_generator_means_the_same_by_any_path(tmp_path: Path) -> None:
    copy = shutil.copy(builtin("generator.safetensors"), tmp_path / "copy.safetensors")
    z = torch.randn(1, 512)
    people = [person_painted(Generator.load(path), z) for path in ("builtin", copy)]
    assert people[0] is not None
    assert people[0] == people[1]


def test_the_evaluator_sees_the_sexes_that_z_means(head: HeadModel) -> None:
    generator, renderer = Generator.load("builtin"), Renderer(head)
    evaluator = load_guidance("evaluator")
    z = torch.randn(24, generator.z_dim, generator=torch.Generator().manual_seed(1))
    people = [person_painted(generator, one[None]) for one in z]
    ordinary = [i for i, person in enumerate(people) if person and person.look == "none"]
    with torch.no_grad():
        textures = generator.synthesis(generator.mapping(z[ordinary]))
        vertices = (head.template - head.origin).expand(len(ordinary), -1, -1)
        images, _ = renderer(vertices, textures, Camera.turned(0))
        man, woman = evaluator.encode_text(["a man", "a woman"])
        seen = evaluator.encode_image(images) @ (man - woman)
    sexes = torch.tensor([people[i].sex for i in ordinary])
    assert torch.corrcoef(torch.stack([seen, sexes]))[0, 1] > 0.7


def test_a_sampled_person_has_the_shape_of_who_is_painted(head: HeadModel) -> None:
    generator = Generator.load("builtin")
    known, _ = torch.linalg.qr(torch.stack(list(head.traits.values()), 1))
    shapes = torch.cat([sample_subject(head, generator, seed).params.shape for seed in range(6)])
    random = torch.cat(
        [
            torch.randn(1, head.shape_size, generator=torch.Generator().manual_seed(s))
            for s in range(6)
        ]
    )
    free = random - random @ known @ known.T
    assert torch.allclose(shapes - shapes @ known @ known.T, 0.8 * free, atol=1e-4)
    assert (shapes @ known - 0.8 * random @ known).abs().max() > 0.1
