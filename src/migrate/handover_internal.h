/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the hand-over share; for nobody else. */
#ifndef BATON_MIGRATE_HANDOVER_INTERNAL_H
#define BATON_MIGRATE_HANDOVER_INTERNAL_H

#include "migrate/handover.h"
#include "migrate/pending.h"
#include "migrate/recent.h"
#include "migrate/segment.h"

/*
 * Shift of the windows that we, and later the host, announce. What Linux takes
 * with its default buffers (net.ipv4.tcp_rmem up to 6 MB): windows up to 8 MB.
 */
#define HANDOVER_WSCALE 7
/*
 * Least window of a SYN-ACK: two first flights (ten segments of 1460 bytes, RFC
 * 6928), and below the first window of a Linux host (64 KB with default buffers).
 */
#define HANDOVER_WINDOW_MIN 32768
/* Longest packet that is written: a jumbo frame's. */
#define HANDOVER_MTU_MAX 9216

struct handover {
	const struct handover_env *env;
	void *arg;
	uint16_t lcore;
	struct pending_table table;
	struct recent recent;
	struct handover_counters counters;
	/* of the call that is going on */
	const struct view *view;
	uint64_t now_ns, wall_ns;
	struct peek_head head;
	uint8_t frame[SEGMENT_LINK_MAX + HANDOVER_MTU_MAX];
} __attribute__((aligned(64))); /* no line of it is another lcore's */

/* Why a head is decided on before it is complete. */
enum handover_end {
	HEAD_COMPLETE,
	HEAD_ALIEN,
	HEAD_TOO_LONG,
	HEAD_LATE,
	HEAD_NO_ROOM,
};

/* handover.c */

/* Forget it: packets kept for it are released. */
void handover_forget(struct handover *h, struct pending *p);
/* The VIP, if the view still has it under that id, and not another one. */
const struct view_vip *handover_vip(const struct handover *h, const struct pending *p);
/* Keep the packet, or drop it if there are too many. */
enum handover_verdict handover_hold(struct handover *h, struct pending *p, const struct handover_packet *pkt);

/* handover_send.c: segments to the client */

/* What we say, from the VIP, in answer to a frame of which nothing is kept. */
void handover_reply(struct handover *h, const struct handover_packet *pkt, const struct segment *s);
/* Our segment at that sequence number, acknowledging all before offset `next`; timestamps and window filled in. */
void handover_say(struct handover *h, struct pending *p, uint8_t flags, uint32_t seq, uint32_t next,
		  const uint8_t *data, uint32_t len);
/* Acknowledge all that is there without a gap. */
void handover_acknowledge(struct handover *h, struct pending *p);
/* A reset; the pending connection stays. */
void handover_reset(struct handover *h, struct pending *p);
/* Our clock for timestamps, milliseconds; it wraps. */
uint32_t handover_clock_ms(const struct handover *h);
/* The same, not below what the client has seen of another device's. */
uint32_t handover_tsval(const struct handover *h, uint32_t client_tsecr);
/* Bytes of IP packet that go out by a port. */
uint32_t handover_mtu(const struct view *v, uint16_t port);
/* The MSS that we announce to clients of a family on a port. */
uint16_t handover_mss(const struct view *v, const struct application *app, uint8_t family, uint16_t port);
/* The window of our SYN-ACKs. */
uint32_t handover_window(const struct application *app);

/* handover_syn.c: what needs no memory */

enum handover_verdict handover_syn(struct handover *h, const struct application *app, const struct handover_packet *pkt,
				   const struct segment *s);
/* A segment of a connection that is not pending. */
enum handover_verdict handover_fresh(struct handover *h, const struct application *app,
				     const struct handover_packet *pkt, const struct segment *s, uint64_t hash);

/* handover_head.c: PENDING_COLLECTING */

void handover_begin(struct handover *h, const struct application *app, const struct handover_packet *pkt,
		    const struct segment *s, uint64_t hash, const struct cookie_options *agreed);
void handover_collect(struct handover *h, struct pending *p, const struct application *app, const struct segment *s);
void handover_collect_timer(struct handover *h, struct pending *p, const struct application *app);

