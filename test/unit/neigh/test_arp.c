/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

static void arp_request_for_local_address_is_answered(void **state)
{
	static const char *const local[] = { "192.0.2.1", "192.0.2.80" };
	struct fixture *f = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct frame in = frame_arp(BROADCAST, 1, HOST_MAC, "192.0.2.10", "\0\0\0\0\0\0", local[i]);
		struct frame want = frame_arp(HOST_MAC, 2, OUR_MAC, local[i], HOST_MAC, "192.0.2.10");

		frame_add(&want, (uint8_t[18]){ 0 }, 18);
		fixture_clear(f);
		input(f, 0, &in, T0);
		assert_int_equal(f->n_sent, 1);
		assert_int_equal(f->sent[0].port, 0);
		assert_int_equal(f->sent[0].len, 60);
		assert_memory_equal(f->sent[0].frame, want.b, 60);
	}
	assert_int_equal(neigh_counters_get(f->n)->arp_requests_answered, 2);
}

static void arp_request_for_other_address_is_ignored(void **state)
{
	struct fixture *f = *state;
	struct frame other = frame_arp(BROADCAST, 1, HOST_MAC, "192.0.2.10", "\0\0\0\0\0\0", "192.0.2.9");
	struct frame other_port = frame_arp(BROADCAST, 1, HOST_MAC, "192.0.2.10", "\0\0\0\0\0\0", "192.0.2.2");
	struct frame other_station = frame_arp(OTHER_MAC, 1, HOST_MAC, "192.0.2.10", OTHER_MAC, "192.0.2.80");

	input(f, 0, &other, T0);
	input(f, 0, &other_port, T0);
	input(f, 0, &other_station, T0);
	input(f, 31, &other, T0);
	input(f, 32, &other, T0);
	assert_int_equal(f->n_sent, 0);
	assert_int_equal(neigh_counters_get(f->n)->ignored, 5);
}

static void arp_probe_for_local_address_is_answered(void **state)
{
	struct fixture *f = *state;
	struct frame in = frame_arp(BROADCAST, 1, HOST_MAC, "0.0.0.0", "\0\0\0\0\0\0", "192.0.2.80");
	struct frame want = frame_arp(HOST_MAC, 2, OUR_MAC, "192.0.2.80", HOST_MAC, "0.0.0.0");

	input(f, 0, &in, T0);
	assert_int_equal(f->n_sent, 1);
	assert_memory_equal(f->sent[0].frame, want.b, want.len);
	assert_int_equal(neigh_counters_get(f->n)->conflicts, 0);
}

static void arp_answer_keeps_vlan_tags(void **state)
{
	static const char tags[] = "\x88\xa8\x20\x07\x81\x00\x00\x2a";
	struct fixture *f = *state;

	for (unsigned n_tags = 1; n_tags <= 2; n_tags++) {
		struct frame in = frame_link(BROADCAST, HOST_MAC, tags, n_tags, 0x0806);
		struct frame want = frame_link(HOST_MAC, OUR_MAC, tags, n_tags, 0x0806);

		frame_add_arp(&in, 1, HOST_MAC, "192.0.2.10", "\0\0\0\0\0\0", "192.0.2.80");
		frame_add_arp(&want, 2, OUR_MAC, "192.0.2.80", HOST_MAC, "192.0.2.10");
		fixture_clear(f);
		input(f, 0, &in, T0);
		assert_int_equal(f->n_sent, 1);
		assert_memory_equal(f->sent[0].frame, want.b, want.len);
	}
}

static void arp_three_tags_are_malformed(void **state)
{
	struct fixture *f = *state;
	struct frame in =
		frame_link(BROADCAST, HOST_MAC, "\x81\x00\x00\x01\x81\x00\x00\x01\x81\x00\x00\x01", 3, 0x0806);

	frame_add_arp(&in, 1, HOST_MAC, "192.0.2.10", "\0\0\0\0\0\0", "192.0.2.80");
	input(f, 0, &in, T0);
	assert_int_equal(f->n_sent, 0);
	assert_int_equal(neigh_counters_get(f->n)->malformed, 1);
}

static void arp_truncated_at_every_length_is_malformed(void **state)
{
	struct fixture *f = *state;
	struct frame in = frame_link(BROADCAST, HOST_MAC, "\x81\x00\x00\x01", 1, 0x0806);

	frame_add_arp(&in, 1, HOST_MAC, "192.0.2.10", "\0\0\0\0\0\0", "192.0.2.80");
	for (in.len--; in.len > 0; in.len--)
		input(f, 0, &in, T0);
	input(f, 0, &in, T0);
	assert_int_equal(f->n_sent, 0);
	assert_int_equal(neigh_counters_get(f->n)->malformed, 18 + 28);
}

