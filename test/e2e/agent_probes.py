# SPDX-License-Identifier: BSD-3-Clause
"""Probes of an agent against real servers: up, down, hung, slow, wrong answers and certificates, hanging programs."""
import os
import signal
import socket
import ssl
import threading
import time

from lib import netns, servers
from lib.baton import VIP4, Agent, write
from lib.shell import run, wait_for
from lib.topology import Topology, host_addresses

H4 = host_addresses(1)[0]
FAST = {"interval_ms": 100, "timeout_ms": 400, "rise": 2, "fall": 3}
MANY = 200
SECONDS = 3


def app(specific, port=80):
    return f"tcp/{VIP4}:{port}@{H4}:{port}#{specific}"


class TlsServer:
    """Does handshakes with a certificate for shop.test."""

    def __init__(self, topology, port):
        self.cert, key = topology.path("tls", "cert.pem"), topology.path("tls", "key.pem")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=shop.test", "-addext", "subjectAltName=DNS:shop.test", "-keyout", key, "-out", self.cert)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.cert, key)
        self.context.sni_callback = lambda _socket, name, _context: self.names.add(name)
        self.names = set()
        with netns.inside(topology.name("host1")):
            self.listener = socket.create_server((H4, port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            try:
                with self.context.wrap_socket(connection, server_side=True) as s:
                    s.recv(1)
            except OSError:
                pass


def applications(tls, flag):
    def one(specific, port=80, **probe):
        return {"vip": VIP4, "port": port, "specific": specific, "probes": [{**FAST, **probe}]}
    secure = {"type": "tls", "verify": True, "ca_file": tls.cert}
    return [
        one("tcp", type="tcp"),
        one("http", type="http", path="/whoami", body_contains="host1"),
        one("head", type="http", method="HEAD", path="/whoami"),
        one("status", type="http", path="/none"),
        one("statuses", type="http", path="/none", status=["200-299", "404"]),
        one("body", type="http", path="/whoami", body_matches="^host[2-9]$"),
        one("tls", 443, **secure, server_name="shop.test"),
        one("name", 443, **secure, server_name="other.test"),
        one("trust", 443, type="tls", verify=True, server_name="shop.test"),
        one("hang", type="command", command=["/bin/sleep", "1000"]),
        one("flag", type="command", command=["/bin/cat", flag]),
    ]


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def many_probes(checks, t, agent, nginx):
    """What they cost; a report, not a test."""
    agent.settings["applications"] = [
        {"vip": VIP4, "port": 80, "specific": f"n{i}", "probes": [{"type": "http", "path": "/whoami", "interval_ms": 1000}]}
        for i in range(MANY)]
    write(agent.config, {"agent": agent.settings})
    agent.process.send(signal.SIGHUP)
    checks.step(f"{MANY} applications are healthy", wait_for,
                lambda: len(agent.rows()) == MANY and all(r["health"] == "healthy" for r in agent.rows().values()), "all healthy")
    before, requests = cpu_seconds(agent.process.pid), len(nginx.access_log())
    time.sleep(SECONDS)  # the time that is measured
    used, requests = cpu_seconds(agent.process.pid) - before, len(nginx.access_log()) - requests
    print(f"# {MANY} HTTP probes at 1 s: {requests / SECONDS:.0f} requests/s, agent's CPU {100 * used / SECONDS:.1f} % of a core, "
          f"{1e6 * used / max(requests, 1):.0f} us per probe", flush=True)


def scenario(checks):
    with Topology(checks, hosts=1) as t:
        nginx = servers.Nginx(t, "host1")
        tls = TlsServer(t, 443)
        flag = t.path("host1", "flag")
        agent = Agent(t, 1)
        agent.settings.update(name="host1", applications=applications(tls, flag))
        agent.start()

        def is_now(what, specific, health, reason, port=80):
            def same():
                row = agent.rows().get(app(specific, port), {})
                return row.get("health") == health and reason in row.get("reason", "")
            checks.step(what, wait_for, same, f"{what}: {agent.rows().get(app(specific, port))}")

        is_now("TCP", "tcp", "healthy", "")
        is_now("HTTP", "http", "healthy", "")
        is_now("HEAD", "head", "healthy", "")
        is_now("wrong status", "status", "failing", "http: HTTP 404, want 200")
        is_now("status among those wanted", "statuses", "healthy", "")
        is_now("wrong body", "body", "failing", 'http: HTTP 200, body does not match "^host[2-9]$"')
        is_now("TLS", "tls", "healthy", "", 443)
        is_now("certificate for another name", "name", "failing", "tls: TLS: ", 443)
        is_now("certificate that is not trusted", "trust", "failing", "tls: TLS: ", 443)
        checks.equal("names asked for", tls.names, {"shop.test", "other.test"})
        is_now("program that hangs", "hang", "failing", "command: still running after 400 ms")
        is_now("program that fails", "flag", "failing", "No such file or directory")
        with open(flag, "w", encoding="utf-8") as f:
            f.write("starting\nall queues empty\n")
        is_now("program that succeeds", "flag", "healthy", "")

        os.killpg(nginx.process.pid, signal.SIGSTOP)
        is_now("hung server", "http", "failing", "http: HTTP: no answer within 400 ms")
        checks.equal("which still takes connections", agent.rows()[app("tcp")]["health"], "healthy")
        os.killpg(nginx.process.pid, signal.SIGCONT)
        is_now("server goes on", "http", "healthy", "")
        os.killpg(nginx.process.pid, signal.SIGKILL)
        is_now("dead server", "http", "failing", "http: connect: connection refused")
        is_now("dead server, TCP", "tcp", "failing", "tcp: connect: connection refused")
        nginx.process.kill()
        os.unlink(os.path.join(nginx.folder, "accept.sock"))  # nobody does it for a killed server
        nginx.process = t.start("host1", "nginx-again", *nginx.process.command)
        is_now("server is back", "http", "healthy", "")
        is_now("server is back, TCP", "tcp", "healthy", "")

        many_probes(checks, t, agent, nginx)
        checks.equal("no program is left", run("pgrep", "-P", agent.process.pid, check=False).stdout, "")
        checks.equal("status of the agent", agent.process.stop(), 0)