/* handover_decide.c: h->head is set if the head is complete */
void handover_decide(struct handover *h, struct pending *p, const struct application *app, enum handover_end end);

/* handover_create.c: PENDING_OFFERED, PENDING_FEEDING */

/* To the next endpoint that may take it, or a reset. */
void handover_offer(struct handover *h, struct pending *p);
/* Tell the host to end it. Harmless if nothing was ever sent. */
void handover_abort(struct handover *h, struct pending *p);
enum handover_verdict handover_offered(struct handover *h, struct pending *p, const struct handover_packet *pkt,
				       const struct segment *s);
void handover_offered_timer(struct handover *h, struct pending *p);

/* The host's word about it. */
void handover_told(struct handover *h, struct pending *p, const struct plumb_host *m);
/* The host had its time: end it on both sides. */
void handover_give_up(struct handover *h, struct pending *p);

/* handover_feed.c */

/* The host has a socket; what is acknowledged up to p->received is in it. */
void handover_open(struct handover *h, struct pending *p);
void handover_feed_timer(struct handover *h, struct pending *p);
/* The route is plumbed; what is left from offset `from` on follows it, then what was kept. Forgets it. */
void handover_place(struct handover *h, struct pending *p, uint32_t from, uint8_t conn_state);

/* handover_answer.c: PENDING_ANSWERING */

/* The answer is copied. */
void handover_answer(struct handover *h, struct pending *p, const char *answer, uint32_t len);
void handover_answered(struct handover *h, struct pending *p, const struct segment *s);
void handover_answer_timer(struct handover *h, struct pending *p);

/* handover_shim.c */

/* One datagram: CREATE with the bytes [from, to) of the head, or none (a question). False: not sent. */
bool handover_shim(struct handover *h, struct pending *p, enum baton_shim_type type, uint32_t from, uint32_t to);
/* Bytes of the head that fit into one CREATE to its endpoint. */
uint32_t handover_shim_room(const struct handover *h, const struct pending *p);
/* Is the endpoint still the one that was offered the connection? */
bool handover_endpoint_there(const struct handover *h, const struct pending *p);

/* handover_trace.c: steps, for whom the view traces */

static inline bool handover_traces(const struct handover *h)
{
	return h->view->trace && h->env->trace;
}

void handover_tell_step(struct handover *h, const struct baton_tuple *key, const struct trace_step *step);
void handover_tell_head(struct handover *h, const struct pending *p, enum handover_end end);
void handover_tell_rule(struct handover *h, const struct pending *p, const struct application *app,
			const struct rules_verdict *v);

static inline void handover_step(struct handover *h, const struct baton_tuple *key, enum trace_event event, uint32_t a,
				 uint32_t b)
{
	if (handover_traces(h))
		handover_tell_step(
			h, key,
			&(struct trace_step){ .event = (uint16_t)event, .endpoint = VIEW_NONE, .a = a, .b = b });
}

/* How it was chosen, the one who chose knows. */
static inline void handover_step_chosen(struct handover *h, const struct pending *p, uint16_t endpoint)
{
	if (handover_traces(h))
		handover_tell_step(h, &p->key, &(struct trace_step){ .event = TRACE_CHOSEN, .endpoint = endpoint });
}

/* Of one that was offered to an endpoint. */
static inline void handover_step_host(struct handover *h, const struct pending *p, enum trace_event event, uint32_t a,
				      uint32_t b)
{
	if (handover_traces(h))
		handover_tell_step(
			h, &p->key,
			&(struct trace_step){ .event = (uint16_t)event, .endpoint = p->endpoint, .a = a, .b = b });
}

static inline void handover_arm(struct handover *h, struct pending *p, uint64_t due_ns)
{
	wheel_set(&h->table.wheel, p->id, due_ns);
}

/* Offset of a sequence number of the client's; below 0: before its first byte. */
static inline int32_t handover_offset(const struct pending *p, uint32_t seq)
{
	return (int32_t)(seq - (p->client_isn + 1));
}

#endif
