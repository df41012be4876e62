# SPDX-License-Identifier: BSD-3-Clause
"""Two forwarder lcores and two classifier lcores: everything goes over their rings, in every mode."""
from lib.many_lcores import check_mode


def scenario(checks):
    for mode in ("tunnel", "half-nat", "full-nat"):
        check_mode(checks, [["forwarder"], ["forwarder"], ["classifier"], ["classifier"]], mode)
