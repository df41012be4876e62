/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* In place of a VIP: no packet follows this route. */
#define WORLD_NO_PACKET 0xfffe

/* splitmix64 (Steele, Lea, Flood 2014) */
uint32_t world_random(struct world *w, uint32_t below)
{
	uint64_t z = w->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)((z ^ z >> 31) % below);
}

struct world *world_new(uint64_t seed, uint8_t proto)
{
	struct world *w = calloc(1, sizeof(*w));
	struct classifier_params p = fixture_params();

	assert_non_null(w);
	p.n_forwarders = WORLD_FORWARDERS;
	p.max_connections = WORLD_CONNECTIONS;
	p.max_vips = 2;
	p.snat_port_first = WORLD_PORT_FIRST;
	p.snat_port_last = WORLD_PORT_FIRST + WORLD_PORTS - 1;
	p.snat_quarantine_s = WORLD_QUARANTINE_S;
	w->random = seed;
	w->now_ns = SECONDS(50);
	w->v = fixture_view(proto, (uint8_t)(seed % BATON_N_MODES), WORLD_ENDPOINTS);
	w->v->vips[0].unknown = (uint8_t)world_random(w, BATON_N_UNKNOWNS);
	w->c = fixture_classifier(&p);
	return w;
}

void world_free(struct world *w)
{
	classifier_free(w->c);
	view_free(w->v);
	free(w);
}

static void ring_put(struct world_ring *r, const struct plumb_message *m)
{
	assert_true(r->tail - r->head < WORLD_RING);
	r->m[r->tail++ % WORLD_RING] = *m;
}

static bool ring_get(struct world_ring *r, struct plumb_message *ret)
{
	if (r->head == r->tail)
		return false;
	*ret = r->m[r->head++ % WORLD_RING];
	return true;
}

static bool closing(const struct plumb_route *r)
{
	return r->state == BATON_CONN_FIN || r->state == BATON_CONN_CLOSED;
}

static struct world_route *route_of(struct world_forwarder *f, const struct baton_tuple *key)
{
	for (unsigned i = 0; i < f->n_routes; i++)
		if (memcmp(&f->routes[i].r.key, key, sizeof(*key)) == 0)
			return &f->routes[i];
	return NULL;
}

static void route_remove(struct world_forwarder *f, struct world_route *r)
{
	*r = f->routes[--f->n_routes];
}

static void tell(struct world *w, uint8_t forwarder, uint8_t type, const struct baton_tuple *key, uint16_t vip,
		 uint8_t flags)
{
	struct plumb_message m = { .type = type, .forwarder = forwarder, .vip = vip, .tcp_flags = flags };

	m.route.key = *key;
	ring_put(&w->forwarders[forwarder].to_classifier, &m);
}

static void forwarder_packet(struct world *w, uint8_t forwarder, const struct baton_tuple *key, uint16_t vip,
			     uint8_t flags)
{
	struct world_route *r = route_of(&w->forwarders[forwarder], key);

	if (r)
		r->used_ns = w->now_ns;
	if (!r || (closing(&r->r) && (flags & (SYN | ACK)) == SYN)) {
		tell(w, forwarder, PLUMB_MISS, key, vip, flags);
		return;
	}
	if (r->r.state == BATON_CONN_SYN && !(flags & SYN))
		r->r.state = BATON_CONN_ESTABLISHED;
	if (flags & (FIN | RST))
		tell(w, forwarder, PLUMB_FINAL, key, vip, flags);
}

static bool same_target(const struct plumb_route *a, const struct plumb_route *b)
{
	return a->endpoint == b->endpoint && a->action == b->action && memcmp(&a->nat, &b->nat, sizeof(a->nat)) == 0;
}

static bool forwarder_add(struct world *w, uint8_t forwarder, const struct plumb_route *r)
{
	struct world_forwarder *f = &w->forwarders[forwarder];
	struct world_route *old = route_of(f, &r->key);

	if (old) {
		if (closing(&old->r) || !same_target(&old->r, r))
			old->r = *r;
		old->used_ns = w->now_ns;
	} else if (f->n_routes == WORLD_ROUTES) {
		tell(w, forwarder, PLUMB_ADD_FAILED, &r->key, 0, 0);
		return false;
	} else {
		f->routes[f->n_routes++] = (struct world_route){ *r, w->now_ns };
	}
	return true;
}

