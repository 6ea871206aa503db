"""Hook of mkdocs: pages for files outside docs/, and a page of API reference a module.

Links between files are written as they work in the repository. Here those to a module lead to its
page, those to a document outside docs/ to its copy; one that leads nowhere is left for mkdocs to
report.
"""

import re
from pathlib import Path
from posixpath import normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/clipface_cli"
CARD = "src/clipface_cli/assets/files/MODEL_CARD.md"
# documents of the repository -> their pages
DOCUMENTS = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "data/README.md": "data/README.md",
    CARD: "MODEL_CARD.md",
}
COPIED = ("LICENSE", "NOTICE", "pipeline.mk")  # linked to, shown as they are
LINK = re.compile(r"(\]\()([^)#:\s]+)((?:#[^)\s]*)?\))")


def modules() -> list[Path]:
    """Public modules and packages, relative to the package; commands are documented by --help."""
    found = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
    return sorted(
        path
        for path in found
        if path.parts[0] != "cli"
        and not any(part.startswith("_") and part != "__init__.py" for part in path.parts)
    )


def api_page(module: Path) -> str:
    """Path of a module's page of reference."""
    if module.name == "__init__.py":
        return f"api/{module.parent.as_posix()}/index.md".replace("/./", "/")
    return f"api/{module.with_suffix('.md').as_posix()}"


def dotted(module: Path) -> str:
    """The name to import a module by."""
    parts = ("clipface_cli", *module.with_suffix("").parts)
    return ".".join(part for part in parts if part != "__init__")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""

    def add(page: str, content: str) -> None:
        files.append(File.generated(config, page, content=content))

    for document, page in DOCUMENTS.items():
        add(page, (ROOT / document).read_text())
    for name in COPIED:
        add(f"{name}.txt", (ROOT / name).read_text())
    listing = ["# API reference", ""]
    for module in modules():
        if module == Path("__init__.py"):
            continue
        listing.append(f"- [{dotted(module)}]({relpath(api_page(module), 'api')})")
        add(api_page(module), f"# {dotted(module)}\n\n::: {dotted(module)}\n")
    add("api/index.md", "\n".join(listing) + "\n")
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to files of the repository to their pages."""
    here = page.file.src_uri
    source = next((doc for doc, at in DOCUMENTS.items() if at == here), f"docs/{here}")

    def lead(match: re.Match[str]) -> str:
        before, target, after = match.groups()
        path = normpath((Path(source).parent / target).as_posix())
        found = _page_of(path)
        return match[0] if found is None else before + relpath(found, Path(here).parent) + after

    return LINK.sub(lead, markdown)


def _page_of(path: str) -> str | None:
    """The page that shows a file of the repository, or None."""
    if path in DOCUMENTS:
        return DOCUMENTS[path]
    if path in COPIED:
        return f"{path}.txt"
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    module = Path(path)
    if module.is_relative_to("src/clipface_cli") and (ROOT / module).exists():
        return api_page(module.relative_to("src/clipface_cli"))
    return None
