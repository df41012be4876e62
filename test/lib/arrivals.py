# SPDX-License-Identifier: BSD-3-Clause
"""New connections one after the other: when each began, and which host answered it."""
import collections
import itertools
import os
import selectors
import socket
import threading
import time

from lib import clients
from lib.netns import inside
from lib.shell import Failed, wait_for

PAUSE = 0.005
REQUEST = b"GET /whoami HTTP/1.1\r\nHost: vip\r\nConnection: close\r\n\r\n"


class Arrival:
    """One new connection with one request."""

    def __init__(self, address):
        self.began = time.monotonic()
        self.address = address
        self.answer = b""
        self.ended = False
        self.host = self.fault = None

    def end(self, fault=None):
        self.ended = True
        head, _, body = self.answer.partition(b"\r\n\r\n")
        if fault or not head.startswith(b"HTTP/1.1 200 "):
            self.fault = f"{self.address}: {fault or head[:20]}"
        else:
            self.host = body.decode().strip()


class Arrivals:
    """A steady number of new connections a second, however long answers take; none within `patience` seconds is a fault."""

    def __init__(self, topology, addresses, per_second=250, patience=10.0):
        self.patience, self._pause = patience, 1 / per_second
        self._seen = []  # in order of beginning; only appended to
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(topology.name("client"), addresses), daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(30)

    def _work(self, namespace, addresses):
        with inside(namespace), selectors.DefaultSelector() as selector:
            turn, due = itertools.cycle(addresses), time.monotonic()
            while not self._stop.is_set():
                if time.monotonic() >= due:
                    self._begin(selector, next(turn))
                    due = max(due + self._pause, time.monotonic() - self._pause)
                for key, _ in selector.select(max(due - time.monotonic(), 0)):
                    self._go_on(selector, key.fileobj, key.data)
                self._expire(selector)
            for key in list(selector.get_map().values()):
                key.fileobj.close()

    def _begin(self, selector, address):
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        s.setblocking(False)
        arrival = Arrival(address)
        selector.register(s, selectors.EVENT_WRITE, arrival)
        s.connect_ex((address, 80))
        self._seen.append(arrival)

    @staticmethod
    def _end(selector, sock, arrival, fault=None):
        selector.unregister(sock)
        sock.close()
        arrival.end(fault)

    def _go_on(self, selector, sock, arrival):
        try:
            if selector.get_key(sock).events == selectors.EVENT_WRITE:
                error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if error:
                    raise OSError(error, os.strerror(error))
                sock.sendall(REQUEST)
                selector.modify(sock, selectors.EVENT_READ, arrival)
                return
            got = sock.recv(1 << 16)
        except OSError as e:
            self._end(selector, sock, arrival, e)
            return
        arrival.answer += got
        if not got:
            self._end(selector, sock, arrival)

    def _expire(self, selector):
        patient_since = time.monotonic() - self.patience
        for key in [k for k in selector.get_map().values() if k.data.began < patient_since]:
            self._end(selector, key.fileobj, key.data, f"no answer within {self.patience} s")

    def hosts(self, begin, end=float("inf")):
        """Counter of the hosts that answered connections begun within; None stands for no answer (yet)."""
        return collections.Counter(a.host for a in list(self._seen) if begin <= a.began < end)

    def faults(self, begin=0):
        return [a.fault for a in list(self._seen) if a.began >= begin and a.fault]

    def wait_more(self, n, timeout=60):
        """Until n connections that begin from now on have ended; Counter of their hosts."""
        start = len(self._seen)
        wait_for(lambda: len(self._seen) >= start + n and all(a.ended for a in self._seen[start:start + n]),
                 f"{n} more connections", timeout)
        return collections.Counter(a.host for a in self._seen[start:start + n])

    def wait_avoided(self, host, timeout=40):
        """Until all of some connections in a row were answered, and none of them by this host."""
        def avoided():
            got = self.wait_more(20)
            return None not in got and host not in got
        wait_for(avoided, f"new connections avoid {host}", timeout)

    def last_wrong_ms(self, host, moment):
        """Milliseconds from moment to the beginning of the last connection that this host or nobody answered; 0: none."""
        so_far = list(self._seen)
        wait_for(lambda: all(a.ended for a in so_far), "the connections so far to end", self.patience + 10)
        wrong = [a.began for a in so_far if a.began >= moment and a.host in (None, host)]
        return round((max(wrong) - moment) * 1000) if wrong else 0


class Held:
    """One established connection to each host by way of each address, used again and again."""

    def __init__(self, topology, addresses, hosts):
        self.errors = collections.defaultdict(list)
        self.answers = collections.Counter()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(host, established(topology, address, host)), daemon=True)
                         for host in hosts for address in addresses]
        for thread in self._threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(70)

    def _work(self, host, sock):
        with sock:
            while not self._stop.is_set():
                try:
                    status, _, body = clients.request(sock, "whoami")
                    if (status, body) != (200, f"{host}\n".encode()):
                        raise Failed(f"status {status}, body {body!r}")
                except (OSError, Failed) as e:
                    self.errors[host].append(f"{type(e).__name__}: {e}")
                    return
                self.answers[host] += 1
                self._stop.wait(PAUSE)

    def wait_more(self, hosts, n=20, timeout=20):
        start = dict(self.answers)
        wait_for(lambda: all(self.answers[h] >= start.get(h, 0) + n or self.errors[h] for h in hosts),
                 f"{n} more answers on established connections to {', '.join(hosts)}", timeout)

    def failed(self, hosts):
        return {h: self.errors[h] for h in hosts if self.errors[h]}


def established(topology, address, host, path="whoami"):
    """A new connection that this host has answered a request on."""
    for _ in range(500):
        sock = clients.connect(topology, address, 80)
        if f"X-Host: {host}" in clients.request(sock, path)[1].splitlines():
            return sock
        sock.close()
    raise Failed(f"{address}: no connection came to {host}")
