# SPDX-License-Identifier: BSD-3-Clause
"""Steady load whose every response is compared with what the server holds."""
import threading

from lib import clients, servers
from lib.shell import Failed, wait_for


class Load:
    """Some threads keep one connection each, the others open a new one for each request."""

    def __init__(self, topology, addresses, name="small", kept=3, fresh=3):
        with open(servers.make_files(topology)[name], "rb") as f:
            self.content = f.read()
        self.topology = topology
        self.name = name
        self.errors = []
        self.answers = {kind: [] for kind, n in (("kept", kept), ("fresh", fresh)) if n}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        jobs = [(kind, addresses[i % len(addresses)]) for kind, n in (("kept", kept), ("fresh", fresh)) for i in range(n)]
        self._threads = [threading.Thread(target=self._work, args=job, daemon=True) for job in jobs]
        for thread in self._threads:
            thread.start()

    def _work(self, kind, address):
        sock = None
        while not self._stop.is_set():
            try:
                sock = sock or clients.connect(self.topology, address, 80, timeout=20)
                status, head, body = clients.request(sock, self.name)
                good = status == 200 and body == self.content
                self._count(kind, None if good else f"{kind} {address}: status {status}, {len(body)} bytes, "
                            f"{'same' if body == self.content else 'other'} content", head)
            except (OSError, Failed) as e:
                self._count(kind, f"{kind} {address}: {type(e).__name__}: {e}", "")
                good = False
            if sock and (kind == "fresh" or not good):
                sock.close()
                sock = None
        if sock:
            sock.close()

    def _count(self, kind, error, head):
        host = next((line[8:].strip() for line in head.splitlines() if line.startswith("X-Host: ")), None)
        with self._lock:
            self.answers[kind].append(host)
            if error:
                self.errors.append(error)

    def wait_more(self, n, timeout=60):
        """Until n more requests of each kind have been answered; the hosts that answered them, by kind."""
        start = {kind: len(hosts) for kind, hosts in self.answers.items()}
        wait_for(lambda: all(len(self.answers[kind]) >= start[kind] + n for kind in start),
                 f"{n} more requests of each kind", timeout)
        return {kind: set(self.answers[kind][start[kind]:]) for kind in start}

    def stop(self):
        """(requests made, errors)"""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
        return sum(map(len, self.answers.values())), self.errors
