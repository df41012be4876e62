/* SPDX-License-Identifier: BSD-3-Clause */
/* Forwarders and classifiers, and the loop that runs them on their lcores. */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include <urcu/urcu-qsbr.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/log.h"
#include "batond/batond.h"

#define LCORES_MESSAGES 65535
#define LCORES_RING 8192
#define LCORES_PEERS 4096
#define LCORES_IDLE_TURNS 256 /* empty turns before an adaptive lcore sleeps */
#define LCORES_SLEEP_US 50

/* Does a VIP of this family use NAT now? One that comes later is served too, a little slower. */
static bool lcores_any_nat(const struct config *c, uint8_t family)
{
	for (unsigned i = 0; i < c->n_vips; i++)
		if (c->vips[i].addr.family == family && c->vips[i].mode != BATON_MODE_TUNNEL)
			return true;
	return false;
}

static const struct config_lcore *lcores_of_forwarder(const struct config *c, unsigned forwarder)
{
	const struct config_lcore *l = c->lcores;

	for (unsigned n = 0; !l->forwarder || n++ < forwarder;)
		l++;
	return l;
}

/*
 * A table for NAT alone may be larger than its tunnel addresses can name; the
 * check of the configuration lets no VIP that tunnels come to it.
 */
static uint8_t lcores_banks(const struct config_tunnels *t, int routes)
{
	return routes <= (int)t->n * CONFIG_ROUTES_PER_TUNNEL ? (uint8_t)t->n : 0;
}

static int lcores_create_forwarder(struct batond *b, unsigned index)
{
	const struct config_lcore *lcore = lcores_of_forwarder(b->config, index);
	struct forwarder_worker_params p = {
		.index = (uint16_t)index,
		.n_ports = (uint16_t)b->n_ports,
		.queue = (uint16_t)index,
		.miss_price = lcore->classifier ? MISS_PRICE_CLASSIFIER : MISS_PRICE,
		.routes_ipv4 = (uint32_t)b->config->routes_ipv4,
		.routes_ipv6 = (uint32_t)b->config->routes_ipv6,
		.banks_ipv4 = lcores_banks(&lcore->tunnel4, b->config->routes_ipv4),
		.banks_ipv6 = lcores_banks(&lcore->tunnel6, b->config->routes_ipv6),
		.nat_ipv4 = lcores_any_nat(b->config, BATON_IPV4),
		.nat_ipv6 = lcores_any_nat(b->config, BATON_IPV6),
		.shim_port = (uint16_t)b->config->shim_port,
		.max_endpoints = BATOND_MAX_ENDPOINTS,
		.max_peers = LCORES_PEERS,
		.snat_port_first = (uint16_t)b->config->snat_port_first,
		.snat_port_last = (uint16_t)b->config->snat_port_last,
		.first_seq = clock_wall_ns(),
		.channel = &b->channel,
		.packets = b->packets[index],
	};

	randombytes_buf(p.hash_key, sizeof p.hash_key);
	b->forwarders[index] = forwarder_worker_new(&p);
	if (b->forwarders[index])
		return 0;
	log_error("no memory for a forwarder index=%u routes_ipv4=%u routes_ipv6=%u tables_mb=%zu; raise "
		  "memory.size_mb=%d",
		  index, p.routes_ipv4, p.routes_ipv6,
		  (route_table_memory(BATON_IPV4, p.routes_ipv4) + route_table_memory(BATON_IPV6, p.routes_ipv6)) >> 20,
		  b->config->memory_mb);
	return -ENOMEM;
}

static void lcores_snat(const struct config *c, struct classifier_params *p)
{
	unsigned f = 0;

	for (unsigned i = 0; i < c->n_lcores; i++) {
		if (!c->lcores[i].forwarder)
			continue;
		p->snat[f].n_addrs = c->lcores[i].n_snat;
		for (unsigned k = 0; k < c->lcores[i].n_snat && k < CLASSIFIER_MAX_SNAT; k++)
			p->snat[f].addrs[k] = c->lcores[i].snat[k];
		f++;
	}
}

static int lcores_create_classifier(struct batond *b, unsigned index)
{
	struct classifier_params p = {
		.index = (uint16_t)index,
		.n_classifiers = (uint16_t)b->n_classifiers,
		.n_forwarders = (uint16_t)b->n_forwarders,
		.max_vips = BATOND_MAX_VIPS,
		.max_connections = (uint32_t)b->config->connections,
		.nat = lcores_any_nat(b->config, BATON_IPV4) || lcores_any_nat(b->config, BATON_IPV6),
		.snat_port_first = (uint16_t)b->config->snat_port_first,
		.snat_port_last = (uint16_t)b->config->snat_port_last,
		.snat_quarantine_s = (uint32_t)b->config->snat_quarantine_s,
		.sessions = b->sessions,
	};
	struct handover_params accept = {
		.max_pending = (uint32_t)b->config->pending,
		.max_large = (uint32_t)b->config->large_heads,
		.max_held = (uint32_t)b->config->held_packets,
	};
	struct classifier *c;

	if (accept.max_large > accept.max_pending)
		accept.max_large = accept.max_pending;
	lcores_snat(b->config, &p);
	randombytes_buf(p.hash_key, sizeof p.hash_key);
	c = classifier_new(&p);
	if (!c) {
		log_error("no memory for a classifier index=%u connections=%u", index, p.max_connections);
		return -ENOMEM;
	}
	classifier_service_init(&b->classifiers[index], (uint16_t)index, c, &b->channel);
	randombytes_buf(accept.hash_key, sizeof accept.hash_key);
	if (classifier_service_accept(&b->classifiers[index], &accept, b->packets[0]) == 0)
		return 0;
	log_error("no memory for connections to be handed over index=%u pending=%u large_heads=%u", index,
		  accept.max_pending, accept.max_large);
	return -ENOMEM;
}

