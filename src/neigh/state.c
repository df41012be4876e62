/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One next hop's life, after RFC 4861 section 7.3 and appendix C; ARP follows
 * the same rules. Unlike a host, which confirms only what it sends to, the
 * device confirms its next hops all the time (STALE and DELAY are left out):
 * a host that vanished must be known before a client finds it.
 */
#include <string.h>

#include "base/clock.h"
#include "neigh/internal.h"

static bool state_has_mac(enum neigh_state s)
{
	return s == NEIGH_REACHABLE || s == NEIGH_PROBE;
}

/* Enter a state with a link address (NULL: as it is) and tell the owner, if that is a change. */
static void state_enter(struct neigh *n, uint16_t id, enum neigh_state state, const uint8_t *mac)
{
	struct neigh_nexthop_info *info = &n->nexthops[id].info;
	bool same_mac = !mac || !memcmp(mac, info->mac, sizeof info->mac);

	if (info->state == state && same_mac)
		return;
	info->state = (uint8_t)state;
	if (mac)
		memcpy(info->mac, mac, sizeof info->mac);
	n->params.change(n->params.arg, id, state, state_has_mac(state) ? info->mac : NULL);
}

static void state_solicit(struct neigh *n, uint16_t id, bool to_everybody, uint64_t now_ns)
{
	struct neigh_nexthop *nh = &n->nexthops[id];
	const uint8_t *mac = to_everybody ? NULL : nh->info.mac;

	nh->sent_ns = now_ns;
	nh->n_sent++;
	nh->awaiting = true;
	if (nh->info.addr.family == BATON_IPV4)
		arp_solicit(n, nh->info.port, &nh->info.addr, mac);
	else
		nd_solicit(n, nh->info.port, &nh->info.addr, mac);
}

void state_start(struct neigh *n, uint16_t id, uint64_t now_ns)
{
	struct neigh_nexthop *nh = &n->nexthops[id];

	nh->info.watched = 1;
	nh->n_sent = 0;
	state_solicit(n, id, true, now_ns);
	due_set(&n->due, id, now_ns + n->params.retransmit_ms * CLOCK_NS_PER_MS);
}

void state_stop(struct neigh *n, uint16_t id)
{
	struct neigh_nexthop *nh = &n->nexthops[id];

	due_clear(&n->due, id);
	nh->info.watched = 0;
	nh->info.confirmed_ns = 0;
	nh->awaiting = false;
	nh->moved_ns = 0;
	state_enter(n, id, NEIGH_INCOMPLETE, NULL);
	memset(nh->info.mac, 0, sizeof nh->info.mac);
}

/* PROBE from now on; the first question is due at once, but never sooner than the retransmission time allows. */
static void state_probe(struct neigh *n, uint16_t id, const uint8_t *mac, uint64_t now_ns)
{
	struct neigh_nexthop *nh = &n->nexthops[id];
	uint64_t soonest_ns = nh->sent_ns + n->params.retransmit_ms * CLOCK_NS_PER_MS;

	nh->n_sent = 0;
	nh->awaiting = false;
	due_set(&n->due, id, soonest_ns > now_ns ? soonest_ns : now_ns);
	state_enter(n, id, NEIGH_PROBE, mac);
}

static void state_confirm(struct neigh *n, uint16_t id, const uint8_t *mac, uint64_t now_ns)
{
	struct neigh_nexthop *nh = &n->nexthops[id];

	nh->awaiting = false;
	nh->info.confirmed_ns = now_ns;
	due_set(&n->due, id, now_ns + n->params.reachable_ms * CLOCK_NS_PER_MS);
	state_enter(n, id, NEIGH_REACHABLE, mac);
}

/*
 * Two machines that both answer, or a forger, could turn the address back and
 * forth with every packet; the first one holds for a retransmission time.
 */
static bool state_may_move(const struct neigh *n, const struct neigh_nexthop *nh, uint64_t now_ns)
{
	return !nh->moved_ns || now_ns - nh->moved_ns >= n->params.retransmit_ms * CLOCK_NS_PER_MS;
}

