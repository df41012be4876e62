/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#define SOLICIT 135
#define ADVERT 136
#define SOLICITED 0x40
#define OVERRIDE 0x20
#define VIP "2001:db8::80"
#define VIP_GROUP "ff02::1:ff00:80"
#define VIP_GROUP_MAC "\x33\x33\xff\x00\x00\x80"
#define HOST "2001:db8::10"
#define SOURCE_LINK(mac) "\x01\x01" mac
#define TARGET_LINK(mac) "\x02\x01" mac

static struct nd_spec solicit_of_vip(void)
{
	return (struct nd_spec){
		.eth_dst = VIP_GROUP_MAC,
		.src = HOST,
		.dst = VIP_GROUP,
		.target = VIP,
		.type = SOLICIT,
		.options = SOURCE_LINK(HOST_MAC),
		.options_len = 8,
	};
}

static struct nd_spec advert_of_host(void)
{
	return (struct nd_spec){
		.src = HOST,
		.dst = "2001:db8::1",
		.target = HOST,
		.type = ADVERT,
		.flags = SOLICITED | OVERRIDE,
		.options = TARGET_LINK(HOST_MAC),
		.options_len = 8,
	};
}

static void expect_sent(struct fixture *f, const struct nd_spec *want)
{
	struct frame frame = frame_nd(want);

	assert_int_equal(f->n_sent, 1);
	assert_int_equal(f->sent[0].len, frame.len);
	assert_memory_equal(f->sent[0].frame, frame.b, frame.len);
}

static void nd_solicitation_for_local_address_is_answered(void **state)
{
	struct fixture *f = *state;
	struct nd_spec s = solicit_of_vip();
	struct frame in = frame_nd(&s);
	struct nd_spec want = {
		.eth_dst = HOST_MAC,
		.eth_src = OUR_MAC,
		.src = VIP,
		.dst = HOST,
		.target = VIP,
		.type = ADVERT,
		.flags = SOLICITED | OVERRIDE,
		.options = TARGET_LINK(OUR_MAC),
		.options_len = 8,
	};

	input(f, 0, &in, T0);
	expect_sent(f, &want);
	assert_int_equal(neigh_counters_get(f->n)->nd_solicits_answered, 1);
}

static void nd_answer_goes_to_the_source_link_option(void **state)
{
	struct fixture *f = *state;
	struct nd_spec s = solicit_of_vip();
	struct frame in;

	s.eth_dst = OUR_MAC; /* a unicast probe */
	s.dst = VIP;
	s.options = SOURCE_LINK(OTHER_MAC);
	in = frame_nd(&s);
	input(f, 0, &in, T0);
	assert_int_equal(f->n_sent, 1);
	assert_memory_equal(f->sent[0].frame, OTHER_MAC, 6);

	s.options_len = 0;
	in = frame_nd(&s);
	fixture_clear(f);
	input(f, 0, &in, T0);
	assert_int_equal(f->n_sent, 1);
	assert_memory_equal(f->sent[0].frame, HOST_MAC, 6);
}

static void nd_duplicate_probe_is_answered_to_all_nodes(void **state)
{
	static const char nonce[] = "\x0e\x01\x01\x02\x03\x04\x05\x06";
	struct fixture *f = *state;
	struct nd_spec s = solicit_of_vip();
	struct nd_spec want = {
		.eth_dst = ALL_NODES_MAC,
		.eth_src = OUR_MAC,
		.src = VIP,
		.dst = "ff02::1",
		.target = VIP,
		.type = ADVERT,
		.flags = OVERRIDE,
		.options = TARGET_LINK(OUR_MAC),
		.options_len = 8,
	};
	struct frame in;

	s.src = "::";
	s.options = nonce;
	in = frame_nd(&s);
	input(f, 0, &in, T0);
	expect_sent(f, &want);
	assert_int_equal(neigh_counters_get(f->n)->conflicts, 0);
}

