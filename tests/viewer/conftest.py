"""A headless Chromium spoken to through its debugging pipe, and a run folder to show in it."""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from clipface_cli.artifacts import Motion, RunRecord, from_pixels, write_rig
from clipface_cli.avatar import Subject, load_rigged, save_subject
from clipface_cli.head import HeadModel, HeadParams, motion_of

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--no-first-run"),
    *("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--mute-audio"),
)
PATIENCE = 180.0  # seconds; software rendering on a busy machine


class Browser:
    """Chromium over `--remote-debugging-pipe`: JSON messages that end in a zero byte."""

    def __init__(self, program: str, profile: Path) -> None:
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()

        def connect() -> None:
            for ours, wanted in ((os.dup(theirs_in), 3), (os.dup(theirs_out), 4)):
                os.dup2(ours, wanted)

        self._process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=connect,  # noqa: PLW1509 - no threads yet
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._buffer, self._number = b"", 0
        self.events: list[dict[str, Any]] = []
        targets = self._call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        arguments = {"targetId": page["targetId"], "flatten": True}
        self._session = self._call("Target.attachToTarget", **arguments)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        os.close(self._out)
        os.close(self._in)

    def send(self, method: str, **arguments: Any) -> dict[str, Any]:
        return self._call(method, self._session, **arguments)

    def _call(self, method: str, session: str | None = None, **arguments: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": arguments}
        message |= {"sessionId": session} if session else {}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            block = os.read(self._in, 1 << 20)
            assert block, "Chromium ended"
            self._buffer += block
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> None:
        end = time.monotonic() + PATIENCE
        while not self.evaluate(expression):
            assert time.monotonic() < end, f"never true: {expression}; {self.troubles()}"
            time.sleep(0.1)

    def open(self, address: str, width: int = 480, height: int = 360) -> None:
        self.events.clear()
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        self.send("Page.navigate", url=address)
        self.wait_for("document.body?.dataset.state === 'ready'")
        self.settle()

    def settle(self) -> None:
        """Until what was asked to be drawn is drawn."""
        self.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def press(self, key: str, times: int = 1) -> None:
        codes = {"ArrowRight": 39, "ArrowLeft": 37, "End": 35, "Home": 36, "Tab": 9}
        stroke: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": codes.get(key, 0)}
        stroke |= {"text": key} if len(key) == 1 else {"code": key}
        for _ in range(times):
            self.send("Input.dispatchKeyEvent", type="keyDown", **stroke)
            self.send("Input.dispatchKeyEvent", type="keyUp", **stroke)
        self.settle()

    def screen(self) -> np.ndarray:
        """The picture that a person sees, (H, W, 3)."""
        shot = self.send("Page.captureScreenshot", format="png")["data"]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(shot))).convert("RGB"))

    def view(self) -> np.ndarray:
        """The drawing of the head, (H, W, 3)."""
        url = self.evaluate("document.getElementById('view').toDataURL('image/png')")
        picture = Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1])))
        return np.asarray(picture.convert("RGB")).astype(int)

    def troubles(self) -> list[dict[str, Any]]:
        """Exceptions, and errors and warnings on the console."""
        kinds = ("Runtime.exceptionThrown", "Log.entryAdded")
        found = [event for event in self.events if event.get("method") in kinds]
        for event in self.events:
            if event.get("method") == "Runtime.consoleAPICalled":
                found += [event] if event["params"]["type"] in ("error", "warning") else []
        return found

    def requested(self) -> list[str]:
        """Addresses that the page asked for."""
        sent = (e for e in self.events if e.get("method") == "Network.requestWillBeSent")
        return [event["params"]["request"]["url"] for event in sent]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    found = Browser(program, tmp_path_factory.mktemp("chromium"))
    yield found
    found.close()


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """heads/000.obj; laugh/: its edit with run.json; laugh/animation.glb, whose textures change."""
    folder = tmp_path_factory.mktemp("runs")
    head = HeadModel.load()
    start = HeadParams.neutral(1, head.shape_size, head.expression_size)
    smile = head.expression_from_units({"smile": 0.7})[None]
    w, mesh = torch.zeros(1, 14, 512), folder / "heads/000.obj"
    save_subject(mesh, Subject(start, w, _texture(200, 150, 130)), head)
    record = RunRecord({"prompt": "laughing"}, [mesh])
    edited, happy = folder / "laugh/edited.obj", HeadParams(start.shape, smile, start.pose)
    history = [{"prompt": "laughing"}]
    save_subject(edited, Subject(happy, w, _texture(110, 170, 120), history), head)
    record.write(edited.parent, [edited], similarity=0.9)
    made = load_rigged(edited, head)
    opening = head.expression_from_units({"jawOpen": 0.8})
    expression = torch.linspace(0, 1, 8)[:, None] * opening
    motion = motion_of(head, made.rig, expression, torch.zeros(8, 6), fps=10)
    textures = [np.full((16, 16, 3), level, np.uint8) for level in (90, 220)]
    motion = Motion(10, motion.weights, motion.rotations, textures, np.arange(8) // 4)
    write_rig(folder / "laugh/animation.glb", made.rig, made.texture, motion)
    return folder


def _texture(*colour: int) -> torch.Tensor:
    rows = np.linspace(0.85, 1.15, 64)[:, None, None]
    pixels = np.clip(np.array(colour) * rows * np.ones((64, 64, 1)), 0, 255)
    return from_pixels(pixels.astype(np.uint8))


@pytest.fixture(scope="session")
def address(run_folder: Path) -> Iterator[str]:
    """`clipface view` on the run folder, in a process of its own."""
    command = Path(sys.executable).with_name("clipface")
    server = subprocess.Popen(
        [command, "view", ".", "--no-open"],
        cwd=run_folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    yield server.stdout.readline().strip()
    server.terminate()
    server.wait(20)
