/* SPDX-License-Identifier: BSD-3-Clause */
/* Half and full NAT: both routes, source ports, replies. */
#include "fixture.h"

#include <arpa/inet.h>
#include <string.h>

struct bench {
	struct view *v;
	struct classifier *c;
	const struct classifier_counters *n;
	uint64_t now_ns;
};

static struct bench bench_of(uint8_t mode, uint16_t n_endpoints, const struct classifier_params *p)
{
	struct bench b = { .v = fixture_view(IPPROTO_TCP, mode, n_endpoints), .c = fixture_classifier(p) };

	b.n = classifier_counters_get(b.c);
	b.now_ns = SECONDS(100);
	return b;
}

static struct bench bench_new(uint8_t mode, uint16_t n_endpoints)
{
	const struct classifier_params p = fixture_params();

	return bench_of(mode, n_endpoints, &p);
}

static void bench_free(struct bench *b)
{
	classifier_free(b->c);
	view_free(b->v);
}

static struct classifier_decision decide(struct bench *b, struct classifier_packet p)
{
	struct classifier_decision d;

	classifier_decide(b->c, b->v, &p, b->now_ns, &d);
	return d;
}

static struct classifier_decision client(struct bench *b, uint32_t id, uint8_t flags, uint8_t forwarder)
{
	return decide(b, fixture_packet(b->v, id, flags, forwarder));
}

static void aged(struct bench *b, const struct plumb_route *r, uint8_t forwarder)
{
	struct classifier_delete del[2];

	classifier_aged(b->c, &r->key, forwarder, false, b->now_ns, del);
}

static void reverse(const struct baton_tuple *t, struct baton_tuple *ret)
{
	*ret = *t;
	memcpy(ret->saddr, t->daddr, sizeof(ret->saddr));
	memcpy(ret->daddr, t->saddr, sizeof(ret->daddr));
	ret->sport_be = t->dport_be;
	ret->dport_be = t->sport_be;
}

/* Whatever goes out by one route comes back as the key of the other. */
static void assert_pair(const struct classifier_decision *d)
{
	struct baton_tuple t;

	assert_int_equal(d->verdict, CLASSIFIER_PLUMB);
	assert_int_equal(d->n_routes, 2);
	assert_int_equal(d->routes[0].action, PLUMB_ACTION_NAT);
	assert_int_equal(d->routes[1].action, PLUMB_ACTION_RETURN);
	reverse(&d->routes[0].nat, &t);
	assert_memory_equal(&t, &d->routes[1].key, sizeof(t));
	reverse(&d->routes[1].nat, &t);
	assert_memory_equal(&t, &d->routes[0].key, sizeof(t));
}

static void half_nat_keeps_the_client(void **state)
{
	struct bench b = bench_new(BATON_MODE_HALF_NAT, 1);
	struct classifier_packet p = fixture_packet(b.v, 1, SYN, 2);
	struct classifier_decision d = decide(&b, p);

	assert_pair(&d);
	assert_memory_equal(&d.routes[0].key, &p.key, sizeof(p.key));
	assert_memory_equal(d.routes[0].nat.saddr, p.key.saddr, 16);
	assert_int_equal(d.routes[0].nat.sport_be, p.key.sport_be);
	assert_memory_equal(d.routes[0].nat.daddr, b.v->endpoints[0].addr, 16);
	assert_int_equal(d.routes[0].nat.dport_be, htons(8080));
	assert_int_equal(d.routes[1].nexthop, VIEW_NONE);
	assert_int_equal(d.routes[1].port, 1);
	assert_memory_equal(d.routes[1].mac, p.src_mac, 6);
	bench_free(&b);
}

static void full_nat_takes_an_own_port_of_the_asking_forwarder(void **state)
{
	struct bench b = bench_new(BATON_MODE_FULL_NAT, 1);
	struct classifier_decision d1 = client(&b, 1, SYN, 2), d2 = client(&b, 2, SYN, 2);
	const uint8_t snat[16] = { 198, 51, 100, 3 };

	assert_pair(&d1);
	assert_pair(&d2);
	assert_memory_equal(d1.routes[0].nat.saddr, snat, 16);
	assert_int_not_equal(d1.routes[0].nat.sport_be, d2.routes[0].nat.sport_be);
	assert_in_range(ntohs(d1.routes[0].nat.sport_be), 1024, 65535);
	bench_free(&b);
}

