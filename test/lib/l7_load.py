# SPDX-License-Identifier: BSD-3-Clause
"""Very many connections, some hundred at once, one request each; what came of every one of them, by content."""
import collections
import hashlib
import os
import random
import selectors
import socket
import time

from lib.netns import inside

PIECE = 1 << 16
FILLER_MAX = 4000  # so that many a head takes several segments
BODY_MAX = 6000
PATIENCE_S = 120.0


class Target:
    """What is asked for by way of an address. body, host: the answer to expect; paths take turns."""

    def __init__(self, label, address, paths, content, port=80):
        self.label, self.address, self.port = label, address, port
        self.paths = paths  # [(path, host)]
        self.content = content


class Connection:
    def __init__(self, target, number):
        r = random.Random(number)
        path, self.host = target.paths[number % len(target.paths)]
        filler = "f" * r.choice((0, 100, 1200, r.randrange(FILLER_MAX)))
        body = r.randbytes(r.randrange(BODY_MAX)) if number % 3 == 0 else None
        self.target = target
        self.wanted = target.content if body is None else hashlib.sha256(body).hexdigest().encode()
        head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: vip\r\nConnection: close\r\nX-Filler: {filler}\r\n"
        if body is not None:
            head += f"Content-Length: {len(body)}\r\n"
        self.out = head.encode() + b"\r\n" + (body or b"")
        self.cut = r.randrange(1, len(self.out)) if number % 4 == 0 else 0  # written in two pieces then
        self.got = b""
        self.began = time.monotonic()

    def outcome(self, error):
        if error:
            return error
        head, _, body = self.got.partition(b"\r\n\r\n")
        if not self.got:
            return "closed without an answer"
        if not head.startswith(b"HTTP/1.1 200"):
            return "another status"
        if body != self.wanted:
            return "cut short" if self.wanted.startswith(body) else "corrupted"
        return "good" if f"\r\nX-Host: {self.host}".encode() in head else "another host"


class Many:
    """run() returns {label: Counter of outcomes}; .bad has examples of all but good ones."""

    def __init__(self, topology, targets, at_once=300):
        self.targets, self.at_once = targets, at_once
        self.namespace = topology.name("client")
        self.results = {t.label: collections.Counter() for t in targets}
        self.bad = []
        self._selector = selectors.DefaultSelector()

    def run(self, n):
        begun = ended = 0
        with inside(self.namespace), self._selector:
            while ended < n:
                while begun < n and begun - ended < self.at_once:
                    self._begin(Connection(self.targets[begun % len(self.targets)], begun // len(self.targets)))
                    begun += 1
                for key, events in self._selector.select(0.1):
                    ended += self._go_on(key.fileobj, key.data, events)
                ended += self._expire()
        return self.results

    def _begin(self, c):
        s = socket.socket(socket.AF_INET6 if ":" in c.target.address else socket.AF_INET, socket.SOCK_STREAM)
        s.setblocking(False)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(s, selectors.EVENT_WRITE, c)
        s.connect_ex((c.target.address, c.target.port))

    def _go_on(self, s, c, events):
        """1 if that was the end."""
        try:
            if events & selectors.EVENT_WRITE:
                error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if error:
                    raise OSError(error, os.strerror(error))
                sent = s.send(c.out[:c.cut] if c.cut else c.out)
                c.out, c.cut = c.out[sent:], 0
                if not c.out:
                    self._selector.modify(s, selectors.EVENT_READ, c)
                return 0
            got = s.recv(PIECE)
        except BlockingIOError:
            return 0
        except OSError as e:
            return self._end(s, c, type(e).__name__)
        c.got += got
        return 0 if got else self._end(s, c, None)

    def _end(self, s, c, error):
        self._selector.unregister(s)
        outcome = c.outcome(error)
        self.results[c.target.label][outcome] += 1
        if outcome != "good" and len(self.bad) < 20:
            self.bad.append(f"{c.target.label} from port {s.getsockname()[1]}: {outcome} after {time.monotonic() - c.began:.1f} s, "
                            f"{len(c.out)} bytes not sent, got {c.got[:60]!r} ({len(c.got)} bytes)")
        s.close()
        return 1

    def _expire(self):
        late = time.monotonic() - PATIENCE_S
        return sum(self._end(k.fileobj, k.data, "no end") for k in list(self._selector.get_map().values()) if k.data.began < late)
