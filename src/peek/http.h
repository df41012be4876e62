/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP/1.x request heads (RFC 9112). */
#ifndef BATON_PEEK_HTTP_H
#define BATON_PEEK_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "peek/head.h"

/* As peek_head(); len is at most max. */
enum peek_verdict http_peek(struct peek_state *state, const uint8_t *bytes, uint32_t len, uint32_t max,
			    struct peek_head *ret);

/* What a request line and a Host field speak of. */
struct http_target {
	struct peek_span host;  /* as sent; NULL: the target has none */
	struct peek_span path;  /* NULL: none; of length 0: stands for "/" */
	struct peek_span query; /* NULL: none */
};

/* The four forms of RFC 9112, section 3.2. False, and *ret untouched, if it is none of them. */
bool http_target_parse(struct peek_span method, struct peek_span target, struct http_target *ret);
/* Host of "host[:port]"; an address in brackets keeps them, one dot at the end goes. False if it is malformed. */
bool http_authority_parse(struct peek_span authority, struct peek_span *ret_host);

#endif