static void nd_answer_keeps_vlan_tags(void **state)
{
	static const char tags[] = "\x88\xa8\x20\x07\x81\x00\x00\x2a";
	struct fixture *f = *state;

	for (unsigned n_tags = 1; n_tags <= 2; n_tags++) {
		struct nd_spec s = solicit_of_vip();
		struct nd_spec want = {
			.tags = tags,
			.n_tags = n_tags,
			.eth_dst = HOST_MAC,
			.eth_src = OUR_MAC,
			.src = VIP,
			.dst = HOST,
			.target = VIP,
			.type = ADVERT,
			.flags = SOLICITED | OVERRIDE,
			.options = TARGET_LINK(OUR_MAC),
			.options_len = 8,
		};
		struct frame in;

		s.tags = tags;
		s.n_tags = n_tags;
		in = frame_nd(&s);
		fixture_clear(f);
		input(f, 0, &in, T0);
		expect_sent(f, &want);
	}
}

static void nd_solicitation_for_other_address_is_ignored(void **state)
{
	struct fixture *f = *state;
	struct nd_spec s = solicit_of_vip();
	struct frame in;

	s.target = "2001:db8::2"; /* local on the other port only */
	in = frame_nd(&s);
	input(f, 0, &in, T0);
	s.target = VIP;
	s.eth_dst = OTHER_MAC;
	in = frame_nd(&s);
	input(f, 0, &in, T0);
	assert_int_equal(f->n_sent, 0);
	assert_int_equal(neigh_counters_get(f->n)->ignored, 2);
}

static void nd_malformed_messages_are_refused(void **state)
{
	static const struct {
		const char *what;
		struct nd_spec s;
	} cases[] = {
		{ "hop limit 254", { .src = HOST, .dst = VIP, .target = VIP, .type = SOLICIT, .hop_limit_less = 1 } },
		{ "checksum", { .src = HOST, .dst = VIP, .target = VIP, .type = SOLICIT, .checksum_off = 1 } },
		{ "code", { .src = HOST, .dst = VIP, .target = VIP, .type = SOLICIT, .code = 1 } },
		{ "multicast target", { .src = HOST, .dst = VIP, .target = "ff02::1", .type = SOLICIT } },
		{ "unspecified target", { .src = HOST, .dst = VIP, .target = "::", .type = SOLICIT } },
		{ "multicast source", { .src = "ff02::1", .dst = VIP, .target = VIP, .type = SOLICIT } },
		{ "option of length 0",
		  { .src = HOST,
		    .dst = VIP,
		    .target = VIP,
		    .type = SOLICIT,
		    .options = "\x0e\0\0\0\0\0\0\0",
		    .options_len = 8 } },
		{ "option beyond the packet",
		  { .src = HOST,
		    .dst = VIP,
		    .target = VIP,
		    .type = SOLICIT,
		    .options = "\x01\x02\0\0\0\0\0\0",
		    .options_len = 8 } },
		{ "half an option header",
		  { .src = HOST, .dst = VIP, .target = VIP, .type = SOLICIT, .options = "\x0e", .options_len = 1 } },
		{ "link address option of 16 bytes",
		  { .src = HOST,
		    .dst = VIP,
		    .target = VIP,
		    .type = SOLICIT,
		    .options = "\x01\x02\x02\0\0\0\0\x0a\0\0\0\0\0\0\0\0",
		    .options_len = 16 } },
		{ "link address of a group",
		  { .src = HOST,
		    .dst = VIP,
		    .target = VIP,
		    .type = SOLICIT,
		    .options = SOURCE_LINK(ALL_NODES_MAC),
		    .options_len = 8 } },
		{ "link address zero",
		  { .src = HOST,
		    .dst = VIP,
		    .target = VIP,
		    .type = SOLICIT,
		    .options = SOURCE_LINK("\0\0\0\0\0\0"),
		    .options_len = 8 } },
		{ "duplicate probe to an address", { .src = "::", .dst = VIP, .target = VIP, .type = SOLICIT } },
		{ "duplicate probe to another group",
		  { .src = "::", .dst = "ff02::1", .target = VIP, .type = SOLICIT } },
		{ "duplicate probe with link address",
		  { .src = "::",
		    .dst = VIP_GROUP,
		    .target = VIP,
		    .type = SOLICIT,
		    .options = SOURCE_LINK(HOST_MAC),
		    .options_len = 8 } },
		{ "solicited advertisement to a group",
		  { .src = HOST, .dst = "ff02::1", .target = HOST, .type = ADVERT, .flags = SOLICITED } },
		{ "advertisement from nobody", { .src = "::", .dst = "ff02::1", .target = HOST, .type = ADVERT } },
	};
	struct fixture *f = *state;

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct frame in = frame_nd(&cases[i].s);

		input(f, 0, &in, T0);
		if (f->n_sent || neigh_counters_get(f->n)->malformed != i + 1)
			fail_msg("%s", cases[i].what);
	}
}