static void reply_at_another_forwarder_is_plumbed_there(void **state)
{
	for (uint8_t mode = BATON_MODE_HALF_NAT; mode <= BATON_MODE_FULL_NAT; mode++) {
		struct bench b = bench_new(mode, 1);
		struct classifier_decision d = client(&b, 1, SYN, 0), r;

		r = decide(&b, fixture_reply(&d.routes[0], SYN | ACK, 3));
		assert_int_equal(r.verdict, CLASSIFIER_PLUMB);
		assert_int_equal(r.n_routes, 1);
		assert_memory_equal(&r.routes[0], &d.routes[1], sizeof(r.routes[0]));
		assert_int_equal(r.routes[0].state, BATON_CONN_SYN);
		/* three routes on two forwarders hold it */
		aged(&b, &d.routes[0], 0);
		aged(&b, &d.routes[1], 0);
		assert_int_equal(classifier_n_connections(b.c), 1);
		aged(&b, &d.routes[1], 3);
		assert_int_equal(classifier_n_connections(b.c), 0);
		r = decide(&b, fixture_reply(&d.routes[0], ACK, 3));
		assert_int_equal(r.verdict, CLASSIFIER_DROP);
		assert_int_equal(b.n->reply_unmatched, 1);
		bench_free(&b);
	}
}

static void both_fins_close(void **state)
{
	struct bench b = bench_new(BATON_MODE_HALF_NAT, 1);
	struct classifier_decision d = client(&b, 1, SYN, 0);
	struct classifier_state_change ch[2];

	assert_int_equal(classifier_final(b.c, &d.routes[1].key, 0, FIN | ACK, ch), 2);
	assert_int_equal(ch[0].state, BATON_CONN_FIN);
	assert_int_equal(ch[1].state, BATON_CONN_FIN);
	assert_memory_equal(&ch[0].key, &d.routes[0].key, sizeof(ch[0].key));
	assert_memory_equal(&ch[1].key, &d.routes[1].key, sizeof(ch[1].key));
	assert_int_equal(classifier_final(b.c, &d.routes[1].key, 0, FIN | ACK, ch), 0);
	assert_int_equal(classifier_final(b.c, &d.routes[0].key, 0, FIN | ACK, ch), 2);
	assert_int_equal(ch[0].state, BATON_CONN_CLOSED);
	bench_free(&b);
}

/* Plumbed again it would hit the closing route, miss, and so on without end. */
static void syn_from_the_host_of_a_closing_connection_is_dropped(void **state)
{
	struct bench b = bench_new(BATON_MODE_HALF_NAT, 1);
	struct classifier_decision d = client(&b, 1, SYN, 0);
	struct classifier_state_change ch[2];

	assert_int_equal(classifier_final(b.c, &d.routes[1].key, 0, RST, ch), 2);
	assert_int_equal(decide(&b, fixture_reply(&d.routes[0], SYN, 0)).verdict, CLASSIFIER_DROP);
	assert_int_equal(b.n->reply_unmatched, 1);
	assert_int_equal(decide(&b, fixture_reply(&d.routes[0], ACK, 1)).verdict, CLASSIFIER_PLUMB);
	assert_int_equal(classifier_n_connections(b.c), 1);
	bench_free(&b);
}

static void reused_client_port_gets_a_new_source_port(void **state)
{
	struct bench b = bench_new(BATON_MODE_FULL_NAT, 1);
	struct classifier_decision d1 = client(&b, 1, SYN, 0), d2;
	struct classifier_state_change ch[2];

	classifier_final(b.c, &d1.routes[1].key, 0, RST, ch);
	d2 = client(&b, 1, SYN, 0);
	assert_pair(&d2);
	assert_int_not_equal(d1.routes[0].nat.sport_be, d2.routes[0].nat.sport_be);
	/* the old way back must go; the way there is replaced */
	assert_int_equal(d2.n_deletes, 1);
	assert_memory_equal(&d2.deletes[0].key, &d1.routes[1].key, sizeof(d1.routes[1].key));
	assert_int_equal(d2.deletes[0].forwarders, 1);
	bench_free(&b);
}

