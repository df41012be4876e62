# SPDX-License-Identifier: BSD-3-Clause
"""Two lcores, both forwarder and classifier: requests and replies come to either, in every mode."""
from lib.baton import ONE_LCORE
from lib.many_lcores import check_mode


def scenario(checks):
    for mode in ("tunnel", "half-nat", "full-nat"):
        check_mode(checks, [ONE_LCORE, ONE_LCORE], mode)
