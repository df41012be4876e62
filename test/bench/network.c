/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands around the device: a VIP, its hosts, the device's own addresses. As a view; nobody is there. */
#include <arpa/inet.h>
#include <string.h>

#include "baton/view.h"
#include "bench.h"
#include "tunnel/shim.h"

#define IDLE_TIMEOUT_S 30000
#define MTU 1500
#define FIRST_TUNNEL 20 /* last byte of the first forwarder's first address */

void bench_addr(struct baton_addr *a, uint8_t family, uint8_t last)
{
	static const uint8_t net4[4] = { 192, 0, 2 }, net6[16] = { 0x20, 1, 0xd, 0xb8, [5] = 2 };

	*a = (struct baton_addr){ .family = family };
	memcpy(a->b, family == BATON_IPV4 ? net4 : net6, family == BATON_IPV4 ? 4 : 16);
	a->b[family == BATON_IPV4 ? 3 : 15] = last;
}

static int fill_endpoints(struct view *v, uint8_t family)
{
	uint16_t ids[BENCH_HOSTS];

	for (uint8_t i = 0; i < BENCH_HOSTS; i++) {
		struct view_endpoint *e = &v->endpoints[i];
		struct view_nexthop *hop = &v->nexthops[i];
		struct baton_addr host;

		bench_addr(&host, family, (uint8_t)(100 + i));
		memcpy(e->addr, host.b, sizeof e->addr);
		*hop = (struct view_nexthop){ .dst_mac = { 2, 0, 0, 0, 1, i }, .src_mac = { 2, 0, 0, 0, 0, 1 } };
		hop->port = BENCH_PORT;
		hop->mtu = MTU;
		e->port_be = htons(BENCH_HOST_PORT);
		e->nexthop = i;
		e->family = family;
		e->usable = 1;
		e->capacity = 50;
		ids[i] = i;
	}
	return view_vip_set_endpoints(v, 0, ids, BENCH_HOSTS);
}

/* Each has tunnel addresses of its own: all that it may need. */
static void fill_forwarders(struct view *v, uint8_t family)
{
	for (uint8_t i = 0; i < v->n_forwarders; i++) {
		for (uint8_t bank = 0; bank < VIEW_MAX_TUNNELS; bank++) {
			uint8_t n = i * VIEW_MAX_TUNNELS + bank, last = FIRST_TUNNEL + n;

			bench_addr(&v->forwarders[i].tunnel4[bank], BATON_IPV4, last);
			bench_addr(&v->forwarders[i].tunnel6[bank], BATON_IPV6, last);
			v->locals[1 + n] =
				(struct view_local){ .kind = VIEW_LOCAL_TUNNEL, .forwarder = i, .bank = bank };
			bench_addr(&v->locals[1 + n].addr, family, last);
		}
	}
}

struct view *bench_view_new(const struct bench_traffic *t, uint16_t n_forwarders, const struct shim_keyring *keys)
{
	uint8_t family = t->family;
	struct view *v = view_new(1, BENCH_HOSTS, BENCH_HOSTS, (uint16_t)(1 + n_forwarders * VIEW_MAX_TUNNELS));
	struct bench_traffic forth = { .family = t->family, .proto = t->proto };
	struct baton_tuple key;

	if (!v)
		return NULL;
	source_key(&forth, 0, &key);
	v->any_half_nat = true;
	v->n_forwarders = n_forwarders;
	v->shim_port_be = htons(BATON_SHIM_PORT_DEFAULT);
	v->keys = keys;
	v->ports[BENCH_PORT].mtu = MTU;
	memcpy(v->vips[0].addr.b, key.daddr, 16);
	v->vips[0].addr.family = family;
	v->vips[0].port_be = key.dport_be;
	v->vips[0].proto = t->proto;
	v->vips[0].mode = t->mode == BENCH_HALF_NAT ? BATON_MODE_HALF_NAT : BATON_MODE_TUNNEL;
	for (unsigned i = 0; i < BATON_N_CONN_STATES; i++)
		v->vips[0].timeout_s[i] = IDLE_TIMEOUT_S;
	v->locals[0] = (struct view_local){ .addr = v->vips[0].addr, .kind = VIEW_LOCAL_VIP };
	fill_forwarders(v, family);
	v->ports[BENCH_PORT].gateway4 = v->ports[BENCH_PORT].gateway6 = 0;
	if (fill_endpoints(v, family) == 0 && view_seal(v) == 0)
		return v;
	view_free(v);
	return NULL;
}
