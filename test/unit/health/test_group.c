/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Groups under random faults: splits of the group, balancers cut off from
 * hosts, loss, delay, deaths and returns. When the faults end, within a stated
 * time each side of a split has one leader whom all follow, and each balancer
 * holds exactly the hosts that are alive and can reach it.
 *
 * `test_group FIRST COUNT` runs other seeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/group_sim.h"

#define N_HOSTS 8
#define N_BALANCERS 2
/* lease 3 s, skew, an interval until the adverts meet, all twice: a leader may fall to a later one on its way */
#define SETTLED_NS (10 * SIM_S)
/*
 * A host given up by a balancer that its leader is cut off from is back with its own heartbeat each 30 s; and with
 * membership only, a balancer that hears neither leader nor host waits three and a half slow intervals.
 */
#define SILENCE_NS (40 * SIM_S)

static unsigned first_seed = 1, n_seeds = 150;

static struct group_sim *begin(uint64_t seed, uint8_t mode, bool compress)
{
	struct group_sim_settings s = {
		.n_hosts = N_HOSTS,
		.n_apps = 2,
		.n_balancers = N_BALANCERS,
		.group_size = N_HOSTS,
		.mode = mode,
		.compress = compress,
		.load_ms = 60000, /* a change of rows is a sign of life too: seldom */
		.delay_ms = { 1, 30 },
		.seed = seed,
	};

	return group_sim_new(&s);
}

static void fault(struct group_sim *s)
{
	struct sim_host *h = &s->hosts[group_sim_random(s, N_HOSTS)];

	switch (group_sim_random(s, 7)) {
	case 0:
		group_sim_kill(s, h->number);
		break;
	case 1:
		group_sim_start(s, h->number);
		break;
	case 2:
		h->side = group_sim_random(s, 3);
		break;
	case 3:
		for (unsigned i = 0; i < N_HOSTS; i++)
			s->hosts[i].side = 0;
		break;
	case 4:
		h->cut[group_sim_random(s, N_BALANCERS)] ^= true;
		break;
	case 5:
		s->settings.loss = group_sim_random(s, 300);
		break;
	default:
		h->last_word = h->grouped && h->group.leader == h->group.settings.own;
	}
}

static unsigned alive_on(const struct group_sim *s, unsigned side)
{
	unsigned n = 0;

	for (unsigned i = 0; i < N_HOSTS; i++)
		n += s->hosts[i].alive && s->hosts[i].side == side;
	return n;
}

static bool leaders_agree(const struct group_sim *s)
{
	for (unsigned i = 0; i < N_HOSTS; i++) {
		const struct sim_host *h = &s->hosts[i];
		int leader = group_sim_leader(s, i);

		if (!h->alive)
			continue;
		if (leader < 0 || !s->hosts[leader].alive || s->hosts[leader].side != h->side)
			return false;
		for (unsigned k = 0; k < N_HOSTS; k++) {
			if (s->hosts[k].alive && s->hosts[k].side == h->side && group_sim_leader(s, k) != leader)
				return false;
		}
	}
	return true;
}

/* A host that is cut off from a balancer may still be there by its leader's word, if the leader is not cut off. */
static bool reaches(const struct group_sim *s, const struct sim_host *h, unsigned b)
{
	int leader = group_sim_leader(s, h->number);

	return !h->cut[b] || (leader >= 0 && !s->hosts[leader].cut[b]);
}

static bool liveness_true(const struct group_sim *s)
{
	for (unsigned i = 0; i < N_HOSTS; i++) {
		const struct sim_host *h = &s->hosts[i];

		for (unsigned b = 0; b < N_BALANCERS; b++) {
			/* of a host that does not hear this balancer itself, only its death is certain */
			bool sure = !h->alive || !h->cut[b] || !reaches(s, h, b);

			if (sure && group_sim_present(s, b, i) != (h->alive && reaches(s, h, b)))
				return false;
		}
	}
	return true;
}

static void settle(struct group_sim *s)
{
	for (unsigned i = 0; i < N_HOSTS; i++)
		s->hosts[i].last_word = false;
	s->settings.loss = 0;
}

