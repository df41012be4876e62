/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "batond/hosts_match.h"

#define N_ENDPOINTS 4

/* VIP 0 tcp/80 on 10.0.0.1-3:80, VIP 1 udp/53 on 10.0.0.1:53, and a cache. */
struct bench {
	struct view *view;
	struct health_cache cache;
	struct hosts_endpoint endpoints[N_ENDPOINTS + 1];
	uint64_t seq;
};

static struct baton_addr host_addr(uint8_t n)
{
	return (struct baton_addr){ .b = { 10, 0, 0, n }, .family = BATON_IPV4 };
}

static void endpoint(struct bench *b, unsigned id, uint8_t host, uint16_t port, uint16_t vip)
{
	struct view_endpoint *e = &b->view->endpoints[id];

	memcpy(e->addr, host_addr(host).b, sizeof e->addr);
	e->family = BATON_IPV4;
	e->port_be = htons(port);
	e->vip = vip;
}

static void ignore_message(void *context, const struct health_message *m)
{
}

static void bench_init(struct bench *b)
{
	struct health_cache_ops ops = { .send = ignore_message };
	struct health_cache_settings settings = health_cache_settings_default();

	memset(b, 0, sizeof *b);
	b->view = view_new(2, N_ENDPOINTS, 1, 0);
	assert_non_null(b->view);
	for (unsigned i = 0; i < 2; i++) {
		b->view->vips[i].addr = (struct baton_addr){ .b = { 192, 0, 2, (uint8_t)i }, .family = BATON_IPV4 };
		b->view->vips[i].port_be = htons(i ? 53 : 80);
		b->view->vips[i].proto = i ? IPPROTO_UDP : IPPROTO_TCP;
	}
	for (unsigned i = 0; i < 3; i++)
		endpoint(b, i, (uint8_t)(i + 1), 80, 0);
	endpoint(b, 3, 1, 53, 1);
	assert_int_equal(health_cache_init(&b->cache, &settings, &ops), 0);
}

static void bench_fini(struct bench *b)
{
	health_cache_fini(&b->cache);
	view_free(b->view);
}

static struct health_row row(uint8_t host, uint16_t port, uint8_t proto, uint8_t target)
{
	struct health_row r = { .state = HEALTH_HEALTHY, .target = target, .current = target, .capacity = 50 };

	r.id.host = host_addr(host);
	r.id.host_port = port;
	r.id.proto = proto;
	return r;
}

/* A host tells one row. */
static void tell(struct bench *b, uint64_t host, uint8_t operation, const struct health_row *r)
{
	struct health_change change = { .operation = operation, .row = *r };
	struct health_message m = { .type = HEALTH_ROW_CHANGE, .host = host, .incarnation = 1, .seq = ++b->seq };

	m.row_change.changes = &change;
	m.row_change.n_changes = 1;
	health_cache_receive(&b->cache, &m, CLOCK_NS_PER_S);
}

static bool match(struct bench *b, uint64_t now_s)
{
	bool changed;

	assert_int_equal(hosts_match_endpoints(b->view, &b->cache, b->endpoints, now_s * CLOCK_NS_PER_S, &changed), 0);
	return changed;
}

static void test_a_row_finds_its_endpoint(void **state)
{
	struct health_row r = row(2, 80, IPPROTO_TCP, HEALTH_ACTIVE);
	struct bench b;

	bench_init(&b);
	assert_false(match(&b, 1));
	tell(&b, 7, HEALTH_ADD, &r);
	assert_true(match(&b, 2));
	assert_true(b.endpoints[1].known);
	assert_int_equal(b.endpoints[1].host, 7);
	assert_int_equal(b.endpoints[1].active_ns, 2 * CLOCK_NS_PER_S);
	assert_false(b.endpoints[0].known || b.endpoints[2].known || b.endpoints[3].known);
	bench_fini(&b);
}

