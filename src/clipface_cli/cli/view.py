"""`clipface view`: heads to turn and move, in the browser."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clipface_cli.cli.command import Result
from clipface_cli.cli.models import load_head
from clipface_cli.cli.options import AllowOutside
from clipface_cli.cli.progress import say

if TYPE_CHECKING:
    from clipface_cli.artifacts import ViewerServer


def view(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A mesh (.obj, .glb) or a folder of them.")
    ],
    port: Annotated[
        int, typer.Option("--port", help="Port to listen at [a free one].", min=0, max=65535)
    ] = 0,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in the browser.")
    ] = True,
    allow_outside: AllowOutside = False,
) -> Result:
    """Show heads in the browser: turn them, move their faces.

    Compares before and after an edit. Serves this machine only, until Ctrl-C; prints the page's
    address.
    """
    from clipface_cli.artifacts import ViewerServer, page_file, scene_json
    from clipface_cli.viewer import find_shown, listing

    paths = find_shown(path)
    folder = path if path.is_dir() else path.parent
    heads, meshes = listing(paths, folder, cache(partial(load_head, None)), allow_outside)
    title = path.resolve().name
    server = ViewerServer(
        {
            "/": ("text/html; charset=utf-8", lambda: page_file("index.html")),
            "/viewer.js": ("text/javascript; charset=utf-8", lambda: page_file("viewer.js")),
            "/scene.json": ("application/json", lambda: scene_json(title, heads).encode()),
            **meshes,
        },
        folder,
        port,
    )
    facts = {"heads": [str(shown) for shown in paths], "port": server.server_port}
    return Result(server.address, facts, afterwards=lambda: _serve(server, open_browser))


def _serve(server: ViewerServer, open_browser: bool) -> None:
    """Answer until Ctrl-C, the ordinary end."""
    import sys
    import webbrowser

    sys.stdout.flush()
    if open_browser:
        threading.Thread(target=webbrowser.open, args=[server.address], daemon=True).start()
    say("Serving to this machine only; Ctrl-C ends it.")
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()
