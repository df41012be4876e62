/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS ClientHellos (RFC 8446, RFC 5246), in the records that carry them. */
#ifndef BATON_PEEK_TLS_H
#define BATON_PEEK_TLS_H

#include <stdint.h>

#include "peek/head.h"

/* ContentType handshake (RFC 8446, section 5.1): what a client's first byte is. */
#define TLS_HANDSHAKE 22

/* As peek_head(); len is at most max. */
enum peek_verdict tls_peek(struct peek_state *state, const uint8_t *bytes, uint32_t len, uint32_t max,
			   struct peek_head *ret);

/* What is of use in a ClientHello. */
struct tls_hello {
	struct peek_span session_id, sni, ticket;
	unsigned n_alpn;
	struct peek_span alpn[PEEK_MAX_ALPN];
};

/* Body of a ClientHello, all of it. COMPLETE with *ret filled in, ALIEN, or TOO_LONG: too many protocols. */
enum peek_verdict tls_hello_parse(struct peek_span body, struct tls_hello *ret);

#endif
