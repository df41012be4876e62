/* SPDX-License-Identifier: BSD-3-Clause */
/* A next hop's life: states, times, what may change its link address. Steps in tables, time simulated. */
#include "fixture.h"

#define HOST4 "192.0.2.10"
#define HOST6 "2001:db8::10"

enum what {
	POLL,        /* let time pass */
	REPLY,       /* ARP reply to us, or solicited advertisement with override */
	GRATUITOUS,  /* ARP request for itself, or unsolicited advertisement with override */
	REQUEST,     /* asks for our address */
	NO_OVERRIDE, /* advertisement with S, without O */
	BARE,        /* advertisement with S and O, without link address */
	BARE_NEWS,   /* advertisement without flags and link address */
	TO_ALL,      /* ARP reply to everybody */
	TAGGED,      /* REPLY in a VLAN */
	PRIORITY,    /* REPLY with a priority tag */
};

struct step {
	unsigned at_ms;
	enum what what;
	const char *mac;
	unsigned state;        /* afterwards */
	const char *state_mac; /* NULL: none */
	bool changed;          /* the owner was told */
	unsigned n_sent;       /* solicitations */
	bool to_everybody;     /* the first of them */
};

struct story {
	const char *name;
	uint8_t family;
	const struct step *steps;
	unsigned n_steps;
};

static struct frame frame4(enum what what, const char *mac)
{
	static const char priority[] = "\x81\x00\xe0\x00", vlan[] = "\x81\x00\x00\x07";
	struct frame f;

	if (what == GRATUITOUS)
		return frame_arp(BROADCAST, 1, mac, HOST4, "\0\0\0\0\0\0", HOST4);
	if (what == REQUEST)
		return frame_arp(BROADCAST, 1, mac, HOST4, "\0\0\0\0\0\0", "192.0.2.80");
	if (what == TO_ALL)
		return frame_arp(BROADCAST, 2, mac, HOST4, BROADCAST, HOST4);
	if (what == REPLY)
		return frame_arp(OUR_MAC, 2, mac, HOST4, OUR_MAC, "192.0.2.1");
	f = frame_link(OUR_MAC, mac, what == TAGGED ? vlan : priority, 1, 0x0806);
	frame_add_arp(&f, 2, mac, HOST4, OUR_MAC, "192.0.2.1");
	return f;
}

static struct frame frame6(enum what what, const char *mac)
{
	struct nd_spec s = { .eth_src = mac, .src = HOST6, .dst = "2001:db8::1", .target = HOST6, .type = 136 };
	uint8_t option[8] = { 2, 1 };

	memcpy(option + 2, mac, 6);
	s.options = option;
	s.options_len = what == BARE || what == BARE_NEWS ? 0 : sizeof option;
	s.flags = what == REPLY || what == BARE ? 0x60 : what == NO_OVERRIDE ? 0x40 : what == GRATUITOUS ? 0x20 : 0;
	if (what == REQUEST) {
		s.type = 135;
		s.target = s.dst = "2001:db8::80";
		option[0] = 1;
	} else if (what == GRATUITOUS) {
		s.eth_dst = ALL_NODES_MAC;
		s.dst = "ff02::1";
	}
	return frame_nd(&s);
}

static unsigned n_solicits(const struct fixture *f)
{
	unsigned n = 0;

	assert_true(f->n_sent <= FIXTURE_MAX);
	for (unsigned i = 0; i < f->n_sent; i++) {
		const uint8_t *b = f->sent[i].frame;

		n += b[12] == 0x08 ? b[21] == 1 : b[14 + 40] == 135;
	}
	return n;
}

static bool step_holds(const struct fixture *f, uint16_t id, const struct step *s)
{
	struct neigh_nexthop_info info;

	if (neigh_nexthop_info(f->n, id, &info) || info.state != s->state)
		return false;
	if (s->state_mac && memcmp(info.mac, s->state_mac, 6))
		return false;
	if (f->n_changed != s->changed || n_solicits(f) != s->n_sent)
		return false;
	if (s->n_sent && (f->sent[0].frame[0] & 1) != s->to_everybody)
		return false;
	return !s->changed || (f->changed[0].id == id && f->changed[0].state == s->state &&
			       f->changed[0].has_mac == (s->state_mac != NULL) &&
			       (!s->state_mac || !memcmp(f->changed[0].mac, s->state_mac, 6)));
}

