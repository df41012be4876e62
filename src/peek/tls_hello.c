/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>

#include "peek/cursor.h"
#include "peek/tls.h"

/* Of IANA's registry of ExtensionType values. */
enum {
	EXT_SERVER_NAME = 0,
	EXT_ALPN = 16,
	EXT_SESSION_TICKET = 35,
	EXT_PRE_SHARED_KEY = 41,
};

enum {
	SEEN_SERVER_NAME = 1,
	SEEN_ALPN = 2,
	SEEN_SESSION_TICKET = 4,
	SEEN_PRE_SHARED_KEY = 8,
};

#define ANY_LEN UINT16_MAX

/* RFC 6066, section 3: a list of names of different types, of which host_name is the only one ever defined. */
static enum peek_verdict server_name_parse(struct peek_span data, struct tls_hello *ret)
{
	struct cursor outer = cursor_of(data);
	struct cursor c = cursor_of(cursor_vector(&outer, 2, 1, ANY_LEN));

	if (outer.bad || outer.left)
		return PEEK_ALIEN;
	while (c.left) {
		uint32_t type = cursor_number(&c, 1);
		struct peek_span name = cursor_vector(&c, 2, 1, ANY_LEN);

		if (c.bad || (type == 0 && ret->sni.p))
			return PEEK_ALIEN;
		for (uint32_t i = 0; i < name.len; i++)
			if (type == 0 && (name.p[i] <= ' ' || name.p[i] >= 0x7f))
				return PEEK_ALIEN;
		if (type == 0)
			ret->sni = name;
	}
	return PEEK_COMPLETE;
}

/* RFC 7301, section 3.1. */
static enum peek_verdict alpn_parse(struct peek_span data, struct tls_hello *ret)
{
	struct cursor outer = cursor_of(data);
	struct cursor c = cursor_of(cursor_vector(&outer, 2, 2, ANY_LEN));

	if (outer.bad || outer.left)
		return PEEK_ALIEN;
	while (c.left) {
		struct peek_span name = cursor_vector(&c, 1, 1, UINT8_MAX);

		if (c.bad)
			return PEEK_ALIEN;
		if (ret->n_alpn == PEEK_MAX_ALPN)
			return PEEK_TOO_LONG;
		ret->alpn[ret->n_alpn++] = name;
	}
	return PEEK_COMPLETE;
}

/* RFC 8446, section 4.2.11: identities with their ages, then binders. */
static enum peek_verdict pre_shared_key_parse(struct peek_span data, struct tls_hello *ret)
{
	struct cursor outer = cursor_of(data);
	struct cursor c = cursor_of(cursor_vector(&outer, 2, 7, ANY_LEN));
	struct peek_span first = cursor_vector(&c, 2, 1, ANY_LEN);

	cursor_number(&c, 4);
	cursor_vector(&outer, 2, 33, ANY_LEN);
	if (outer.bad || outer.left || c.bad)
		return PEEK_ALIEN;
	ret->ticket = first;
	return PEEK_COMPLETE;
}

/* Extensions that are of no use here are not looked into: GREASE (RFC 8701) and what is yet to come. */
static enum peek_verdict extension_parse(uint32_t type, struct peek_span data, unsigned *seen, struct tls_hello *ret)
{
	unsigned bit = type == EXT_SERVER_NAME      ? SEEN_SERVER_NAME
		       : type == EXT_ALPN           ? SEEN_ALPN
		       : type == EXT_SESSION_TICKET ? SEEN_SESSION_TICKET
		       : type == EXT_PRE_SHARED_KEY ? SEEN_PRE_SHARED_KEY
						    : 0;

	/* no type twice, and pre_shared_key is the last one (RFC 8446, sections 4.2, 4.2.11) */
	if (*seen & (bit | SEEN_PRE_SHARED_KEY))
		return PEEK_ALIEN;
	*seen |= bit;
	switch (bit) {
	case SEEN_SERVER_NAME:
		return server_name_parse(data, ret);
	case SEEN_ALPN:
		return alpn_parse(data, ret);
	case SEEN_SESSION_TICKET:
		/* an empty one asks for a ticket (RFC 5077, section 3.2) */
		if (data.len)
			ret->ticket = data;
		return PEEK_COMPLETE;
	case SEEN_PRE_SHARED_KEY:
		return pre_shared_key_parse(data, ret);
	default:
		return PEEK_COMPLETE;
	}
}

static enum peek_verdict extensions_parse(struct cursor *c, struct tls_hello *ret)
{
	struct cursor e = cursor_of(cursor_vector(c, 2, 0, ANY_LEN));
	unsigned seen = 0;

	if (c->bad || c->left)
		return PEEK_ALIEN;
	while (e.left) {
		uint32_t type = cursor_number(&e, 2);
		struct peek_span data = cursor_vector(&e, 2, 0, ANY_LEN);
		enum peek_verdict v = e.bad ? PEEK_ALIEN : extension_parse(type, data, &seen, ret);

		if (v != PEEK_COMPLETE)
			return v;
	}
	return PEEK_COMPLETE;
}

/* RFC 8446, section 4.1.2; RFC 5246, section 7.4.1.2: extensions may be missing altogether. */
enum peek_verdict tls_hello_parse(struct peek_span body, struct tls_hello *ret)
{
	struct cursor c = cursor_of(body);
	struct tls_hello hello = { 0 };
	enum peek_verdict v = PEEK_COMPLETE;
	struct peek_span ciphers;

	if (cursor_number(&c, 1) != 3)
		return PEEK_ALIEN;
	cursor_bytes(&c, 1 + 32); /* minor version, random */
	hello.session_id = cursor_vector(&c, 1, 0, 32);
	ciphers = cursor_vector(&c, 2, 2, ANY_LEN - 1);
	cursor_vector(&c, 1, 1, UINT8_MAX); /* compression methods */
	if (c.bad || ciphers.len % 2)
		return PEEK_ALIEN;
	if (!hello.session_id.len)
		hello.session_id.p = NULL;
	if (c.left)
		v = extensions_parse(&c, &hello);
	if (v == PEEK_COMPLETE)
		*ret = hello;
	return v;
}
