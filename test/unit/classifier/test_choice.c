/* SPDX-License-Identifier: BSD-3-Clause */
/* Session affinity: who goes where an earlier connection went, and who does not. */
#include "fixture.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "baton/application.h"

#define NOW SECONDS(1000)
#define N_ENDPOINTS 4
#define SERVICES 3 /* VIP 0 and its pools 1 and 2 */

struct bench {
	struct view *v;
	struct classifier *c;
	struct sessions *sessions;
	struct application app;
};

static void endpoint_give(struct view *v, uint16_t id, uint16_t vip, uint8_t host)
{
	struct view_endpoint *e = &v->endpoints[id];

	*e = (struct view_endpoint){ .addr = { 10, 0, 0, host },
				     .port_be = htons(8080),
				     .vip = vip,
				     .nexthop = VIEW_NONE,
				     .family = BATON_IPV4,
				     .capacity = 10,
				     .usable = 1 };
}

/* Each service has endpoints on the hosts 1 … N_ENDPOINTS. */
static struct view *view_make(const struct application *app)
{
	struct view *v = view_new(SERVICES, SERVICES * N_ENDPOINTS, 0, 0);

	assert_non_null(v);
	v->generation = 1;
	for (uint16_t s = 0; s < SERVICES; s++) {
		uint16_t ids[N_ENDPOINTS];

		assert_int_equal(baton_addr_parse("192.0.2.1", &v->vips[s].addr), 0);
		v->vips[s].port_be = htons(80);
		v->vips[s].proto = IPPROTO_TCP;
		v->vips[s].mode = BATON_MODE_TUNNEL;
		v->vips[s].pool = s > 0;
		for (uint16_t i = 0; i < N_ENDPOINTS; i++) {
			ids[i] = (uint16_t)(s * N_ENDPOINTS + i);
			endpoint_give(v, ids[i], s, (uint8_t)(i + 1));
		}
		assert_int_equal(view_vip_set_endpoints(v, s, ids, N_ENDPOINTS), 0);
	}
	v->vips[0].application = app;
	v->vips[0].n_affinities = 3;
	v->vips[0].affinities[0] = (struct baton_affinity){ BATON_AFFINITY_SERVER, 0, "server" };
	v->vips[0].affinities[1] = (struct baton_affinity){ BATON_AFFINITY_COOKIE, 100, "sid" };
	v->vips[0].affinities[2] = (struct baton_affinity){ BATON_AFFINITY_CLIENT, 20, "" };
	return v;
}

static int setup(void **state)
{
	static struct bench b;
	struct classifier_params p = fixture_params();

	memset(&b, 0, sizeof b);
	b.app = (struct application){ .n_pools = 2, .pools = { 1, 2 } };
	b.v = view_make(&b.app);
	b.sessions = p.sessions = sessions_new(1000, p.hash_key);
	assert_non_null(b.sessions);
	b.c = fixture_classifier(&p);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	classifier_free(b->c);
	sessions_free(b->sessions);
	view_free(b->v);
	return 0;
}

/* What a connection shows of its sessions; NULL: nothing of that kind. */
struct shown {
	struct classifier_keys keys;
	struct session_key key[BATON_MAX_AFFINITIES];
};

static const struct shown *shows(struct bench *b, const char *server, const char *cookie, const char *client)
{
	static struct shown s;
	const char *bytes[] = { server, cookie, client };

	s.keys = (struct classifier_keys){ 0, s.key };
	for (unsigned i = 0; i < 3; i++) {
		if (!bytes[i])
			continue;
		classifier_key(b->c, b->v, 0, &b->v->vips[0].affinities[i], (const uint8_t *)bytes[i],
			       (uint32_t)strlen(bytes[i]), &s.key[i]);
		s.keys.present |= 1u << i;
	}
	return &s;
}

static uint16_t choose(struct bench *b, uint16_t service, const struct shown *s, uint64_t now_ns)
{
	return classifier_choose(b->c, b->v, service, &s->keys, NULL, 0, now_ns);
}

/* Choose and place; each connection has a port of its own. */
static uint16_t connect_to(struct bench *b, uint16_t service, const struct shown *s, uint64_t now_ns)
{
	static uint16_t port = 1000;
	struct classifier_packet p = fixture_packet(b->v, port++, ACK, 0);
	struct classifier_handed h = { .key = p.key,
				       .endpoint = choose(b, service, s, now_ns),
				       .state = BATON_CONN_ESTABLISHED,
				       .keys = s->keys };
	struct plumb_route r;

	assert_int_not_equal(h.endpoint, VIEW_NONE);
	assert_int_equal(classifier_place(b->c, b->v, &h, now_ns, &r), 0);
	return h.endpoint;
}

