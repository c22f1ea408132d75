"""Lambda's Runtime API for one execution environment, and AWS's own client of it in a bare interpreter.

Source: AWS «Using the Lambda runtime API for custom runtimes», version 2018-06-01.
"""

from __future__ import annotations

import importlib.metadata
import json
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from torture.leash import leashed

_VERSION = "/2018-06-01/runtime"
_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
_START = "import sys; sys.path[:0] = sys.argv[2:]; from awslambdaric.__main__ import main; main(['ric', sys.argv[1]])"


class Failed(Exception):
    """The handler raised: `kind` is the exception's name, `trace` AWS's lines of it."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__(f"{told['errorType']}: {told['errorMessage']}")
        self.kind: str = told["errorType"]
        self.message: str = told["errorMessage"]
        self.trace: Sequence[str] = told.get("stackTrace") or ()


class NotBegun(Failed):
    """The handler could not be loaded: what was told to `/init/error`."""


class Ended(Exception):
    """The process is not there any more; its last words."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What the process said: `ready`, `answer`, `failure`, `init` or `ended`."""

    what: str
    of: Any = None


@dataclass
class Runtime:
    """One execution environment: it takes an event at a time."""

    patience: float  # seconds for whatever is waited for
    log: Path
    events: queue.Queue[tuple[str, bytes] | None] = field(default_factory=queue.Queue)
    told: queue.Queue[_Told] = field(default_factory=queue.Queue)
    _ready: bool = False
    _count: int = 0

    def ready(self) -> None:
        """Wait until it asks for its first event; `NotBegun` or `Ended` if it does not."""
        if not self._ready:
            self._next("ready")
            self._ready = True

    def __call__(self, event: Any) -> Any:
        """What the handler returns; `Failed` if it raises."""
        self.ready()
        self._count += 1
        self.events.put((f"request-{self._count}", json.dumps(event).encode()))
        answer = self._next("answer")
        self._next("ready")
        return json.loads(answer)

    def _next(self, what: str) -> Any:
        try:
            told = self.told.get(timeout=self.patience)
        except queue.Empty:
            raise TimeoutError(f"no {what} in {self.patience:g} s; {self._last_words()}") from None
        if told.what == "failure":
            self._next("ready")
            raise Failed(told.of)
        if told.what == "init":
            raise NotBegun(told.of)
        if told.what == "ended":
            raise Ended(f"with {told.of}; {self._last_words()}")
        if told.what != what:
            raise Ended(f"out of turn: {told.what} instead of {what}")
        return told.of

    def _last_words(self) -> str:
        return f"it said: {self.log.read_text(errors='replace')[-3000:]!r}"


@contextmanager
def begun(
    handler: str,
    *,
    task: Path,
    work: Path,
    environ: Mapping[str, str] | None = None,
    interpreter: str | None = None,
    patience: float = 60,
) -> Iterator[Runtime]:
    """`handler` (`package.module.name`) of the unpacked zip `task`, in an interpreter that sees nothing else of ours.

    `work` is a folder for the client's code and the log. The process sees `environ` and what Lambda itself sets.
    """
    work.mkdir(parents=True, exist_ok=True)
    runtime = Runtime(patience=patience, log=work / "log")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _api(runtime))
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    serving.start()
    paths = [str(task), str(_client(work / "client"))]
    bare = [interpreter or bare_interpreter(), "-I", "-S", "-c", _START, handler, *paths]
    with runtime.log.open("wb") as log:
        process = subprocess.Popen(
            leashed(*bare), cwd=task, env=_environ(server.server_port, handler, task, environ), stdout=log, stderr=log
        )
    watching = threading.Thread(target=lambda: runtime.told.put(_Told("ended", process.wait())), daemon=True)
    watching.start()
    try:
        yield runtime
    finally:
        process.kill()
        watching.join()
        runtime.events.put(None)
        server.shutdown()
        server.server_close()
        serving.join()


def bare_interpreter() -> str:
    """The Python below our virtual environment, which has none of our packages."""
    return str(getattr(sys, "_base_executable", sys.executable))


def _api(runtime: Runtime) -> type[BaseHTTPRequestHandler]:
    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer is one packet: its second half would wait for an acknowledgement

        def do_GET(self) -> None:
            if self.path != f"{_VERSION}/invocation/next":
                self._answer(404)
                return
            runtime.told.put(_Told("ready"))
            if event := runtime.events.get():
                number, body = event
                deadline = str(int(1000 * (time.time() + runtime.patience)))
                self._answer(
                    200,
                    body,
                    {
                        "Lambda-Runtime-Aws-Request-Id": number,
                        "Lambda-Runtime-Deadline-Ms": deadline,
                        "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:000000000000:function:tried",
                        "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
                    },
                )

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path == f"{_VERSION}/init/error":
                runtime.told.put(_Told("init", json.loads(body)))
            elif self.path.endswith("/error"):
                runtime.told.put(_Told("failure", json.loads(body)))
            else:
                runtime.told.put(_Told("answer", body))
            self._answer(202, b'{"status": "OK"}')

        def _answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {**(headers or {}), "Content-Type": "application/json"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: it would be said on stderr."""

    return Api


def _environ(port: int, handler: str, task: Path, given: Mapping[str, str] | None) -> dict[str, str]:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_FUNCTION_NAME": "tried",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "LAMBDA_TASK_ROOT": str(task),
        "LANG": "en_US.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",  # the task's folder is read-only there
        "TZ": ":UTC",
        "_HANDLER": handler,
        **(given or {}),
    }


def _client(folder: Path) -> Path:
    """AWS's client and what it needs, copied out of our virtual environment, and nothing else of it."""
    if not folder.exists():
        for name in _CLIENT:
            for file in importlib.metadata.files(name) or ():
                if file.suffix in {".py", ".so"} and ".." not in file.parts:
                    (folder / file).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file.locate(), folder / file)
    return folder
