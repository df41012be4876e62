/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarder/worker.h"

#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "forwarder/burst.h"
#include "forwarder/route_table.h"
#include "forwarder/stages.h"

/*
 * Each table is swept once in this time, or once in a second per million routes
 * or less: 100 M take a minute, and that much later than its timeout a route may
 * end. It must be visited before its idle time wraps (16 bits): timeouts are
 * 32000 s at most (CONFIG_TIMEOUT_MAX_S), which leaves nine hours. However late
 * turns are, a sweep takes no more of them than there are buckets, and one for
 * each eight routes that end.
 */
#define WORKER_SWEEP_S 1
#define WORKER_SWEEP_ROUTES_PER_S 1000000
#define WORKER_ROUTES_PER_STEP 16 /* one bucket, not quite as full as they usually are */

_Static_assert(ROUTE_MAX_BANKS == VIEW_MAX_TUNNELS, "an address for each bank");

static void *worker_table_alloc(size_t size, void *arg)
{
	return rte_zmalloc(arg, size, RTE_CACHE_LINE_SIZE);
}

static void worker_table_free(void *p, void *arg)
{
	rte_free(p);
}

static struct route_table *worker_table_new(const struct forwarder_worker_params *p, uint8_t family, uint32_t capacity)
{
	struct route_table_params t = {
		.family = family,
		.capacity = capacity,
		.n_banks = family == BATON_IPV4 ? p->banks_ipv4 : p->banks_ipv6,
		.reserved_port = p->shim_port,
		.nat = family == BATON_IPV4 ? p->nat_ipv4 : p->nat_ipv6,
		.alloc = worker_table_alloc,
		.free = worker_table_free,
		.arg = (void *)"routes",
	};

	memcpy(t.hash_key, p->hash_key, sizeof t.hash_key);
	return p->form ? route_table_new_form(&t, p->form) : route_table_new(&t);
}

static uint64_t worker_tsc_per_sweep(uint64_t hz, uint32_t capacity)
{
	uint64_t pass = hz * WORKER_SWEEP_S;

	if (capacity > WORKER_SWEEP_ROUTES_PER_S)
		pass = hz / WORKER_SWEEP_ROUTES_PER_S * capacity;
	return pass / (capacity / WORKER_ROUTES_PER_STEP + 1);
}

struct forwarder_worker *forwarder_worker_new(const struct forwarder_worker_params *p)
{
	struct forwarder_worker *w = rte_zmalloc("forwarder", sizeof *w, RTE_CACHE_LINE_SIZE);

	if (!w)
		return NULL;
	w->index = p->index;
	w->n_ports = p->n_ports;
	w->queue = p->queue;
	w->snat_port_first = p->snat_port_first;
	w->snat_port_last = p->snat_port_last;
	w->max_peers = p->max_peers;
	w->channel = p->channel;
	w->packets = p->packets;
	for (uint16_t i = 0; i < p->channel->n_classifiers; i++)
		w->to_classifier[i].ring = p->channel->to_classifier[i];
	w->seq = p->first_seq;
	miss_budget_init(&w->misses, p->miss_price);
	w->tsc_hz = rte_get_tsc_hz();
	w->tsc_per_sweep4 = worker_tsc_per_sweep(w->tsc_hz, p->routes_ipv4);
	w->tsc_per_sweep6 = worker_tsc_per_sweep(w->tsc_hz, p->routes_ipv6);
	w->routes4 = worker_table_new(p, BATON_IPV4, p->routes_ipv4);
	w->routes6 = worker_table_new(p, BATON_IPV6, p->routes_ipv6);
	w->sets = burst_sets_new();
	w->peers = rte_calloc("peers", p->max_peers, sizeof *w->peers, RTE_CACHE_LINE_SIZE);
	w->endpoints = rte_calloc("endpoints", p->max_endpoints, sizeof *w->endpoints, RTE_CACHE_LINE_SIZE);
	if (w->routes4 && w->routes6 && w->sets && w->peers && w->endpoints) {
		w->path = burst_for(w->routes4);
		return w;
	}
	forwarder_worker_free(w);
	return NULL;
}

void forwarder_worker_free(struct forwarder_worker *w)
{
	if (!w)
		return;
	for (uint16_t port = 0; port < w->n_ports; port++)
		rte_pktmbuf_free_bulk(w->tx[port].packets, w->tx[port].n);
	burst_drop_held(w);
	for (uint16_t i = 0; i < w->n_messages; i++)
		channel_message_put(w->channel, w->messages[i]);
	if (w->failed_add)
		channel_message_put(w->channel, w->failed_add);
	for (uint16_t i = 0; i < w->channel->n_classifiers; i++)
		outbox_fini(&w->to_classifier[i], w->channel);
	route_table_free(w->routes4);
	route_table_free(w->routes6);
	rte_free(w->sets);
	rte_free(w->peers);
	rte_free(w->endpoints);
	rte_free(w);
}

void forwarder_worker_burst(struct forwarder_worker *w, struct rte_mbuf **packets, unsigned n)
{
	w->path->now(w, packets, n);
}

/*
 * A full burst is held: the lcore is busy, so more packets are waiting, and the time that their parsing takes is time
 * for the memory of this one's routes. Packets wait for one turn at most; where bursts are not full they never do.
 */
static unsigned worker_receive(struct forwarder_worker *w)
{
	struct rte_mbuf *packets[WORKER_BURST];
	uint64_t hits = w->counters.hits;
	bool held = w->holds;
	unsigned n_all = 0;

	for (uint16_t port = 0; port < w->n_ports; port++) {
		unsigned n = rte_eth_rx_burst(port, w->queue, packets, WORKER_BURST);

		miss_budget_burst(&w->misses, n == WORKER_BURST);
		if (n)
			w->path->next(w, packets, n, n == WORKER_BURST);
		n_all += n;
	}
	if (held && !n_all) {
		w->path->next(w, packets, 0, false);
		n_all = 1;
	}
	miss_budget_turn(&w->misses, (uint32_t)(w->counters.hits - hits));
	return n_all;
}

unsigned forwarder_worker_turn(struct forwarder_worker *w, const struct view *view, uint64_t now_tsc)
{
	unsigned work;

	w->view = view;
	w->now_tsc = now_tsc;
	w->now_s = (uint16_t)(w->now_tsc / w->tsc_hz);
	work = plumbing_poll(w);
	work += worker_receive(w);
	plumbing_prefetch(w);
	work += ageing_poll(w);
	forwarder_worker_flush(w);
	plumbing_fetch(w);
	work += w->n_messages;
	return work;
}

unsigned forwarder_worker_poll(struct forwarder_worker *w, const struct view *view)
{
	return forwarder_worker_turn(w, view, rte_get_tsc_cycles());
}
