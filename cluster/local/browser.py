"""A headless Chromium and one page of it, by the DevTools protocol. `report_test.py` imports it. Standard library only.

The protocol runs over two pipes (`--remote-debugging-pipe`: JSON messages, each closed by a zero byte). So there is no port that another
process could reach, and no websocket. The profile is thrown away, and no host name resolves: the browser itself asks for nothing.
"""
from __future__ import annotations

import base64
import fcntl
import json
import os
import pathlib
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-default-browser-check",
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-extensions", "--disable-sync",
    "--no-pings", "--metrics-recording-only", "--host-resolver-rules=MAP * ~NOTFOUND", "--force-color-profile=srgb", "--lang=en-US")
# A picture of more pixels than this in height comes out with parts repeated; and a smaller one can be looked at.
TALLEST = 8_000

Message = dict[str, Any]


class BrowserError(Exception):
    """The browser does not start, does not answer, or refuses a command."""


def find(name: str | None = None) -> str:
    """The program: the named one, or the first of NAMES that is installed."""
    for candidate in [name] if name else NAMES:
        if path := shutil.which(candidate):
            return path
    raise BrowserError(f"no {name or 'Chromium'} is installed; cluster/local/install.sh chromium installs one")


class Browser:
    """A browser that ends with the `with` block, and all that it sends."""

    def __init__(self, program: str | None = None, seconds: float = 120) -> None:
        # How long an answer may take; what came in besides answers, in order.
        self.program, self.seconds = find(program), seconds
        self.events: list[Message] = []
        self.rest, self.number = b"", 0

    def __enter__(self) -> Browser:
        self.profile = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        words = [self.program, *FLAGS, f"--user-data-dir={self.profile.name}", "about:blank"]
        if os.geteuid() == 0:
            # Chromium's sandbox refuses root.
            words.insert(1, "--no-sandbox")
        theirs_in, self.to = os.pipe()
        self.back, theirs_out = os.pipe()
        # The child has them as 3 and 4, so the ends that are copied there must be others.
        copies = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (theirs_in, theirs_out)]
        log = os.path.join(self.profile.name, "log")
        actions = [(os.POSIX_SPAWN_DUP2, copies[0], 3), (os.POSIX_SPAWN_DUP2, copies[1], 4),
                   (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2)]
        self.process = os.posix_spawn(self.program, words, os.environ, file_actions=actions, setpgroup=0)
        for end in (theirs_in, theirs_out, *copies):
            os.close(end)
        try:
            self.call("Browser.getVersion")
        except BrowserError as error:
            said = pathlib.Path(log).read_text(errors="replace").strip().split("\n")[-1] if os.path.exists(log) else ""
            self.__exit__(None, None, None)
            raise BrowserError(f"{self.program} does not start: {said or error}") from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.send("Browser.close", {}, None)
        except OSError:
            pass
        ended = time.monotonic() + 5
        while os.waitpid(self.process, os.WNOHANG)[0] == 0:
            if time.monotonic() > ended:
                os.killpg(self.process, signal.SIGKILL)
                os.waitpid(self.process, 0)
                break
            time.sleep(0.02)
        os.close(self.to)
        os.close(self.back)
        self.profile.cleanup()

    def send(self, method: str, parameters: Message, session: str | None) -> int:
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        return self.number

    def call(self, method: str, parameters: Message | None = None, session: str | None = None) -> Message:
        """A command and its answer; events that come in meanwhile are kept."""
        try:
            number = self.send(method, parameters or {}, session)
        except OSError as error:
            raise BrowserError(f"the browser is gone: {error.strerror}") from None
        limit = time.monotonic() + self.seconds
        while True:
            message = self.receive(limit)
            if message is None:
                raise BrowserError(f"no answer to {method} within {self.seconds:g} s")
            if message.get("id") == number:
                if "error" in message:
                    raise BrowserError(f"{method}: {message['error'].get('message')}")
                return message["result"]
            self.take(message)

    def take(self, message: Message) -> None:
        if message.get("method") == "Page.javascriptDialogOpening":
            # It would stop the page. Nobody waits for the answer to this.
            self.send("Page.handleJavaScriptDialog", {"accept": False}, message.get("sessionId"))
        if "method" in message:
            self.events.append(message)

    def receive(self, limit: float) -> Message | None:
        """The next message; None when there is none until a moment."""
        while b"\0" not in self.rest:
            if not select.select([self.back], [], [], max(0, limit - time.monotonic()))[0]:
                return None
            data = os.read(self.back, 1 << 20)
            if not data:
                raise BrowserError("the browser ended")
            self.rest += data
        first, _, self.rest = self.rest.partition(b"\0")
        return json.loads(first)

    def wait(self, method: str, session: str) -> None:
        """Until an event of a page has come."""
        limit = time.monotonic() + self.seconds
        while not any(event["method"] == method and event.get("sessionId") == session for event in self.events):
            message = self.receive(limit)
            if message is None:
                raise BrowserError(f"no {method} within {self.seconds:g} s")
            self.take(message)


