/* SPDX-License-Identifier: BSD-3-Clause */
#include "baton/trace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "baton/abi/shim.h"
#include "baton/plumb.h"
#include "baton/proto.h"

#define CUT "..."

bool trace_filter_has(const struct trace_filter *f, const struct baton_tuple *t)
{
	struct baton_addr client = { .family = t->family };

	memcpy(client.b, t->saddr, sizeof client.b);
	return (!f->port_be || f->port_be == t->sport_be) && baton_prefix_contains(&f->client, &client);
}

static bool any_has(const struct trace_filters *f, const struct baton_tuple *t)
{
	for (unsigned i = 0; i < f->n; i++)
		if (trace_filter_has(&f->list[i], t))
			return true;
	return false;
}

bool trace_wants(const struct trace_filters *f, const struct baton_tuple *t, struct baton_tuple *ret)
{
	struct baton_tuple back;

	if (any_has(f, t)) {
		*ret = *t;
		return true;
	}
	baton_tuple_reverse(t, &back);
	if (!any_has(f, &back))
		return false;
	*ret = back;
	return true;
}

void trace_text_set(struct trace_record *r, const char *text, uint32_t len)
{
	uint32_t n = len < sizeof r->text ? len : sizeof r->text - 1;

	for (uint32_t i = 0; i < n; i++)
		r->text[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	r->text[n] = 0;
	if (n < len)
		memcpy(r->text + n - strlen(CUT), CUT, strlen(CUT));
}

static const struct {
	const char *name, *text;
} events[TRACE_N_EVENTS] = {
#define X(NAME, name, text) [TRACE_##NAME] = { name, text },
	TRACE_EVENTS(X)
#undef X
};

const char *trace_event_name(unsigned event)
{
	return event < TRACE_N_EVENTS ? events[event].name : "";
}

/* A text that grows and is cut where the room ends. */
struct saying {
	char *buf;
	size_t size, n;
};

static void add(struct saying *s, const char *text, size_t len)
{
	if (len > s->size - 1 - s->n)
		len = s->size - 1 - s->n;
	memcpy(s->buf + s->n, text, len);
	s->n += len;
}

static void add_text(struct saying *s, const char *text)
{
	add(s, text, strlen(text));
}

static void add_number(struct saying *s, const char *format, uint32_t n)
{
	char text[16];

	snprintf(text, sizeof text, format, n);
	add_text(s, text);
}

static void add_flags(struct saying *s, const struct trace_record *r)
{
	static const char *const names[] = { "FIN", "SYN", "RST", "PSH", "ACK" };
	const char *between = "";

	if (r->key.proto != IPPROTO_TCP) {
		add_text(s, "UDP");
		return;
	}
	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
		if (r->a & 1u << i) {
			add_text(s, between);
			add_text(s, names[i]);
			between = " ";
		}
}

static void add_name(struct saying *s, const char *const names[], unsigned n, uint32_t i)
{
	add_text(s, i < n ? names[i] : "?");
}

static void add_state(struct saying *s, uint32_t state)
{
	static const char *const texts[] = {
		[BATON_SHIM_CONN_NONE] = "not there yet", [BATON_SHIM_CONN_OPEN] = "there",
		[BATON_SHIM_CONN_ENDED] = "gone",         [BATON_SHIM_CONN_LINGERS] = "over, in TIME_WAIT",
		[BATON_SHIM_CONN_REFUSED] = "refused",
	};

	add_name(s, texts, sizeof texts / sizeof texts[0], state);
}

static void add_refusal(struct saying *s, uint32_t refusal)
{
	static const char *const texts[] = {
#define X(TOKEN, name, text) text,
		BATON_SHIM_REFUSALS(X)
#undef X
	};

	if (!refusal)
		return;
	add_text(s, ", ");
	add_name(s, texts, BATON_SHIM_N_REFUSALS, refusal);
}

static void add_conn(struct saying *s, uint32_t state)
{
	static const char *const names[] = {
		[BATON_CONN_SYN] = "syn", [BATON_CONN_ESTABLISHED] = "established",
		[BATON_CONN_FIN] = "fin", [BATON_CONN_CLOSED] = "closed",
		[BATON_CONN_UDP] = "udp",
	};

	add_name(s, names, BATON_N_CONN_STATES, state);
}

static void add_action(struct saying *s, uint32_t action)
{
	static const char *const names[] = {
		[PLUMB_ACTION_DROP] = "drop",
		[PLUMB_ACTION_TUNNEL] = "tunnel",
		[PLUMB_ACTION_NAT] = "nat",
		[PLUMB_ACTION_RETURN] = "return",
	};

	add_name(s, names, sizeof names / sizeof names[0], action);
}

static bool word_is(const char *word, size_t n, const char *wanted)
{
	return strlen(wanted) == n && !memcmp(word, wanted, n);
}

static void add_word(struct saying *s, const struct trace_record *r, const char *word, size_t n)
{
	if (word_is(word, n, "a"))
		add_number(s, "%u", r->a);
	else if (word_is(word, n, "b"))
		add_number(s, "%u", r->b);
	else if (word_is(word, n, "hex"))
		add_number(s, "%08x", r->a);
	else if (word_is(word, n, "flags"))
		add_flags(s, r);
	else if (word_is(word, n, "conn"))
		add_conn(s, r->b);
	else if (word_is(word, n, "action"))
		add_action(s, r->a);
	else if (word_is(word, n, "state"))
		add_state(s, r->a);
	else if (word_is(word, n, "refusal"))
		add_refusal(s, r->b);
	else
		add(s, r->text, strnlen(r->text, sizeof r->text));
}

char *trace_say(const struct trace_record *r, char *buf, size_t size)
{
	const char *t = r->event < TRACE_N_EVENTS ? events[r->event].text : "";
	struct saying s = { buf, size, 0 };

	while (*t) {
		size_t n = strcspn(t, "{");

		add(&s, t, n);
		t += n;
		if (*t) {
			n = strcspn(t, "}");
			add_word(&s, r, t + 1, n - 1);
			t += n + 1;
		}
	}
	buf[s.n] = 0;
	return buf;
}

static int port_parse(const char *text, uint16_t *ret_be)
{
	uint64_t n;

	if (number_parse(text, 1, UINT16_MAX, &n))
		return -EINVAL;
	*ret_be = htons((uint16_t)n);
	return 0;
}

int trace_filter_parse(const char *text, struct trace_filter *ret)
{
	const char *from = text, *to = strchr(text, ']'), *colon = strchr(text, ':');
	struct trace_filter f = { .port_be = 0 };
	char client[BATON_ADDR_TEXT_MAX];

	if (*text == '[') {
		if (!to || to[1] != ':')
			return -EINVAL;
		from++;
		colon = to + 1;
	} else {
		/* more than one colon: IPv6 without a port */
		if (colon && strchr(colon + 1, ':'))
			colon = NULL;
		to = colon ? colon : text + strlen(text);
	}
	if (colon && port_parse(colon + 1, &f.port_be))
		return -EINVAL;
	if ((size_t)(to - from) >= sizeof client)
		return -EINVAL;
	memcpy(client, from, (size_t)(to - from));
	client[to - from] = 0;
	if (baton_prefix_parse(client, &f.client))
		return -EINVAL;
	*ret = f;
	return 0;
}
