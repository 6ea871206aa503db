"""Serves the viewer's page to this machine only: named resources and one folder's files."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from clipface_cli.errors import InputError

HOST = "127.0.0.1"
FILES = "/files/"  # below it, the served folder
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; "
    "img-src 'self' blob: data:; connect-src 'self' blob: data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
Resource = tuple[str, Callable[[], bytes]]  # content type, content


class ViewerServer(ThreadingHTTPServer):
    """Answers GET for `resources` by path, and for files of `folder` under /files/.

    Requests must name this server as their Host, so that no other site's page can read it through
    a name of its own that resolves to this machine. Raises InputError when the port is in use.
    """

    daemon_threads = True

    def __init__(self, resources: Mapping[str, Resource], folder: Path, port: int = 0) -> None:
        self.resources, self.folder = resources, folder.resolve()
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            raise InputError(
                f"Port {port} cannot be used ({error}); choose another with --port, or leave "
                "--port out."
            ) from error

    @property
    def address(self) -> str:
        """http://127.0.0.1:PORT/"""
        return f"http://{HOST}:{self.server_port}/"

    @property
    def hosts(self) -> set[str]:
        """The Host headers that are this server's own."""
        return {f"{name}:{self.server_port}" for name in (HOST, "localhost")}

    def find(self, path: str) -> Resource | None:
        """Resource at a URL's path, None where nothing may be read."""
        if path in self.resources:
            return self.resources[path]
        if not path.startswith(FILES):
            return None
        name = path.removeprefix(FILES)
        if "\0" in name:
            return None
        file = (self.folder / name).resolve()
        if not file.is_relative_to(self.folder) or not file.is_file():
            return None
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return kind, file.read_bytes


class _Handler(BaseHTTPRequestHandler):
    server: ViewerServer
    server_version = "ClipFace"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        if self.headers.get("Host") not in self.server.hosts:
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return
        found = self.server.find(unquote(urlsplit(self.path).path))
        if found is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        kind, content = found
        body = content()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Requests are nobody's business."""
