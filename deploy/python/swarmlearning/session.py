"""The ML node of this process: one, from the first callback until the program ends.

The node learns how the program ends: an exception that nobody catches is told to the SL, and a ``SwarmError`` becomes
the exit code that a C++ program would have. SIGTERM, which ``run-sl`` sends to stop a program, raises ``SystemExit(4)``.
"""
from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
from types import TracebackType
from typing import Any, Optional, Type

from . import _client
from .client.swarm import SwarmError

_session: Optional["Session"] = None


class Session:
    """The node, and how the program ended."""

    def __init__(self) -> None:
        self.client = _client.Client(sys.argv[1:])
        self.failure: Optional[str] = None
        self.closed = False

    def close(self) -> None:
        """Leaves the swarm and waits for the node's end; later calls do nothing. At the interpreter's exit."""
        if self.closed:
            return
        self.closed = True
        code = self.client.close(self.failure)
        if code != 0 and self.failure is None:
            # The program returned as if all were well, but the swarm had not ended, which the node has logged. An exit
            # handler can't change the exit code otherwise.
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


def session() -> Session:
    """The session of this process, which is made by the first call. SwarmError: not started by run-sl."""
    global _session
    if _session is None:
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _on_sigterm)
        _session = Session()
        atexit.register(_session.close)
    return _session


def _on_sigterm(number: int, frame: Any) -> None:
    if _session is not None:
        _session.failure = "stopped by SIGTERM"
    sys.exit(4)  # as a C++ program: the training has ended early


def _watch_exceptions() -> None:
    """Remembers what ends the program, and ends it with the exit code of a SwarmError."""
    earlier = sys.excepthook

    def hook(kind: Type[BaseException], value: BaseException, trace: Optional[TracebackType]) -> None:
        earlier(kind, value, trace)
        if _session is not None:
            text = " ".join(str(value).split())[:400]  # one line of the SL's log; the traceback is in this one
            _session.failure = f"the training program failed: {kind.__name__}: {text}"
        if isinstance(value, SwarmError):
            sys.stderr.flush()
            raise SystemExit(value.code)

    sys.excepthook = hook


_watch_exceptions()


class NodeLog(logging.Handler):
    """Writes records into the log of the ML node, and so also into its trace."""

    def emit(self, record: logging.LogRecord) -> None:
        level = "error" if record.levelno >= logging.ERROR else "warning" if record.levelno >= logging.WARNING else "info"
        text = record.getMessage()
        try:
            session().client.log(level, text, record.name)
        except SwarmError:  # another thread, or after the end
            print(f"{record.name} : {record.levelname} : {text}", flush=True)


def node_logger() -> logging.Logger:
    """The logger ``SwarmCallback``, with level INFO unless the program has set another."""
    logger = logging.getLogger("SwarmCallback")
    if not any(isinstance(handler, NodeLog) for handler in logger.handlers):
        logger.addHandler(NodeLog())
        logger.propagate = False
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)
    return logger