static void check(struct group_sim *s, uint64_t seed, uint8_t mode)
{
	bool leaders, live;

	settle(s);
	group_sim_run(s, SETTLED_NS);
	leaders = leaders_agree(s);
	group_sim_run(s, SILENCE_NS);
	live = liveness_true(s);
	if (leaders && live)
		return;
	for (unsigned i = 0; i < N_HOSTS; i++) {
		const struct sim_host *h = &s->hosts[i];

		print_error("host %u %s side %u (%u there) follows %d, cut %d %d, seen %d %d\n", i,
			    h->alive ? "alive" : "dead", h->side, alive_on(s, h->side), group_sim_leader(s, i),
			    h->cut[0], h->cut[1], group_sim_present(s, 0, i), group_sim_present(s, 1, i));
	}
	fail_msg("seed %u mode %u: %s", (unsigned)seed, mode, leaders ? "liveness" : "leaders");
}

static void test_random_faults(void **state)
{
	for (unsigned i = 0; i < n_seeds; i++) {
		uint64_t seed = first_seed + i;
		uint8_t mode = seed % 3 == 0 ? HEALTH_GROUP_MEMBERSHIP : HEALTH_GROUP_CONTENT;
		struct group_sim *s = begin(seed, mode, seed % 2);

		for (unsigned round = 0; round < 3; round++) {
			for (unsigned n = 3 + group_sim_random(s, 12); n; n--) {
				fault(s);
				group_sim_run(s, group_sim_random(s, 2500) * SIM_MS);
			}
			check(s, seed, mode);
		}
		group_sim_free(s);
	}
}

/* No leader's death, wherever it strikes, takes another host from any balancer. */
static void leader_dies(uint8_t mode, bool mid_sentence)
{
	struct group_sim *s = begin(7, mode, true);
	uint64_t end;
	int leader;

	group_sim_run(s, 15 * SIM_S);
	leader = group_sim_leader(s, 0);
	assert_true(leader >= 0);
	if (mid_sentence)
		s->hosts[leader].last_word = true;
	else
		group_sim_kill(s, (unsigned)leader);
	end = s->now_ns + 60 * SIM_S;
	while (s->now_ns < end) {
		group_sim_run(s, 50 * SIM_MS);
		/* noticed in 6 s in both modes: three and a half intervals, or lease, place, a report and the asks */
		for (unsigned b = 0; !mid_sentence && end - s->now_ns < 54 * SIM_S && b < N_BALANCERS; b++)
			assert_false(group_sim_present(s, b, (unsigned)leader));
		for (unsigned i = 0; i < N_HOSTS; i++) {
			for (unsigned b = 0; b < N_BALANCERS; b++)
				assert_true((int)i == leader || group_sim_present(s, b, i));
		}
	}
	assert_false(s->hosts[leader].alive);
	assert_false(group_sim_present(s, 0, (unsigned)leader));
	assert_false(group_sim_present(s, 1, (unsigned)leader));
	assert_true(leaders_agree(s));
	group_sim_free(s);
}

static void test_leader_dies(void **state)
{
	leader_dies(HEALTH_GROUP_CONTENT, false);
	leader_dies(HEALTH_GROUP_MEMBERSHIP, false);
}

static void test_leader_dies_in_mid_sentence(void **state)
{
	leader_dies(HEALTH_GROUP_CONTENT, true);
	leader_dies(HEALTH_GROUP_MEMBERSHIP, true);
}

/* Two leaders of a split that heals: one gives way within an interval and a way through the network. */
static void test_merge(void **state)
{
	struct group_sim *s = begin(3, HEALTH_GROUP_CONTENT, true);

	for (unsigned i = 0; i < N_HOSTS; i++)
		s->hosts[i].side = i % 2;
	group_sim_run(s, 15 * SIM_S);
	assert_true(leaders_agree(s));
	assert_int_not_equal(group_sim_leader(s, 0), group_sim_leader(s, 1));
	for (unsigned i = 0; i < N_HOSTS; i++)
		s->hosts[i].side = 0;
	group_sim_run(s, 1500 * SIM_MS);
	assert_true(leaders_agree(s));
	group_sim_free(s);
}

/* The leader is cut off from one balancer; that one asks the members, who then speak themselves. */
static void test_leader_cut_off(void **state)
{
	struct group_sim *s = begin(5, HEALTH_GROUP_CONTENT, true);
	int leader;

	group_sim_run(s, 15 * SIM_S);
	leader = group_sim_leader(s, 0);
	assert_true(leader >= 0);
	s->hosts[leader].cut[1] = true;
	for (unsigned t = 0; t < 600; t++) {
		group_sim_run(s, 50 * SIM_MS);
		for (unsigned i = 0; i < N_HOSTS; i++)
			assert_true((int)i == leader || group_sim_present(s, 1, i));
	}
	assert_false(group_sim_present(s, 1, (unsigned)leader));
	group_sim_free(s);
}

