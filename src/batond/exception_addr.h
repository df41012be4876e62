/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BATON_BATOND_EXCEPTION_ADDR_H
#define BATON_BATOND_EXCEPTION_ADDR_H

#include "baton/addr.h"

/*
 * Give the interface with this index the address, with the route to its prefix
 * that the kernel adds by itself. IPv6: usable at once, without duplicate
 * address detection. 0 or -errno.
 */
int exception_addr_add(unsigned interface, const struct baton_prefix *p);

#endif
