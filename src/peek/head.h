/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first thing a client says: an HTTP/1.x request head (RFC 9112) or a TLS
 * ClientHello (RFC 8446, RFC 5246), read as it grows. Pure and bounded: reads
 * no byte outside the given ones, takes no memory, and never goes back over
 * what it has scanned by more than a constant.
 */
#ifndef BATON_PEEK_HEAD_H
#define BATON_PEEK_HEAD_H

#include <stdint.h>

#include "baton/application.h"

#define PEEK_MAX_LEN UINT16_MAX /* of a head, in bytes */
#define PEEK_MAX_FIELDS 128
#define PEEK_MAX_ALPN 16

/* Bytes, not ended by a NUL. p is NULL where the client said nothing of the kind. */
struct peek_span {
	const uint8_t *p;
	uint32_t len;
};

struct peek_field {
	struct peek_span name, value; /* value without the white space around it */
};

enum peek_kind {
	PEEK_NOTHING, /* not understood: every span is NULL */
	PEEK_HTTP,
	PEEK_TLS,
};

/* What was said. Spans point into the bytes that were parsed, or into .copy. */
struct peek_head {
	uint8_t kind; /* enum peek_kind */
	uint32_t len; /* bytes of the head; what follows is body, or more handshake */
	/* HTTP */
	struct peek_span method;
	struct peek_span host; /* of an absolute target, else of the field Host; lower case; no port, no last dot */
	struct peek_span
		path; /* of the target, up to '?'; as sent, nothing decoded; "*" of OPTIONS *; none of CONNECT */
	struct peek_span query; /* after '?' */
	unsigned n_fields;
	struct peek_field fields[PEEK_MAX_FIELDS];
	/* TLS */
	struct peek_span sni; /* host_name of server_name (RFC 6066); lower case, no last dot */
	unsigned n_alpn;
	struct peek_span alpn[PEEK_MAX_ALPN]; /* RFC 7301, in the client's order */
	struct peek_span session_id;          /* legacy_session_id */
	struct peek_span ticket;              /* the first PSK identity (RFC 8446), else session_ticket (RFC 5077) */
	/* For names in lower case, and ClientHellos in several records, whose bytes are nowhere next to each other. */
	uint8_t copy[PEEK_MAX_LEN + 1];
};

/* Where to go on when more has come. Zeroed at first. */
struct peek_state {
	uint32_t scanned;
	uint32_t detail[3]; /* the parser's own */
};

enum peek_verdict {
	PEEK_COMPLETE, /* *ret is filled in */
	PEEK_MORE,     /* so far it could be */
	PEEK_ALIEN,    /* it is something else, or malformed */
	PEEK_TOO_LONG, /* it is not complete within max bytes, or will not be; or too many fields or ALPN names */
};

/* Make it the head of a client that was not understood. */
void peek_head_clear(struct peek_head *ret);

/*
 * The bytes from the very first one on, len of them; each call has the same
 * ones and perhaps more. The result does not depend on how they came in pieces,
 * and stays what it is once it is not PEEK_MORE. max is at most PEEK_MAX_LEN;
 * bytes beyond it are not looked at. *ret is written on PEEK_COMPLETE only, but
 * for .copy. It must not move while its spans are in use. Any thread.
 */
enum peek_verdict peek_head(struct peek_state *state, enum application_protocol protocol, const uint8_t *bytes,
			    uint32_t len, uint32_t max, struct peek_head *ret);

/* Value of the first field of that name (any case), or a NULL span. */
struct peek_span peek_head_field(const struct peek_head *h, const char *name);
/* Value, without quotes, of the first cookie of that name (RFC 6265, section 4.2), or a NULL span. */
struct peek_span peek_head_cookie(const struct peek_head *h, const char *name);

/*
 * The part of the head that an affinity goes by, or a NULL span where the
 * client has none, an empty one, or the kind is CLIENT. TLS_SESSION: the ticket, else the session id.
 */
struct peek_span peek_head_affinity(const struct peek_head *h, const struct baton_affinity *a);

#endif
