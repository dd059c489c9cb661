"""The network between us and a server, which can be cut."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading


class Cable:
    def __init__(self, to: int) -> None:
        self.to = to
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._closing = False
        self._listener: socket.socket | None = None
        self.port = 0
        self.mend()
        self._thread = threading.Thread(target=self._carry, name="cable", daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Every connection ends, and no new one is made."""
        with self._lock:
            if self._listener is not None:
                self._drop(self._listener)
                self._listener = None
            for each in list(self._pairs):
                self._end(each)

    def mend(self) -> None:
        with self._lock:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.port))
            listener.listen(64)
            self.port = listener.getsockname()[1]
            self._listener = listener
            self._selector.register(listener, selectors.EVENT_READ)

    def close(self) -> None:
        self._closing = True
        self._thread.join(5)
        self.cut()
        self._selector.close()

    def _carry(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select(0.05):
                with self._lock:
                    self._read(key.fileobj)

    def _read(self, source: object) -> None:
        assert isinstance(source, socket.socket)
        if source is self._listener:
            near, _ = source.accept()
            try:
                far = socket.create_connection(("127.0.0.1", self.to), timeout=1)
            except OSError:  # nobody is at the other end: our side is told so
                near.close()
                return
            for one, other in ((near, far), (far, near)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._pairs[one] = other
                self._selector.register(one, selectors.EVENT_READ)
        elif source in self._pairs:
            try:
                carried = source.recv(65536)
                if carried:
                    self._pairs[source].sendall(carried)
                    return
            except OSError:
                pass  # either end is gone: so is the connection
            self._end(source)

    def _end(self, one: socket.socket) -> None:
        other = self._pairs.pop(one, None)
        self._drop(one)
        if other is not None and self._pairs.pop(other, None) is not None:
            self._drop(other)

    def _drop(self, one: socket.socket) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(one)
        one.close()