static const struct session_counters *counted(const struct bench *b)
{
	return classifier_session_counters_get(b->c);
}

static void a_session_leads_where_it_led(void **state)
{
	struct bench *b = *state;
	uint16_t first = connect_to(b, 0, shows(b, NULL, "alice", NULL), NOW);

	assert_int_equal(counted(b)->session_misses, 1);
	assert_int_equal(counted(b)->session_added, 1);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(connect_to(b, 0, shows(b, NULL, "alice", NULL), NOW), first);
	assert_int_equal(counted(b)->session_hits, 20);
	assert_int_equal(counted(b)->session_added, 1);
}

static void without_one_allotments_decide(void **state)
{
	struct bench *b = *state;
	unsigned n[N_ENDPOINTS] = { 0 };

	for (unsigned i = 0; i < 40; i++)
		n[connect_to(b, 0, shows(b, NULL, NULL, NULL), NOW)]++;
	for (unsigned i = 0; i < N_ENDPOINTS; i++)
		assert_int_equal(n[i], 10);
	assert_int_equal(counted(b)->session_misses, 0);
}

static void affinities_are_asked_in_their_order(void **state)
{
	struct bench *b = *state;
	uint16_t by_cookie = connect_to(b, 0, shows(b, NULL, "alice", NULL), NOW);
	uint16_t by_client = connect_to(b, 0, shows(b, NULL, NULL, "addr"), NOW); /* the next in turn */

	assert_int_not_equal(by_client, by_cookie);
	assert_int_equal(choose(b, 0, shows(b, NULL, "alice", "addr"), NOW), by_cookie);
	assert_int_equal(choose(b, 0, shows(b, NULL, "bob", "addr"), NOW), by_client);
}

static void each_affinity_has_its_own_timeout(void **state)
{
	struct bench *b = *state;
	uint16_t first = connect_to(b, 0, shows(b, NULL, "alice", "addr"), NOW);

	assert_int_equal(choose(b, 0, shows(b, NULL, NULL, "addr"), NOW + SECONDS(20)), first);
	assert_int_equal(counted(b)->session_misses, 1);
	choose(b, 0, shows(b, NULL, NULL, "addr"), NOW + SECONDS(41));
	assert_int_equal(counted(b)->session_misses, 2);
	assert_int_equal(choose(b, 0, shows(b, NULL, "alice", NULL), NOW + SECONDS(100)), first);
}

static void health_comes_before_affinity(void **state)
{
	struct bench *b = *state;
	uint16_t first = connect_to(b, 0, shows(b, NULL, "alice", NULL), NOW);
	struct view_endpoint *e = &b->v->endpoints[first], was = *e;

	for (unsigned i = 0; i < 4; i++) {
		e->usable = i != 0;
		e->retired = i == 1;
		e->stop = i == 2;
		e->capacity = i == 3 ? 0 : 10;
		if (i == 2)
			e->usable = 0; /* as publishing has it */
		assert_int_not_equal(choose(b, 0, shows(b, NULL, "alice", NULL), NOW), first);
		*e = was;
		assert_int_equal(choose(b, 0, shows(b, NULL, "alice", NULL), NOW), first);
	}
	assert_int_equal(counted(b)->session_unfit, 4);
	/* a connection that was placed elsewhere takes the session along */
	e->usable = 0;
	assert_int_not_equal(connect_to(b, 0, shows(b, NULL, "alice", NULL), NOW), first);
	*e = was;
	assert_int_not_equal(choose(b, 0, shows(b, NULL, "alice", NULL), NOW), first);
}

static struct allotment full_but(uint16_t open, uint64_t now_ns)
{
	struct allotment a = fixture_allotment(ALLOTMENT_TOKENS, (const uint32_t[]){ 5, 5, 5, 5 }, N_ENDPOINTS, now_ns);

	for (uint16_t i = 0; i < N_ENDPOINTS; i++)
		a.shares[i].flags = i == open ? 0 : ALLOTMENT_FULL;
	return a;
}

