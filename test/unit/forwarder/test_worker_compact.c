/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Compact NAT routes: packets come out byte for byte as they do by the whole
 * route, and as a frame that is built from scratch with the new addresses.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "forwarder/route_table.h"
#include "lcore.h"

#define N_SCENES 24 /* each with VIPs, hosts and a source address of its own */
#define N_FLOWS 48
#define N_BURSTS 12
#define BURST 16
#define FLAGS_ACK 0x10
#define FLAGS_PSH_ACK 0x18

enum kind { HALF, FULL, BACK, N_KINDS };

struct end {
	char text[INET6_ADDRSTRLEN];
	uint16_t port;
};

struct flow {
	enum kind kind;
	uint8_t family, proto;
	uint16_t id; /* of VIP and endpoint */
	struct end from, to, new_from, new_to;
};

static uint64_t seed;

static unsigned random_below(unsigned n)
{
	return (unsigned)(frame_random(&seed) >> 20) % n;
}

static void random_end(uint8_t family, struct end *ret)
{
	uint8_t b[16];

	for (unsigned i = 0; i < sizeof b; i++)
		b[i] = (uint8_t)random_below(4) ? (uint8_t)random_below(256) : (uint8_t)(random_below(2) * 255);
	b[0] = family == BATON_IPV4 ? (uint8_t)(1 + random_below(126)) : 0x20; /* a host's */
	inet_ntop(family == BATON_IPV4 ? AF_INET : AF_INET6, b, ret->text, sizeof ret->text);
	ret->port = (uint16_t)(1 + random_below(65535));
}

static void end_of(uint8_t family, const uint8_t addr[16], uint16_t port_be, struct end *ret)
{
	inet_ntop(family == BATON_IPV4 ? AF_INET : AF_INET6, addr, ret->text, sizeof ret->text);
	ret->port = ntohs(port_be);
}

/* Other addresses and ports for all VIPs and hosts. */
static void scene_make(struct view *v)
{
	for (uint16_t i = 0; i < N_VIPS; i++) {
		struct baton_addr vip, host;
		struct end e;

		random_end(v->vips[i].addr.family, &e);
		assert_int_equal(baton_addr_parse(e.text, &vip), 0);
		v->vips[i].addr = vip;
		v->vips[i].port_be = htons(e.port);
		random_end(v->endpoints[i].family, &e);
		assert_int_equal(baton_addr_parse(e.text, &host), 0);
		memcpy(v->endpoints[i].addr, host.b, sizeof host.b);
		v->endpoints[i].port_be = htons(e.port);
	}
}

static void flow_make(const struct view *v, uint8_t family, const struct end *source, struct flow *ret)
{
	struct end client, vip, host;

	*ret = (struct flow){ .kind = random_below(N_KINDS), .family = family };
	ret->proto = random_below(2) ? IPPROTO_UDP : IPPROTO_TCP;
	ret->id = (uint16_t)((family == BATON_IPV6 ? VIP_TCP6 : VIP_TCP4) + (ret->proto == IPPROTO_UDP));
	random_end(family, &client);
	end_of(family, v->vips[ret->id].addr.b, v->vips[ret->id].port_be, &vip);
	end_of(family, v->endpoints[ret->id].addr, v->endpoints[ret->id].port_be, &host);
	ret->from = ret->new_from = client;
	ret->to = vip;
	ret->new_to = host;
	if (ret->kind == FULL) {
		ret->new_from = *source;
		ret->new_from.port = (uint16_t)(1024 + random_below(60000));
	} else if (ret->kind == BACK) {
		ret->from = host;
		ret->new_from = vip;
		ret->to = ret->new_to = client;
	}
}

/* One packet of the flow, as it comes in and as it must go out. */
static void packet_make(const struct view *v, const struct flow *f, struct frame *ret_in, struct frame *ret_out)
{
	uint8_t content[1400];
	struct frame_spec s = { .family = f->family, .proto = f->proto, .content = content };
	const struct view_nexthop *hop = &v->nexthops[f->kind == BACK ? HOP_CLIENT : v->endpoints[f->id].nexthop];

	s.payload = random_below(3) ? random_below(64) : random_below(sizeof content);
	for (unsigned i = 0; i < s.payload; i++)
		content[i] = (uint8_t)frame_random(&seed);
	s.no_checksum = f->proto == IPPROTO_UDP && f->family == BATON_IPV4 && !random_below(8);
	s.seq = (uint32_t)frame_random(&seed);
	s.ack = (uint32_t)frame_random(&seed);
	s.tcp_flags = random_below(2) ? FLAGS_ACK : FLAGS_PSH_ACK;
	s.ttl = (uint8_t)(2 + random_below(254));
	s.src = f->from.text;
	s.dst = f->to.text;
	s.sport = f->from.port;
	s.dport = f->to.port;
	frame_build(&s, ret_in);
	s.src = f->new_from.text;
	s.dst = f->new_to.text;
	s.sport = f->new_from.port;
	s.dport = f->new_to.port;
	s.ttl--;
	frame_build(&s, ret_out);
	memcpy(ret_out->b, hop->dst_mac, 6);
	memcpy(ret_out->b + 6, hop->src_mac, 6);
}