/* With nothing wrong members are silent towards balancers and unchanged entries are not told. */
static void test_quiet(void **state)
{
	struct group_sim *s = begin(9, HEALTH_GROUP_CONTENT, true);
	uint64_t own = 0, entries = 0;

	s->settings.load_ms = 1u << 30;
	group_sim_run(s, 20 * SIM_S);
	for (unsigned i = 0; i < N_HOSTS; i++) {
		s->hosts[i].load_ns = UINT64_MAX;
		own -= s->hosts[i].group.counters[HEALTH_GROUP_COUNTER_OWN];
		entries -= s->hosts[i].group.counters[HEALTH_GROUP_COUNTER_ENTRIES];
	}
	group_sim_run(s, 20 * SIM_S);
	for (unsigned i = 0; i < N_HOSTS; i++) {
		own += s->hosts[i].group.counters[HEALTH_GROUP_COUNTER_OWN];
		entries += s->hosts[i].group.counters[HEALTH_GROUP_COUNTER_ENTRIES];
	}
	assert_in_range(own, 0, N_HOSTS); /* one each 30 s */
	assert_in_range(entries, 0, N_HOSTS);
	group_sim_free(s);
}

static struct health_message asked;

static void keep(void *context, const struct health_message *m)
{
	asked = *m;
}

/* What was left out is believed only if the sum says that the leader means what is remembered. */
static void test_sum(void **state)
{
	struct health_group_cache_settings gs = health_group_cache_settings_default();
	struct health_cache_settings cs = health_cache_settings_default();
	struct health_cache_ops ops = { .send = keep };
	struct health_group_entry entries[2] = {
		{ .index = 0, .host = 10, .incarnation = 1, .seq = 1, .content.n_chunks = 1 },
		{ .index = 1, .host = 11, .incarnation = 1, .seq = 1, .content.n_chunks = 1 },
	};
	struct health_message m = { .type = HEALTH_GROUP_HEARTBEAT, .host = 10, .incarnation = 1, .seq = 1 };
	struct health_group_cache groups;
	struct health_cache cache;

	assert_int_equal(health_cache_init(&cache, &cs, &ops), 0);
	assert_int_equal(health_group_cache_init(&groups, &gs, &cache), 0);
	m.group_heartbeat = (struct health_group_heartbeat){ .group = 3, .term = 1, .interval_ms = 1000, .heard = 3 };
	m.group_heartbeat.entries = entries;
	m.group_heartbeat.n_entries = 2;
	m.group_heartbeat.sum = health_group_sum(health_group_sum(0, &entries[0]), &entries[1]);
	health_group_cache_receive(&groups, &m, SIM_S);
	assert_int_equal(groups.counters[HEALTH_GROUP_CACHE_COUNTER_EXPANDED], 2);
	m.seq = 2;
	m.group_heartbeat.n_entries = 0;
	health_group_cache_receive(&groups, &m, 2 * SIM_S);
	assert_int_equal(groups.counters[HEALTH_GROUP_CACHE_COUNTER_EXPANDED], 4);
	assert_int_equal(groups.counters[HEALTH_GROUP_CACHE_COUNTER_ASKED_LEADERS], 0);
	/* a message with the change of member 1 was lost */
	entries[1].seq = 2;
	m.seq = 4;
	m.group_heartbeat.sum = health_group_sum(health_group_sum(0, &entries[0]), &entries[1]);
	health_group_cache_receive(&groups, &m, 3 * SIM_S);
	assert_int_equal(groups.counters[HEALTH_GROUP_CACHE_COUNTER_EXPANDED], 4);
	assert_int_equal(groups.counters[HEALTH_GROUP_CACHE_COUNTER_ASKED_LEADERS], 1);
	assert_int_equal(asked.type, HEALTH_GROUP_ASK);
	assert_true(asked.host == 10 && asked.group_ask.group == 3);
	health_group_cache_fini(&groups);
	health_cache_fini(&cache);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum),           cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_merge),         cmocka_unit_test(test_leader_cut_off),
		cmocka_unit_test(test_leader_dies),   cmocka_unit_test(test_leader_dies_in_mid_sentence),
		cmocka_unit_test(test_random_faults),
	};

	if (argc == 3) {
		first_seed = (unsigned)strtoul(argv[1], NULL, 10);
		n_seeds = (unsigned)strtoul(argv[2], NULL, 10);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