static void reused_client_port_on_the_same_host_replaces_both_routes(void **state)
{
	struct bench b = bench_new(BATON_MODE_HALF_NAT, 1);
	struct classifier_decision d1 = client(&b, 1, SYN, 0), d2;
	struct classifier_state_change ch[2];

	decide(&b, fixture_reply(&d1.routes[0], SYN | ACK, 3));
	classifier_final(b.c, &d1.routes[1].key, 3, RST, ch);
	d2 = client(&b, 1, SYN, 0);
	assert_pair(&d2);
	assert_int_equal(d2.n_deletes, 1);
	assert_int_equal(d2.deletes[0].forwarders, 1u << 3);
	bench_free(&b);
}

static void ports_rest_before_they_are_used_again(void **state)
{
	struct classifier_params p = fixture_params();
	struct classifier_decision d;
	struct bench b;

	p.snat_port_last = 1024 + 9;
	b = bench_of(BATON_MODE_FULL_NAT, 1, &p);
	for (uint32_t i = 0; i < 10; i++) {
		d = client(&b, i, SYN, 0);
		assert_pair(&d);
	}
	assert_int_equal(client(&b, 10, SYN, 0).verdict, CLASSIFIER_DROP);
	assert_int_equal(b.n->refused_ports_exhausted, 1);
	assert_int_equal(classifier_n_connections(b.c), 10);
	aged(&b, &d.routes[0], 0);
	aged(&b, &d.routes[1], 0);
	b.now_ns += SECONDS(59);
	assert_int_equal(client(&b, 10, SYN, 0).verdict, CLASSIFIER_DROP);
	b.now_ns += SECONDS(2);
	assert_int_equal(client(&b, 10, SYN, 0).verdict, CLASSIFIER_PLUMB);
	/* another forwarder has its own */
	assert_int_equal(client(&b, 11, SYN, 1).verdict, CLASSIFIER_PLUMB);
	bench_free(&b);
}

static void forwarder_without_an_address_of_the_family_refuses(void **state)
{
	struct classifier_params p = fixture_params();
	struct bench b;

	p.snat[0].addrs[0].family = BATON_IPV6;
	b = bench_of(BATON_MODE_FULL_NAT, 1, &p);
	assert_int_equal(client(&b, 1, SYN, 0).verdict, CLASSIFIER_DROP);
	assert_int_equal(b.n->refused_ports_exhausted, 1);
	bench_free(&b);
}

static void classifiers_slice_the_ports(void **state)
{
	bool seen[65536] = { false };

	for (uint16_t index = 0; index < 3; index++) {
		struct classifier_params p = fixture_params();
		struct bench b;

		p.n_classifiers = 3;
		p.index = index;
		p.snat_port_first = 2000;
		p.snat_port_last = 2099;
		b = bench_of(BATON_MODE_FULL_NAT, 1, &p);
		for (uint32_t i = 0;; i++) {
			struct classifier_decision d = client(&b, i, SYN, 0);

			if (d.verdict != CLASSIFIER_PLUMB)
				break;
			assert_false(seen[ntohs(d.routes[0].nat.sport_be)]);
			seen[ntohs(d.routes[0].nat.sport_be)] = true;
		}
		bench_free(&b);
	}
	for (unsigned port = 1; port < 65536; port++)
		assert_int_equal(seen[port], port >= 2000 && port <= 2099);
}

/* Two VIPs on one host and port: the host's answers to one client port could not be told apart. */
static void colliding_replies_are_refused(void **state)
{
	struct bench b = bench_new(BATON_MODE_HALF_NAT, 1);
	struct classifier_packet p = fixture_packet(b.v, 1, SYN, 0);

	assert_int_equal(decide(&b, p).verdict, CLASSIFIER_PLUMB);
	p.key.daddr[3] = 77;
	assert_int_equal(decide(&b, p).verdict, CLASSIFIER_DROP);
	assert_int_equal(b.n->refused_key_collision, 1);
	assert_int_equal(classifier_n_connections(b.c), 1);
	bench_free(&b);
}

static void new_way_to_the_client_is_learned(void **state)
{
	struct bench b = bench_new(BATON_MODE_HALF_NAT, 1);
	struct classifier_packet p = fixture_packet(b.v, 1, ACK, 1);
	struct classifier_decision d = client(&b, 1, SYN, 0), r;

	p.return_nexthop = 5;
	decide(&b, p);
	r = decide(&b, fixture_reply(&d.routes[0], ACK, 1));
	assert_int_equal(r.routes[0].nexthop, 5);
	bench_free(&b);
}

