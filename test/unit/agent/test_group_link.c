/* SPDX-License-Identifier: BSD-3-Clause */
/* Three members over real links on the loopback interface: they agree, the leader dies, one with another key is not
 * heard. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/group_link.h"
#include "base/clock.h"

#define N 3
#define PATIENCE_NS (20 * CLOCK_NS_PER_S)

struct fixture {
	struct loop *loop;
	struct group_link_settings settings;
	struct seal_keyring keys;
	struct group_link *links[N];
	uint64_t consolidated[N], heard[N];
};

struct place {
	struct fixture *f;
	unsigned own;
};

static struct place places[N];

static void to_balancers(void *context, const struct health_message *m)
{
	struct place *p = context;

	assert_int_equal(m->type, HEALTH_GROUP_HEARTBEAT);
	p->f->consolidated[p->own]++;
	p->f->heard[p->own] = m->group_heartbeat.heard;
}

static uint16_t free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static void member_start(struct fixture *f, unsigned own)
{
	struct group_link_ops ops = { to_balancers, &places[own] };
	struct group_link_settings s = f->settings;

	places[own] = (struct place){ f, own };
	s.group.own = own;
	s.group.incarnation = seal_incarnation(clock_wall_ns(), 0);
	assert_int_equal(group_link_new(f->loop, &s, &f->keys, &ops, &f->links[own]), 0);
}

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	assert_int_equal(loop_new(&f.loop), 0);
	f.keys = (struct seal_keyring){ .n_keys = 1, .keys = { { .id = 1, .key = { 7 } } } };
	f.settings.group = health_group_settings_default();
	f.settings.group.group = 5;
	f.settings.group.interval_ms = 100;
	f.settings.group.lease_ms = 400;
	f.settings.group.alone_ms = 300;
	f.settings.n_members = N;
	for (unsigned i = 0; i < N; i++) {
		f.settings.members[i].host = 100 + i;
		f.settings.members[i].addr = (struct baton_addr){ .family = BATON_IPV4 };
		assert_int_equal(baton_addr_parse("127.0.0.1", &f.settings.members[i].addr), 0);
		f.settings.members[i].port = free_port();
	}
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < N; i++)
		group_link_free(f->links[i]);
	loop_free(f->loop);
	return 0;
}

/* Members tell their heartbeats; until done() or patience ends. */
static bool wait_for(struct fixture *f, bool (*done)(const struct fixture *f))
{
	uint64_t end = clock_monotonic_ns() + PATIENCE_NS;
	struct health_message m = { .type = HEALTH_HEARTBEAT, .incarnation = 1, .seq = 1 };

	m.heartbeat.interval_ms = 100;
	m.heartbeat.content.n_chunks = 1;
	while (!done(f) && clock_monotonic_ns() < end) {
		for (unsigned i = 0; i < N; i++) {
			m.host = 100 + i;
			if (f->links[i])
				group_link_outgoing(f->links[i], &m, clock_monotonic_ns());
		}
		assert_int_equal(loop_turn(f->loop, 20), 0);
	}
	return done(f);
}

/* One leads, the others follow it and it hears them all. */
static bool united(const struct fixture *f)
{
	uint64_t all = 0;
	unsigned leader = HEALTH_GROUP_NOBODY;

	for (unsigned i = 0; i < N; i++) {
		const struct health_group *g = group_link_state(f->links[i]);

		if (!g)
			continue;
		all |= 1ull << i;
		if (leader == HEALTH_GROUP_NOBODY)
			leader = g->leader;
		if (g->leader != leader || leader >= N)
			return false;
	}
	return leader < N && f->links[leader] && f->heard[leader] == all;
}

static void test_united(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < N; i++)
		member_start(f, i);
	assert_true(wait_for(f, united));
}

static void test_leader_leaves(void **state)
{
	struct fixture *f = *state;
	unsigned leader;

	for (unsigned i = 0; i < N; i++)
		member_start(f, i);
	assert_true(wait_for(f, united));
	leader = group_link_state(f->links[1])->leader;
	group_link_free(f->links[leader]);
	f->links[leader] = NULL;
	assert_true(wait_for(f, united));
	member_start(f, leader);
	assert_true(wait_for(f, united));
	assert_int_not_equal(group_link_state(f->links[leader])->leader, leader);
}

static bool two_united_one_alone(const struct fixture *f)
{
	const struct health_group *a = group_link_state(f->links[0]), *b = group_link_state(f->links[1]);
	const struct health_group *c = group_link_state(f->links[2]);

	return a->leader == b->leader && a->leader < 2 && f->heard[a->leader] == 3 && c->leader == 2 &&
	       f->heard[2] == 4 && f->consolidated[2] > 5;
}

static void test_foreign_key(void **state)
{
	struct fixture *f = *state;

	member_start(f, 0);
	member_start(f, 1);
	f->keys.keys[0].key[0] = 8;
	member_start(f, 2);
	assert_true(wait_for(f, two_united_one_alone));
}

static void test_no_group(void **state)
{
	struct group_link_settings none = { 0 };
	struct group_link_ops ops = { to_balancers, NULL };
	struct health_message m = { .type = HEALTH_HEARTBEAT };
	struct fixture *f = *state;
	struct group_link *g = (struct group_link *)&none;

	assert_int_equal(group_link_new(f->loop, &none, &f->keys, &ops, &g), 0);
	assert_null(g);
	assert_true(group_link_outgoing(g, &m, 1));
	m.type = HEALTH_GROUP_ASK;
	assert_true(group_link_incoming(g, &m, 1));
	assert_null(group_link_state(g));
}

static void test_address_taken(void **state)
{
	struct fixture *f = *state;
	struct group_link_ops ops = { to_balancers, NULL };
	struct group_link *g = NULL;

	member_start(f, 0);
	f->settings.group.incarnation = 2;
	assert_int_equal(group_link_new(f->loop, &f->settings, &f->keys, &ops, &g), -EADDRINUSE);
	assert_null(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_united, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leader_leaves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_group, setup, teardown),
		cmocka_unit_test_setup_teardown(test_address_taken, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