static void who_is_full_is_not_followed_while_another_is_not(void **state)
{
	struct bench *b = *state;
	uint16_t first = connect_to(b, 0, shows(b, NULL, "alice", NULL), NOW);
	struct allotment a = full_but((uint16_t)((first + 1) % N_ENDPOINTS), NOW);

	classifier_allot(b->c, &a, NOW);
	choose(b, 0, shows(b, NULL, "alice", NULL), NOW);
	assert_int_equal(counted(b)->session_unfit, 1);
	/* an allotment that is too old says nothing */
	assert_int_equal(choose(b, 0, shows(b, NULL, "alice", NULL), NOW + SECONDS(1)), first);
	/* nor where all are full */
	a = full_but(N_ENDPOINTS, NOW + SECONDS(1));
	classifier_allot(b->c, &a, NOW + SECONDS(1));
	assert_int_equal(choose(b, 0, shows(b, NULL, "alice", NULL), NOW + SECONDS(1)), first);
	/* nor when it is not full any more */
	a = full_but(first, NOW + SECONDS(1) + 1);
	classifier_allot(b->c, &a, NOW + SECONDS(1) + 1);
	assert_int_equal(choose(b, 0, shows(b, NULL, "alice", NULL), NOW + SECONDS(1) + 1), first);
	assert_int_equal(counted(b)->session_unfit, 1);
}

/* The others get the less of the rest, so that the shares hold over all. */
static void connections_of_sessions_count_for_the_shares(void **state)
{
	for (unsigned kind = ALLOTMENT_TOKENS; kind <= ALLOTMENT_PERCENT; kind++) {
		unsigned n[N_ENDPOINTS] = { 0 };
		struct allotment a;
		struct bench *b;

		if (kind == ALLOTMENT_PERCENT) {
			teardown(state);
			setup(state);
		}
		b = *state;
		for (unsigned i = 0; i < 400; i++) {
			uint64_t now_ns = NOW + i * CLOCK_NS_PER_MS;

			if (i % 20 == 0) {
				a = fixture_allotment((uint8_t)kind, (const uint32_t[]){ 5, 5, 5, 5 }, N_ENDPOINTS,
						      now_ns);
				classifier_allot(b->c, &a, now_ns);
			}
			/* every fifth connection is alice's */
			n[connect_to(b, 0, shows(b, NULL, i % 5 ? NULL : "alice", NULL), now_ns)]++;
		}
		for (unsigned i = 0; i < N_ENDPOINTS; i++)
			assert_in_range(n[i], 95, 105);
	}
}

static void each_pool_has_sessions_of_its_own(void **state)
{
	struct bench *b = *state;
	uint16_t in_1 = connect_to(b, 1, shows(b, NULL, "alice", NULL), NOW);
	uint16_t in_2 = connect_to(b, 2, shows(b, NULL, "alice", NULL), NOW);

	assert_in_range(in_1, N_ENDPOINTS, 2 * N_ENDPOINTS - 1);
	assert_in_range(in_2, 2 * N_ENDPOINTS, 3 * N_ENDPOINTS - 1);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(connect_to(b, 1, shows(b, NULL, "alice", NULL), NOW), in_1);
		assert_int_equal(connect_to(b, 2, shows(b, NULL, "alice", NULL), NOW), in_2);
	}
}

static void the_tried_are_not_tried_again(void **state)
{
	struct bench *b = *state;
	uint16_t tried[N_ENDPOINTS], first = connect_to(b, 0, shows(b, NULL, "alice", NULL), NOW);
	const struct shown *s = shows(b, NULL, "alice", NULL);
	unsigned seen = 0;

	for (unsigned n = 0; n < N_ENDPOINTS; n++) {
		uint16_t e = classifier_choose(b->c, b->v, 0, &s->keys, tried, n, NOW);

		assert_true(e < N_ENDPOINTS && !(seen & 1u << e));
		if (n == 0)
			assert_int_equal(e, first);
		seen |= 1u << e;
		tried[n] = e;
	}
	assert_int_equal(classifier_choose(b->c, b->v, 0, &s->keys, tried, N_ENDPOINTS, NOW), VIEW_NONE);
	/* nobody was forgotten over that */
	for (unsigned i = 0; i < N_ENDPOINTS; i++)
		assert_int_not_equal(choose(b, 0, shows(b, NULL, NULL, NULL), NOW), VIEW_NONE);
}

