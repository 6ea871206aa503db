"""ARKit units by everyday names, and back from coefficients."""

import pytest
import torch

from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel, fit_activations, fit_units
from clipface_cli.head.units import named_units


def test_names(head: HeadModel) -> None:
    named = named_units({"smile": 0.8, "jawOpen": 0.3, "eyeBlink": 0.5}, head.units)
    assert named == {
        "mouthSmileLeft": 0.8, "mouthSmileRight": 0.8, "jawOpen": 0.3,
        "eyeBlinkLeft": 0.5, "eyeBlinkRight": 0.5,
    }  # fmt: skip
    assert named_units({"mouthLeft": 1.0}, head.units) == {"mouthLeft": 1.0}
    with pytest.raises(InputError, match="also smile"):
        named_units({"grimace": 1.0}, head.units)


def test_there_and_back(head: HeadModel) -> None:
    wanted = {"jawOpen": 0.6, "mouthSmileLeft": 0.4, "browInnerUp": 0.9}
    fit = fit_units(head, wanted)
    assert fit.mean_mm < 0.01
    assert fit.worst_mm < 0.2
    found, mean, worst = fit_activations(head, fit.expression)
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, abs=0.02)
    assert mean <= worst < 0.2


def test_coefficients_out_of_reach_tell_their_residual(head: HeadModel) -> None:
    far = -3 * fit_units(head, {"jawOpen": 1.0}).expression
    found, mean, worst = fit_activations(head, far)
    assert all(0 <= amount <= 1 for amount in found.values())
    assert worst > mean > 0.5


def test_flame_style_heads_have_units_too(head: HeadModel) -> None:
    assert set(head.units) == set(named_units(dict.fromkeys(head.units, 1.0), head.units))
    assert torch.equal(head.expression_from_units({}), torch.zeros(50))
