# SPDX-License-Identifier: BSD-3-Clause
"""Applications tell an agent how they are: by libbaton, by packets of their own, by batonctl; killed, hung, not let in."""
import json
import os
import signal

from lib.baton import VIP4, Agent
from lib.local_socket import Client, application
from lib.shell import wait_for
from lib.topology import Topology, host_addresses

WEB = f"tcp/{VIP4}:80@{host_addresses(1)[0]}:80"
TLS = f"tcp/{VIP4}:443@{host_addresses(1)[0]}:443"
MAIL = f"tcp/{VIP4}:25@{host_addresses(1)[0]}:25"
NOBODY, SOMEBODY = 65534, 4711


def scenario(checks):
    with Topology(checks, hosts=1) as t:
        agent = Agent(t, 1)
        agent.settings.update(
            name="host1", local={"users": [str(NOBODY)]},
            applications=[{"vip": VIP4, "port": 25, "capacity": 20, "health": "assumed", "user": str(NOBODY)}])
        agent.start()

        def is_now(app, **wanted):
            def same():
                row = agent.rows().get(app)
                return row is not None and all(row[k] == v for k, v in wanted.items())
            checks.step(f"{app} is {wanted}", wait_for, same, f"{app} is {wanted}: {agent.rows().get(app)}")

        is_now(MAIL, health="healthy", target="active", current="active", capacity=20)

        web = application(t, agent, "web", "--vip", VIP4, "--port", "80", "--load", "2500", "--capacity", "30")
        is_now(WEB, health="healthy", target="active", current="active", load=25.0, capacity=30)
        web.stop(signal.SIGKILL)
        is_now(WEB, health="failing", target="inactive")
        checks.true("the reason names the process", f"process {web.pid} has closed" in agent.rows()[WEB]["reason"], agent.rows())

        web = application(t, agent, "web-counts", "--vip", VIP4, "--port", "80", "--capacity", "30",
                          "--workers", "4", "--running", "3")
        is_now(WEB, health="healthy", load=75.0, capacity=30)
        web.stop(signal.SIGKILL)
        web = application(t, agent, "web-stuck", "--vip", VIP4, "--port", "80", "--capacity", "30",
                          "--workers", "4", "--running", "6", "--service", "1000")
        is_now(WEB, health="healthy", load=150.0, capacity=1)
        web.stop(signal.SIGKILL)
        is_now(WEB, health="failing")

        web = application(t, agent, "web-again", "--vip", VIP4, "--port", "80", "--silence", "300")
        is_now(WEB, health="healthy", target="active")
        web.send(signal.SIGSTOP)
        is_now(WEB, health="failing")
        web.send(signal.SIGCONT)
        is_now(WEB, health="healthy", target="active", current="active")

        gone = application(t, agent, "gone", "--vip", VIP4, "--port", "443", "--remove")
        is_now(TLS, health="healthy")
        gone.stop(signal.SIGKILL)
        checks.step("removed at exit", wait_for, lambda: TLS not in agent.rows(), "the row is gone")

        agent.process.stop(signal.SIGKILL)
        agent.start()
        is_now(WEB, health="healthy", target="active", current="active")
        checks.true("the application is the same process", web.running())

        with Client(agent.socket) as c:
            checks.equal("registered without libbaton", c.set(vip=VIP4, port=443, state="failing", reason="disk full"), (0, ""))
            is_now(TLS, health="failing", reason="failing: disk full")
            checks.equal("nonsense is refused", c.set(vip=VIP4, port=443, state=9), (22, "unknown health"))
            checks.equal("nobody else's can be deleted", c.delete(vip=VIP4, port=80)[0], 2)
            c.raw(b"GET / HTTP/1.1\r\n\r\n")
            checks.true("hung up on", c.closed())
        is_now(TLS, health="failing")
        is_now(WEB, health="healthy")

        stranger = application(t, agent, "stranger", "--vip", VIP4, "--port", "443", uid=SOMEBODY)
        checks.step("other users are kept out", wait_for, lambda: "Permission denied" in stranger.log(), "the stranger is told")
        nobody = application(t, agent, "nobody", "--vip", VIP4, "--port", "80", uid=NOBODY)
        checks.step("a user has no hand in another's", wait_for, lambda: "user 0 has registered it already" in nobody.log(),
                    "the user is told")
        application(t, agent, "mailer", "--vip", VIP4, "--port", "25", "--load", "1000", uid=NOBODY)
        is_now(MAIL, health="healthy", load=10.0, capacity=20)

        counted = {c["name"]: c["count"] for c in json.loads(agent.ctl("host", "counters", "--json").stdout)}
        checks.true("refusals are counted", counted["local_refused_user"] >= 1 and counted["local_hung_up"] == 1, counted)

        agent.ctl("drain", "host1", "--reason", "new kernel")
        is_now(WEB, target="draining", current="draining", health="healthy", reason="new kernel")
        agent.process.stop(signal.SIGKILL)
        agent.start()
        is_now(WEB, target="draining", health="healthy", reason="new kernel")
        agent.ctl("undrain", "host1")
        is_now(WEB, target="active", current="active")
        agent.ctl("drain", "host1", WEB, "--reason", "looks odd")
        is_now(WEB, target="draining", reason="looks odd")
        is_now(MAIL, target="active")
        agent.ctl("undrain", "host1", WEB)
        is_now(WEB, target="active")
        r = agent.ctl("drain", "host2", check=False)
        checks.true("another host's name is refused", r.returncode == 1 and "this host is host1" in r.stderr, r.stderr)

        agent.ctl("host", "add", "udp/any:53", "--capacity", "9")
        dns = f"udp/any:53@{host_addresses(1)[0]}:53"
        is_now(dns, health="unknown", target="inactive", capacity=9)
        agent.ctl("host", "health", "udp/any:53", "healthy", "--reason", "looked at it")
        is_now(dns, health="healthy", target="active")
        agent.process.stop()
        checks.true("the socket goes with the agent", not os.path.exists(agent.socket))
        agent.start()
        is_now(dns, health="healthy", target="active", capacity=9)
        agent.ctl("host", "health", "udp/any:53", "auto")
        is_now(dns, health="unknown")
        agent.ctl("host", "del", "udp/any:53")
        checks.step("deleted", wait_for, lambda: dns not in agent.rows(), "the row is gone")
        r = agent.ctl("host", "del", "udp/any:53", check=False)
        checks.equal("deleted once only", r.returncode, 1)
        checks.equal("status of the agent", agent.process.stop(), 0)
        agent.remove()
        checks.true("nothing is left", not os.path.exists(agent.run_dir))
