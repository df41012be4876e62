# SPDX-License-Identifier: BSD-3-Clause
"""Servers of several makes on the hosts, all with the same files; each tells its name in a header and at /whoami."""
import os
import shutil
import sys

from lib import servers
from lib.shell import run

NGINX = """daemon off;
user root;
worker_processes {workers};
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
	access_log off;
	sendfile on;
	keepalive_requests 100000;
	keepalive_timeout {keepalive};
	client_max_body_size 2g;
	large_client_header_buffers 8 64k;
	client_header_buffer_size 8k;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	{virtual}
}}
"""

NGINX_SERVER = """
	server {{
		{listen}
		{tls}
		root {folder}/files;
		add_header X-Host {name} always;
		add_header X-Worker $pid always;
		add_header X-Protocol $server_protocol always;
		location / {{ }}
		location /any/ {{ rewrite ^/any/[^/]*/(.*)$ /$1 last; }}
		location /upload/ {{ dav_methods PUT; create_full_put_path on; }}
	}}
"""

APACHE = """ServerName {name}
ServerRoot {folder}
PidFile {folder}/apache.pid
ErrorLog /dev/stderr
DefaultRuntimeDir {folder}
{modules}
User nobody
Group nogroup
{listen}
KeepAlive On
MaxKeepAliveRequests 0
LimitRequestLine 65536
LimitRequestFieldSize 131072
DocumentRoot {folder}/files
RewriteEngine On
RewriteRule ^/any/[^/]*/(.*)$ {folder}/files/$1
Header always set X-Host {name}
<Directory {folder}/files>
	Require all granted
</Directory>
"""
APACHE_FOLDER = "/usr/lib/apache2/modules"
APACHE_MODULES = ("mpm_event", "authz_core", "headers", "rewrite")

HAPROXY = """global
	maxconn 2000
defaults
	mode http
	timeout client 60s
	timeout server 60s
	timeout http-request 60s
frontend origin
	{listen}
	http-request set-path %[path,regsub(^/any/.*/,/)]
	http-request return status 200 content-type text/plain file {folder}/files/whoami hdr X-Host {name} if {{ path /whoami }}
	http-request return status 200 content-type text/plain file {folder}/files/small hdr X-Host {name} if {{ path /small }}
	http-request return status 404 hdr X-Host {name}
"""

HERE = os.path.dirname(os.path.abspath(__file__))


class Server:
    """
    One in a host's namespace. bind: its addresses, () for all there are. Below files/ is
    what it serves, also as /any/WORD/... for rules that look at the path.
    """

    make = None

    def __init__(self, topology, host, port=80, bind=(), name=None):
        self.topology, self.host, self.port, self.bind = topology, host, port, bind
        self.name = name or host
        self.folder = os.path.dirname(os.path.dirname(topology.path(host, f"{self.make}-{port}", "files", "x")))
        for word, source in servers.make_files(topology).items():
            os.link(source, os.path.join(self.folder, "files", word))
        with open(os.path.join(self.folder, "files", "whoami"), "w", encoding="utf-8") as f:
            f.write(self.name + "\n")
        self.configure()
        self.start()

    def add_file(self, name, source):
        place = os.path.join(self.folder, "files", name)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.link(source, place)

    def start(self):
        self.process = self.topology.start(self.host, f"{self.make}-{self.host}-{self.port}", *self.command())
        self.process.wait_ready(lambda: servers.listening(self.topology, self.host, "tcp", self.port))

    def stored(self, name):
        """SHA-256 of what was PUT to /upload/name, or None."""
        return servers.sha256(os.path.join(self.folder, "files", "upload", name))

    def addresses(self, v4="0.0.0.0", v6="[::]"):
        """All that it binds to, as most configuration files write them, with the port."""
        return [f"[{a}]:{self.port}" if ":" in a else f"{a}:{self.port}" for a in self.bind] or \
               [f"{v4}:{self.port}", f"{v6}:{self.port}"]

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as f:
            f.write(text)

    def configure(self):
        """Write its configuration."""


