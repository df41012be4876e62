/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "peek/head.h"
#include "peek/http.h"
#include "peek/span.h"
#include "peek/tls.h"

void peek_head_clear(struct peek_head *ret)
{
	static const struct peek_span none;

	ret->kind = PEEK_NOTHING;
	ret->len = 0;
	ret->method = ret->host = ret->path = ret->query = none;
	ret->n_fields = 0;
	ret->sni = ret->session_id = ret->ticket = none;
	ret->n_alpn = 0;
}

enum peek_verdict peek_head(struct peek_state *state, enum application_protocol protocol, const uint8_t *bytes,
			    uint32_t len, uint32_t max, struct peek_head *ret)
{
	bool tls = protocol == APPLICATION_TLS;

	if (max > PEEK_MAX_LEN)
		max = PEEK_MAX_LEN;
	if (len > max)
		len = max;
	if (len == 0)
		return max == 0 ? PEEK_TOO_LONG : PEEK_MORE;
	if (protocol == APPLICATION_ANY)
		tls = bytes[0] == TLS_HANDSHAKE;
	return tls ? tls_peek(state, bytes, len, max, ret) : http_peek(state, bytes, len, max, ret);
}

struct peek_span peek_head_field(const struct peek_head *h, const char *name)
{
	size_t len = strlen(name);

	for (unsigned i = 0; i < h->n_fields; i++)
		if (span_is_name(h->fields[i].name, name, len))
			return h->fields[i].value;
	return (struct peek_span){ 0 };
}

/* cookie-value of RFC 6265, section 4.1.1: quotes around it are not part of what it says. */
static struct peek_span unquote(struct peek_span s)
{
	if (s.len >= 2 && s.p[0] == '"' && s.p[s.len - 1] == '"') {
		s.p++;
		s.len -= 2;
	}
	return s;
}

static struct peek_span cookie_of(struct peek_span cookies, const char *name, size_t len)
{
	while (cookies.len) {
		struct peek_span rest = span_split(&cookies, ';');
		uint32_t whole = rest.len;
		struct peek_span key = span_split(&rest, '=');

		if (key.len == whole)
			continue; /* no '=' */
		key = span_trim(key);
		if (key.len == len && !memcmp(key.p, name, len))
			return unquote(span_trim(rest));
	}
	return (struct peek_span){ 0 };
}

/* All Cookie fields, though RFC 6265, section 5.4, allows a client only one: HTTP/2 gateways may have split it. */
struct peek_span peek_head_cookie(const struct peek_head *h, const char *name)
{
	size_t len = strlen(name);

	for (unsigned i = 0; i < h->n_fields; i++) {
		struct peek_span value;

		if (!span_is_name(h->fields[i].name, "cookie", strlen("cookie")))
			continue;
		value = cookie_of(h->fields[i].value, name, len);
		if (value.p)
			return value;
	}
	return (struct peek_span){ 0 };
}

static struct peek_span affinity_span(const struct peek_head *h, const struct baton_affinity *a)
{
	switch (a->kind) {
	case BATON_AFFINITY_COOKIE:
	case BATON_AFFINITY_SERVER:
		return peek_head_cookie(h, a->name);
	case BATON_AFFINITY_HEADER:
		return peek_head_field(h, a->name);
	case BATON_AFFINITY_TLS_SESSION:
		return h->ticket.p ? h->ticket : h->session_id;
	case BATON_AFFINITY_SNI:
		return h->sni;
	default:
		return (struct peek_span){ 0 };
	}
}

struct peek_span peek_head_affinity(const struct peek_head *h, const struct baton_affinity *a)
{
	struct peek_span s = affinity_span(h, a);

	/* what is empty tells no client from another */
	return s.len ? s : (struct peek_span){ 0 };
}
