# SPDX-License-Identifier: BSD-3-Clause
"""What is compared: each balancer sends /api/ to pool api and the rest to pool web, with one core to itself."""
import contextlib
import os

from lib.baton import VIP4, Agent, Batond, resolved, vip
from lib.servers import listening
from lib.shell import wait_for
from lib.topology import host_addresses

from scene import POOLS

HAPROXY = """global
	nbthread 1
	maxconn 4000
defaults
	mode http
	timeout connect 10s
	timeout client 60s
	timeout server 60s
	{options}
frontend all
	bind {address}:80 backlog 4096
	acl is_api path_beg /api/
	use_backend api if is_api
	default_backend web
"""

NGINX = """daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
	access_log off;
	tcp_nodelay on;
	keepalive_requests 1000000000;
	keepalive_timeout 600s;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	proxy_max_temp_file_size 0;
{upstreams}
	server {{
		listen {address}:80 backlog=4096;
{upstream_http}
		location /api/ {{ proxy_pass http://api; }}
		location / {{ proxy_pass http://web; }}
	}}
}}
"""


class Direct:
    """No balancer: host1 has everything. What the others inherit: nothing to do, no processes."""

    name = "direct"
    splits = False

    def __init__(self, scene):
        self.address = host_addresses(1)[0]

    def up(self):
        """Ready to be measured."""

    def down(self):
        """Out of the way of the others."""

    def pids(self):
        """The balancer's processes."""
        return []

    def host_pids(self):
        """Its helpers on the hosts."""
        return []


class Proxy(Direct):
    """A program of its own in the proxies' namespace, at an address of its own. It sleeps when it is not asked."""

    splits = True
    addresses = iter(f"10.0.0.{n}" for n in range(40, 50))

    def __init__(self, scene):
        self.scene = scene
        self.address = next(self.addresses)
        t = scene.topology
        t.address("proxy", self.address, 24)
        label = self.name.replace(" ", "-")
        self.folder = os.path.dirname(t.path("proxy", label, "x"))
        self.config = os.path.join(self.folder, "conf")
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(self.configuration())
        self.process = scene.start("proxy", label, scene.balancer_cpu, *self.command())
        self.process.wait_ready(lambda: self.address in listening(t, "proxy", "tcp", 80))

    def pids(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as f:
            return [self.process.pid, *map(int, f.read().split())]


class Haproxy(Proxy):
    name = "haproxy"
    options = ""

    def configuration(self):
        backends = (f"backend {pool}\n\tserver host{n} {host_addresses(n)[0]}:80\n" for pool, n in POOLS.items())
        return HAPROXY.format(address=self.address, options=self.options) + "".join(backends)

    def command(self):
        return ["haproxy", "-db", "-f", self.config]


class HaproxyTuned(Haproxy):
    """Long bodies pass from socket to socket within the kernel; a client's first request may use a kept connection."""

    name = "haproxy tuned"
    options = "option splice-response\n\thttp-reuse always"


class Nginx(Proxy):
    """A new connection to the host for each request."""

    name = "nginx"
    keepalive = ""
    upstream_http = ""

    def configuration(self):
        upstreams = "\n".join(f"\tupstream {pool} {{ server {host_addresses(n)[0]}:80; {self.keepalive} }}"
                              for pool, n in POOLS.items())
        return NGINX.format(folder=self.folder, address=self.address, upstreams=upstreams, upstream_http=self.upstream_http)

    def command(self):
        return ["nginx", "-p", self.folder, "-e", "stderr", "-c", self.config]


class NginxKept(Nginx):
    """Connections to the hosts are kept and used again."""

    name = "nginx kept"
    keepalive = "keepalive 64; keepalive_requests 1000000000;"
    upstream_http = '\t\tproxy_http_version 1.1;\n\t\tproxy_set_header Connection "";'


class Baton(Direct):
    """
    batond with one lcore that is forwarder and classifier, on a packet socket; an agent on each host. Not there while
    others are measured: it would look for packets all the time, and the agents' programs see every packet of the hosts.
    """

    name = "baton"
    splits = True
    poll = "adaptive"

    def __init__(self, scene):
        self.scene = scene
        self.address = VIP4
        t = scene.topology
        self.agents = [Agent(t, n, vips=[VIP4]) for n in POOLS.values()]
        pools = [{"name": pool, "endpoints": [{"name": f"{pool}{n}", "host": host_addresses(n)[0]}]}
                 for pool, n in POOLS.items() if pool != "web"]
        settings = vip("web", VIP4, mode="application", hosts=(POOLS["web"],), application={"protocol": "http"}, pools=pools,
                       rules=[{"path_prefix": ["/api/"], "pool": "api"}])
        self.device = Batond(t, [settings], routes={"ipv4": 1 << 19, "ipv6": 1024, "connections": 1 << 20},
                             memory={"hugepages": "off", "size_mb": 512, "packet_buffers": 32768})
        self.device.settings["lcores"][0].update(cpu=scene.balancer_cpu, poll=self.poll)

    def up(self):
        for agent in self.agents:
            self.scene.prefer(agent.start().process)
        with self._on(self.scene.balancer_cpu):
            self.device.start()
        self.scene.prefer(self.device.process)
        resolved(self.device, len(self.agents))
        wait_for(lambda: all(e["state"] == "usable" for e in self.device.show("endpoints")), "endpoints usable")

    @contextlib.contextmanager
    def _on(self, cpu):
        """What is started within is on that core, all its threads."""
        os.sched_setaffinity(0, {cpu})
        try:
            yield
        finally:
            os.sched_setaffinity(0, {self.scene.other_cpu})

    def down(self):
        self.device.process.stop()
        for agent in self.agents:
            agent.process.stop()
            agent.remove()

    def pids(self):
        return [self.device.process.pid]

    def host_pids(self):
        return [agent.process.pid for agent in self.agents]


class BatonBusy(Baton):
    """It never sleeps: its core is busy whatever there is to do."""

    name = "baton busy"
    poll = "busy"


ALL = [Direct, Haproxy, HaproxyTuned, Nginx, NginxKept, Baton, BatonBusy]
