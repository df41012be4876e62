/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "sim_world.h"

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t dice(struct sim_world *w)
{
	uint64_t z = w->dice += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static const char *type_name(unsigned type)
{
	static const char *const names[HEALTH_N_MESSAGES] = {
		[HEALTH_HEARTBEAT] = "heartbeat",
		[HEALTH_GOODBYE] = "goodbye",
		[HEALTH_ROW_CHANGE] = "row change",
		[HEALTH_GET_SNAPSHOT] = "get snapshot",
		[HEALTH_SEND_SNAPSHOT] = "send snapshot",
		[HEALTH_POSTULATE] = "postulate",
		[HEALTH_POSTULATE_WRONG] = "postulate wrong",
	};

	return names[type];
}

static void log_message(const struct sim_world *w, const struct health_message *m, const char *what, bool to_host,
			unsigned host, unsigned cache)
{
	if (!w->log)
		return;
	fprintf(w->log, "%6llu ms  %-9s %s %u %s %u: %s", (unsigned long long)(w->now_ns / SIM_MS), what,
		to_host ? "cache" : "host", to_host ? cache : host, to_host ? "to host" : "to cache",
		to_host ? host : cache, type_name(m->type));
	fprintf(w->log, ", seq %llu", (unsigned long long)m->seq);
	if (m->type == HEALTH_POSTULATE || m->type == HEALTH_POSTULATE_WRONG)
		fprintf(w->log, ", postulate %llu",
			(unsigned long long)(m->type == HEALTH_POSTULATE ? m->postulate.id : m->postulate_wrong.id));
	for (uint32_t i = 0; m->type == HEALTH_ROW_CHANGE && i < m->row_change.n_changes; i++) {
		const struct health_change *c = &m->row_change.changes[i];

		fprintf(w->log, "; %s row %u %s/%s", c->operation == HEALTH_DELETE ? "delete" : "set",
			sim_row_number(&c->row.id), health_directive_name(c->row.target),
			health_directive_name(c->row.current));
	}
	fputc('\n', w->log);
}

static void *copied(const void *bytes, size_t size)
{
	void *copy = malloc(size ? size : 1);

	memcpy(copy, bytes, size);
	return copy;
}

static void packet_free(struct sim_packet *p)
{
	if (p->message.type == HEALTH_ROW_CHANGE)
		free((void *)(uintptr_t)p->message.row_change.changes);
	if (p->message.type == HEALTH_SEND_SNAPSHOT)
		free((void *)(uintptr_t)p->message.send_snapshot.rows);
	free(p);
}

static void enqueue(struct sim_world *w, const struct health_message *m, bool to_host, unsigned host, unsigned cache,
		    uint64_t delay_ns)
{
	struct sim_packet *p = copied(&(struct sim_packet){ .due_ns = w->now_ns + delay_ns,
							    .order = w->packets_made++,
							    .to_host = to_host,
							    .host = host,
							    .cache = cache,
							    .message = *m },
				      sizeof(*p));
	struct sim_packet **place = &w->packets;

	if (m->type == HEALTH_ROW_CHANGE)
		p->message.row_change.changes =
			copied(m->row_change.changes, m->row_change.n_changes * sizeof(*m->row_change.changes));
	if (m->type == HEALTH_SEND_SNAPSHOT)
		p->message.send_snapshot.rows =
			copied(m->send_snapshot.rows, m->send_snapshot.n_rows * sizeof(*m->send_snapshot.rows));
	while (*place &&
	       ((*place)->due_ns < p->due_ns || ((*place)->due_ns == p->due_ns && (*place)->order < p->order)))
		place = &(*place)->next;
	p->next = *place;
	*place = p;
}

static uint64_t delay(struct sim_world *w, bool noisy)
{
	uint64_t us = 200 + dice(w) % 800;

	if (noisy && w->delay_ms)
		us += dice(w) % (w->delay_ms * 1000ull);
	/* now and then one is very late */
	if (noisy && w->delay_ms && dice(w) % 64 == 0)
		us += 700000;
	return us * 1000;
}

static void carry(struct sim_world *w, const struct health_message *m, bool to_host, unsigned host, unsigned cache)
{
	const struct sim_link *l = &w->links[host][cache];
	uint32_t now_ms = (uint32_t)(w->now_ns / SIM_MS);
	bool noisy = now_ms < w->noise_until_ms;

	if (now_ms < (to_host ? l->cut_to_host_until_ms : l->cut_to_cache_until_ms) ||
	    (noisy && dice(w) % 100 < w->loss)) {
		log_message(w, m, "lost", to_host, host, cache);
		return;
	}
	enqueue(w, m, to_host, host, cache, delay(w, noisy));
	if (noisy && dice(w) % 100 < w->twice)
		enqueue(w, m, to_host, host, cache, delay(w, noisy));
}

void sim_net_from_host(void *context, const struct health_message *m)
{
	struct sim_host *h = context;

	sim_check_sent(h, m);
	h->world->result.messages++;
	for (unsigned i = 0; i < h->world->plan->n_caches; i++)
		carry(h->world, m, false, h->index, i);
}

void sim_net_from_cache(void *context, const struct health_message *m)
{
	struct sim_cache *c = context;
	struct sim_world *w = c->world;
	unsigned host = (unsigned)(m->host - sim_host_id(0));

	w->result.messages++;
	if (m->type == HEALTH_POSTULATE_WRONG) {
		w->links[host][c->index].objected[m->postulate_wrong.id % SIM_WINDOW] = m->postulate_wrong.id;
		w->result.objections++;
	}
	carry(w, m, true, host, c->index);
}

static void to_host(struct sim_world *w, const struct sim_packet *p)
{
	struct sim_host *h = &w->hosts[p->host];
	struct sim_link *l = &w->links[p->host][p->cache];
	const struct health_message *m = &p->message;

	if (!h->up)
		return;
	if (m->type == HEALTH_POSTULATE_WRONG && m->incarnation == h->incarnation) {
		unsigned place = m->postulate_wrong.id % SIM_WINDOW;

		l->host_knows[place] = m->postulate_wrong.id;
		l->host_knows_chunks[place] = health_chunks_convert(m->postulate_wrong.chunks,
								    m->postulate_wrong.n_chunks, HEALTH_MAX_CHUNKS);
	}
	health_host_receive(&h->end, m, w->now_ns);
	h->poll_ns = w->now_ns;
}

static void to_cache(struct sim_world *w, const struct sim_packet *p)
{
	struct sim_cache *c = &w->caches[p->cache];
	struct sim_link *l = &w->links[p->host][p->cache];
	const struct health_message *m = &p->message;

	if (m->type == HEALTH_GOODBYE && m->incarnation > l->left_incarnation)
		l->left_incarnation = m->incarnation;
	if (m->type == HEALTH_POSTULATE && m->incarnation == w->hosts[p->host].incarnation)
		l->got[m->postulate.id % SIM_WINDOW] = m->postulate.id;
	health_cache_receive(&c->end, m, w->now_ns);
	c->poll_ns = w->now_ns;
	sim_check_cache(w, p->host, p->cache);
}

void sim_net_deliver(struct sim_world *w)
{
	struct sim_packet *p = w->packets;

	w->packets = p->next;
	log_message(w, &p->message, "delivered", p->to_host, p->host, p->cache);
	if (p->to_host)
		to_host(w, p);
	else
		to_cache(w, p);
	packet_free(p);
}

void sim_net_clear(struct sim_world *w)
{
	while (w->packets) {
		struct sim_packet *p = w->packets;

		w->packets = p->next;
		packet_free(p);
	}
}