static void test_port_protocol_and_vip_must_fit(void **state)
{
	struct health_row wrong_port = row(1, 81, IPPROTO_TCP, HEALTH_ACTIVE),
			  wrong_proto = row(1, 80, IPPROTO_UDP, HEALTH_ACTIVE);
	struct health_row wrong_vip = row(1, 80, IPPROTO_TCP, HEALTH_ACTIVE),
			  right_vip = row(1, 53, IPPROTO_UDP, HEALTH_ACTIVE);
	struct bench b;

	bench_init(&b);
	wrong_vip.id.vip = b.view->vips[1].addr;
	right_vip.id.vip = b.view->vips[1].addr;
	right_vip.id.vip_port = 53;
	tell(&b, 7, HEALTH_ADD, &wrong_port);
	tell(&b, 7, HEALTH_ADD, &wrong_proto);
	tell(&b, 7, HEALTH_ADD, &wrong_vip);
	assert_false(match(&b, 1));
	tell(&b, 7, HEALTH_ADD, &right_vip);
	assert_true(match(&b, 1));
	assert_true(b.endpoints[3].known);
	assert_false(b.endpoints[0].known);
	bench_fini(&b);
}

static void test_load_alone_changes_no_use(void **state)
{
	struct health_row r = row(1, 80, IPPROTO_TCP, HEALTH_ACTIVE);
	struct bench b;

	bench_init(&b);
	tell(&b, 7, HEALTH_ADD, &r);
	assert_true(match(&b, 1));
	r.load = 5000;
	tell(&b, 7, HEALTH_UPDATE, &r);
	assert_false(match(&b, 2));
	assert_int_equal(b.endpoints[0].row.load, 5000);
	assert_int_equal(b.endpoints[0].active_ns, CLOCK_NS_PER_S); /* still since then */
	assert_int_equal(b.endpoints[0].reported_ns, 2 * CLOCK_NS_PER_S);
	assert_false(match(&b, 3));
	assert_int_equal(b.endpoints[0].reported_ns, 2 * CLOCK_NS_PER_S); /* the same load is no new report */
	r.capacity = 20;
	tell(&b, 7, HEALTH_UPDATE, &r);
	assert_true(match(&b, 3));
	bench_fini(&b);
}

static void test_drained_and_back(void **state)
{
	struct health_row r = row(1, 80, IPPROTO_TCP, HEALTH_ACTIVE);
	struct bench b;

	bench_init(&b);
	tell(&b, 7, HEALTH_ADD, &r);
	match(&b, 1);
	r.target = HEALTH_DRAINING;
	tell(&b, 7, HEALTH_UPDATE, &r);
	assert_true(match(&b, 2));
	assert_int_equal(b.endpoints[0].active_ns, 0);
	assert_true(b.endpoints[0].known);
	r.target = HEALTH_ACTIVE;
	tell(&b, 7, HEALTH_UPDATE, &r);
	assert_true(match(&b, 9));
	assert_int_equal(b.endpoints[0].active_ns, 9 * CLOCK_NS_PER_S);
	tell(&b, 7, HEALTH_DELETE, &r);
	assert_true(match(&b, 10));
	assert_false(b.endpoints[0].known);
	bench_fini(&b);
}

static void test_the_most_cautious_row_counts(void **state)
{
	struct health_row good = row(1, 80, IPPROTO_TCP, HEALTH_ACTIVE), bad = row(1, 80, IPPROTO_TCP, HEALTH_INACTIVE);
	struct bench b;

	bench_init(&b);
	memcpy(good.id.specific, "a", 2);
	memcpy(bad.id.specific, "b", 2);
	tell(&b, 7, HEALTH_ADD, &good);
	tell(&b, 7, HEALTH_ADD, &bad);
	match(&b, 1);
	assert_int_equal(b.endpoints[0].row.target, HEALTH_INACTIVE);
	assert_int_equal(b.endpoints[0].active_ns, 0);
	bench_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_row_finds_its_endpoint),
		cmocka_unit_test(test_port_protocol_and_vip_must_fit),
		cmocka_unit_test(test_load_alone_changes_no_use),
		cmocka_unit_test(test_drained_and_back),
		cmocka_unit_test(test_the_most_cautious_row_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
