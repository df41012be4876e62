/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records are walked one by one; what is complete is never looked at again
 * until the whole message is there. Nothing but lengths and the first four
 * bytes of the message matters before.
 */
#include <string.h>

#include "peek/chars.h"
#include "peek/tls.h"

enum {
	RECORD_HEADER = 5,
	RECORD_MAX = 1 << 14, /* RFC 8446, section 5.1 */
	MESSAGE_HEADER = 4,   /* type and length, RFC 8446 section 4 */
	CLIENT_HELLO = 1,
};

struct tls_scan {
	const uint8_t *bytes;
	uint32_t len, max;
	uint32_t at;     /* header of the record that is not complete yet */
	uint32_t have;   /* bytes of the message in the records before it */
	uint32_t header; /* first bytes of the message, as many of four as the records before have */
};

/* One record, as far as it is there. */
struct tls_record {
	struct peek_span part;
	uint32_t len; /* of the whole */
};

/* Each byte is judged as soon as it is there. Empty fragments of a handshake are not allowed. */
static enum peek_verdict record_read(const uint8_t *p, uint32_t left, struct tls_record *ret)
{
	if ((left > 0 && p[0] != TLS_HANDSHAKE) || (left > 1 && p[1] != 3))
		return PEEK_ALIEN;
	if (left < RECORD_HEADER)
		return PEEK_MORE;
	ret->len = (uint32_t)p[3] << 8 | p[4];
	if (ret->len == 0 || ret->len > RECORD_MAX)
		return PEEK_ALIEN;
	left -= RECORD_HEADER;
	ret->part = (struct peek_span){ p + RECORD_HEADER, left < ret->len ? left : ret->len };
	return PEEK_COMPLETE;
}

/* Type and length of the message, from what the records before had and this one. */
static enum peek_verdict header_read(const struct tls_scan *s, struct peek_span part, uint32_t *ret_header)
{
	uint32_t header = s->header;
	uint32_t have = s->have;

	for (uint32_t i = 0; have < MESSAGE_HEADER && i < part.len; i++, have++)
		header = header << 8 | part.p[i];
	*ret_header = header;
	if (have >= MESSAGE_HEADER)
		return header >> 24 == CLIENT_HELLO ? PEEK_COMPLETE : PEEK_ALIEN;
	return have == 0 || header >> (8 * (have - 1)) == CLIENT_HELLO ? PEEK_MORE : PEEK_ALIEN;
}

/* One record further. COMPLETE: the message ends in this record, at *ret_end. */
static enum peek_verdict scan_record(struct tls_scan *s, uint32_t *ret_total, uint32_t *ret_end)
{
	struct tls_record r;
	enum peek_verdict v = record_read(s->bytes + s->at, s->len - s->at, &r);
	uint32_t header;
	uint32_t missing = 0;

	if (v != PEEK_COMPLETE)
		return v;
	v = header_read(s, r.part, &header);
	if (v == PEEK_ALIEN)
		return v;
	if (v == PEEK_COMPLETE) {
		*ret_total = MESSAGE_HEADER + (header & 0xffffff);
		missing = *ret_total - s->have;
		*ret_end = s->at + RECORD_HEADER + missing;
		if (*ret_end > s->max)
			return PEEK_TOO_LONG;
		if (r.part.len >= missing)
			return PEEK_COMPLETE;
	}
	if (r.part.len == r.len) {
		s->at += RECORD_HEADER + r.len;
		s->have += r.len;
		s->header = header;
	}
	return PEEK_MORE;
}

static enum peek_verdict scan(struct tls_scan *s, uint32_t *ret_total, uint32_t *ret_end)
{
	enum peek_verdict v;
	uint32_t before;

	do {
		before = s->at;
		v = scan_record(s, ret_total, ret_end);
	} while (v == PEEK_MORE && s->at > before && s->at < s->len);
	return v;
}

/* The message, put together from records that scan() found good. */
static struct peek_span gather(const uint8_t *bytes, uint32_t total, uint8_t *copy)
{
	for (uint32_t have = 0; have < total;) {
		uint32_t len = (uint32_t)bytes[3] << 8 | bytes[4];
		uint32_t n = len < total - have ? len : total - have;

		memcpy(copy + have, bytes + RECORD_HEADER, n);
		bytes += RECORD_HEADER + len;
		have += n;
	}
	return (struct peek_span){ copy, total };
}

/* Lower case, as it compares; one dot at the end goes, which RFC 6066, section 3, does not want there. */
static struct peek_span sni_fill(struct peek_span sni, bool copied, struct peek_head *ret)
{
	/* what was put together from records may be changed where it is */
	uint8_t *to = copied ? ret->copy + (sni.p - ret->copy) : ret->copy;

	if (!sni.p)
		return sni;
	for (uint32_t i = 0; i < sni.len; i++)
		to[i] = chars_lower(sni.p[i]);
	if (sni.len > 1 && to[sni.len - 1] == '.')
		sni.len--;
	return (struct peek_span){ to, sni.len };
}

static enum peek_verdict fill(const struct tls_scan *s, uint32_t total, uint32_t end, struct peek_head *ret)
{
	bool copied = s->have > 0;
	struct peek_span message =
		copied ? gather(s->bytes, total, ret->copy) : (struct peek_span){ s->bytes + RECORD_HEADER, total };
	struct tls_hello hello;
	enum peek_verdict v;

	v = tls_hello_parse((struct peek_span){ message.p + MESSAGE_HEADER, total - MESSAGE_HEADER }, &hello);
	if (v != PEEK_COMPLETE)
		return v;
	peek_head_clear(ret);
	ret->kind = PEEK_TLS;
	ret->len = end;
	ret->session_id = hello.session_id;
	ret->ticket = hello.ticket;
	ret->n_alpn = hello.n_alpn;
	memcpy(ret->alpn, hello.alpn, hello.n_alpn * sizeof hello.alpn[0]);
	ret->sni = sni_fill(hello.sni, copied, ret);
	return PEEK_COMPLETE;
}

enum peek_verdict tls_peek(struct peek_state *state, const uint8_t *bytes, uint32_t len, uint32_t max,
			   struct peek_head *ret)
{
	struct tls_scan s = {
		.bytes = bytes,
		.len = len,
		.max = max,
		.at = state->scanned,
		.have = state->detail[0],
		.header = state->detail[1],
	};
	uint32_t total, end;
	enum peek_verdict v = s.at < len ? scan(&s, &total, &end) : PEEK_MORE;

	state->scanned = s.at;
	state->detail[0] = s.have;
	state->detail[1] = s.header;
	if (v == PEEK_COMPLETE)
		return fill(&s, total, end, ret);
	return v == PEEK_MORE && len >= max ? PEEK_TOO_LONG : v;
}
