/* SPDX-License-Identifier: BSD-3-Clause */
/* The machine's pool of 2 MB pages, for the time a program with DPDK runs. Not for two threads at once. */
#ifndef BATON_BASE_HUGEPAGES_H
#define BATON_BASE_HUGEPAGES_H

#include <stdbool.h>
#include <stdint.h>

#define HUGEPAGES_PAGE_MB 2

/*
 * Are n pages free, or can they be had now? *ret_added is how many the pool has more than before, also when that was
 * not enough: the caller gives them back.
 */
bool hugepages_take(uint32_t n, uint32_t *ret_added);
/* Make the pool smaller by what was added. */
void hugepages_give_back(uint32_t added);

#endif
