/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/sweep.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/batch.h"
#include "base/clock.h"

#define BATCHES_PER_STEP 8

struct flow_reader {
	struct batch_reader batch;
	struct agent_flow_key keys[BATCH_ENTRIES];
	struct agent_flow flows[BATCH_ENTRIES];
};

struct sweep {
	struct flow_reader reader;
	uint64_t seen, live, deleted;
};

static int reader_next(struct flow_reader *r, int fd, bool *ret_end)
{
	r->batch.keys = r->keys;
	r->batch.values = r->flows;
	return batch_reader_next(&r->batch, fd, ret_end);
}

struct sweep *sweep_new(void)
{
	return calloc(1, sizeof(struct sweep));
}

void sweep_free(struct sweep *s)
{
	free(s);
}

uint64_t sweep_live(const struct sweep *s)
{
	return s->live;
}

uint64_t sweep_deleted(const struct sweep *s)
{
	return s->deleted;
}

static bool served(const struct agent_config *c, uint8_t family, const uint8_t device[16], const struct agent_flow *f)
{
	struct baton_addr a = { .family = family };

	memcpy(a.b, device, sizeof a.b);
	if (!agent_config_has(c->forwarders, c->n_forwarders, &a))
		return false;
	memcpy(a.b, f->daddr, sizeof a.b);
	if (!agent_config_has(c->vips, c->n_vips, &a))
		return false;
	memcpy(a.b, f->host, sizeof a.b);
	return agent_config_has(c->addresses, c->n_addresses, &a);
}

bool sweep_expired(const struct agent_flow_key *key, const struct agent_flow *f, const struct agent_config *c,
		   uint64_t now_ns)
{
	uint8_t state = f->state < BATON_N_CONN_STATES ? f->state : BATON_CONN_CLOSED;
	uint64_t idle_ns = (uint64_t)c->idle_s[state] * CLOCK_NS_PER_S;

	if (!served(c, key->family, key->device, f))
		return true;
	/* the program may have used it after we looked at the clock */
	return now_ns > f->last_used_ns && now_ns - f->last_used_ns > idle_ns;
}

static int batch_sweep(struct sweep *s, int fd, int n, const struct agent_config *c, uint64_t now_ns)
{
	for (int i = 0; i < n; i++) {
		if (!sweep_expired(&s->reader.keys[i], &s->reader.flows[i], c, now_ns)) {
			s->seen++;
			continue;
		}
		if (!bpf_map_delete_elem(fd, &s->reader.keys[i]))
			s->deleted++;
		else if (errno != ENOENT)
			return -errno;
	}
	return 0;
}

int sweep_step(struct sweep *s, int fd, const struct agent_config *c, uint64_t now_ns)
{
	bool end = false;

	for (int i = 0; i < BATCHES_PER_STEP && !end; i++) {
		int n = reader_next(&s->reader, fd, &end);

		if (n >= 0)
			n = batch_sweep(s, fd, n, c, now_ns);
		if (n < 0)
			return n;
	}
	if (end) {
		s->live = s->seen;
		s->seen = 0;
	}
	return end;
}

int flow_walk(int fd, flow_visit_fn visit, void *arg)
{
	struct flow_reader *r = calloc(1, sizeof *r);
	bool end = false, more = true;
	int n = r ? 0 : -ENOMEM;

	while (n >= 0 && more && !end) {
		n = reader_next(r, fd, &end);
		for (int i = 0; i < n && more; i++)
			more = visit(&r->keys[i], &r->flows[i], arg);
	}
	free(r);
	return n < 0 ? n : 0;
}