class Nginx(Server):
    """
    tls: names, each with a certificate of its own; the first one also for clients that
    ask for none. keepalive: how long a connection may be idle between requests.
    """

    make = "nginx"

    def __init__(self, topology, host, port=80, bind=(), name=None, workers=1, reuseport=False, tls=(), keepalive="60s"):
        self.workers, self.reuseport, self.tls, self.keepalive = workers, reuseport, tls, keepalive
        super().__init__(topology, host, port, bind, name)

    def configure(self):
        virtual = "".join(self._virtual(n) for n in self.tls or [None])
        self.write("nginx.conf", NGINX.format(folder=self.folder, workers=self.workers, virtual=virtual,
                                               keepalive=self.keepalive))

    def _virtual(self, server_name):
        first = server_name in (None, self.tls[0] if self.tls else None)
        words = (" ssl http2" if self.tls else "") + ((" reuseport" if self.reuseport else "") + " backlog=2048" if first else "")
        tls = ""
        if server_name:
            key, certificate = certificate_of(self.topology, server_name)
            tls = f"server_name {server_name}; ssl_certificate {certificate}; ssl_certificate_key {key}; " \
                  f"ssl_protocols TLSv1.2 TLSv1.3; add_header X-Name {server_name} always;"
        return NGINX_SERVER.format(listen=" ".join(f"listen {a}{words};" for a in self.addresses()), tls=tls, folder=self.folder,
                                   name=self.name)

    def command(self):
        return "nginx", "-p", self.folder, "-e", "stderr", "-c", os.path.join(self.folder, "nginx.conf")


class Apache(Server):
    make = "apache"

    def configure(self):
        modules = "\n".join(f"LoadModule {m}_module {APACHE_FOLDER}/mod_{m}.so" for m in APACHE_MODULES)
        listen = "\n".join(f"Listen {a}" for a in self.addresses())
        self.write("apache.conf", APACHE.format(folder=self.folder, name=self.name, modules=modules, listen=listen))

    def command(self):
        return "apache2", "-DFOREGROUND", "-f", os.path.join(self.folder, "apache.conf")


class Haproxy(Server):
    """Small files only."""

    make = "haproxy"

    def configure(self):
        listen = "\n\t".join(f"bind {a.replace('[', '').replace(']', '')}" + (" v6only" if a.startswith("[") else "")
                             for a in self.addresses())
        self.write("haproxy.cfg", HAPROXY.format(folder=self.folder, name=self.name, listen=listen))

    def command(self):
        return "haproxy", "-db", "-f", os.path.join(self.folder, "haproxy.cfg")


class Python(Server):
    """lib/l7_origin.py: http.server, a thread for each connection; takes any body and tells its SHA-256."""

    make = "python"

    def command(self):
        return (sys.executable, os.path.join(HERE, "l7_origin.py"), self.folder, self.name, self.port,
                ",".join(self.bind or ("0.0.0.0", "::")))


class Node(Server):
    make = "node"

    def command(self):
        return "node", os.path.join(HERE, "l7_origin.js"), self.folder, self.name, self.port, ",".join(self.bind or ("::",))


ALL = (Nginx, Apache, Haproxy, Python, Node)


def certificate_of(topology, name):
    """(key, certificate) for a name, signed by itself; the same for all hosts of the run."""
    key, certificate = topology.path("tls", f"{name}.key"), topology.path("tls", f"{name}.crt")
    if not os.path.exists(certificate):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", certificate)
        with open(topology.path("tls", "all.pem"), "ab") as out, open(certificate, "rb") as f:
            shutil.copyfileobj(f, out)
    return key, certificate


def trusted(topology):
    """Path of all certificates together, for clients."""
    return topology.path("tls", "all.pem")
