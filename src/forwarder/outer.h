/* SPDX-License-Identifier: BSD-3-Clause */
/* Outer IP and UDP headers of shim datagrams. */
#ifndef BATON_FORWARDER_OUTER_H
#define BATON_FORWARDER_OUTER_H

#include <stdint.h>

/* Bytes of IP and UDP header of a family. */
uint16_t outer_len(uint8_t family);
/*
 * Write IP and UDP headers at l3 for the `payload` bytes of UDP payload that
 * stand behind them already; addresses in network order, source port =
 * destination port. DF set, TTL 64, checksums complete.
 */
void outer_write(uint8_t *l3, uint8_t family, uint16_t payload, const uint8_t src[16], const uint8_t dst[16],
		 uint16_t port_be);

#endif
