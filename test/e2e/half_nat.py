# SPDX-License-Identifier: BSD-3-Clause
"""Half NAT, hosts without an agent: the server sees the client's address, replies go back through the device."""
from lib.nat import check_nat


def scenario(checks):
    check_nat(checks, "half-nat", sees_client=True)