static void nd_truncated_at_every_length_is_malformed(void **state)
{
	struct fixture *f = *state;
	struct nd_spec s = solicit_of_vip();
	struct frame in = frame_nd(&s);
	size_t whole = in.len;

	for (in.len--; in.len > 0; in.len--)
		input(f, 0, &in, T0);
	assert_int_equal(f->n_sent, 0);
	assert_int_equal(neigh_counters_get(f->n)->malformed, whole - 1);
}

/* The length field counts, not the frame: cut messages inside of a long frame. */
static void nd_short_payload_length_is_refused(void **state)
{
	struct fixture *f = *state;
	struct nd_spec s = solicit_of_vip();
	uint64_t n_refused;

	for (unsigned len = 0; len < 32; len++) {
		struct frame in = frame_nd(&s);
		uint16_t sum;

		if (len == 24)
			continue; /* a whole message without option */
		in.b[14 + 5] = (uint8_t)len;
		in.b[14 + 42] = in.b[14 + 43] = 0;
		sum = icmp6_checksum(in.b + 14, len);
		in.b[14 + 42] = (uint8_t)(sum >> 8);
		in.b[14 + 43] = (uint8_t)sum;
		input(f, 0, &in, T0);
	}
	n_refused = neigh_counters_get(f->n)->malformed + neigh_counters_get(f->n)->ignored;
	assert_int_equal(n_refused, 31);
	assert_int_equal(f->n_sent, 0);
}

static void nd_padding_after_the_packet_is_no_part_of_it(void **state)
{
	struct fixture *f = *state;
	struct nd_spec s = solicit_of_vip();
	struct frame in = frame_nd(&s);

	frame_add(&in, "\x01\x00\xde\xad\xbe\xef", 6);
	input(f, 0, &in, T0);
	assert_int_equal(f->n_sent, 1);
}

static void nd_router_messages_are_ignored(void **state)
{
	static const uint8_t types[] = { 133, 134, 137, 128, 1 };
	struct fixture *f = *state;

	watch(f, 0, HOST, T0);
	fixture_clear(f);
	for (unsigned i = 0; i < sizeof types; i++) {
		struct nd_spec s = advert_of_host();
		struct frame in;

		s.type = types[i];
		in = frame_nd(&s);
		input(f, 0, &in, T0);
	}
	assert_int_equal(neigh_counters_get(f->n)->ignored, sizeof types);
	assert_int_equal(f->n_sent + f->n_changed, 0);
}

static void nd_solicitation_goes_to_the_group_then_to_the_host(void **state)
{
	struct fixture *f = *state;
	struct nd_spec want = {
		.eth_dst = "\x33\x33\xff\x00\x00\x10",
		.eth_src = OUR_MAC,
		.src = "2001:db8::1",
		.dst = "ff02::1:ff00:10",
		.target = HOST,
		.type = SOLICIT,
		.options = SOURCE_LINK(OUR_MAC),
		.options_len = 8,
	};
	struct nd_spec s = advert_of_host();
	struct frame in = frame_nd(&s);
	uint16_t id = watch(f, 0, HOST, T0);

	expect_sent(f, &want);
	input(f, 0, &in, T0 + MS);
	assert_int_equal(state_of(f, id), NEIGH_REACHABLE);
	fixture_clear(f);
	neigh_poll(f->n, T0 + 3001 * MS);
	want.eth_dst = HOST_MAC;
	want.dst = HOST;
	expect_sent(f, &want);
	assert_int_equal(state_of(f, id), NEIGH_PROBE);
}