static int lcores_create_sessions(struct batond *b)
{
	uint8_t key[16];

	randombytes_buf(key, sizeof key);
	b->sessions = sessions_new((uint32_t)b->config->sessions, key);
	if (b->sessions)
		return 0;
	log_error("no memory for sessions sessions=%d", b->config->sessions);
	return -ENOMEM;
}

/* Give each lcore its services, in the order of the configuration. */
static void lcores_assign(struct batond *b)
{
	unsigned f = 0, c = 0;

	b->n_lcores = b->config->n_lcores;
	for (unsigned i = 0; i < b->n_lcores; i++) {
		const struct config_lcore *config = &b->config->lcores[i];
		struct batond_lcore *l = &b->lcores[i];

		l->id = i + 1;
		l->cpu = config->cpu;
		l->busy_poll = config->busy_poll;
		l->published = &b->view;
		l->forwarder = config->forwarder ? b->forwarders[f++] : NULL;
		l->classifier = config->classifier ? &b->classifiers[c++] : NULL;
	}
}

int lcores_create(struct batond *b)
{
	struct channel_params p = {
		.n_forwarders = (uint16_t)b->n_forwarders,
		.n_messages = LCORES_MESSAGES,
		.ring_size = LCORES_RING,
	};
	int err;

	if (sodium_init() < 0)
		return -EIO;
	b->n_classifiers = 0;
	for (unsigned i = 0; i < b->config->n_lcores; i++)
		b->n_classifiers += b->config->lcores[i].classifier;
	p.n_classifiers = (uint16_t)b->n_classifiers;
	err = channel_init(&b->channel, &p);
	for (unsigned i = 0; i < b->n_forwarders && err == 0; i++)
		err = lcores_create_forwarder(b, i);
	if (err == 0)
		err = lcores_create_sessions(b);
	for (unsigned i = 0; i < b->n_classifiers && err == 0; i++)
		err = lcores_create_classifier(b, i);
	if (err < 0) {
		lcores_destroy(b);
		return err;
	}
	lcores_assign(b);
	return 0;
}

void lcores_destroy(struct batond *b)
{
	for (unsigned i = 0; i < b->n_classifiers; i++)
		classifier_service_fini(&b->classifiers[i]);
	for (unsigned i = 0; i < b->n_forwarders; i++) {
		forwarder_worker_free(b->forwarders[i]);
		b->forwarders[i] = NULL;
	}
	sessions_free(b->sessions);
	b->sessions = NULL;
	channel_fini(&b->channel);
	b->n_lcores = 0;
}

/* The wall clock, read once a second; it may be set at any time, and nothing hangs on that much. */
static uint64_t lcores_wall_ns(struct batond_lcore *l, uint64_t now_ns)
{
	if (now_ns >= l->wall_due_ns) {
		l->wall_offset_ns = clock_wall_ns() - now_ns;
		l->wall_due_ns = now_ns + CLOCK_NS_PER_S;
	}
	return now_ns + l->wall_offset_ns;
}

static unsigned lcores_turn(struct batond_lcore *l)
{
	const struct view *view = rcu_dereference(*l->published);
	unsigned work = 0;

	if (l->classifier) {
		uint64_t now_ns = clock_monotonic_ns();

		work += classifier_service_poll(l->classifier, view, now_ns, lcores_wall_ns(l, now_ns));
	}
	if (l->forwarder)
		work += forwarder_worker_poll(l->forwarder, view);
	return work;
}

static int lcores_run(void *arg)
{
	struct batond_lcore *l = arg;
	unsigned idle = 0;

	prctl(PR_SET_TIMERSLACK, 1000ul); /* ns: so that a short sleep is short */
	urcu_qsbr_register_thread();
	while (atomic_load_explicit(&l->run, memory_order_relaxed)) {
		idle = lcores_turn(l) ? 0 : idle + 1;
		urcu_qsbr_quiescent_state();
		l->loops++;
		l->idle_loops += idle > 0;
		if (l->busy_poll || idle <= LCORES_IDLE_TURNS)
			continue;
		l->sleeps++;
		rte_delay_us_sleep(LCORES_SLEEP_US);
	}
	urcu_qsbr_unregister_thread();
	return 0;
}

int lcores_launch(struct batond *b)
{
	for (unsigned i = 0; i < b->n_lcores; i++) {
		int err;

		atomic_store(&b->lcores[i].run, true);
		err = rte_eal_remote_launch(lcores_run, &b->lcores[i], b->lcores[i].id);
		if (err < 0) {
			lcores_stop(b);
			return err;
		}
	}
	neighbours_announce(b, NULL);
	return 0;
}

void lcores_stop(struct batond *b)
{
	for (unsigned i = 0; i < b->n_lcores; i++)
		atomic_store(&b->lcores[i].run, false);
	rte_eal_mp_wait_lcore();
}