static void one_route_without_room_ends_both(void **state)
{
	struct bench b = bench_new(BATON_MODE_FULL_NAT, 1);
	struct classifier_decision d = client(&b, 1, SYN, 0);
	struct classifier_delete del[2];

	assert_int_equal(classifier_aged(b.c, &d.routes[1].key, 0, true, b.now_ns, del), 2);
	assert_memory_equal(&del[0].key, &d.routes[0].key, sizeof(del[0].key));
	assert_memory_equal(&del[1].key, &d.routes[1].key, sizeof(del[1].key));
	assert_int_equal(classifier_n_connections(b.c), 0);
	assert_int_equal(b.n->refused_table_full, 1);
	bench_free(&b);
}

static void full_nat_never_guesses(void **state)
{
	struct bench b = bench_new(BATON_MODE_FULL_NAT, 2);

	b.v->vips[0].unknown = BATON_UNKNOWN_HASH;
	assert_int_equal(client(&b, 1, ACK, 0).verdict, CLASSIFIER_RESET);
	assert_int_equal(b.n->unknown_reset, 1);
	bench_free(&b);
	b = bench_new(BATON_MODE_HALF_NAT, 2);
	b.v->vips[0].unknown = BATON_UNKNOWN_HASH;
	assert_int_equal(client(&b, 1, ACK, 0).n_routes, 2);
	bench_free(&b);
}

static void mode_change_leaves_old_connections_as_they_are(void **state)
{
	struct bench b = bench_new(BATON_MODE_FULL_NAT, 1);
	struct classifier_decision d1 = client(&b, 1, SYN, 0), d2;

	b.v->vips[0].mode = BATON_MODE_TUNNEL;
	d2 = client(&b, 1, ACK, 1);
	assert_int_equal(d2.routes[0].action, PLUMB_ACTION_NAT);
	assert_memory_equal(&d2.routes[0].nat, &d1.routes[0].nat, sizeof(d1.routes[0].nat));
	assert_int_equal(client(&b, 2, SYN, 1).routes[0].action, PLUMB_ACTION_TUNNEL);
	bench_free(&b);
}

static void ipv6_is_translated_whole(void **state)
{
	struct classifier_params p = fixture_params();
	struct classifier_packet k;
	struct classifier_decision d;
	struct bench b;

	assert_int_equal(baton_addr_parse("2001:db8:5::1", &p.snat[0].addrs[0]), 0);
	b = bench_of(BATON_MODE_FULL_NAT, 1, &p);
	assert_int_equal(baton_addr_parse("2001:db8::1", &b.v->vips[0].addr), 0);
	b.v->endpoints[0].family = BATON_IPV6;
	memset(b.v->endpoints[0].addr, 0xfd, 16);
	k = fixture_packet(b.v, 1, SYN, 0);
	k.key.family = BATON_IPV6;
	memset(k.key.saddr, 0x20, 16);
	d = decide(&b, k);
	assert_pair(&d);
	assert_memory_equal(d.routes[0].nat.saddr, p.snat[0].addrs[0].b, 16);
	assert_memory_equal(d.routes[0].nat.daddr, b.v->endpoints[0].addr, 16);
	assert_int_equal(d.routes[0].nat.family, BATON_IPV6);
	bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_nat_keeps_the_client),
		cmocka_unit_test(full_nat_takes_an_own_port_of_the_asking_forwarder),
		cmocka_unit_test(reply_at_another_forwarder_is_plumbed_there),
		cmocka_unit_test(both_fins_close),
		cmocka_unit_test(syn_from_the_host_of_a_closing_connection_is_dropped),
		cmocka_unit_test(reused_client_port_gets_a_new_source_port),
		cmocka_unit_test(reused_client_port_on_the_same_host_replaces_both_routes),
		cmocka_unit_test(ports_rest_before_they_are_used_again),
		cmocka_unit_test(forwarder_without_an_address_of_the_family_refuses),
		cmocka_unit_test(classifiers_slice_the_ports),
		cmocka_unit_test(colliding_replies_are_refused),
		cmocka_unit_test(new_way_to_the_client_is_learned),
		cmocka_unit_test(one_route_without_room_ends_both),
		cmocka_unit_test(full_nat_never_guesses),
		cmocka_unit_test(mode_change_leaves_old_connections_as_they_are),
		cmocka_unit_test(ipv6_is_translated_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
