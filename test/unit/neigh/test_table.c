/* SPDX-License-Identifier: BSD-3-Clause */
/* What is watched, bounds of the table and of a poll, and that strangers change nothing. */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "neigh/due.h"

static void same_nexthop_keeps_its_id(void **state)
{
	struct fixture *f = *state;
	uint16_t a = watch(f, 0, "192.0.2.10", T0), b = watch(f, 1, "192.0.2.10", T0),
		 c = watch(f, 0, "2001:db8::10", T0);

	assert_int_equal(neigh_n_nexthops(f->n), 3);
	assert_true(a != b && b != c && a != c);
	fixture_clear(f);
	assert_int_equal(watch(f, 0, "192.0.2.10", T0), a);
	assert_int_equal(f->n_sent, 0);
	neigh_nexthop_del(f->n, a);
	assert_int_equal(watch(f, 0, "192.0.2.10", T0), a);
	assert_int_equal(f->n_sent, 1);
	assert_int_equal(watch(f, 1, "192.0.2.10", T0), b);
	assert_int_equal(watch(f, 0, "2001:db8::10", T0), c);
}

static void full_table_refuses(void **state)
{
	struct fixture *f = *state;
	struct baton_addr addr = addr_of("192.0.2.10");
	uint16_t id = 77;

	for (unsigned i = 0; i < 8; i++, addr.b[3]++)
		assert_int_equal(neigh_nexthop_add(f->n, 0, &addr, T0, &id), 0);
	id = 77;
	assert_int_equal(neigh_nexthop_add(f->n, 0, &addr, T0, &id), -ENOSPC);
	assert_int_equal(id, 77);
	neigh_nexthop_del(f->n, 0); /* its id stays reserved */
	assert_int_equal(neigh_nexthop_add(f->n, 0, &addr, T0, &id), -ENOSPC);
	assert_int_equal(neigh_n_nexthops(f->n), 8);
}

static void senseless_nexthops_and_ports_are_refused(void **state)
{
	static const char *const bad[] = { "0.0.0.0",         "0.1.2.3", "127.0.0.1", "224.0.0.1",
					   "255.255.255.255", "::",      "ff02::1" };
	struct fixture *f = *state;
	struct neigh_port port = { .source4 = addr_of("192.0.2.1") };
	struct baton_addr good = addr_of("192.0.2.10");
	uint16_t id;

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct baton_addr a = addr_of(bad[i]);

		assert_int_equal(neigh_nexthop_add(f->n, 0, &a, T0, &id), -EINVAL);
	}
	assert_int_equal(neigh_nexthop_add(f->n, 0, &(struct baton_addr){ 0 }, T0, &id), -EINVAL);
	assert_int_equal(neigh_nexthop_add(f->n, 2, &good, T0, &id), -EINVAL);
	assert_int_equal(neigh_nexthop_add(f->n, 65535, &good, T0, &id), -EINVAL);
	neigh_nexthop_del(f->n, 65535);
	assert_int_equal(neigh_port_set(f->n, 0, &port), -EINVAL); /* no MAC */
	memcpy(port.mac, OUR_MAC, 6);
	assert_int_equal(neigh_port_set(f->n, 32, &port), -EINVAL);
	port.source6 = good;
	assert_int_equal(neigh_port_set(f->n, 0, &port), -EINVAL);
	assert_int_equal(f->n_sent, 0);
}

static void unwatched_nexthop_is_left_alone(void **state)
{
	struct fixture *f = *state;
	uint16_t id = watch(f, 0, "192.0.2.10", T0);
	struct frame in = frame_arp(OUR_MAC, 2, HOST_MAC, "192.0.2.10", OUR_MAC, "192.0.2.1");

	input(f, 0, &in, T0);
	fixture_clear(f);
	neigh_nexthop_del(f->n, id);
	assert_int_equal(f->n_changed, 1);
	assert_int_equal(f->changed[0].state, NEIGH_INCOMPLETE);
	neigh_nexthop_del(f->n, id);
	assert_int_equal(f->n_changed, 1); /* INCOMPLETE already */
	input(f, 0, &in, T0 + MS);
	assert_true(neigh_poll(f->n, T0 + 100000 * MS) == UINT64_MAX);
	assert_int_equal(f->n_changed, 1);
	assert_int_equal(f->n_sent, 0);
	assert_int_equal(neigh_counters_get(f->n)->ignored, 1);
}

