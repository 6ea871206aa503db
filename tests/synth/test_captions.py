import numpy as np

from clipface_cli.head import HeadModel
from clipface_cli.synth import RECIPES, Person, captions, draw_expression, random_units


def test_captions_say_what_is_there(people: list[Person]) -> None:
    generator = np.random.default_rng(0)
    zombie = next(p for p in people if p.look == "zombie")
    said = {c for _ in range(40) for c in captions(zombie, "angry", generator)}
    text = " ".join(said)
    assert "zombie" in text
    assert "undead" in text
    assert "furious" in text
    painted = next(p for p in people if p.lipstick > 0.8 and p.look == "none")
    text = " ".join(c for _ in range(40) for c in captions(painted, "neutral", generator))
    assert "lips" in text
    assert "a photo of a face" in text


def test_captions_never_negate(people: list[Person]) -> None:
    generator = np.random.default_rng(1)
    for person in people[:100]:
        for name in RECIPES:
            for caption in captions(person, name, generator):
                assert not {"no", "not", "without", "never"} & set(caption.split())
                assert "{" not in caption


def test_recipes_use_the_heads_units(head: HeadModel) -> None:
    generator = np.random.default_rng(2)
    for name in RECIPES:
        psi = head.expression_from_units(random_units(name, generator))
        assert psi.shape == (head.expression_size,)
        assert (float(psi.abs().max()) > 0.3) == (name != "neutral")


def test_lines_bias_the_expression() -> None:
    generator = np.random.default_rng(3)
    plain = [draw_expression(generator) for _ in range(400)]
    merry = [draw_expression(generator, smile_lines=1.0) for _ in range(400)]
    assert merry.count("laughing") > plain.count("laughing")