static void arp_bad_fields_are_refused(void **state)
{
	static const struct {
		const char *what;
		unsigned at;
		uint8_t value;
		bool malformed; /* else ignored */
	} cases[] = {
		{ "hardware type", 15, 6, true },
		{ "protocol type", 16, 0x86, true },
		{ "hardware address length", 18, 8, true },
		{ "protocol address length", 19, 16, true },
		{ "operation 0", 21, 0, false },
		{ "operation 3 (reverse ARP)", 21, 3, false },
		{ "sender's link address a group", 22, 0x03, true },
		{ "sender's address multicast", 28, 224, true },
		{ "target's address multicast", 38, 239, true },
		{ "source link address a group", 6, 0x01, true },
	};
	struct fixture *f = *state;
	uint64_t n_malformed = 0, n_ignored = 0;

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct frame in = frame_arp(BROADCAST, 1, HOST_MAC, "192.0.2.10", "\0\0\0\0\0\0", "192.0.2.80");

		in.b[cases[i].at] = cases[i].value;
		input(f, 0, &in, T0);
		*(cases[i].malformed ? &n_malformed : &n_ignored) += 1;
		if (f->n_sent || neigh_counters_get(f->n)->malformed != n_malformed ||
		    neigh_counters_get(f->n)->ignored != n_ignored)
			fail_msg("%s", cases[i].what);
	}
}

static void arp_own_packet_that_came_back_is_ignored(void **state)
{
	struct fixture *f = *state;
	struct frame same_port = frame_arp(BROADCAST, 1, OUR_MAC, "192.0.2.80", "\0\0\0\0\0\0", "192.0.2.80");
	struct frame other_port = frame_arp(BROADCAST, 1, OUR_MAC_PORT1, "192.0.2.80", "\0\0\0\0\0\0", "192.0.2.80");

	input(f, 0, &same_port, T0);
	input(f, 0, &other_port, T0);
	memcpy(other_port.b + 6, OTHER_MAC, 6); /* reflected by a bridge that puts its own address */
	input(f, 0, &other_port, T0);
	assert_int_equal(f->n_sent, 0);
	assert_int_equal(neigh_counters_get(f->n)->conflicts, 0);
	assert_int_equal(neigh_counters_get(f->n)->ignored, 3);
}

static void arp_conflict_is_counted_and_the_address_defended(void **state)
{
	struct fixture *f = *state;
	struct frame claims[] = {
		frame_arp(BROADCAST, 1, OTHER_MAC, "192.0.2.80", "\0\0\0\0\0\0", "192.0.2.80"),
		frame_arp(OUR_MAC, 2, OTHER_MAC, "192.0.2.80", OUR_MAC, "192.0.2.1"),
		frame_arp(BROADCAST, 1, OTHER_MAC, "192.0.2.80", "\0\0\0\0\0\0", "192.0.2.1"),
	};
	struct frame want = frame_arp(BROADCAST, 1, OUR_MAC, "192.0.2.80", "\0\0\0\0\0\0", "192.0.2.80");

	for (unsigned i = 0; i < 3; i++)
		input(f, 0, &claims[i], T0 + i * MS);
	assert_int_equal(neigh_counters_get(f->n)->conflicts, 3);
	assert_int_equal(f->n_sent, 1);
	assert_memory_equal(f->sent[0].frame, want.b, want.len);
	input(f, 0, &claims[0], T0 + 10000 * MS - 1);
	assert_int_equal(f->n_sent, 1);
	input(f, 0, &claims[0], T0 + 10000 * MS);
	assert_int_equal(f->n_sent, 2);
}

static void arp_announcement_is_a_request_to_everybody(void **state)
{
	struct fixture *f = *state;
	struct baton_addr vip = addr_of("192.0.2.80");
	struct frame want = frame_arp(BROADCAST, 1, OUR_MAC_PORT1, "192.0.2.80", "\0\0\0\0\0\0", "192.0.2.80");

	neigh_announce(f->n, 1, &vip);
	assert_int_equal(f->n_sent, 1);
	assert_int_equal(f->sent[0].port, 1);
	assert_memory_equal(f->sent[0].frame, want.b, want.len);
	neigh_announce(f->n, 2, &vip);
	neigh_announce(f->n, 9999, &vip);
	neigh_announce(f->n, 0, &(struct baton_addr){ 0 });
	assert_int_equal(f->n_sent, 1);
}

static void arp_solicitation_is_a_request_from_the_port(void **state)
{
	struct fixture *f = *state;
	struct frame want = frame_arp(BROADCAST, 1, OUR_MAC, "192.0.2.1", "\0\0\0\0\0\0", "192.0.2.10");

	watch(f, 0, "192.0.2.10", T0);
	assert_int_equal(f->n_sent, 1);
	assert_memory_equal(f->sent[0].frame, want.b, want.len);
	assert_int_equal(neigh_counters_get(f->n)->solicits_sent, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(arp_request_for_local_address_is_answered),
		TEST(arp_request_for_other_address_is_ignored),
		TEST(arp_probe_for_local_address_is_answered),
		TEST(arp_answer_keeps_vlan_tags),
		TEST(arp_three_tags_are_malformed),
		TEST(arp_truncated_at_every_length_is_malformed),
		TEST(arp_bad_fields_are_refused),
		TEST(arp_own_packet_that_came_back_is_ignored),
		TEST(arp_conflict_is_counted_and_the_address_defended),
		TEST(arp_announcement_is_a_request_to_everybody),
		TEST(arp_solicitation_is_a_request_from_the_port),
	};

	return cmocka_run_group_tests_name("neigh_arp", tests, NULL, NULL);
}