class Page:
    """A file in a tab. A script of ours runs in a world of its own beside the page's: same document, other variables."""

    def __init__(self, browser: Browser, file: pathlib.Path, script: str) -> None:
        self.browser, self.address, self.script = browser, file.resolve().as_uri(), script
        self.world: int | None = None
        self.target = browser.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self.session = browser.call("Target.attachToTarget", {"targetId": self.target, "flatten": True})["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM", "Accessibility"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)

    def call(self, method: str, **parameters: Any) -> Message:
        return self.browser.call(method, parameters, self.session)

    def events(self) -> list[Message]:
        """What the page has said so far."""
        return [event for event in self.browser.events if event.get("sessionId") == self.session]

    def close(self) -> None:
        self.browser.call("Target.closeTarget", {"targetId": self.target})

    def load(self) -> None:
        """Loads the file, and the script into it."""
        answer = self.call("Page.navigate", url=self.address)
        if fault := answer.get("errorText"):
            raise BrowserError(f"{self.address} cannot be loaded: {fault}")
        self.browser.wait("Page.loadEventFired", self.session)
        self.world = self.call("Page.createIsolatedWorld", frameId=answer["frameId"], worldName="test")["executionContextId"]
        self.evaluate(self.script)
        self.frame()

    def frame(self) -> None:
        """Until the page has been drawn with what was changed."""
        if self.world is None:
            return
        self.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, or of what a promise gives."""
        return self.value(self.call(
            "Runtime.evaluate", expression=expression, contextId=self.world, returnByValue=True, awaitPromise=True))

    def object(self, expression: str) -> str:
        """A handle of an element."""
        return self.call("Runtime.evaluate", expression=expression, contextId=self.world)["result"]["objectId"]

    def on(self, handle: str, function: str) -> Any:
        """What a function returns of an element."""
        return self.value(self.call("Runtime.callFunctionOn", objectId=handle, functionDeclaration=function, returnByValue=True))

    @staticmethod
    def value(answer: Message) -> Any:
        if fault := answer.get("exceptionDetails"):
            raise BrowserError(f"the test's script fails: {fault.get('exception', {}).get('description', fault.get('text'))}")
        return answer["result"].get("value")

    def node(self, handle: str) -> int:
        """The number of an element that its trees have in common."""
        return self.call("DOM.describeNode", objectId=handle)["node"]["backendNodeId"]

    def size(self, width: int, height: int, scale: int = 1, mobile: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile)
        self.frame()

    def scheme(self, name: str) -> None:
        """As one who prefers `light` or `dark` sees it, and nothing that moves."""
        self.call("Emulation.setEmulatedMedia", media="screen", features=[
            {"name": "prefers-color-scheme", "value": name}, {"name": "prefers-reduced-motion", "value": "reduce"}])
        self.frame()

    def press(self, key: str, code: int, text: str = "") -> None:
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text)

    def pictures(self, scale: int = 1) -> Iterator[bytes]:
        """The whole page as PNG, in as many parts as its height takes."""
        content = self.call("Page.getLayoutMetrics")["cssContentSize"]
        tallest = TALLEST // scale
        for top in range(0, max(1, int(content["height"])), tallest):
            clip = {"x": 0, "y": top, "width": content["width"], "height": min(tallest, content["height"] - top), "scale": 1}
            answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
            yield base64.b64decode(answer["data"])
