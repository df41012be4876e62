/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection on offer. CREATE is not answered, so it is followed by a
 * question; both are repeated, ever more slowly, until the host says what has
 * become of it. A host that says nothing may have lost the datagram, or its
 * answer: nobody else can be asked, since the client may hear from it.
 */
#include "migrate/handover_internal.h"

#include <string.h>

#include "base/clock.h"

#define US 1000ull
#define HASTEN_NS (5 * CLOCK_NS_PER_MS) /* a client may hurry us on this often */

/* The kernel needs some 10 us for a socket, a datagram both ways some 100. */
static const struct {
	uint32_t wait_us; /* since the step before */
	bool create;
} steps[] = {
	{ 200, false },   { 800, false },   { 3000, true },   { 1000, false },  { 10000, true },  { 1000, false },
	{ 34000, true },  { 2000, false },  { 50000, true },  { 2000, false },  { 100000, true }, { 5000, false },
	{ 200000, true }, { 10000, false }, { 400000, true }, { 10000, false }, { 600000, true }, { 10000, false },
};

#define N_STEPS (sizeof steps / sizeof steps[0])
#define STEP_REPEAT 2        /* the first repetition */
#define LAST_WAIT_US 1000000 /* for the last answer */

static void arm(struct handover *h, struct pending *p)
{
	handover_arm(h, p, h->now_ns + (p->step < N_STEPS ? steps[p->step].wait_us : LAST_WAIT_US) * US);
}

void handover_abort(struct handover *h, struct pending *p)
{
	if (!handover_endpoint_there(h, p))
		return;
	h->counters.aborts_sent++;
	handover_step_host(h, p, TRACE_ABORTED, 0, 0);
	handover_shim(h, p, BATON_SHIM_ABORT, 0, 0);
}

void handover_give_up(struct handover *h, struct pending *p)
{
	h->counters.host_silent++;
	handover_step_host(h, p, TRACE_SILENT, 0, 0);
	handover_abort(h, p);
	handover_reset(h, p);
	handover_forget(h, p);
}

static bool offer_to(struct handover *h, struct pending *p, uint16_t endpoint)
{
	uint32_t have = gather_have(&p->gather), room;

	if (endpoint >= h->view->n_endpoints || h->view->endpoints[endpoint].family != p->key.family)
		return false;
	p->endpoint = endpoint;
	memcpy(p->host, h->view->endpoints[endpoint].addr, sizeof p->host);
	p->step = 0;
	room = handover_shim_room(h, p);
	p->offered = have < room ? have : room;
	if (!handover_shim(h, p, BATON_SHIM_CREATE, 0, p->offered)) {
		handover_step_host(h, p, TRACE_NOT_SENT, 0, 0);
		return false;
	}
	handover_step_host(h, p, TRACE_OFFERED, p->n_tried, p->offered);
	h->counters.creates_sent++;
	h->counters.tried_elsewhere += p->n_tried > 1;
	arm(h, p);
	return true;
}

void handover_offer(struct handover *h, struct pending *p)
{
	p->state = PENDING_OFFERED;
	while (p->n_tried < p->attempts) {
		uint16_t endpoint = h->env->choose(h->arg, p->service, &p->keys, p->tried, p->n_tried);

		if (endpoint == VIEW_NONE)
			break;
		p->tried[p->n_tried++] = endpoint;
		handover_step_chosen(h, p, endpoint);
		if (offer_to(h, p, endpoint))
			return;
	}
	h->counters.no_endpoint++;
	handover_step(h, &p->key, TRACE_NOT_CHOSEN, 0, 0);
	handover_reset(h, p);
	handover_forget(h, p);
}

static void repeat(struct handover *h, struct pending *p)
{
	h->counters.creates_repeated++;
	handover_step_host(h, p, TRACE_OFFERED_AGAIN, 0, 0);
	handover_shim(h, p, BATON_SHIM_CREATE, 0, p->offered);
}

