/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the source-NAT port range is sliced over the classifiers of a device:
 * whose slice the port of a reply is in, that classifier knows the connection.
 */
#ifndef BATON_SNAT_H
#define BATON_SNAT_H

#include <stdint.h>

/* Ports per classifier; the last slice takes the rest. first ≤ last, n ≥ 1. Host order. */
static inline uint32_t snat_slice_size(uint16_t first, uint16_t last, uint16_t n_classifiers)
{
	uint32_t size = ((uint32_t)last - first + 1) / n_classifiers;

	return size ? size : 1;
}

/* Which classifier's slice holds the port. */
static inline uint16_t snat_slice_owner(uint16_t first, uint16_t last, uint16_t n_classifiers, uint16_t port)
{
	uint32_t i;

	if (port < first || port > last)
		return 0;
	i = (port - (uint32_t)first) / snat_slice_size(first, last, n_classifiers);
	return i < n_classifiers ? (uint16_t)i : (uint16_t)(n_classifiers - 1);
}

#endif
