# SPDX-License-Identifier: BSD-3-Clause
"""Let the calling thread visit a network namespace, to open sockets there."""
import contextlib
import ctypes
import os

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def inside(namespace):
    """Sockets opened within stay in the namespace; the thread comes back."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    away = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        _setns(away)
        yield
    finally:
        _setns(home)
        os.close(home)
        os.close(away)