static void nexthop_that_never_answered_goes_silently(void **state)
{
	struct fixture *f = *state;
	uint16_t id = watch(f, 0, "192.0.2.10", T0);

	neigh_nexthop_del(f->n, id);
	assert_int_equal(f->n_changed, 0);
}

static void poll_returns_the_next_deadline(void **state)
{
	struct fixture *f = *state;
	struct frame in = frame_arp(OUR_MAC, 2, HOST_MAC, "192.0.2.10", OUR_MAC, "192.0.2.1");

	assert_true(neigh_poll(f->n, T0) == UINT64_MAX);
	watch(f, 0, "192.0.2.10", T0);
	watch(f, 0, "192.0.2.11", T0 + 500 * MS);
	assert_true(neigh_poll(f->n, T0 + 500 * MS) == T0 + 1000 * MS);
	input(f, 0, &in, T0 + 600 * MS);
	assert_true(neigh_poll(f->n, T0 + 600 * MS) == T0 + 1500 * MS);
	assert_true(neigh_poll(f->n, T0 + 1500 * MS) == T0 + 2500 * MS);
	assert_true(neigh_poll(f->n, T0 + 2500 * MS) == T0 + 3500 * MS);
	assert_true(neigh_poll(f->n, T0 + 3500 * MS) == T0 + 3600 * MS);
}

static unsigned n_emitted;

static bool nothing_is_local(void *arg, uint16_t port, const struct baton_addr *addr)
{
	return false;
}

static void count_emitted(void *arg, uint16_t port, const uint8_t *frame, size_t len)
{
	n_emitted++;
}

static void no_change(void *arg, uint16_t id, enum neigh_state state, const uint8_t mac[6])
{
}

static void poll_does_a_bounded_part(void **state)
{
	struct neigh_params p = {
		.max_nexthops = 1000, .is_local = nothing_is_local, .emit = count_emitted, .change = no_change
	};
	struct neigh_port port = { .source4 = addr_of("10.0.0.1"), .mac = OUR_MAC };
	struct neigh *n = neigh_new(&p);
	unsigned n_polls = 0;

	assert_non_null(n);
	assert_int_equal(neigh_port_set(n, 0, &port), 0);
	for (unsigned i = 0; i < 1000; i++) {
		struct baton_addr a = { .b = { 10, 1, (uint8_t)(i >> 8), (uint8_t)i }, .family = BATON_IPV4 };
		uint16_t id;

		assert_int_equal(neigh_nexthop_add(n, 0, &a, T0, &id), 0);
		assert_int_equal(id, i);
	}
	n_emitted = 0;
	for (uint64_t next_ns = 0; next_ns <= T0 + 1000 * MS; n_polls++) {
		unsigned before = n_emitted;

		next_ns = neigh_poll(n, T0 + 1000 * MS);
		assert_true(n_emitted - before <= 64);
	}
	assert_int_equal(n_emitted, 1000);
	assert_true(n_polls <= 17);
	neigh_free(n);
	neigh_free(NULL);
}