/* When those with a share have refused, one without is better than nothing. */
static void one_without_a_share_is_tried_last(void **state)
{
	struct bench *b = *state;
	struct allotment a = fixture_allotment(ALLOTMENT_TOKENS, (const uint32_t[]){ 0, 9, 0, 0 }, N_ENDPOINTS, NOW);
	const struct shown *s = shows(b, NULL, NULL, NULL);
	uint16_t tried[] = { 1, 3, 0 };

	classifier_allot(b->c, &a, NOW);
	b->v->endpoints[0].usable = 0;
	assert_int_equal(classifier_choose(b->c, b->v, 0, &s->keys, NULL, 0, NOW), 1);
	assert_int_equal(classifier_choose(b->c, b->v, 0, &s->keys, tried, 2, NOW), 2);
	b->v->endpoints[2].usable = 0;
	assert_int_equal(classifier_choose(b->c, b->v, 0, &s->keys, tried, 2, NOW), VIEW_NONE);
	assert_int_equal(classifier_choose(b->c, b->v, 0, &s->keys, NULL, 0, NOW), 1);
}

static void a_cookie_that_names_the_server_needs_no_memory(void **state)
{
	struct bench *b = *state;

	snprintf(b->v->endpoint_names[1], VIEW_ENDPOINT_NAME_MAX, "web");
	snprintf(b->v->endpoint_names[2], VIEW_ENDPOINT_NAME_MAX, "eu.web");
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(choose(b, 0, shows(b, "web", NULL, NULL), NOW), 1);
		assert_int_equal(choose(b, 0, shows(b, "0123456789.web", NULL, NULL), NOW), 1);
		assert_int_equal(choose(b, 0, shows(b, "0123456789.eu.web", NULL, NULL), NOW), 2);
		/* one that has no name goes by its host's address */
		assert_int_equal(choose(b, 0, shows(b, "x.10.0.0.4", NULL, NULL), NOW), 3);
		/* in a pool: the endpoint on the same host */
		assert_int_equal(choose(b, 2, shows(b, "web", NULL, NULL), NOW), 2 * N_ENDPOINTS + 1);
	}
	assert_int_equal(counted(b)->session_hits, 25);
	for (unsigned i = 0; i < 3; i++) {
		static const char *const strange[] = { "", "0123web", "web." };

		choose(b, 0, shows(b, strange[i], NULL, NULL), NOW);
		assert_int_equal(counted(b)->session_misses, i + 1);
	}
	connect_to(b, 0, shows(b, "web", NULL, NULL), NOW);
	assert_int_equal(sessions_count(b->sessions, 1000), 0);
	b->v->endpoints[1].usable = 0;
	assert_int_not_equal(choose(b, 0, shows(b, "web", NULL, NULL), NOW), 1);
	assert_int_equal(counted(b)->session_unfit, 1);
}

/* L4: the first packet of a connection shows the client's address, and nothing else. */
static void packets_of_one_client_go_to_one_endpoint(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };
	struct bench *b = *state;

	b->v->vips[0].application = NULL;
	for (unsigned i = 0; i < 2; i++) {
		uint32_t seen = 0;

		b->v->vips[0].proto = protos[i];
		for (uint32_t client = 0; client < 8; client++) {
			uint16_t first = VIEW_NONE;

			for (uint16_t port = 0; port < 10; port++) {
				struct classifier_packet p = fixture_packet(b->v, client << 15, SYN, 0);
				struct classifier_decision d;

				p.key.sport_be = htons((uint16_t)(2000 + port));
				classifier_decide(b->c, b->v, &p, NOW, &d);
				assert_int_equal(d.verdict, CLASSIFIER_PLUMB);
				if (port == 0)
					first = d.routes[0].endpoint;
				assert_int_equal(d.routes[0].endpoint, first);
			}
			seen |= 1u << first;
		}
		assert_int_equal(seen, (1 << N_ENDPOINTS) - 1);
	}
}

static void nothing_is_chosen_for_services_that_are_not_there(void **state)
{
	struct bench *b = *state;
	const struct shown *s = shows(b, "web", "alice", "addr");

	assert_int_equal(choose(b, SERVICES, s, NOW), VIEW_NONE);
	assert_int_equal(choose(b, VIEW_NONE, s, NOW), VIEW_NONE);
	b->v->vips[1].addr.family = 0;
	assert_int_equal(choose(b, 1, s, NOW), VIEW_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(a_session_leads_where_it_led),
		T(without_one_allotments_decide),
		T(affinities_are_asked_in_their_order),
		T(each_affinity_has_its_own_timeout),
		T(health_comes_before_affinity),
		T(who_is_full_is_not_followed_while_another_is_not),
		T(connections_of_sessions_count_for_the_shares),
		T(each_pool_has_sessions_of_its_own),
		T(the_tried_are_not_tried_again),
		T(one_without_a_share_is_tried_last),
		T(a_cookie_that_names_the_server_needs_no_memory),
		T(packets_of_one_client_go_to_one_endpoint),
		T(nothing_is_chosen_for_services_that_are_not_there),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