static void nd_conflict_is_counted_and_the_address_defended(void **state)
{
	struct fixture *f = *state;
	struct nd_spec advert = {
		.eth_dst = ALL_NODES_MAC,
		.eth_src = OTHER_MAC,
		.src = VIP,
		.dst = "ff02::1",
		.target = VIP,
		.type = ADVERT,
		.flags = OVERRIDE,
		.options = TARGET_LINK(OTHER_MAC),
		.options_len = 8,
	};
	struct nd_spec solicit = {
		.eth_src = OTHER_MAC,
		.src = VIP,
		.dst = "2001:db8::1",
		.target = "2001:db8::1",
		.type = SOLICIT,
		.options = SOURCE_LINK(OTHER_MAC),
		.options_len = 8,
	};
	struct nd_spec want = advert;
	struct frame in = frame_nd(&advert);

	input(f, 0, &in, T0);
	want.eth_src = OUR_MAC;
	want.options = TARGET_LINK(OUR_MAC);
	expect_sent(f, &want);
	input(f, 0, &in, T0 + MS);
	in = frame_nd(&solicit);
	input(f, 0, &in, T0 + 2 * MS);
	assert_int_equal(f->n_sent, 1);
	assert_int_equal(neigh_counters_get(f->n)->conflicts, 3);
}

static void nd_own_packet_that_came_back_is_ignored(void **state)
{
	struct fixture *f = *state;
	struct baton_addr vip = addr_of(VIP);
	struct frame in = { .len = 0 };

	neigh_announce(f->n, 0, &vip);
	assert_int_equal(f->n_sent, 1);
	frame_add(&in, f->sent[0].frame, f->sent[0].len);
	input(f, 1, &in, T0);
	memcpy(in.b + 6, OTHER_MAC, 6); /* reflected by a bridge that puts its own address */
	input(f, 1, &in, T0);
	assert_int_equal(neigh_counters_get(f->n)->conflicts, 0);
	assert_int_equal(neigh_counters_get(f->n)->ignored, 2);
}

static void nd_announcement_goes_to_all_nodes(void **state)
{
	struct fixture *f = *state;
	struct baton_addr vip = addr_of(VIP);
	struct nd_spec want = {
		.eth_dst = ALL_NODES_MAC,
		.eth_src = OUR_MAC_PORT1,
		.src = VIP,
		.dst = "ff02::1",
		.target = VIP,
		.type = ADVERT,
		.flags = OVERRIDE,
		.options = TARGET_LINK(OUR_MAC_PORT1),
		.options_len = 8,
	};

	neigh_announce(f->n, 1, &vip);
	expect_sent(f, &want);
	assert_int_equal(f->sent[0].port, 1);
}

static void nd_port_without_own_address_does_not_ask(void **state)
{
	struct fixture *f = *state;
	struct neigh_port port = { .source4 = addr_of("192.0.2.1") };
	uint16_t id;

	memcpy(port.mac, OUR_MAC, 6);
	assert_int_equal(neigh_port_set(f->n, 0, &port), 0);
	id = watch(f, 0, HOST, T0);
	for (unsigned s = 0; s <= 3; s++)
		neigh_poll(f->n, T0 + s * 1000 * MS);
	assert_int_equal(f->n_sent, 0);
	assert_int_equal(state_of(f, id), NEIGH_FAILED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(nd_solicitation_for_local_address_is_answered),
		TEST(nd_answer_goes_to_the_source_link_option),
		TEST(nd_duplicate_probe_is_answered_to_all_nodes),
		TEST(nd_answer_keeps_vlan_tags),
		TEST(nd_solicitation_for_other_address_is_ignored),
		TEST(nd_malformed_messages_are_refused),
		TEST(nd_truncated_at_every_length_is_malformed),
		TEST(nd_short_payload_length_is_refused),
		TEST(nd_padding_after_the_packet_is_no_part_of_it),
		TEST(nd_router_messages_are_ignored),
		TEST(nd_solicitation_goes_to_the_group_then_to_the_host),
		TEST(nd_conflict_is_counted_and_the_address_defended),
		TEST(nd_own_packet_that_came_back_is_ignored),
		TEST(nd_announcement_goes_to_all_nodes),
		TEST(nd_port_without_own_address_does_not_ask),
	};

	return cmocka_run_group_tests_name("neigh_nd", tests, NULL, NULL);
}