static bool forwarder_poll(struct world *w, uint8_t forwarder)
{
	struct world_forwarder *f = &w->forwarders[forwarder];
	struct plumb_message m;
	struct world_route *r;

	if (!ring_get(&f->from_classifier, &m))
		return false;
	if (m.type == PLUMB_ADD) {
		/* the packet that missed follows its route, as any packet does */
		if (forwarder_add(w, forwarder, &m.route) && m.vip != WORLD_NO_PACKET)
			forwarder_packet(w, forwarder, &m.route.key, m.vip, m.tcp_flags);
		return true;
	}
	r = route_of(f, &m.route.key);
	if (r && m.type == PLUMB_DELETE)
		route_remove(f, r);
	else if (r)
		r->r.state = m.route.state;
	return true;
}

static void forwarder_age(struct world *w, uint8_t forwarder)
{
	struct world_forwarder *f = &w->forwarders[forwarder];

	for (unsigned i = 0; i < f->n_routes;) {
		struct baton_tuple key = f->routes[i].r.key;

		if (w->now_ns - f->routes[i].used_ns < WORLD_TIMEOUT_NS) {
			i++;
			continue;
		}
		route_remove(f, &f->routes[i]);
		tell(w, forwarder, PLUMB_AGED, &key, 0, 0);
	}
}

static void send_deletes(struct world *w, const struct classifier_delete *del, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct plumb_message m = { .type = PLUMB_DELETE };

		m.route.key = del[i].key;
		assert_true(del[i].forwarders != 0 && del[i].forwarders < 1u << WORLD_FORWARDERS);
		for (unsigned f = 0; f < WORLD_FORWARDERS; f++)
			if (del[i].forwarders & 1u << f)
				ring_put(&w->forwarders[f].from_classifier, &m);
	}
}

static void send_changes(struct world *w, const struct classifier_state_change *ch, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct plumb_message m = { .type = PLUMB_SET_STATE };

		m.route.key = ch[i].key;
		m.route.state = ch[i].state;
		for (unsigned f = 0; f < WORLD_FORWARDERS; f++)
			if (ch[i].forwarders & 1u << f)
				ring_put(&w->forwarders[f].from_classifier, &m);
	}
}

static void classifier_miss(struct world *w, const struct plumb_message *m)
{
	struct classifier_packet p = { .key = m->route.key,
				       .vip = m->vip,
				       .tcp_flags = m->tcp_flags,
				       .forwarder = m->forwarder,
				       .return_nexthop = VIEW_NONE };
	struct classifier_decision d;

	classifier_decide(w->c, w->v, &p, w->now_ns, &d);
	send_deletes(w, d.deletes, d.n_deletes);
	send_changes(w, d.changes, d.n_changes);
	assert_int_equal(d.verdict == CLASSIFIER_PLUMB, d.n_routes > 0);
	for (unsigned i = 0; i < d.n_routes; i++) {
		struct plumb_message add = { .type = PLUMB_ADD, .vip = WORLD_NO_PACKET, .route = d.routes[i] };

		if (i == 0) {
			add.vip = m->vip;
			add.tcp_flags = m->tcp_flags;
		}
		ring_put(&w->forwarders[m->forwarder].from_classifier, &add);
	}
}

static bool classifier_poll(struct world *w, uint8_t forwarder)
{
	struct classifier_state_change ch[2];
	struct classifier_delete del[2];
	struct plumb_message m;

	if (!ring_get(&w->forwarders[forwarder].to_classifier, &m))
		return false;
	if (m.type == PLUMB_MISS)
		classifier_miss(w, &m);
	else if (m.type == PLUMB_FINAL)
		send_changes(w, ch, classifier_final(w->c, &m.route.key, forwarder, m.tcp_flags, ch));
	else
		send_deletes(
			w, del,
			classifier_aged(w->c, &m.route.key, forwarder, m.type == PLUMB_ADD_FAILED, w->now_ns, del));
	return true;
}

