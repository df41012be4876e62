/* SPDX-License-Identifier: BSD-3-Clause */
#include "create_case.h"

#include <arpa/inet.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const struct frame_options create_first = {
	.tcp_flags = ACK, .tcp_seq = CLIENT_ISN + 1, .tcp_ack = SERVER_ISN + 1, .payload = "hello", .payload_len = 5
};

struct baton_tuple create_client(uint8_t family)
{
	return family == BATON_IPV4 ? frame_tuple(IPPROTO_TCP, CLIENT4, 40000, VIP4, 80)
				    : frame_tuple(IPPROTO_TCP, CLIENT6, 40000, VIP6, 80);
}

struct baton_shim_create create_body(const struct baton_tuple *t)
{
	struct baton_shim_create c = {
		.client_isn = htonl(CLIENT_ISN),
		.server_isn = htonl(SERVER_ISN),
		.mss = htons(1440),
		.family = t->family,
		.sport = t->sport_be,
		.dport = t->dport_be,
	};

	memcpy(c.saddr, t->saddr, 16);
	memcpy(c.daddr, t->daddr, 16);
	return c;
}

/* Run CREATE or ABORT of this body, with the segment inside if o is not NULL. */
void create_run(struct bench *b, uint8_t type, const struct baton_shim_create *body, const struct baton_tuple *t,
		const struct frame_options *o)
{
	struct frame inner, f;

	if (o)
		frame_build(&inner, t, o);
	bench_shim(b, &f, type, body, t->family, b->seq++, o ? &inner : NULL);
	bench_run(b, &f);
}

/* The answer that the last packet has become, checked bit by bit as far as the protocol says. */
struct baton_shim_conn create_answer(struct bench *b, const struct baton_shim_create *c)
{
	struct baton_tuple want = c->family == BATON_IPV4
					  ? frame_tuple(IPPROTO_UDP, HOST4, BENCH_PORT, DEVICE4, BENCH_PORT)
					  : frame_tuple(IPPROTO_UDP, HOST6, BENCH_PORT, DEVICE6, BENCH_PORT);
	const struct baton_shim_hdr *hdr;
	struct baton_shim_conn conn;
	struct baton_tuple got;
	const uint8_t *p;
	const void *body;
	size_t n;

	assert_int_equal(b->verdict, TC_ACT_REDIRECT);
	frame_read(b->out.b, b->out.len, &got, &p, &n);
	assert_memory_equal(&got, &want, sizeof got);
	assert_int_equal(shim_decode(p, n, &b->keys, NULL, want.saddr, want.daddr, &hdr, &body), SHIM_OK);
	assert_int_equal(hdr->type, BATON_SHIM_STATE);
	memcpy(&conn, body, sizeof conn);
	assert_int_equal(conn.client_isn, c->client_isn);
	assert_int_equal(conn.server_isn, c->server_isn);
	assert_int_equal(conn.family, c->family);
	assert_int_equal(conn.sport, c->sport);
	assert_int_equal(conn.dport, c->dport);
	assert_memory_equal(conn.saddr, c->saddr, 16);
	assert_memory_equal(conn.daddr, c->daddr, 16);
	return conn;
}

void create_refused(struct bench *b, const struct baton_shim_create *c, enum baton_shim_refusal why)
{
	struct baton_shim_conn conn = create_answer(b, c);

	assert_int_equal(conn.state, BATON_SHIM_CONN_REFUSED);
	assert_int_equal(conn.reason, why);
	bench_counted(b, (const int[]){ AGENT_COUNTER_OF_REFUSAL(why), AGENT_COUNTER_STATE_SENT, -1 });
}

void create_state_is(struct bench *b, const struct baton_shim_create *c, enum baton_shim_conn_state state)
{
	struct baton_shim_conn conn = create_answer(b, c);

	assert_int_equal(conn.state, state);
	assert_int_equal(conn.reason, BATON_SHIM_REFUSAL_NONE);
	bench_counted(b, (const int[]){ AGENT_COUNTER_STATE_SENT, -1 });
}

/* A namespace with the clients' addresses and the virtual ones on its loopback interface. */
int create_namespace(void **state)
{
	static const char *const addresses[] = { VIP4, VIP6, CLIENT4, CLIENT6 };
	char command[128];

	(void)state;
	if (unshare(CLONE_NEWNET) || system("ip link set lo up"))
		return -1;
	for (unsigned i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		snprintf(command, sizeof command, "ip addr add %s dev lo%s", addresses[i],
			 strchr(addresses[i], ':') ? " nodad" : "");
		if (system(command))
			return -1;
	}
	return 0;
}
