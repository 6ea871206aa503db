"""Circles of files under src/ that import each other, one a line: `python tools/import_circles.py`.

Imports count wherever they stand, in functions too; exits with 1 where there is such a circle.
Those that close only through imports under TYPE_CHECKING are printed apart and allowed.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"
Graph = dict[str, set[str]]


def main() -> int:
    """Print the circles; 1 where there is a real one."""
    files = {_module(path): path for path in sorted(SOURCE.rglob("*.py"))}
    running: Graph = {}
    typed: Graph = {}
    for name, path in files.items():
        found = list(_imports(ast.parse(path.read_text()), _package(name, path), files))
        running[name] = {other for other, typing in found if not typing} - {name}
        typed[name] = {other for other, _ in found} - {name}
    real = circles(running)
    for circle in real:
        print("circle:", ", ".join(circle))
    for circle in circles(typed):
        if circle not in real:
            print("circle through TYPE_CHECKING:", ", ".join(circle))
    return 1 if real else 0


def circles(graph: Graph) -> list[list[str]]:
    """Strongly connected components of more than one node (Tarjan 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in order:
                visit(other)
                lowest[node] = min(lowest[node], lowest[other])
            elif other in stack:
                lowest[node] = min(lowest[node], order[other])
        if lowest[node] == order[node]:
            first = stack.index(node)
            component = stack[first:]
            del stack[first:]
            if len(component) > 1:
                found.append(sorted(component))

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return sorted(found)


def _module(path: Path) -> str:
    """Dotted name of a file; a package's is that of its `__init__.py`."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def _package(name: str, path: Path) -> str:
    """The package that relative imports of the file start from."""
    return name if path.name == "__init__.py" else name.rpartition(".")[0]


def _imports(
    tree: ast.AST, package: str, files: dict[str, Path], typing: bool = False
) -> Iterator[tuple[str, bool]]:
    """Files that are imported, and whether only for type checking."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for part in node.body:
                yield from _imports(ast.Module([part], []), package, files, True)
            for part in node.orelse:
                yield from _imports(ast.Module([part], []), package, files, typing)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, typing) for alias in node.names if alias.name in files)
        elif isinstance(node, ast.ImportFrom):
            yield from ((name, typing) for name in _sources(node, package, files))
        else:
            yield from _imports(node, package, files, typing)


def _sources(node: ast.ImportFrom, package: str, files: dict[str, Path]) -> set[str]:
    """Files a `from` import reads: of a package its `__init__.py` for names bound there, else the
    modules named."""
    module = node.module or ""
    if node.level:
        parts = package.split(".")
        module = ".".join([*parts[: len(parts) - node.level + 1], *([module] if module else [])])
    if module not in files:
        return set()
    bound = _bound(files[module])
    submodules = {a.name for a in node.names if f"{module}.{a.name}" in files} - bound
    own = {module} if any(alias.name not in submodules for alias in node.names) else set()
    return own | {f"{module}.{name}" for name in submodules}


@cache
def _bound(path: Path) -> set[str]:
    """Names that the imports at the top of a file bind."""
    body = ast.parse(path.read_text()).body
    imports = [node for node in body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


if __name__ == "__main__":
    sys.exit(main())
