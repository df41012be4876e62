# SPDX-License-Identifier: BSD-3-Clause
"""Full NAT, hosts without an agent: the server sees the device's address, replies go back to it."""
from lib.nat import check_nat


def scenario(checks):
    check_nat(checks, "full-nat", sees_client=False)
