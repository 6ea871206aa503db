"""tools/check_docstrings.py lists public functions whose docstrings leave out arrays' shapes."""

import ast
import importlib.util
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[1] / "tools" / "check_docstrings.py"

SOURCE = '''
Pixels: TypeAlias = NDArray[np.uint8]
Show = Callable[[Tensor], Tensor]

def bare(x: Tensor) -> None: ...
def aliased(x: "int | None", *, pixels: Pixels | None = None) -> None:
    """Pixels of (a picture, 2017) in sec. (3.1)."""
def shaped(x: Tensor) -> Tensor:
    """x (B, 3, H, W) to (N,)."""
def named(x: Tensor) -> Tensor:
    """(..., w_dim), in the same order."""
def spelled(x: Tensor) -> Tensor:
    """A scalar."""
def plain(x: int, show: Show) -> None: ...
def _private(x: Tensor) -> None: ...
class Layer:
    def __init__(self, weight: Tensor) -> None: ...
    def __repr__(self, x: Tensor) -> str: ...
    def forward(self, x: Tensor) -> Tensor:
        """x (B, I)."""
class Documented:
    """(B, I) -> (B, O)."""
    def forward(self, x: Tensor) -> Tensor: ...
class _Private:
    def forward(self, x: Tensor) -> Tensor: ...
'''


@pytest.fixture
def checker():
    spec = importlib.util.spec_from_file_location("check_docstrings", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_functions_without_shapes_are_found(checker) -> None:
    tree = ast.parse(SOURCE)
    arrays = checker.ARRAYS | set(checker._aliases(tree))
    found = [name for _, name in checker.findings(tree, arrays)]
    assert found == ["bare", "aliased", "Layer.__init__"]


def test_findings_are_printed_with_their_places(checker, tmp_path: Path, capsys) -> None:
    (tmp_path / "some.py").write_text(SOURCE)
    (tmp_path / "_own.py").write_text(SOURCE)
    assert checker.main([tmp_path]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{tmp_path}/some.py:5 bare: docstring gives no shape"
    assert len(lines) == 3
    assert checker.main([tmp_path / "none"]) == 0
