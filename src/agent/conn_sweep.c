/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/conn_sweep.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/batch.h"
#include "agent/conn_end.h"
#include "base/clock.h"
#include "base/log.h"

#define BATCHES_PER_STEP 4
/* Longer than a device repeats a CREATE, and than a TIME_WAIT lasts (TCP_TIMEWAIT_LEN, 60 s). */
#define FORGET_ENDED_NS (120 * CLOCK_NS_PER_S)
/* Longer than a handshake takes: such an entry never became a socket. */
#define FORGET_NEW_NS (130 * CLOCK_NS_PER_S)
/* The kernel makes the socket of a CREATE when it gets the segment, within microseconds. */
#define FORGET_CREATED_NS (5 * CLOCK_NS_PER_S)

struct conn_reader {
	struct batch_reader batch;
	struct agent_conn_key keys[BATCH_ENTRIES];
	struct agent_conn conns[BATCH_ENTRIES];
};

struct conn_sweep {
	struct conn_reader reader;
	struct conn_pass pass;
	bool running;                   /* in a pass */
	bool refused;                   /* the kernel would not end a connection: logged */
	uint64_t n_lost, n_lost_before; /* in this pass and the one before */
};

static int reader_next(struct conn_reader *r, int fd, bool *ret_end)
{
	r->batch.keys = r->keys;
	r->batch.values = r->conns;
	return batch_reader_next(&r->batch, fd, ret_end);
}

struct conn_sweep *conn_sweep_new(void)
{
	return calloc(1, sizeof(struct conn_sweep));
}

void conn_sweep_free(struct conn_sweep *s)
{
	free(s);
}

static enum conn_fate gone_fate(const struct agent_conn *c, const struct conn_pass *pass, uint64_t age_ns)
{
	if (!(c->flags & AGENT_CONN_REPORTED) && c->changed_ns >= pass->since_ns && c->changed_ns < pass->began_ns)
		return CONN_REPORT;
	return age_ns > FORGET_ENDED_NS ? CONN_FORGET : CONN_KEEP;
}

enum conn_fate conn_fate(const struct agent_conn_key *key, const struct agent_conn *c,
			 const struct agent_config *config, const struct conn_pass *pass, uint64_t now_ns)
{
	/* the programs may have changed it after we looked at the clock */
	uint64_t age_ns = now_ns > c->changed_ns ? now_ns - c->changed_ns : 0;
	struct baton_addr vip = { .family = key->family };

	memcpy(vip.b, key->daddr, sizeof vip.b);
	if (!agent_config_has(config->vips, config->n_vips, &vip))
		return CONN_FORGET;
	if (c->state == AGENT_CONN_ENDED || c->state == AGENT_CONN_LINGERS)
		return gone_fate(c, pass, age_ns);
	if (c->state == AGENT_CONN_NEW && c->flags & AGENT_CONN_CREATED)
		return age_ns > FORGET_CREATED_NS ? CONN_LOST : CONN_KEEP;
	if (c->state == AGENT_CONN_NEW)
		return age_ns > FORGET_NEW_NS ? CONN_FORGET : CONN_KEEP;
	if (c->flags & AGENT_CONN_CREATED && !c->flow_id && age_ns > (uint64_t)config->unclaimed_s * CLOCK_NS_PER_S)
		return CONN_UNCLAIMED;
	return CONN_KEEP;
}

/* Nobody has introduced it: its device died before, and no packet of its client will come here any more. */
static void unclaimed_end(struct conn_sweep *s, int fd, const struct agent_conn_key *key, struct agent_own *own)
{
	int err = conn_end(key);

	if (!err) {
		own->n[AGENT_OWN_UNCLAIMED_ENDED]++;
		return;
	}
	if (err == -ENOENT) {
		bpf_map_delete_elem(fd, key);
		own->n[AGENT_OWN_CONNECTIONS_FORGOTTEN]++;
		return;
	}
	own->n[AGENT_OWN_UNCLAIMED_KEPT]++;
	if (!s->refused)
		log_warning("can't end a connection that no device has introduced (CONFIG_INET_DIAG_DESTROY) "
			    "reason=\"%s\"",
			    strerror(-err));
	s->refused = true;
}

static void entry_sweep(struct conn_sweep *s, int i, int fd, struct ends *e, const struct agent_config *c,
			uint64_t now_ns)
{
	const struct agent_conn_key *key = &s->reader.keys[i];
	struct agent_own *own = ends_own(e);

	switch (conn_fate(key, &s->reader.conns[i], c, &s->pass, now_ns)) {
	case CONN_KEEP:
		break;
	case CONN_LOST:
		own->n[AGENT_OWN_CREATED_LOST]++;
		s->n_lost++;
		/* fall through */
	case CONN_FORGET:
		if (!bpf_map_delete_elem(fd, key))
			own->n[AGENT_OWN_CONNECTIONS_FORGOTTEN]++;
		break;
	case CONN_UNCLAIMED:
		unclaimed_end(s, fd, key, own);
		break;
	case CONN_REPORT:
		own->n[AGENT_OWN_ENDED_FOUND]++;
		ends_report(e, key, &s->reader.conns[i]);
	}
}

static void lost_log(struct conn_sweep *s)
{
	if (s->n_lost && !s->n_lost_before)
		log_warning("connections given to the kernel do not become sockets: does a firewall take new "
			    "connections by SYN only (accept agent.create_mark before), is rp_filter strict, "
			    "net.netfilter.nf_conntrack_tcp_loose 0? n=%" PRIu64,
			    s->n_lost);
	s->n_lost_before = s->n_lost;
	s->n_lost = 0;
}

int conn_sweep_step(struct conn_sweep *s, int fd, struct ends *e, const struct agent_config *c, uint64_t now_ns)
{
	bool end = false;

	if (!s->running)
		s->pass.began_ns = now_ns;
	s->running = true;
	for (int i = 0; i < BATCHES_PER_STEP && !end; i++) {
		int n = reader_next(&s->reader, fd, &end);

		if (n < 0)
			return n;
		for (int j = 0; j < n; j++)
			entry_sweep(s, j, fd, e, c, now_ns);
	}
	if (end) {
		s->running = false;
		lost_log(s);
		s->pass.since_ns = s->pass.began_ns;
	}
	return end;
}

int conn_walk(int fd, conn_visit_fn visit, void *arg)
{
	struct conn_reader *r = calloc(1, sizeof *r);
	bool end = false, more = true;
	int n = r ? 0 : -ENOMEM;

	while (n >= 0 && more && !end) {
		n = reader_next(r, fd, &end);
		for (int i = 0; i < n && more; i++)
			more = visit(&r->keys[i], &r->conns[i], arg);
	}
	free(r);
	return n < 0 ? n : 0;
}