void world_settle(struct world *w)
{
	bool more = true;

	for (unsigned rounds = 0; more; rounds++) {
		/* a packet that goes to and fro without end would never let this end */
		assert_true(rounds < 10000);
		more = false;
		for (uint8_t f = 0; f < WORLD_FORWARDERS; f++) {
			more |= classifier_poll(w, f);
			more |= forwarder_poll(w, f);
		}
	}
}

void world_wait(struct world *w, uint64_t ns)
{
	world_settle(w);
	w->now_ns += ns;
	for (uint8_t f = 0; f < WORLD_FORWARDERS; f++)
		forwarder_age(w, f);
}

static uint8_t flags_any(struct world *w)
{
	const uint8_t flags[] = { SYN, SYN, SYN, ACK, ACK, ACK, FIN | ACK, RST, SYN | ACK };

	return flags[world_random(w, sizeof(flags))];
}

static void client_packet(struct world *w)
{
	struct classifier_packet p = fixture_packet(w->v, world_random(w, WORLD_CLIENTS), flags_any(w), 0);

	forwarder_packet(w, (uint8_t)world_random(w, WORLD_FORWARDERS), &p.key, 0, p.tcp_flags);
}

/* A host answers what some forwarder would send it. */
static void host_packet(struct world *w)
{
	struct world_forwarder *f = &w->forwarders[world_random(w, WORLD_FORWARDERS)];
	struct classifier_packet p;
	struct plumb_route *r;

	if (f->n_routes == 0)
		return;
	r = &f->routes[world_random(w, f->n_routes)].r;
	if (r->action != PLUMB_ACTION_NAT)
		return;
	p = fixture_reply(r, flags_any(w), 0);
	forwarder_packet(w, (uint8_t)world_random(w, WORLD_FORWARDERS), &p.key, VIEW_NONE, p.tcp_flags);
}

static void reload(struct world *w)
{
	struct view_endpoint *e = &w->v->endpoints[world_random(w, WORLD_ENDPOINTS)];

	w->v->generation++;
	switch (world_random(w, 6)) {
	case 0:
		e->retired = !e->retired;
		e->usable = !e->retired;
		break;
	case 1:
		w->v->vips[0].mode = (uint8_t)world_random(w, BATON_N_MODES);
		break;
	case 2:
		w->v->vips[0].addr.family = world_random(w, 4) ? BATON_IPV4 : 0;
		break;
	case 3:
		w->v->vips[0].unreachable = (uint8_t)world_random(w, BATON_N_UNREACHABLES);
		break;
	default:
		e->usable = !e->usable && !e->retired;
	}
}

static void allotment(struct world *w)
{
	struct allotment_request r;
	struct allotment a;
	uint32_t shares[WORLD_ENDPOINTS];

	if (!classifier_wants(w->c, w->v, w->now_ns, &r))
		return;
	for (unsigned i = 0; i < WORLD_ENDPOINTS; i++)
		shares[i] = world_random(w, 10);
	a = fixture_allotment((uint8_t)world_random(w, 2), shares, WORLD_ENDPOINTS, w->now_ns);
	a.panic = world_random(w, 8) == 0;
	classifier_allot(w->c, &a, w->now_ns);
}

void world_step(struct world *w)
{
	/* time passes before things happen, so that the caller sees when they did */
	w->now_ns += world_random(w, 1000) * 1000;
	if (w->wait_ns)
		world_wait(w, w->wait_ns);
	w->wait_ns = 0;

	switch (world_random(w, 32)) {
	case 0:
		reload(w);
		break;
	case 1:
		world_settle(w);
		w->wait_ns = world_random(w, 2000) * CLOCK_NS_PER_MS;
		break;
	case 2:
		allotment(w);
		break;
	case 3 ... 12:
		client_packet(w);
		break;
	case 13 ... 17:
		host_packet(w);
		break;
	case 18 ... 24:
		classifier_poll(w, (uint8_t)world_random(w, WORLD_FORWARDERS));
		break;
	default:
		forwarder_poll(w, (uint8_t)world_random(w, WORLD_FORWARDERS));
	}
}