static void play(struct fixture *f, const struct story *story)
{
	uint16_t id = watch(f, 0, story->family == BATON_IPV4 ? HOST4 : HOST6, T0);

	assert_int_equal(f->n_sent, 1);
	for (unsigned i = 0; i < story->n_steps; i++) {
		const struct step *s = &story->steps[i];
		uint64_t now_ns = T0 + s->at_ms * MS;

		fixture_clear(f);
		if (s->what != POLL) {
			struct frame in =
				story->family == BATON_IPV4 ? frame4(s->what, s->mac) : frame6(s->what, s->mac);

			input(f, 0, &in, now_ns);
		}
		assert_true(neigh_poll(f->n, now_ns) > now_ns);
		if (!step_holds(f, id, s)) {
			fail_msg("%s over IPv%u: step %u at %u ms: state %d, %u changes, %u solicitations", story->name,
				 story->family, i, s->at_ms, state_of(f, id), f->n_changed, n_solicits(f));
		}
	}
}

/* Stories for both families, told in a fresh neighbourhood each. */
static void play_both(const char *name, const struct step *steps, unsigned n_steps)
{
	for (unsigned v6 = 0; v6 <= 1; v6++) {
		struct story story = { name, v6 ? BATON_IPV6 : BATON_IPV4, steps, n_steps };
		void *state;

		assert_int_equal(fixture_setup(&state), 0);
		play(state, &story);
		fixture_teardown(&state);
	}
}

static void play_one(const char *name, uint8_t family, const struct step *steps, unsigned n_steps)
{
	struct story story = { name, family, steps, n_steps };
	void *state;

	assert_int_equal(fixture_setup(&state), 0);
	play(state, &story);
	fixture_teardown(&state);
}

#define PLAY_BOTH(steps) play_both(__func__, steps, sizeof steps / sizeof steps[0])
#define PLAY_ONE(family, steps) play_one(__func__, family, steps, sizeof steps / sizeof steps[0])

