"""A real browser without a window, for tests of pages: Chromium, told what to do over a pipe.

Speaks the Chrome DevTools Protocol (JSON messages that end in a zero byte, on file descriptors 3
and 4), so that no driver is needed beside the browser itself. Pages run without network.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
PROGRAM = next((found for name in NAMES if (found := shutil.which(name))), None)
MOVE = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); "
    "os.execv(sys.argv[3], sys.argv[3:])"
)
"""Becomes the browser, with the pipes where it looks for them; a fork of our own process would not
do where JAX has started threads in it."""
PHONE, DESKTOP = (390, 844), (1280, 900)
TIMEOUT = 60.0


class Browser:
    """One tab; errors of the page and requests that leave it are kept."""

    def __init__(self, read: int, write: int) -> None:
        self.read, self.write = read, write
        self.buffer = b""
        self.number = 0
        self.session: str | None = None
        self.errors: list[str] = []
        self.requests: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")
        offline = {"latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        self.call("Network.emulateNetworkConditions", offline=True, **offline)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": params}
        if self.session is not None:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.next_message()
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result

    def next_message(self) -> dict[str, Any]:
        """Wait for a message; note what the page does wrong."""
        end = time.monotonic() + TIMEOUT
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.read], [], [], max(0.0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            data = os.read(self.read, 1 << 20)
            assert data, "the browser has ended"
            self.buffer += data
        raw, _, self.buffer = self.buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(raw)
        params = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.errors.append(str(params["exceptionDetails"]))
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
        return message

    def size(self, width: int, height: int) -> None:
        """Be a window of this size; a narrow one is a phone."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def open(self, page: Path) -> None:
        """Load a file and wait until it is there."""
        self.call("Page.navigate", url=page.as_uri())
        while self.next_message().get("method") != "Page.loadEventFired":
            pass

    def run(self, script: str) -> Any:
        """Evaluate an expression in the page."""
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def click(self, selector: str) -> None:
        """Click on the middle of an element, as a mouse does."""
        box = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
            " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            place = {"x": box[0], "y": box[1]}
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def picture(self, whole: bool = True) -> bytes:
        """Return what is seen, as PNG."""
        data = self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        return base64.b64decode(data)


def _pipe() -> tuple[int, int]:
    """Return a pipe whose ends have high numbers, out of the way of 3 and 4."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in ends)
    for end in ends:
        os.close(end)
    return high[0], high[1]


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Start a browser with a profile of its own in a folder; it ends with the block."""
    assert PROGRAM is not None
    to_read, to_write = _pipe()
    from_read, from_write = _pipe()

    process = subprocess.Popen(
        [
            *(sys.executable, "-c", MOVE, str(to_read), str(from_write)),
            *(PROGRAM, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"),
            *("--disable-dev-shm-usage", "--no-first-run", f"--user-data-dir={folder}"),
        ],
        pass_fds=(to_read, from_write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_read)
    os.close(from_write)
    try:
        found = Browser(from_read, to_write)
        yield found
        found.session = None
        found.call("Browser.close")
        process.wait(TIMEOUT)
    finally:
        process.kill()
        process.wait()
        os.close(from_read)
        os.close(to_write)
