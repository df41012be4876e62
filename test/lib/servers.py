# SPDX-License-Identifier: BSD-3-Clause
"""Unmodified servers on the hosts."""
import contextlib
import hashlib
import os
import random

from lib.shell import wait_for

FILES = {"big": 20 << 20, "small": 10 << 10, "empty": 0}

NGINX = """daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
	log_format who '$remote_addr $remote_port $server_addr $server_port "$request" $status $request_length $bytes_sent';
	access_log {folder}/access.log who;
	sendfile on;
	keepalive_requests 100000;
	client_max_body_size 64m;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	server {{
		listen {port} backlog=4096;
		listen [::]:{port} backlog=4096;
		root {folder}/files;
		add_header X-Host {name} always;
		location = /whoami {{ default_type text/plain; return 200 "{name}\\n"; }}
		location /api/ {{ rewrite ^/api/(.*)$ /$1 last; }}
		location /upload/ {{ dav_methods PUT; create_full_put_path on; }}
		location = /post {{
			client_body_in_file_only on;
			proxy_pass http://unix:{folder}/accept.sock;
			add_header X-Body-File $request_body_file;
		}}
	}}
	server {{
		listen unix:{folder}/accept.sock;
		return 200 "accepted\n";
	}}
}}
"""


class Nginx:
    """One nginx in a host's namespace; serves FILES, stores what is PUT below /upload/."""

    def __init__(self, topology, host, port=80):
        self.topology, self.host, self.port = topology, host, port
        self.folder = os.path.dirname(topology.path(host, "nginx", "files", "x"))
        self.folder = os.path.dirname(self.folder)
        content = make_files(topology)
        for name, source in content.items():
            os.link(source, os.path.join(self.folder, "files", name))
        with open(os.path.join(self.folder, "nginx.conf"), "w", encoding="utf-8") as f:
            f.write(NGINX.format(folder=self.folder, port=port, name=host))
        self.start()

    def start(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.folder, "accept.sock"))  # left behind by one that was killed
        self.process = self.topology.start(self.host, f"nginx-{self.host}", "nginx", "-p", self.folder, "-e", "stderr",
                                           "-c", os.path.join(self.folder, "nginx.conf"))
        self.process.wait_ready(lambda: listening(self.topology, self.host, "tcp", self.port))

    def signal(self, number):
        """To all its processes at once; its session is its own."""
        os.killpg(self.process.pid, number)

    def access_log(self):
        with open(os.path.join(self.folder, "access.log"), encoding="utf-8") as f:
            return f.read().splitlines()

    def logged(self, request):
        """Fields of the first log line with this request; waits, because nginx writes it after the response."""
        return wait_for(lambda: next((line.split() for line in self.access_log() if f'"{request} ' in line), None),
                        f"{request} in the log of {self.folder}")

    def stored(self, name):
        """SHA-256 of what was PUT to /upload/name, or None."""
        return sha256(os.path.join(self.folder, "files", "upload", name))


def listening(topology, host, protocol, port):
    option = {"tcp": "-Htln", "udp": "-Huln"}[protocol]
    return topology.run(host, "ss", option, f"sport = :{port}").stdout.strip()


def make_files(topology):
    """{name: path} of the run's random files; the same for all its hosts."""
    made = {}
    for name, size in FILES.items():
        path = topology.path("content", name)
        if not os.path.exists(path):
            with open(path, "wb") as f:
                f.write(random.Random(name).randbytes(size))
        made[name] = path
    return made


def sha256(path):
    if not os.path.exists(path):
        return None
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def dns(topology, host, port=53):
    """dnsmasq that knows who.test (TXT: the host's name) and a.test."""
    p = topology.start(host, f"dnsmasq-{host}", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
                       "--no-hosts", f"--port={port}", f"--pid-file={topology.path(host, 'dnsmasq.pid')}", "--user=root",
                       "--address=/a.test/192.0.2.7", f"--txt-record=who.test,{host}", "--log-facility=-", "--log-queries")
    p.wait_ready(lambda: listening(topology, host, "udp", port))
    return p


def iperf3(topology, host, address, port=5201):
    """Bound to the address: else its UDP answers would come from another one of the host's."""
    p = topology.start(host, f"iperf3-{host}-{address}", "iperf3", "--server", "--bind", address, "--port", port)
    p.wait_ready(lambda: address in listening(topology, host, "tcp", port))
    return p
