/* SPDX-License-Identifier: BSD-3-Clause */
/* CREATE and ABORT through the tc program: changed bits, impossible fields, wrong packets inside. */
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "create_case.h"

/* Where the datagram's header is in an IPv4 frame. */
#define SHIM_AT (FRAME_ETH + 20 + 8)

static void test_every_changed_bit_is_noticed(void **state)
{
	struct baton_tuple t = create_client(BATON_IPV4);
	struct baton_shim_create c = create_body(&t);
	struct bench *b = *state;
	struct frame inner, f;

	frame_build(&inner, &t, &create_first);
	bench_shim(b, &f, BATON_SHIM_CREATE, &c, BATON_IPV4, b->seq++, &inner);
	for (unsigned bit = 0; bit < BATON_SHIM_CREATE_LEN * 8; bit++) {
		f.b[SHIM_AT + bit / 8] ^= (uint8_t)(1 << bit % 8);
		bench_run(b, &f);
		assert_int_equal(b->verdict, TC_ACT_SHOT);
		if (bit >= offsetof(struct baton_shim_hdr, seq) * 8)
			bench_dropped(b, AGENT_COUNTER_SHIM_FORGED);
		f.b[SHIM_AT + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	bench_run(b, &f);
	create_refused(b, &c, BATON_SHIM_REFUSAL_NO_LISTENER);
	bench_run(b, &f);
	bench_dropped(b, AGENT_COUNTER_SHIM_REPLAYED);
}

static void field_refused(struct bench *b, size_t at, uint8_t value)
{
	struct baton_tuple t = create_client(BATON_IPV4);
	struct baton_shim_create c = create_body(&t);

	((uint8_t *)&c)[at] = value;
	create_run(b, BATON_SHIM_CREATE, &c, &t, NULL);
	bench_dropped(b, AGENT_COUNTER_CONN_FIELDS);
	create_run(b, BATON_SHIM_ABORT, &c, &t, NULL);
	bench_dropped(b, AGENT_COUNTER_CONN_FIELDS);
}

static void test_fields(void **state)
{
	struct baton_tuple t = create_client(BATON_IPV4);
	struct baton_shim_create c = create_body(&t);
	struct bench *b = *state;

	field_refused(b, offsetof(struct baton_shim_create, family), 6);
	field_refused(b, offsetof(struct baton_shim_create, options), 8);
	field_refused(b, offsetof(struct baton_shim_create, client_wscale), 15);
	field_refused(b, offsetof(struct baton_shim_create, server_wscale), 15);
	for (size_t i = 0; i < sizeof c.zero; i++)
		field_refused(b, offsetof(struct baton_shim_create, zero) + i, 1);
	for (size_t i = 4; i < 16; i++) {
		field_refused(b, offsetof(struct baton_shim_create, saddr) + i, 1);
		field_refused(b, offsetof(struct baton_shim_create, daddr) + i, 1);
	}
	c.sport = 0;
	create_run(b, BATON_SHIM_CREATE, &c, &t, NULL);
	bench_dropped(b, AGENT_COUNTER_CONN_FIELDS);
	c = create_body(&t);
	c.dport = 0;
	create_run(b, BATON_SHIM_CREATE, &c, &t, NULL);
	bench_dropped(b, AGENT_COUNTER_CONN_FIELDS);
}

/* Segment inside: cut short at every length, of another connection, with a wrong header length. */
static void test_packet_inside(void **state)
{
	struct baton_tuple t = create_client(BATON_IPV4), other = frame_tuple(IPPROTO_TCP, CLIENT4, 40001, VIP4, 80);
	struct baton_shim_create c = create_body(&t);
	struct frame inner, f;
	struct bench *b = *state;
	size_t whole;

	frame_build(&inner, &t, &create_first);
	whole = inner.len;
	for (inner.len = FRAME_ETH + 1; inner.len < whole; inner.len++) {
		bench_shim(b, &f, BATON_SHIM_CREATE, &c, BATON_IPV4, b->seq++, &inner);
		bench_run(b, &f);
		bench_dropped(b, AGENT_COUNTER_INNER_LENGTH);
	}
	inner.b[FRAME_ETH + 20 + 12] = 4 << 4;
	bench_shim(b, &f, BATON_SHIM_CREATE, &c, BATON_IPV4, b->seq++, &inner);
	bench_run(b, &f);
	bench_dropped(b, AGENT_COUNTER_INNER_LENGTH);
	inner.b[FRAME_ETH + 20 + 12] = 15 << 4;
	bench_shim(b, &f, BATON_SHIM_CREATE, &c, BATON_IPV4, b->seq++, &inner);
	bench_run(b, &f);
	bench_dropped(b, AGENT_COUNTER_INNER_LENGTH);
	frame_build(&inner, &other, &create_first);
	bench_shim(b, &f, BATON_SHIM_CREATE, &c, BATON_IPV4, b->seq++, &inner);
	bench_run(b, &f);
	bench_dropped(b, AGENT_COUNTER_INNER_FLOW);
	/* ABORT carries none */
	frame_build(&inner, &t, &create_first);
	bench_shim(b, &f, BATON_SHIM_ABORT, &c, BATON_IPV4, b->seq++, &inner);
	bench_run(b, &f);
	bench_dropped(b, AGENT_COUNTER_SHIM_LENGTH);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_changed_bit_is_noticed),
		TEST(test_fields),
		TEST(test_packet_inside),
	};

	return cmocka_run_group_tests(tests, create_namespace, NULL);
}
