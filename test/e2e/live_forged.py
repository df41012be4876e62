# SPDX-License-Identifier: BSD-3-Clause
"""Replayed, changed and foreign frames at the health port are counted by their kind and change nothing."""
import secrets

from lib.baton import HEALTH_PORT
from lib.health_link import KEY_ID, FalseBalancer, send_frame, stranger
from lib.keys import reload_agents, write_secret
from lib.live import app, counter, presence, tables_equal
from lib.scene import Scene
from lib.shell import wait_for
from lib.topology import DEVICE4


def recorded(scene, spy):
    """Frames in which host 2's agent said something that is no longer so."""
    agent = scene.agents["host2"]
    agent.settings["balancers"].append(f"{scene.topology.client4}:{HEALTH_PORT}")
    agent.write()
    reload_agents(scene)
    wait_for(spy.data, "the agent's first words")
    before = len(spy.data())
    agent.ctl("host", "set", app(2), "--capacity", "11")
    wait_for(lambda: len(spy.data()) > before + 2, "what it says of the change")
    frames = spy.data()
    agent.ctl("host", "set", app(2), "--capacity", "22")
    return frames


def throw(checks, scene, what, name, frames, hosts=("host1", "host2", "host3")):
    d, before = scene.device, counter(scene.device, "seal", name)
    with stranger(scene.topology, "client", DEVICE4, HEALTH_PORT) as s:
        for frame in frames:
            send_frame(s, frame)
        checks.step(f"{what}: each is counted", wait_for, lambda: counter(d, "seal", name) >= before + len(frames), name)
    tables_equal(checks, f"{what}: nothing has changed", d, [scene.agents[h] for h in hosts])


def scenario(checks):
    with Scene(checks, live={}) as s, FalseBalancer(s.topology, "client", s.topology.client4, HEALTH_PORT) as spy:
        frames = recorded(s, spy)
        throw(checks, s, "replayed", "replayed", frames)
        throw(checks, s, "changed", "forged", [f[:-1] + bytes([f[-1] ^ 1]) for f in frames])
        throw(checks, s, "of another key", "unknown_key", [f[:KEY_ID] + bytes([f[KEY_ID] ^ 0x55]) + f[KEY_ID + 1:] for f in frames])
        s.agents["host2"].process.stop()
        s.agents["host2"].start()
        tables_equal(checks, "the agent was restarted", s.device, s.agents.values())
        throw(checks, s, "of its earlier run", "stale", frames)

        foreigner = s.agents["host3"]
        foreigner.process.stop()
        foreigner.settings["secret_file"] = s.topology.path("foreign.key")
        write_secret(foreigner.settings["secret_file"], secrets.token_hex(32))
        before = [counter(s.device, "seal", n) for n in ("unknown_key", "forged")]
        foreigner.start()
        checks.step("an agent with another secret is counted", wait_for,
                    lambda: [counter(s.device, "seal", n) for n in ("unknown_key", "forged")] != before, "its frames")
        checks.equal("and not heard", presence(s.device, "host3"), "left")
