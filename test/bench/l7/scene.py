# SPDX-License-Identifier: BSD-3-Clause
"""The machine as the benchmark uses it: client, switch and origin servers on one core, the balancer on the other."""
import hashlib
import os
import random
import re
import subprocess

from lib.clients import curl, url
from lib.servers import listening
from lib.shell import Failed, run
from lib.topology import PORT, SWITCH, Topology

OBJECTS = {"1k": 1 << 10, "10k": 10 << 10, "100k": 100 << 10, "1m": 1 << 20, "10m": 10 << 20, "100m": 100 << 20}
POOLS = {"api": 1, "web": 2}  # host of each

ORIGIN = """daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
	access_log off;
	sendfile on;
	tcp_nopush on;
	keepalive_requests 1000000000;
	keepalive_timeout 600s;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	open_file_cache max=100;
	server {{
		listen 80 backlog=4096;
		root {folder}/files;
		add_header X-Host {name} always;
		location /api/ {{ alias {folder}/files/; }}
	}}
}}
"""


def split_cpus():
    """(core of the balancer, core of everything else), of those this process may use."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise Failed("this benchmark needs two CPUs: one for the balancer, one for client and servers")
    return cpus[-1], cpus[0]


class Scene:
    """Origin servers on host1 (pool api) and host2 (pool web); `proxy` and `device` are empty yet."""

    def __init__(self, offload=True, steer=True, priority=True):
        self.balancer_cpu, self.other_cpu = split_cpus()
        self.priority = priority
        os.sched_setaffinity(0, {self.other_cpu})
        self.topology = Topology(hosts=2, others=("proxy",))
        try:
            if offload:
                self._offload()
            if steer:
                self._steer()
            self._limits()
            self.content = self._content()
            for n in POOLS.values():
                self._origin(f"host{n}")
        except BaseException as e:
            self.topology.__exit__(type(e))
            raise

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.topology.__exit__(*what)

    def _spaces(self):
        return [*self.topology.hosts, *self.topology.others, "client", "device"]

    def _offload(self):
        """Long segments and late checksums, as network cards have them, but not where a packet socket reads or sends."""
        t = self.topology
        for space, port in [(s, PORT) for s in self._spaces()] + [(SWITCH, s) for s in self._spaces()]:
            if "device" not in (space, port):
                run("ethtool", "-K", port, "tx", "on", "sg", "on", "tso", "on", namespace=t.name(space))

    def _steer(self):
        """
        A packet on a veth is received on the core that sent it. Hand it to the receiver's core, as a network card's
        queue would, so that the balancer pays for its own receiving and for nobody else's.
        """
        for s in self._spaces():
            mine = s in ("device", *self.topology.others)
            self._receive_on(s, PORT, self.balancer_cpu if mine else self.other_cpu)
            self._receive_on(SWITCH, s, self.other_cpu)

    def _receive_on(self, space, port, cpu):
        write = f"mount -t sysfs none /sys && echo {1 << cpu:x} > /sys/class/net/{port}/queues/rx-0/rps_cpus"
        run("unshare", "--mount", "sh", "-c", write, namespace=self.topology.name(space))

    def _limits(self):
        for s in self._spaces():
            self.topology.sysctl(s, "net.ipv4.ip_local_port_range=1024 65535")

    def _content(self):
        """{name: SHA-256} of the objects, which all hosts share."""
        made = {}
        for name, size in OBJECTS.items():
            body = random.Random(name).randbytes(size)
            with open(self.topology.path("content", name), "wb") as f:
                f.write(body)
            made[name] = hashlib.sha256(body).hexdigest()
        return made

    def _origin(self, host):
        t = self.topology
        folder = os.path.dirname(t.path(host, "nginx", "x"))
        os.symlink(t.path("content", "x")[:-2], os.path.join(folder, "files"))
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(ORIGIN.format(folder=folder, name=host))
        p = self.start(host, f"origin-{host}", self.other_cpu, "nginx", "-p", folder, "-e", "stderr", "-c", config)
        p.wait_ready(lambda: listening(t, host, "tcp", 80))

    def start(self, space, name, cpu, *command, env=None):
        p = self.topology.start(space, name, "taskset", "-c", cpu, *command, env=env)
        self.prefer(p)
        return p

    def prefer(self, process):
        """Before other work on the machine: where the kernel groups processes by session, each has one of its own."""
        group = f"/proc/{process.pid}/autogroup"
        if self.priority and os.path.exists(group):
            with open(group, "w", encoding="ascii") as f:
                f.write("-20")

    def run(self, name, *command, timeout):
        """To the end, in the client's namespace, on the client's core; what it printed."""
        p = self.start("client", name, self.other_cpu, *command)
        try:
            status = p.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            status = "none in time"
        if status:
            raise Failed(f"{' '.join(p.command)}: status {status}\n{p.log()}")
        self.topology.processes.remove(p)
        text = p.log()
        os.unlink(p.log_path)
        return text

    def check(self, address, objects, split=True):
        """Objects through both rules: the right bytes from the right pool. split: by the path."""
        for pool, n in POOLS.items():
            for name in objects:
                path = f"api/{name}" if pool == "api" else name
                body, head = self.topology.path("client", "body"), self.topology.path("client", "head")
                curl(self.topology, "--fail", "--output", body, "--dump-header", head, url(address, path))
                with open(body, "rb") as f, open(head, encoding="latin-1") as h:
                    got, text = hashlib.file_digest(f, "sha256").hexdigest(), h.read()
                if got != self.content[name]:
                    raise Failed(f"{address} /{path}: wrong bytes")
                if split and not re.search(rf"^X-Host: host{n}$", text, re.M | re.I):
                    raise Failed(f"{address} /{path}: not from host{n}:\n{text}")
