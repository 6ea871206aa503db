import numpy as np
import pytest
from safetensors.numpy import save_file

from clipface_cli.errors import InputError
from clipface_cli.guidance import load_guidance


@pytest.mark.parametrize("name", ["ViT-B-32.pt", "nonsense"])
def test_other_names_say_what_there_is(name):
    with pytest.raises(InputError, match=r"builtin"):
        load_guidance(name)


def test_foreign_weights_are_refused(tmp_path):
    save_file({"x": np.zeros(1, np.float32)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"other.safetensors is refused"):
        load_guidance(tmp_path / "other.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"broken.safetensors is refused"):
        load_guidance(tmp_path / "broken.safetensors")
