# SPDX-License-Identifier: BSD-3-Clause
"""Unmodified clients that say more than a path: headers, cookies, server names; and what came of it."""
import hashlib
import json
import os
import re
import threading
import time

from lib import clients, l7_servers
from lib.shell import Failed, run

TIMEOUT = 60
RESET = 56  # curl: failure in receiving network data
SILENCE = 28  # curl: time is up


class Answer:
    """status 0 if there was none; .ended is curl's exit status."""

    def __init__(self, ended, head, body, text=""):
        self.ended, self.head, self.body, self.text = ended, head, body, text
        status = re.findall(r"^HTTP/\S+ (\d+)", head, re.M)
        self.status = int(status[-1]) if status else 0
        self.sha256 = hashlib.sha256(body).hexdigest()

    def header(self, name):
        found = re.search(rf"^{name}: *(\S+)", self.head, re.M | re.I)
        return found and found[1]

    @property
    def host(self):
        return self.header("X-Host")

    def __repr__(self):
        return f"<{self.status} from {self.host}, {len(self.body)} bytes, curl ended with {self.ended} {self.text}>"


def curl(topology, *words, timeout=TIMEOUT):
    """Answer of one curl."""
    stem = topology.path("client", f"curl{threading.get_native_id()}-{time.monotonic_ns()}")
    body, head = stem + ".body", stem + ".head"
    r = clients.curl(topology, "--output", body, "--dump-header", head, *words, check=False, timeout=timeout)
    try:
        return Answer(r.returncode, _read(head).decode("latin-1"), _read(body), r.stderr.strip())
    finally:
        for path in (body, head):
            if os.path.exists(path):
                os.unlink(path)


def _read(path):
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as f:
        return f.read()


def get(topology, address, path, *words, port=80, **more):
    return curl(topology, *words, clients.url(address, path, port), **more)


def get_tls(topology, address, name, path, *words, port=443, **more):
    """By server name; the certificate has to be that name's."""
    literal = f"[{address}]" if ":" in address else address
    return curl(topology, "--cacert", l7_servers.trusted(topology), "--resolve", f"{name}:{port}:{literal}", *words,
                f"https://{name}:{port}/{path}", **more)


def wget(topology, address, path, port=80):
    """SHA-256 of the body."""
    body = topology.path("client", f"wget{time.monotonic_ns()}")
    topology.run("client", "wget", "--quiet", "--no-proxy", "--tries=1", f"--timeout={TIMEOUT}", "--output-document", body,
                 clients.url(address, path, port), timeout=TIMEOUT + 10)
    with open(body, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def s_client(topology, address, name, *words, port=443):
    """What openssl says of a TLS session: the subject's name, protocol version and agreed ALPN; the request's answer."""
    literal = f"[{address}]" if ":" in address else address
    r = topology.run("client", "openssl", "s_client", "-connect", f"{literal}:{port}", "-CAfile", l7_servers.trusted(topology),
                     *(["-servername", name] if name else ["-noservername"]), "-ign_eof", *words,
                     stdin="GET /whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", check=False)
    found = {what: re.search(pattern, r.stdout) for what, pattern in (
        ("subject", r"subject=CN ?= ?(\S+)"), ("version", r"(?:New|Reused), (TLSv\S+),"), ("alpn", r"ALPN protocol: (\S+)"),
        ("host", r"\nX-Host: (\S+)"), ("verified", r"Verify return code: (\d+)"))}
    if not found["subject"]:
        raise Failed(f"openssl s_client: no session\n{r.stdout[-500:]}{r.stderr[-500:]}")
    return {**{what: m and m[1] for what, m in found.items()}, "reused": "\nReused, TLS" in r.stdout}


PAGE = """<!doctype html>
<meta charset="utf-8">
<title>loading</title>
<body><script>
const wanted = %s;
async function one([path, sha256, host]) {
	const answer = await fetch(path, { cache: "no-store" });
	const hash = await crypto.subtle.digest("SHA-256", await answer.arrayBuffer());
	const hex = [...new Uint8Array(hash)].map((b) => b.toString(16).padStart(2, "0")).join("");
	const from = answer.headers.get("X-Host");
	return hex === sha256 && from === host ? "" : `${path}: ${answer.status} from ${from}, ${hex}; `;
}
Promise.all(wanted.map((w) => one(w).catch((e) => `${w[0]}: ${e}; `))).then((faults) => {
	document.title = "done";
	document.body.textContent = `${faults.filter((f) => !f).length} right; ${faults.join("")}`;
});
</script></body>
"""


def chromium(topology, address, origin, path):
    """The page's text after its scripts have run. origin: scheme, name and port, taken for safe whatever it is."""
    binary = next(b for b in ("/usr/bin/chromium", "/usr/bin/chromium-headless-shell") if os.path.exists(b))
    profile = topology.path("client", f"chromium{time.monotonic_ns()}", "x")[:-2]
    name, literal = re.fullmatch(r"https?://([^:]+)(?::\d+)?", origin)[1], f"[{address}]" if ":" in address else address
    r = run(binary, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--no-first-run", "--no-proxy-server", "--ignore-certificate-errors",
            f"--unsafely-treat-insecure-origin-as-secure={origin}", f"--user-data-dir={profile}",
            f"--host-resolver-rules=MAP {name} {literal}", "--virtual-time-budget=30000", "--dump-dom", f"{origin}/{path}",
            namespace=topology.name("client"), timeout=90)
    text = re.search(r"<body>(.*?)</body>", r.stdout, re.S)
    if "<title>done</title>" not in r.stdout or not text:
        raise Failed(f"the page did not end:\n{r.stdout[-500:]}\n{r.stderr[-1500:]}")
    return text[1]


def page(resources):
    """HTML that fetches [(path, SHA-256, host)] all at once and says how many were right."""
    return PAGE % json.dumps(resources)
