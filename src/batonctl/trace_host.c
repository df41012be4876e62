/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <string.h>

#include "batonctl/host.h"
#include "batonctl/trace.h"

struct host_trace {
	const struct options *o;
	struct trace_filter client;
};

static json_t *address(const uint8_t addr[16], uint8_t family)
{
	static const uint8_t none[16];
	struct baton_addr a = { .family = family };
	char text[BATON_ADDR_TEXT_MAX];

	memcpy(a.b, addr, sizeof a.b);
	return json_string(family && memcmp(addr, none, sizeof none) ? baton_addr_format(&a, text, sizeof text) : "");
}

/* Texts come from the agent, which may be another than ours: they end where their field ends. */
static json_t *text(const char *bytes, size_t size)
{
	json_t *s = json_stringn(bytes, strnlen(bytes, size));

	return s ? s : json_string("?");
}

static json_t *row(const struct baton_agent_step *s)
{
	return json_pack("{s:I, s:I, s:s, s:o, s:o, s:s, s:o, s:i, s:o, s:i, s:o}", "seq", (json_int_t)be64toh(s->seq),
			 "time_ns", (json_int_t)be64toh(s->time_ns), "who", "host", "event",
			 text(s->event, sizeof s->event), "text", text(s->text, sizeof s->text), "protocol",
			 s->proto == IPPROTO_UDP ? "udp"
			 : s->proto              ? "tcp"
						 : "",
			 "client", address(s->client, s->family), "client_port", ntohs(s->client_port), "address",
			 address(s->vip, s->family), "port", ntohs(s->vip_port), "device",
			 address(s->device, s->family));
}

static int host_fetch(void *arg, uint64_t seq, uint64_t since_ns, json_t *rows)
{
	const struct host_trace *h = arg;
	union {
		struct baton_agent_reply head;
		uint8_t bytes[BATON_AGENT_REPLY_MAX];
	} reply;
	const struct baton_agent_step *steps = (const void *)(reply.bytes + sizeof reply.head);
	struct baton_agent_request r = { .type = BATON_AGENT_TRACE };
	int code;

	r.trace = (struct baton_agent_trace){ .seq = htobe64(seq),
					      .since_ns = htobe64(since_ns),
					      .seconds = htonl(TRACE_LINGERS_S),
					      .port = h->client.port_be,
					      .family = h->client.client.addr.family,
					      .prefix_len = h->client.client.len };
	memcpy(r.trace.client, h->client.client.addr.b, sizeof r.trace.client);
	code = host_ask(h->o, &r, &reply.head, sizeof reply);
	for (unsigned i = 0; code == BATONCTL_OK && i < reply.head.n_rows; i++)
		json_array_append_new(rows, row(&steps[i]));
	return code;
}

int host_trace(const struct options *o)
{
	struct host_trace h = { .o = o };
	int code = trace_client(o, 1, &h.client);

	return code ? code : trace_follow(o, host_fetch, &h);
}
