# SPDX-License-Identifier: BSD-3-Clause
"""What the tests and the demo stand on: namespaces, programs, captures, checks."""
