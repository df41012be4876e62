# SPDX-License-Identifier: BSD-3-Clause
"""A client of an agent's local socket, made from the description of its packets; and one that uses libbaton."""
import os
import shutil
import socket
import struct

from lib.baton import BUILD

MAGIC, VERSION = 0x6241, 1
APP_SET, APP_DEL, ALIVE, LIST = range(4)
HAS_STATE = 1
STATES = {"unknown": 0, "healthy": 1, "failing": 2}
HEAD = struct.Struct(">HBBIBBBBHBBI64s")
APP = struct.Struct(">16s16sBBHHBB64s")
REPLY = struct.Struct(">HBBIIBBBB64s192s")


def application(topology, agent, name, *words, uid=0):
    """Start an application that uses libbaton, as this user."""
    binary = topology.path("bin", "libbaton-client")
    if not os.path.exists(binary):
        shutil.copy(os.path.join(BUILD, "test/e2e/libbaton-client"), binary)
    return topology.start("host1", name, "setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", "--", binary, *words,
                          agent.socket)


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.tag = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def packet(self, kind, vip, port, state=0, fields=0, reason=""):
        self.tag += 1
        head = HEAD.pack(MAGIC, VERSION, kind, self.tag, fields, STATES.get(state, state), 2, 255, 0, 0, 0, 0, b"")
        app = APP.pack(socket.inet_aton(vip), b"", 4, 0, port, 0, socket.IPPROTO_TCP, 0, b"")
        return head + app + reason.encode().ljust(128, b"\0") + bytes(128)

    def ask(self, packet):
        """(errno, text)"""
        self.socket.send(packet)
        reply = self.socket.recv(65536)
        fields = REPLY.unpack(reply[:REPLY.size])
        assert fields[0] == MAGIC and fields[3] == self.tag, fields
        return fields[4], fields[10].rstrip(b"\0").decode()

    def set(self, vip, port, state, reason=""):
        return self.ask(self.packet(APP_SET, vip, port, state, HAS_STATE, reason))

    def delete(self, vip, port):
        return self.ask(self.packet(APP_DEL, vip, port))

    def raw(self, data):
        self.socket.send(data)

    def closed(self):
        """Whether the agent has hung up."""
        try:
            return self.socket.recv(65536) == b""
        except ConnectionResetError:
            return True
