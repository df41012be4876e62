/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/first_bytes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool inside(struct peek_span s, const uint8_t *from, uint32_t len)
{
	return s.p >= from && s.p <= from + len && s.len <= (uint32_t)(from + len - s.p);
}

static bool span_good(struct peek_span s, const struct peek_head *h, const uint8_t *bytes)
{
	if (!s.p)
		return s.len == 0;
	return inside(s, bytes, h->len) || inside(s, h->copy, sizeof h->copy);
}

static bool head_good(const struct peek_head *h, const uint8_t *bytes, uint32_t len)
{
	const struct peek_span single[] = { h->method, h->host, h->path, h->query, h->sni, h->session_id, h->ticket };
	bool good = h->len > 0 && h->len <= len && h->n_fields <= PEEK_MAX_FIELDS && h->n_alpn <= PEEK_MAX_ALPN;

	for (unsigned i = 0; i < sizeof single / sizeof single[0]; i++)
		good = good && span_good(single[i], h, bytes);
	for (unsigned i = 0; good && i < h->n_fields; i++)
		good = inside(h->fields[i].name, bytes, h->len) && inside(h->fields[i].value, bytes, h->len) &&
		       h->fields[i].name.len > 0;
	for (unsigned i = 0; good && i < h->n_alpn; i++)
		good = span_good(h->alpn[i], h, bytes) && h->alpn[i].len > 0;
	return good;
}

static bool span_same(struct peek_span a, struct peek_span b)
{
	return !a.p == !b.p && a.len == b.len && (!a.len || !memcmp(a.p, b.p, a.len));
}

static bool head_same(const struct peek_head *a, const struct peek_head *b)
{
	bool same = a->kind == b->kind && a->len == b->len && a->n_fields == b->n_fields && a->n_alpn == b->n_alpn &&
		    span_same(a->method, b->method) && span_same(a->host, b->host) && span_same(a->path, b->path) &&
		    span_same(a->query, b->query) && span_same(a->sni, b->sni) &&
		    span_same(a->session_id, b->session_id) && span_same(a->ticket, b->ticket);

	for (unsigned i = 0; same && i < a->n_fields; i++)
		same = span_same(a->fields[i].name, b->fields[i].name) &&
		       span_same(a->fields[i].value, b->fields[i].value);
	for (unsigned i = 0; same && i < a->n_alpn; i++)
		same = span_same(a->alpn[i], b->alpn[i]);
	return same;
}

static enum peek_verdict parse(const struct first_bytes *in, const uint8_t *bytes, uint32_t len,
			       struct peek_state *state, struct peek_head *ret)
{
	return peek_head(state, (enum application_protocol)in->protocol, bytes, len, in->max, ret);
}

static bool settled(enum peek_verdict v)
{
	return v != PEEK_MORE;
}

/* One more piece after a verdict of before. */
static const char *piece(const struct first_bytes *in, uint32_t len, struct peek_state *state,
			 enum peek_verdict *verdict, const struct peek_head *whole, enum peek_verdict whole_verdict)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct peek_head *h = malloc(sizeof *h);
	enum peek_verdict before = *verdict;
	const char *why = NULL;

	if (!copy || !h)
		abort();
	memset(h, 0xa5, sizeof *h);
	memcpy(copy, in->bytes, len);
	*verdict = parse(in, copy, len, state, h);
	if (settled(before) && *verdict != before)
		why = "a verdict changed when more came";
	else if (settled(*verdict) && *verdict != whole_verdict)
		why = "a part has another verdict than the whole";
	else if (*verdict == PEEK_COMPLETE && (!head_good(h, copy, len) || !head_same(h, whole)))
		why = "a part reads otherwise than the whole";
	else if (*verdict == PEEK_MORE && state->scanned > len)
		why = "scanned what is not there";
	free(copy);
	free(h);
	return why;
}

const char *first_bytes_cut(const struct first_bytes *in, const uint32_t *cuts, unsigned n_cuts,
			    struct peek_head *ret_head, enum peek_verdict *ret_verdict)
{
	struct peek_state state = { 0 };
	enum peek_verdict whole, v = PEEK_MORE;

	peek_head_clear(ret_head);
	whole = parse(in, in->bytes, in->len, &state, ret_head);
	*ret_verdict = whole;
	if (whole == PEEK_COMPLETE && !head_good(ret_head, in->bytes, in->len))
		return "points outside of what there is";
	if (whole == PEEK_COMPLETE && ret_head->len > in->max)
		return "complete beyond the limit";
	if (whole == PEEK_MORE && in->len >= in->max)
		return "wants more than the limit";
	state = (struct peek_state){ 0 };
	for (unsigned i = 0; i <= n_cuts; i++) {
		const char *why = piece(in, i < n_cuts ? cuts[i] : in->len, &state, &v, ret_head, whole);

		if (why)
			return why;
	}
	return v == whole ? NULL : "pieces have another verdict than the whole";
}

static void fuzz_cut(enum application_protocol protocol, const uint8_t *data, size_t size, uint32_t max,
		     uint32_t random)
{
	static struct peek_head head;
	struct first_bytes in = { .protocol = protocol, .bytes = data, .len = (uint32_t)size, .max = max };
	enum peek_verdict v;
	uint32_t cuts[64];
	unsigned n = 0;

	/* pieces of 1 to 4, 16, 64 or 256 bytes; what lies beyond 64 of them comes at once */
	for (uint32_t at = 0; n < 64;) {
		random = random * 1664525 + 1013904223;
		at += 1 + (random >> 8) % (4u << 2 * (random >> 30));
		if (at >= size)
			break;
		cuts[n++] = at;
	}
	if (first_bytes_cut(&in, cuts, n, &head, &v))
		abort();
}

void first_bytes_fuzz(enum application_protocol protocol, const uint8_t *data, size_t size)
{
	uint32_t seed = (uint32_t)size;

	if (size > PEEK_MAX_LEN + 100)
		return;
	for (size_t i = 0; i < size; i++)
		seed = seed * 31 + data[i];
	fuzz_cut(protocol, data, size, PEEK_MAX_LEN, seed);
	fuzz_cut(protocol, data, size, (uint32_t)(seed % (size + 1)), ~seed);
}
