# SPDX-License-Identifier: BSD-3-Clause
"""Large downloads one after the other, each compared with what the server holds."""
import threading

from lib import clients
from lib.shell import Failed, wait_for


class Transfers:
    """One download at a time from each address until stop()."""

    def __init__(self, topology, addresses, wanted, name="big"):
        self.done = {address: 0 for address in addresses}
        self.errors = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(topology, a, wanted, name), daemon=True) for a in addresses]
        for thread in self._threads:
            thread.start()

    def _work(self, topology, address, wanted, name):
        while not self._stop.is_set():
            try:
                digest, host = clients.get_sha256(topology, address, name)
                if digest != wanted:
                    self.errors.append(f"{address}: other bytes than {host} holds")
            except (Failed, OSError) as e:
                self.errors.append(f"{address}: {e}")
            self.done[address] += 1

    def wait_more(self, n=1, timeout=60):
        """Until n more downloads from each address have begun after now and ended."""
        start = dict(self.done)
        wait_for(lambda: all(self.done[a] > start[a] + n for a in start), f"{n} more downloads from each address", timeout)

    def stop(self):
        """(downloads, errors); each address had one at least"""
        self._stop.set()
        for thread in self._threads:
            thread.join(120)
        return min(self.done.values()), self.errors