void handover_offered_timer(struct handover *h, struct pending *p)
{
	if (!handover_endpoint_there(h, p)) {
		h->counters.view_changed++;
		handover_step_host(h, p, TRACE_VIEW_CHANGED, 0, 0);
		handover_reset(h, p);
		handover_forget(h, p);
		return;
	}
	if (p->step == N_STEPS) {
		handover_give_up(h, p);
		return;
	}
	if (steps[p->step].create) {
		repeat(h, p);
	} else {
		h->counters.questions_sent++;
		handover_step_host(h, p, TRACE_ASKED, 0, 0);
		handover_shim(h, p, BATON_SHIM_CREATE, 0, 0);
	}
	p->step++;
	arm(h, p);
}

/*
 * The client acknowledges what only the host can have sent: there is a socket.
 * What we have not acknowledged is not asked for: if it got lost, the client repeats it.
 */
static void implied(struct handover *h, struct pending *p)
{
	h->counters.created_implied++;
	handover_step_host(h, p, TRACE_IMPLIED, 0, 0);
	p->received = p->acked ? 0 : p->offered;
	handover_open(h, p);
}

enum handover_verdict handover_offered(struct handover *h, struct pending *p, const struct handover_packet *pkt,
				       const struct segment *s)
{
	int32_t end = handover_offset(p, s->seq) + (int32_t)s->len;
	bool beyond = s->ack != p->server_isn + 1, fin = s->flags & PACKET_TCP_FIN && !p->fin;
	enum handover_verdict verdict;

	if (!beyond && !fin && end <= (int32_t)gather_have(&p->gather)) {
		if (s->len && p->state == PENDING_OFFERED && h->now_ns >= p->progress_ns + HASTEN_NS &&
		    handover_endpoint_there(h, p))
			repeat(h, p);
		return HANDOVER_TAKEN;
	}
	verdict = handover_hold(h, p, pkt);
	if (beyond && p->state == PENDING_OFFERED)
		implied(h, p); /* may be the end of p */
	return verdict;
}

/* It is certain that this host has not taken it, so another one may. */
static void refused(struct handover *h, struct pending *p, const struct plumb_host *m)
{
	if (p->state != PENDING_OFFERED)
		return; /* an old word: the socket was there since */
	h->counters.refused_by_host++;
	if (m->reason < BATON_SHIM_N_REFUSALS)
		h->counters.refusals[m->reason]++;
	/* a copy of CREATE may still be on its way */
	if (p->step > STEP_REPEAT)
		handover_abort(h, p);
	handover_offer(h, p);
}

/*
 * A CREATE that came before the question has made nothing: it is lost, or was
 * used up on what another connection with these ports had left behind
 * (TIME_WAIT). Once, that is no reason to wait; if it happens again, the accept
 * queue may be full, and the schedule gives it time.
 */
static void not_there(struct handover *h, struct pending *p)
{
	if (p->state != PENDING_OFFERED || p->step > STEP_REPEAT || !handover_endpoint_there(h, p))
		return;
	repeat(h, p);
	p->step = STEP_REPEAT + 1;
	arm(h, p);
}

static void open_to(struct handover *h, struct pending *p, uint32_t next_seq)
{
	int32_t offset = handover_offset(p, next_seq);

	/* beyond what we have sent: not our connection's socket */
	if (offset < 0 || offset > (int32_t)gather_have(&p->gather))
		return;
	if (p->state == PENDING_FEEDING && (uint32_t)offset <= p->received)
		return;
	p->received = (uint32_t)offset;
	p->step = 0;
	handover_open(h, p);
}

void handover_told(struct handover *h, struct pending *p, const struct plumb_host *m)
{
	handover_step_host(h, p, TRACE_HOST_SAYS, m->state, m->reason);
	switch ((enum baton_shim_conn_state)m->state) {
	case BATON_SHIM_CONN_NONE:
		not_there(h, p);
		break;
	case BATON_SHIM_CONN_OPEN:
		open_to(h, p, m->next_seq);
		break;
	case BATON_SHIM_CONN_LINGERS:
		handover_place(h, p, p->offered, BATON_CONN_CLOSED); /* as a report of it would make it */
		break;
	case BATON_SHIM_CONN_ENDED:
		/* its reset may be lost: the client hears it from us as well */
		h->counters.host_ended++;
		handover_reset(h, p);
		handover_forget(h, p);
		break;
	case BATON_SHIM_CONN_REFUSED:
		refused(h, p, m);
		break;
	}
}
