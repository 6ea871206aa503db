"""Answers of the viewer's server, and to whom."""

import http.client
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from clipface_cli.artifacts import ViewerServer
from clipface_cli.cli import app
from clipface_cli.cli.command import run as run_command
from clipface_cli.errors import InputError
from clipface_cli.viewer import find_shown


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ViewerServer]:
    (tmp_path / "secret.txt").write_text("outside")
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "head.glb").write_bytes(b"inside")
    (folder / "link").symlink_to(tmp_path / "secret.txt")
    with ViewerServer({"/": ("text/html", lambda: b"page")}, folder) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def _ask(server: ViewerServer, path: str, host: str = "", method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_answers(server: ViewerServer) -> None:
    assert _ask(server, "/") == (200, b"page")
    assert _ask(server, "/?x=1") == (200, b"page")
    assert _ask(server, "/", method="HEAD") == (200, b"")
    assert _ask(server, "/files/head.glb") == (200, b"inside")
    assert _ask(server, "/", host=f"localhost:{server.server_port}")[0] == 200
    assert _ask(server, "/nothing")[0] == 404
    assert _ask(server, "/", method="POST")[0] == 501


@pytest.mark.parametrize(
    "path",
    [
        "/files/../secret.txt",
        "/files/%2e%2e/secret.txt",
        "/files/..%2fsecret.txt",
        "/files//etc/passwd",
        "/files/link",
        "/files/",
        "/files/%00",
        "/../secret.txt",
    ],
)
def test_nothing_outside_the_folder(server: ViewerServer, path: str) -> None:
    status, body = _ask(server, path)
    assert status == 404
    assert b"outside" not in body


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "evil.example:{port}", "0.0.0.0:1"])
def test_only_its_own_host(server: ViewerServer, host: str) -> None:
    assert _ask(server, "/", host=host.format(port=server.server_port))[0] == 421


def test_listens_on_loopback_only(server: ViewerServer) -> None:
    assert server.server_address[0] == "127.0.0.1"


def test_port_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "head.glb").write_bytes(b"")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert run_command(app, ["view", str(tmp_path), "--no-open", "--port", port]) == 2
    assert "--port" in capsys.readouterr().err


def test_what_there_is_to_show(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        find_shown(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"no \.obj or \.glb"):
        find_shown(tmp_path)
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(InputError, match="neither"):
        find_shown(tmp_path / "notes.txt")
    for name in ("b/edited.obj", "a.glb", ".hidden/x.obj", "1/2/3/deep.obj"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert [p.name for p in find_shown(tmp_path)] == ["a.glb", "edited.obj"]