static void deadlines_come_in_order(void **state)
{
	enum { N = 500 };
	static uint64_t want[N];
	struct due d;
	uint64_t last = 0;
	uint16_t id = 0;
	unsigned n = 0;

	srand(1);
	assert_int_equal(due_init(&d, N), 0);
	assert_true(due_first(&d, &id) == DUE_NEVER);
	for (unsigned i = 0; i < 5 * N; i++) {
		id = (uint16_t)(rand() % N);
		want[id] = rand() % 4 ? (uint64_t)rand() % 1000 + 1 : 0;
		if (want[id])
			due_set(&d, id, want[id]);
		else
			due_clear(&d, id);
	}
	for (unsigned i = 0; i < N; i++)
		n += want[i] != 0;
	for (; n; n--) {
		uint64_t at = due_first(&d, &id);

		assert_true(at >= last && at == want[id]);
		last = at;
		due_clear(&d, id);
		want[id] = 0;
	}
	assert_true(due_first(&d, &id) == DUE_NEVER);
	due_fini(&d);
}

/* A valid packet with random bits changed, so that all depths of the parser are reached. */
static struct frame random_frame(void)
{
	struct nd_spec s = { .eth_dst = ALL_NODES_MAC,
			     .src = "2001:db8::66",
			     .dst = "ff02::1",
			     .target = "2001:db8::66",
			     .type = (uint8_t)(135 + rand() % 2),
			     .options = "\x02\x01" OTHER_MAC,
			     .options_len = 8 };
	struct frame f = rand() % 2 ? frame_nd(&s)
				    : frame_arp(BROADCAST, 1 + (unsigned)rand() % 2, OTHER_MAC, "192.0.2.66", OUR_MAC,
						"192.0.2.67");

	for (int i = rand() % 4; i > 0; i--)
		f.b[(size_t)rand() % f.len] ^= (uint8_t)(1 << rand() % 8);
	if (rand() % 4 == 0)
		f.len = (size_t)rand() % (f.len + 1);
	return f;
}

static void storm_of_strangers_changes_nothing(void **state)
{
	struct fixture *f = *state;
	uint16_t id4 = watch(f, 0, "198.51.100.200", T0), id6 = watch(f, 0, "fd00::c8", T0);
	struct frame in4 = frame_arp(OUR_MAC, 2, HOST_MAC, "198.51.100.200", OUR_MAC, "192.0.2.1");
	struct nd_spec s = { .src = "fd00::c8",
			     .dst = "2001:db8::1",
			     .target = "fd00::c8",
			     .type = 136,
			     .flags = 0x60,
			     .options = "\x02\x01" HOST_MAC,
			     .options_len = 8 };
	struct frame in6 = frame_nd(&s);
	struct neigh_nexthop_info before[2], after[2];

	input(f, 0, &in4, T0);
	input(f, 0, &in6, T0);
	neigh_nexthop_info(f->n, id4, &before[0]);
	neigh_nexthop_info(f->n, id6, &before[1]);
	fixture_clear(f);
	srand(2);
	for (unsigned i = 0; i < 200000; i++) {
		struct frame in = random_frame();

		input(f, (uint16_t)(rand() % 2), &in, T0 + i);
	}
	neigh_nexthop_info(f->n, id4, &after[0]);
	neigh_nexthop_info(f->n, id6, &after[1]);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(before[i].state, after[i].state);
		assert_memory_equal(before[i].mac, after[i].mac, 6);
		assert_int_equal(before[i].moves, after[i].moves);
		assert_true(before[i].confirmed_ns == after[i].confirmed_ns);
	}
	assert_int_equal(f->n_changed, 0);
	assert_int_equal(neigh_n_nexthops(f->n), 2);
	assert_true(neigh_counters_get(f->n)->ignored > 0 && neigh_counters_get(f->n)->malformed > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(same_nexthop_keeps_its_id),
		TEST(full_table_refuses),
		TEST(senseless_nexthops_and_ports_are_refused),
		TEST(unwatched_nexthop_is_left_alone),
		TEST(nexthop_that_never_answered_goes_silently),
		TEST(poll_returns_the_next_deadline),
		cmocka_unit_test(poll_does_a_bounded_part),
		cmocka_unit_test(deadlines_come_in_order),
		TEST(storm_of_strangers_changes_nothing),
	};

	return cmocka_run_group_tests_name("neigh_table", tests, NULL, NULL);
}