static void silent_host_fails_and_is_asked_on(void **state)
{
	static const struct step steps[] = {
		{ 999, POLL, NULL, NEIGH_INCOMPLETE, NULL, false, 0, false },
		{ 1000, POLL, NULL, NEIGH_INCOMPLETE, NULL, false, 1, true },
		{ 2000, POLL, NULL, NEIGH_INCOMPLETE, NULL, false, 1, true },
		{ 2999, POLL, NULL, NEIGH_INCOMPLETE, NULL, false, 0, false },
		{ 3000, POLL, NULL, NEIGH_FAILED, NULL, true, 1, true },
		{ 4999, POLL, NULL, NEIGH_FAILED, NULL, false, 0, false },
		{ 5000, POLL, NULL, NEIGH_FAILED, NULL, false, 1, true },
		{ 7000, POLL, NULL, NEIGH_FAILED, NULL, false, 1, true },
		{ 7001, REPLY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
	};

	PLAY_BOTH(steps);
}

static void answering_host_is_confirmed_again_and_again(void **state)
{
	static const struct step steps[] = {
		{ 10, REPLY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
		{ 3009, POLL, NULL, NEIGH_REACHABLE, HOST_MAC, false, 0, false },
		{ 3010, POLL, NULL, NEIGH_PROBE, HOST_MAC, true, 1, false },
		{ 3020, REPLY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
		{ 6020, POLL, NULL, NEIGH_PROBE, HOST_MAC, true, 1, false },
		{ 7020, POLL, NULL, NEIGH_PROBE, HOST_MAC, false, 1, false },
		{ 7021, REPLY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
	};

	PLAY_BOTH(steps);
}

static void vanished_host_fails(void **state)
{
	static const struct step steps[] = {
		{ 10, REPLY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
		{ 3010, POLL, NULL, NEIGH_PROBE, HOST_MAC, true, 1, false },
		{ 4010, POLL, NULL, NEIGH_PROBE, HOST_MAC, false, 1, false },
		{ 5010, POLL, NULL, NEIGH_PROBE, HOST_MAC, false, 1, true },
		{ 6010, POLL, NULL, NEIGH_FAILED, NULL, true, 1, true },
		{ 6500, REPLY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
	};

	PLAY_BOTH(steps);
}

static void silently_moved_host_is_found_by_the_last_probe(void **state)
{
	static const struct step steps[] = {
		{ 10, REPLY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
		{ 3010, POLL, NULL, NEIGH_PROBE, HOST_MAC, true, 1, false },
		{ 4010, POLL, NULL, NEIGH_PROBE, HOST_MAC, false, 1, false },
		{ 5010, POLL, NULL, NEIGH_PROBE, HOST_MAC, false, 1, true },
		{ 5011, REPLY, HOST_MAC_NEW, NEIGH_REACHABLE, HOST_MAC_NEW, true, 0, false },
	};

	PLAY_BOTH(steps);
}

static void announced_move_is_taken_and_asked_for(void **state)
{
	static const struct step steps[] = {
		{ 10, REPLY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
		{ 2000, GRATUITOUS, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, false, 0, false },
		{ 2500, GRATUITOUS, HOST_MAC_NEW, NEIGH_PROBE, HOST_MAC_NEW, true, 1, false },
		{ 2501, REPLY, HOST_MAC_NEW, NEIGH_REACHABLE, HOST_MAC_NEW, true, 0, false },
	};

	PLAY_BOTH(steps);
}

static void request_of_a_host_tells_its_address(void **state)
{
	static const struct step steps[] = {
		{ 10, REQUEST, HOST_MAC, NEIGH_PROBE, HOST_MAC, true, 0, false }, /* asked 10 ms ago */
		{ 1000, POLL, NULL, NEIGH_PROBE, HOST_MAC, false, 1, false },
		{ 1001, REPLY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
		{ 1500, REQUEST, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, false, 0, false },
		{ 3000, REQUEST, HOST_MAC_NEW, NEIGH_PROBE, HOST_MAC_NEW, true, 1, false },
	};

	PLAY_BOTH(steps);
}

static void failed_host_that_speaks_is_asked(void **state)
{
	static const struct step steps[] = {
		{ 1000, POLL, NULL, NEIGH_INCOMPLETE, NULL, false, 1, true },
		{ 2000, POLL, NULL, NEIGH_INCOMPLETE, NULL, false, 1, true },
		{ 3000, POLL, NULL, NEIGH_FAILED, NULL, true, 1, true },
		{ 4500, GRATUITOUS, HOST_MAC, NEIGH_PROBE, HOST_MAC, true, 1, false },
		{ 4501, REPLY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
	};

	PLAY_BOTH(steps);
}

/* Two machines answer: the first holds for the retransmission time, so that the address does not flap per packet. */
static void second_answer_does_not_move_the_host(void **state)
{
	static const struct step steps[] = {
		{ 10, REPLY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
		{ 11, REPLY, OTHER_MAC, NEIGH_REACHABLE, HOST_MAC, false, 0, false },
		{ 12, GRATUITOUS, OTHER_MAC, NEIGH_REACHABLE, HOST_MAC, false, 0, false },
		{ 1009, REPLY, OTHER_MAC, NEIGH_REACHABLE, HOST_MAC, false, 0, false },
	};

	PLAY_BOTH(steps);
}

static void unasked_answer_is_doubted(void **state)
{
	static const struct step steps[] = {
		{ 10, REPLY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
		{ 2000, REPLY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, false, 0, false },
		{ 2001, REPLY, OTHER_MAC, NEIGH_PROBE, OTHER_MAC, true, 1, false },
		{ 3001, POLL, NULL, NEIGH_PROBE, OTHER_MAC, false, 1, false },
		{ 4001, POLL, NULL, NEIGH_PROBE, OTHER_MAC, false, 1, true },
		{ 4002, REPLY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
	};

	PLAY_BOTH(steps);
}

static void unasked_answer_confirms_nothing(void **state)
{
	static const struct step steps[] = {
		{ 10, REPLY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
		{ 2000, REPLY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, false, 0, false },
		{ 3010, POLL, NULL, NEIGH_PROBE, HOST_MAC, true, 1, false },
	};

	PLAY_BOTH(steps);
}

/* An announcement in the form of a reply: nobody knows whether we can reach it. */
static void reply_to_everybody_is_asked_for(void **state)
{
	static const struct step steps[] = {
		{ 10, TO_ALL, HOST_MAC, NEIGH_PROBE, HOST_MAC, true, 0, false },
		{ 1000, POLL, NULL, NEIGH_PROBE, HOST_MAC, false, 1, false },
		{ 1001, TO_ALL, HOST_MAC, NEIGH_PROBE, HOST_MAC, false, 0, false },
		{ 1002, REPLY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
	};

	PLAY_ONE(BATON_IPV4, steps);
}

/* What is sent to next hops carries no tag, so a VLAN says nothing about them. */
static void answer_in_a_vlan_is_not_learned(void **state)
{
	static const struct step steps[] = {
		{ 10, TAGGED, OTHER_MAC, NEIGH_INCOMPLETE, NULL, false, 0, false },
		{ 20, PRIORITY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
	};

	PLAY_ONE(BATON_IPV4, steps);
}

static void advertisement_without_link_address_only_confirms(void **state)
{
	static const struct step steps[] = {
		{ 10, BARE, HOST_MAC, NEIGH_INCOMPLETE, NULL, false, 0, false },
		{ 20, REPLY, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
		{ 3020, POLL, NULL, NEIGH_PROBE, HOST_MAC, true, 1, false },
		{ 3025, BARE_NEWS, HOST_MAC, NEIGH_PROBE, HOST_MAC, false, 0, false },
		{ 3030, BARE, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
	};

	PLAY_ONE(BATON_IPV6, steps);
}

/* RFC 4861 section 7.2.5: another link address without O is not taken, but a reachable host is asked. */
static void advertisement_without_override_does_not_replace(void **state)
{
	static const struct step steps[] = {
		{ 10, NO_OVERRIDE, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
		{ 2000, NO_OVERRIDE, OTHER_MAC, NEIGH_PROBE, HOST_MAC, true, 1, false },
		{ 2010, NO_OVERRIDE, OTHER_MAC, NEIGH_PROBE, HOST_MAC, false, 0, false },
		{ 2020, NO_OVERRIDE, HOST_MAC, NEIGH_REACHABLE, HOST_MAC, true, 0, false },
	};

	PLAY_ONE(BATON_IPV6, steps);
}

static void moves_and_confirmations_are_recorded(void **state)
{
	struct fixture *f = *state;
	uint16_t id = watch(f, 0, HOST4, T0);
	struct frame in = frame4(REPLY, HOST_MAC), moved = frame4(GRATUITOUS, HOST_MAC_NEW);
	struct neigh_nexthop_info info;

	input(f, 0, &in, T0 + 5 * MS);
	input(f, 0, &moved, T0 + 2000 * MS);
	assert_int_equal(neigh_nexthop_info(f->n, id, &info), 0);
	assert_int_equal(info.moves, 1);
	assert_int_equal(info.confirmed_ns, T0 + 5 * MS);
	assert_int_equal(info.port, 0);
	assert_int_equal(info.watched, 1);
	assert_int_equal(neigh_counters_get(f->n)->moved, 1);
	assert_int_equal(neigh_counters_get(f->n)->replies_learned, 2);
	assert_int_equal(neigh_nexthop_info(f->n, id + 1, &info), -2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silent_host_fails_and_is_asked_on),
		cmocka_unit_test(answering_host_is_confirmed_again_and_again),
		cmocka_unit_test(vanished_host_fails),
		cmocka_unit_test(silently_moved_host_is_found_by_the_last_probe),
		cmocka_unit_test(announced_move_is_taken_and_asked_for),
		cmocka_unit_test(request_of_a_host_tells_its_address),
		cmocka_unit_test(failed_host_that_speaks_is_asked),
		cmocka_unit_test(second_answer_does_not_move_the_host),
		cmocka_unit_test(unasked_answer_is_doubted),
		cmocka_unit_test(unasked_answer_confirms_nothing),
		cmocka_unit_test(reply_to_everybody_is_asked_for),
		cmocka_unit_test(answer_in_a_vlan_is_not_learned),
		cmocka_unit_test(advertisement_without_link_address_only_confirms),
		cmocka_unit_test(advertisement_without_override_does_not_replace),
		cmocka_unit_test_setup_teardown(moves_and_confirmations_are_recorded, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("neigh_state", tests, NULL, NULL);
}
