"""Check that public functions which take or return arrays say which shapes these have.

    python tools/check_docstrings.py [FOLDER ...]

Lists each function, method and constructor, without an underscore in its module path, class or own
name, that has an array or tensor in its signature and no shape in its docstring or its class's.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DEFAULT = ROOT / "src" / "clipface_cli"
ARRAYS = {"Tensor", "NDArray", "ndarray"}
CHECKED_SPECIAL = {"__init__", "__call__"}  # other special methods are private here
WORDS = ("scalar", "any shape", "same shape")
# Sizes in parentheses with a comma, of which one is a number, capitals, "..." or ends in _dim.
SIZE = r"(?:\d{1,3}\b|[A-Z][A-Z0-9_]*\b|[A-Z][a-z]\b|\w+_dim\b|\.\.\.|…)"
SHAPE = re.compile(rf"\((?=(?:[^()]*,)?\s*{SIZE})(?:[^(),]{{1,24}},\s*)+(?:[^(),]{{1,24}})?\)")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def main(folders: list[Path]) -> int:
    """Print the findings; 1 when there are any."""
    modules = {path: ast.parse(path.read_text("utf-8")) for path in _modules(folders)}
    arrays = ARRAYS | {name for tree in modules.values() for name in _aliases(tree)}
    lines = [
        f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:{line} {name}: "
        "docstring gives no shape"
        for path, tree in modules.items()
        for line, name in findings(tree, arrays)
    ]
    for line in lines:
        print(line)
    return 1 if lines else 0


def findings(tree: ast.Module, arrays: set[str]) -> Iterator[tuple[int, str]]:
    """Line and name of each public function of a module that leaves out its arrays' shapes."""
    for node in tree.body:
        if isinstance(node, Function) and _is_public(node.name):
            if _has_arrays(node, arrays) and not _gives_shape(node):
                yield node.lineno, node.name
        elif isinstance(node, ast.ClassDef) and _is_public(node.name) and not _gives_shape(node):
            for method in node.body:
                checked = isinstance(method, Function) and _is_public(method.name)
                if checked and _has_arrays(method, arrays) and not _gives_shape(method):
                    yield method.lineno, f"{node.name}.{method.name}"


def _modules(folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            if all(_is_public(part) for part in parts):
                yield path


def _aliases(tree: ast.Module) -> Iterator[str]:
    """Names that a module gives to types of arrays; those of functions are left out."""
    for node in tree.body:
        if isinstance(node, ast.AnnAssign | ast.Assign) and node.value is not None:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            names = _names(node.value)
            called = any(isinstance(part, ast.Call) for part in ast.walk(node.value))
            if isinstance(target, ast.Name) and names & ARRAYS and not called:
                yield from () if "Callable" in names else (target.id,)


def _has_arrays(function: Function, arrays: set[str]) -> bool:
    given = function.args
    parameters = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg]
    annotations = [p.annotation for p in parameters if p is not None] + [function.returns]
    return any(_names(part) & arrays for part in annotations if part is not None)


def _names(annotation: ast.expr) -> set[str]:
    names = set()
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name | ast.Attribute):
            names.add(node.id if isinstance(node, ast.Name) else node.attr)
    return names


def _gives_shape(node: Function | ast.ClassDef) -> bool:
    text = " ".join((ast.get_docstring(node) or "").split())
    return bool(SHAPE.search(text)) or any(word in text for word in WORDS)


def _is_public(name: str) -> bool:
    return not name.startswith("_") or name in CHECKED_SPECIAL


if __name__ == "__main__":
    sys.exit(main([Path(argument).resolve() for argument in sys.argv[1:]] or [DEFAULT]))
