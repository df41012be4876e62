/* SPDX-License-Identifier: BSD-3-Clause */
/* Asking for a client's steps traces it, and goes on doing so for the seconds asked for. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/trace_log.h"
#include "batond/batond.h"
#include "batond/telemetry.h"

#define TRACE_ROWS 25 /* some 600 bytes each */

struct trace_ask {
	struct trace_filter client; /* family 0: all that are traced already */
	uint64_t seconds, since_ns;
};

static bool word_take(struct trace_ask *a, const char *word)
{
	if (!strncmp(word, "client=", 7))
		return trace_filter_parse(word + 7, &a->client) == 0;
	if (!strncmp(word, "seconds=", 8))
		return number_parse(word + 8, 0, TRACE_SECONDS_MAX, &a->seconds) == 0;
	return !strncmp(word, "since=", 6) && number_parse(word + 6, 0, UINT64_MAX, &a->since_ns) == 0;
}

static bool ask_parse(const char *text, struct trace_ask *ret)
{
	char copy[256], *rest = copy, *word;

	memset(ret, 0, sizeof *ret);
	if (strlen(text) >= sizeof copy)
		return false;
	memcpy(copy, text, strlen(text) + 1);
	while ((word = strsep(&rest, ",")))
		if (*word && !word_take(ret, word))
			return false;
	return !ret->seconds || ret->client.client.addr.family;
}

static void address_add(struct rte_tel_data *row, const char *name, const char *port_name, const uint8_t addr[16],
			uint8_t family, uint16_t port_be)
{
	static const uint8_t none[16];
	char text[INET6_ADDRSTRLEN] = "";

	if (family && memcmp(addr, none, sizeof none) != 0)
		inet_ntop(family == BATON_IPV4 ? AF_INET : AF_INET6, addr, text, sizeof text);
	telemetry_text(row, name, text);
	telemetry_number(row, port_name, ntohs(port_be));
}

static void who_add(struct rte_tel_data *row, const struct trace_record *r)
{
	static const char *const names[] = {
		[TRACE_CONTROL] = "control",
		[TRACE_FORWARDER] = "forwarder",
		[TRACE_CLASSIFIER] = "classifier",
		[TRACE_HOST] = "host",
	};
	char text[32];

	if (r->who == TRACE_FORWARDER || r->who == TRACE_CLASSIFIER)
		snprintf(text, sizeof text, "%s %u", names[r->who], r->index);
	else
		snprintf(text, sizeof text, "%s", names[r->who]);
	telemetry_text(row, "who", text);
}

static void row_add(struct batond *b, struct telemetry_page *p, const struct trace_record *r)
{
	const struct baton_tuple *k = &r->key;
	uint16_t vip = view_vip_find(b->view, k->daddr, k->family, k->proto, k->dport_be);
	struct rte_tel_data *row = telemetry_row(p);
	char text[TRACE_SAY_MAX];

	if (!row)
		return;
	telemetry_number(row, "seq", r->seq);
	telemetry_number(row, "time_ns", r->time_ns);
	who_add(row, r);
	telemetry_text(row, "event", trace_event_name(r->event));
	telemetry_text(row, "text", trace_say(r, text, sizeof text));
	telemetry_text(row, "protocol", k->proto == IPPROTO_UDP ? "udp" : k->proto ? "tcp" : "");
	address_add(row, "client", "client_port", k->saddr, k->family, k->sport_be);
	address_add(row, "address", "port", k->daddr, k->family, k->dport_be);
	telemetry_text(row, "vip", vip == VIEW_NONE ? "" : b->view->vips[vip].name);
	address_add(row, "host", "host_port", r->peer, k->family, r->peer_port_be);
}

uint64_t telemetry_trace(struct batond *b, struct telemetry_page *p, uint64_t cursor)
{
	const struct trace_record *r;
	struct trace_ask a;
	int err = 0;

	if (!ask_parse(p->filter, &a))
		return UINT64_MAX;
	if (a.seconds)
		err = trace_log_ask(b->traces, &a.client, clock_monotonic_ns() + a.seconds * CLOCK_NS_PER_S);
	if (err < 0)
		return UINT64_MAX;
	b->view_due |= err > 0;
	if (a.seconds && !err && !cursor)
		trace_log_join(b->traces, &a.client, clock_wall_ns());
	while ((r = trace_log_next(b->traces, cursor, a.since_ns, a.client.client.addr.family ? &a.client : NULL))) {
		if (p->n_rows == TRACE_ROWS)
			return r->seq;
		row_add(b, p, r);
		cursor = r->seq + 1;
	}
	return 0;
}