static void state_count_move(struct neigh *n, struct neigh_nexthop *nh, const uint8_t *mac, uint64_t now_ns)
{
	static const uint8_t none[LINK_MAC_LEN];

	if (memcmp(nh->info.mac, none, sizeof none) && memcmp(nh->info.mac, mac, LINK_MAC_LEN)) {
		nh->info.moves++;
		n->counters.moved++;
	}
	nh->moved_ns = now_ns;
}

/* INCOMPLETE or FAILED: any link address is better than none (RFC 4861 sections 7.2.3 and 7.2.5). */
static bool state_claim_first(struct neigh *n, uint16_t id, const struct neigh_claim *c, uint64_t now_ns)
{
	struct neigh_nexthop *nh = &n->nexthops[id];

	if (!c->mac)
		return false;
	state_count_move(n, nh, c->mac, now_ns);
	if (c->solicited) /* in these states a question is always out */
		state_confirm(n, id, c->mac, now_ns);
	else
		state_probe(n, id, c->mac, now_ns);
	return true;
}

/* REACHABLE or PROBE and another link address than the known one. */
static bool state_claim_other(struct neigh *n, uint16_t id, const struct neigh_claim *c, uint64_t now_ns)
{
	struct neigh_nexthop *nh = &n->nexthops[id];

	if (!c->override) {
		/* not believed, but a reason to ask whether the known one still holds */
		if (nh->info.state != NEIGH_REACHABLE)
			return false;
		state_probe(n, id, NULL, now_ns);
		return true;
	}
	if (!state_may_move(n, nh, now_ns))
		return false;
	state_count_move(n, nh, c->mac, now_ns);
	if (c->solicited && nh->awaiting)
		state_confirm(n, id, c->mac, now_ns);
	else
		state_probe(n, id, c->mac, now_ns);
	return true;
}

bool state_claim(struct neigh *n, uint16_t id, const struct neigh_claim *c, uint64_t now_ns)
{
	struct neigh_nexthop *nh = &n->nexthops[id];

	if (!state_has_mac((enum neigh_state)nh->info.state))
		return state_claim_first(n, id, c, now_ns);
	if (c->mac && memcmp(c->mac, nh->info.mac, LINK_MAC_LEN))
		return state_claim_other(n, id, c, now_ns);
	if (!c->solicited || !nh->awaiting)
		return false;
	state_confirm(n, id, NULL, now_ns);
	return true;
}

static void state_fail(struct neigh *n, uint16_t id, uint64_t now_ns)
{
	due_set(&n->due, id, now_ns + n->params.failed_retry_ms * CLOCK_NS_PER_MS);
	state_solicit(n, id, true, now_ns);
	n->counters.failed++;
	state_enter(n, id, NEIGH_FAILED, NULL);
}

void state_due(struct neigh *n, uint16_t id, uint64_t now_ns)
{
	struct neigh_nexthop *nh = &n->nexthops[id];
	uint64_t retransmit_ns = n->params.retransmit_ms * CLOCK_NS_PER_MS;

	switch ((enum neigh_state)nh->info.state) {
	case NEIGH_REACHABLE:
		nh->n_sent = 0;
		state_enter(n, id, NEIGH_PROBE, NULL);
		break;
	case NEIGH_FAILED:
		due_set(&n->due, id, now_ns + n->params.failed_retry_ms * CLOCK_NS_PER_MS);
		state_solicit(n, id, true, now_ns);
		return;
	case NEIGH_INCOMPLETE:
	case NEIGH_PROBE:
		if (nh->n_sent < n->params.tries)
			break;
		state_fail(n, id, now_ns);
		return;
	}
	/* The last question goes to everybody: a host that got a new link address is found without a gap (RFC 7048). */
	due_set(&n->due, id, now_ns + retransmit_ns);
	state_solicit(n, id, nh->info.state == NEIGH_INCOMPLETE || nh->n_sent + 1 >= n->params.tries, now_ns);
}
