/* SPDX-License-Identifier: BSD-3-Clause */
/* Options of TCP headers (RFC 9293, 3.2; RFC 7323; RFC 2018). Pure. */
#ifndef BATON_MIGRATE_TCP_OPTIONS_H
#define BATON_MIGRATE_TCP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define TCP_OPTIONS_MAX 40
#define TCP_OPTIONS_NO_WSCALE 15
#define TCP_OPTIONS_WSCALE_MAX 14 /* RFC 7323, 2.3: what is above counts as 14 */

struct tcp_options {
	uint32_t tsval, tsecr; /* if .timestamps */
	uint16_t mss;          /* 0: not there */
	uint8_t wscale;        /* TCP_OPTIONS_NO_WSCALE: not there */
	bool sack;             /* SACK permitted */
	bool timestamps;
};

/*
 * Options of a TCP header, len bytes behind its 20. Unknown ones are skipped.
 * False if a length is wrong; *ret is written all the same.
 */
bool tcp_options_parse(const uint8_t *p, uint32_t len, struct tcp_options *ret);
/* Write them, padded to a multiple of 4; returns how many bytes, TCP_OPTIONS_MAX at most. */
uint32_t tcp_options_write(uint8_t dst[TCP_OPTIONS_MAX], const struct tcp_options *o);

#endif
