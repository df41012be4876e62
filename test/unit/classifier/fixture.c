/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <arpa/inet.h>
#include <string.h>

static void endpoint_set(struct view *v, uint16_t id, uint16_t vip)
{
	struct view_endpoint *e = &v->endpoints[id];
	const uint8_t addr[] = { 10, 0, (uint8_t)((id + 1) >> 8), (uint8_t)(id + 1) };

	memset(e, 0, sizeof(*e));
	memcpy(e->addr, addr, sizeof(addr));
	e->port_be = htons(8080);
	e->vip = vip;
	e->nexthop = VIEW_NONE;
	e->family = BATON_IPV4;
	e->capacity = 10;
	e->usable = 1;
}

struct view *fixture_view(uint8_t proto, uint8_t mode, uint16_t n_endpoints)
{
	struct view *v = view_new(1, n_endpoints, 0, 0);
	uint16_t ids[ALLOTMENT_MAX_ENDPOINTS];

	assert_non_null(v);
	v->generation = 1;
	assert_int_equal(baton_addr_parse("192.0.2.1", &v->vips[0].addr), 0);
	v->vips[0].port_be = htons(80);
	v->vips[0].proto = proto;
	v->vips[0].mode = mode;
	for (uint16_t i = 0; i < n_endpoints; i++) {
		ids[i] = i;
		endpoint_set(v, i, 0);
	}
	assert_int_equal(view_vip_set_endpoints(v, 0, ids, n_endpoints), 0);
	assert_int_equal(view_seal(v), 0);
	return v;
}

struct classifier_params fixture_params(void)
{
	struct classifier_params p = {
		.n_classifiers = 1,
		.n_forwarders = 4,
		.max_connections = 1000,
		.snat_port_first = 1024,
		.snat_port_last = 65535,
		.snat_quarantine_s = 60,
		.hash_key = { 1, 2, 3 },
	};

	for (unsigned f = 0; f < p.n_forwarders; f++) {
		p.snat[f].n_addrs = 1;
		assert_int_equal(baton_addr_parse("198.51.100.1", &p.snat[f].addrs[0]), 0);
		p.snat[f].addrs[0].b[3] = (uint8_t)(f + 1);
	}
	return p;
}

struct classifier *fixture_classifier(const struct classifier_params *p)
{
	struct classifier *c = classifier_new(p);

	assert_non_null(c);
	return c;
}

struct classifier_packet fixture_packet(const struct view *v, uint32_t client, uint8_t tcp_flags, uint8_t forwarder)
{
	struct classifier_packet p = { .vip = 0,
				       .tcp_flags = tcp_flags,
				       .forwarder = forwarder,
				       .port = 1,
				       .src_mac = { 2, 0, 0, 0, 0, 9 },
				       .return_nexthop = VIEW_NONE };
	uint32_t addr = htonl(0xcb007100 + (client >> 15));

	memcpy(p.key.saddr, &addr, sizeof(addr));
	memcpy(p.key.daddr, v->vips[0].addr.b, sizeof(p.key.daddr));
	p.key.sport_be = htons((uint16_t)(1024 + (client & 0x7fff)));
	p.key.dport_be = v->vips[0].port_be;
	p.key.family = BATON_IPV4;
	p.key.proto = v->vips[0].proto;
	return p;
}

struct classifier_packet fixture_reply(const struct plumb_route *r, uint8_t tcp_flags, uint8_t forwarder)
{
	struct classifier_packet p = {
		.vip = VIEW_NONE, .tcp_flags = tcp_flags, .forwarder = forwarder, .return_nexthop = VIEW_NONE
	};

	memcpy(p.key.saddr, r->nat.daddr, sizeof(p.key.saddr));
	memcpy(p.key.daddr, r->nat.saddr, sizeof(p.key.daddr));
	p.key.sport_be = r->nat.dport_be;
	p.key.dport_be = r->nat.sport_be;
	p.key.family = r->nat.family;
	p.key.proto = r->nat.proto;
	return p;
}

struct allotment fixture_allotment(uint8_t kind, const uint32_t *shares, uint16_t n, uint64_t now_ns)
{
	struct allotment a = { .kind = kind, .n_shares = n, .made_ns = now_ns, .valid_ns = SECONDS(1) };

	for (uint16_t i = 0; i < n; i++)
		a.shares[i] = (struct allotment_share){ .endpoint = i, .share = shares[i] };
	return a;
}