static void plumb(struct lcore *l, struct forwarder_worker *w, const struct flow *f)
{
	struct plumb_message *m = channel_message_get(&l->channel);
	struct frame in, out;

	assert_non_null(m);
	packet_make(l->view, f, &in, &out);
	m->type = PLUMB_ADD;
	m->route = (struct plumb_route){ .key = in.tuple,
					 .nat = out.tuple,
					 .action = f->kind == BACK ? PLUMB_ACTION_RETURN : PLUMB_ACTION_NAT,
					 .vip = f->id,
					 .endpoint = f->id,
					 .nexthop = f->kind == BACK ? HOP_CLIENT : VIEW_NONE,
					 .state = f->proto == IPPROTO_UDP ? BATON_CONN_UDP : BATON_CONN_ESTABLISHED };
	lcore_tell(l, m);
	while (forwarder_worker_poll(w, l->view))
		;
}

/* All routes are compact; in one worker they are made whole again, in the other their cold halves are spoilt. */
static void tell_apart(struct route_table *compact, struct route_table *whole)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < route_table_buckets(compact) * ROUTE_PLACES; i++) {
		if (!(route_at(compact, i)->flags & ROUTE_FLAG_COMPACT))
			continue;
		memset(route_nat_at(compact, i), 0xee, sizeof(struct route_nat));
		route_set_compact(whole, i, false);
		n++;
	}
	assert_int_equal(n, N_FLOWS);
	assert_int_equal(compact->n_cold, 0);
	assert_int_equal(whole->n_cold, N_FLOWS);
}

static void check_burst(struct lcore *l, struct forwarder_worker *w, const struct flow *const flows[],
			const struct frame in[], const struct frame out[])
{
	for (unsigned i = 0; i < BURST; i++)
		lcore_inject(l, 0, &in[i]);
	while (forwarder_worker_poll(w, l->view))
		;
	for (unsigned i = 0; i < BURST; i++) {
		struct rte_mbuf *m = lcore_sent(l, flows[i]->kind == BACK ? 0 : 1);

		assert_int_equal(rte_pktmbuf_data_len(m), out[i].len);
		assert_memory_equal(stage_bytes(m), out[i].b, out[i].len);
		rte_pktmbuf_free(m);
	}
	lcore_expect_silence(l);
}

static void run_scene(struct lcore *l, const struct route_form *form, uint8_t family)
{
	struct forwarder_worker *compact = lcore_worker_new(l, 2 * N_FLOWS, form), *whole;
	struct flow flows[N_FLOWS];
	struct end source;

	whole = lcore_worker_new(l, 2 * N_FLOWS, form);
	scene_make(l->view);
	random_end(family, &source);
	for (unsigned i = 0; i < N_FLOWS; i++) {
		flow_make(l->view, family, &source, &flows[i]);
		plumb(l, compact, &flows[i]);
		plumb(l, whole, &flows[i]);
	}
	tell_apart(family == BATON_IPV4 ? compact->routes4 : compact->routes6,
		   family == BATON_IPV4 ? whole->routes4 : whole->routes6);
	for (unsigned n = 0; n < N_BURSTS; n++) {
		const struct flow *of[BURST];
		struct frame in[BURST], out[BURST];

		for (unsigned i = 0; i < BURST; i++) {
			of[i] = &flows[random_below(N_FLOWS)];
			packet_make(l->view, of[i], &in[i], &out[i]);
		}
		check_burst(l, compact, of, in, out);
		check_burst(l, whole, of, in, out);
	}
	assert_int_equal(compact->counters.hits, N_BURSTS * BURST);
	assert_memory_equal(&compact->counters, &whole->counters, sizeof compact->counters);
	forwarder_worker_free(compact);
	forwarder_worker_free(whole);
}

static void compact_routes_do_what_whole_ones_do(void **state)
{
	struct lcore *l = *state;

	seed = 0x2545f4914f6cdd1d;
	for (unsigned i = 0; i < N_SCENES; i++)
		for (unsigned f = 0; route_forms[f]; f++)
			if (route_forms[f]->supported())
				run_scene(l, route_forms[f], i % 2 ? BATON_IPV6 : BATON_IPV4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(compact_routes_do_what_whole_ones_do, lcore_setup, lcore_teardown),
	};

	return cmocka_run_group_tests(tests, lcore_group_setup, NULL);
}
