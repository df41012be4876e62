# SPDX-License-Identifier: BSD-3-Clause
"""Change of the cluster secret."""
import hashlib
import os
import secrets
import signal

from lib.shell import wait_for


def _id(key):
    """The number under which frames name it (src/tunnel/keyring.c)."""
    return hashlib.blake2b(b"baton shim MAC key, version 1", key=bytes.fromhex(key), digest_size=32).digest()[16]


def another_key(old):
    """One that can stand beside the old one in a secret file."""
    while True:
        key = secrets.token_hex(32)
        if _id(key) != _id(old):
            return key


def write_secret(path, *keys):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
        f.write("".join(k + "\n" for k in keys))


def reload_agents(scene):
    for agent in scene.agents.values():
        done = agent.process.log().count("configuration reloaded")
        agent.process.send(signal.SIGHUP)
        wait_for(lambda a=agent, n=done: a.process.log().count("configuration reloaded") > n, f"{agent.host} reloaded")
