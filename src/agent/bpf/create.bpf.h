/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * CREATE and ABORT: connections that a device has accepted, for this kernel to
 * carry on. What is to be done depends on what has the 4-tuple: a listener, the
 * connection itself, what another one has left behind, or nothing.
 */
#ifndef BATON_AGENT_BPF_CREATE_H
#define BATON_AGENT_BPF_CREATE_H

#include "agent/bpf/connection.bpf.h"
#include "agent/bpf/trace.bpf.h"

/* Smallest MSS the kernel takes (bpf_sk_assign_tcp_reqsk(): TCP_MIN_MSS' default, IPV6_MIN_MTU - 60). */
#define CREATE_MSS_MIN_IPV4 536
#define CREATE_MSS_MIN_IPV6 1220
#define CREATE_OPTIONS (BATON_TCP_WSCALE | BATON_TCP_SACK | BATON_TCP_TIMESTAMPS)
#define CREATE_WSCALE_MAX 14 /* RFC 7323 section 2.3 */

/* What to do with the datagram. */
enum act {
	ACT_DROP,   /* nothing more; counted */
	ACT_ANSWER, /* STATE with what x->answer says */
	ACT_RESET,  /* give the kernel a reset with sequence number x->reset_seq in its place */
	ACT_PASS,   /* give the kernel the segment inside */
};

static __always_inline enum act act_drop(enum agent_counter why)
{
	count(why);
	return ACT_DROP;
}

static __always_inline enum act act_answer(struct scratch *x, enum baton_shim_conn_state state)
{
	x->answer.state = state;
	return ACT_ANSWER;
}

static __always_inline enum act act_refuse(struct scratch *x, enum baton_shim_refusal why)
{
	count(AGENT_COUNTER_OF_REFUSAL(why));
	x->answer.reason = why;
	return act_answer(x, BATON_SHIM_CONN_REFUSED);
}

static __always_inline enum act act_reset(struct scratch *x, __u32 seq, enum agent_counter which)
{
	count(which);
	x->reset_seq = seq;
	return ACT_RESET;
}

static __always_inline bool create_fields_valid(const struct baton_shim_create *c, __u8 family)
{
	if (c->family != family || !c->sport || !c->dport || c->options & ~CREATE_OPTIONS ||
	    c->client_wscale > CREATE_WSCALE_MAX || c->server_wscale > CREATE_WSCALE_MAX)
		return false;
	for (unsigned i = 0; i < sizeof c->zero; i++)
		if (c->zero[i])
			return false;
	return addrs_valid(family, c->saddr, c->daddr);
}

static __always_inline void create_tuple(struct scratch *x)
{
	if (x->key.family == 4) {
		__builtin_memcpy(&x->tuple.ipv4.saddr, x->key.saddr, 4);
		__builtin_memcpy(&x->tuple.ipv4.daddr, x->key.daddr, 4);
		x->tuple.ipv4.sport = x->key.sport;
		x->tuple.ipv4.dport = x->key.dport;
	} else {
		__builtin_memcpy(x->tuple.ipv6.saddr, x->key.saddr, 16);
		__builtin_memcpy(x->tuple.ipv6.daddr, x->key.daddr, 16);
		x->tuple.ipv6.sport = x->key.sport;
		x->tuple.ipv6.dport = x->key.dport;
	}
}

/* The segment inside: sequence numbers, flags. 0, or the counter that says what is wrong with it. */
static __noinline int create_segment(struct __sk_buff *skb, struct scratch *x, __u32 offset, __u32 end)
{
	struct packet inner = { 0 };
	struct tcphdr th;
	__u32 payload;
	int why = inner_check(skb, offset, end, &x->key, IPPROTO_TCP, &inner);

	if (why)
		return why;
	if (bpf_skb_load_bytes(skb, inner.l4_offset, &th, sizeof th) || th.doff < 5 ||
	    inner.l4_offset + th.doff * 4 > inner.end)
		return AGENT_COUNTER_INNER_LENGTH;
	payload = inner.end - inner.l4_offset - th.doff * 4;
	x->has_inner = 1;
	x->seg_seq = bpf_ntohl(th.seq);
	x->seg_ack = bpf_ntohl(th.ack_seq);
	x->seg_len = payload + th.syn + th.fin;
	x->seg_flags = (__u8)(th.ack << 4 | th.rst << 2 | th.syn << 1 | th.fin);
	return 0;
}

/* Take all out of the datagram that is needed once the reply stands in its place. 0 or the counter. */
static __noinline int create_load(struct __sk_buff *skb, const struct packet *p, struct scratch *x)
{
	__u32 offset = p->l4_offset + sizeof(struct udphdr) + BATON_SHIM_CREATE_LEN;
	struct baton_shim_create *c = &x->create;

	if (!create_fields_valid(&x->shim.create, p->src.family))
		return AGENT_COUNTER_CONN_FIELDS;
	*c = x->shim.create;
	conn_key_make(&x->key, c->family, c->saddr, c->daddr, c->sport, c->dport);
	create_tuple(x);
	x->client_isn = bpf_ntohl(c->client_isn);
	x->server_isn = bpf_ntohl(c->server_isn);
	x->seq = bpf_be64_to_cpu(x->shim.hdr.seq);
	x->abort = x->shim.hdr.type == BATON_SHIM_ABORT;
	x->has_inner = 0;
	x->made = 0;
	x->answer = (struct baton_shim_conn){ 0 };
	return p->end == offset ? 0 : create_segment(skb, x, offset, p->end);
}

static __always_inline bool conn_is(const struct agent_conn *c, const struct scratch *x)
{
	return c->flags & AGENT_CONN_CREATED && c->client_isn == x->client_isn && c->server_isn == x->server_isn;
}

static __always_inline void conn_set(struct agent_conn *c, enum agent_conn_state state)
{
	if (c->state == state)
		return;
	c->state = state;
	c->changed_ns = bpf_ktime_get_coarse_ns();
}

/* Enter the connection; an entry of another one with its 4-tuple goes. 0 or -errno. */
static __noinline int conn_enter(const struct packet *p, struct scratch *x, enum agent_conn_state state, __u8 flags)
{
	x->fresh = (struct agent_conn){
		.client_isn = x->client_isn,
		.server_isn = x->server_isn,
		.state = state,
		.flags = AGENT_CONN_CREATED | flags,
		.shim_seq = x->seq,
	};
	__builtin_memcpy(x->fresh.device, p->src.b, 16);
	__builtin_memcpy(x->fresh.host, p->dst.b, 16);
	x->fresh.made_ns = x->fresh.changed_ns = bpf_ktime_get_coarse_ns();
	return (int)bpf_map_update_elem(&connections, &x->key, &x->fresh, BPF_ANY);
}

/* A later one of the same device has taken the 4-tuple already. */
static __always_inline bool conn_overtaken(const struct agent_conn *c, const struct packet *p, const struct scratch *x)
{
	return c->shim_seq > x->seq && addr_equal(c->device, p->src.b);
}

/* Reasons that need no look at the listener. */
static __always_inline enum baton_shim_refusal create_refusal(const struct scratch *x)
{
	const struct agent_kernel *k = kernel_get();
	__u32 mss_min = x->key.family == 4 ? CREATE_MSS_MIN_IPV4 : CREATE_MSS_MIN_IPV6;

	if (k && k->refusal)
		return k->refusal < BATON_SHIM_N_REFUSALS ? k->refusal : BATON_SHIM_REFUSAL_OTHER;
	if (k && k->options_off & x->create.options)
		return BATON_SHIM_REFUSAL_OPTION_OFF;
	if (bpf_ntohs(x->create.mss) < mss_min)
		return BATON_SHIM_REFUSAL_MSS;
	return BATON_SHIM_REFUSAL_NONE;
}

static __always_inline enum baton_shim_refusal listener_refusal(struct tcp_sock *listener)
{
	struct sock *sk = &listener->inet_conn.icsk_inet.sk;

	if (bpf_core_field_exists(listener->is_mptcp) && listener->is_mptcp)
		return BATON_SHIM_REFUSAL_MPTCP;
	/* sk_acceptq_is_full(): the kernel would drop the connection without a word */
	if (sk->sk_ack_backlog > sk->sk_max_ack_backlog)
		return BATON_SHIM_REFUSAL_BACKLOG_FULL;
	return BATON_SHIM_REFUSAL_NONE;
}

static __always_inline void create_attrs(struct scratch *x)
{
	const struct baton_shim_create *c = &x->create;

	x->attrs = (struct bpf_tcp_req_attrs){
		.rcv_tsval = bpf_ntohl(c->client_tsval),
		.rcv_tsecr = bpf_ntohl(c->server_tsval), /* where our clock for this connection stands */
		.mss = bpf_ntohs(c->mss),
		.snd_wscale = c->client_wscale,
		.rcv_wscale = c->server_wscale,
		.wscale_ok = !!(c->options & BATON_TCP_WSCALE),
		.sack_ok = !!(c->options & BATON_TCP_SACK),
		.tstamp_ok = !!(c->options & BATON_TCP_TIMESTAMPS),
	};
}

/* Only the first segment creates: a later one would lose the bytes before it. */
static __always_inline bool create_first(const struct scratch *x)
{
	return x->has_inner && x->seg_seq == x->client_isn + 1 && x->seg_ack == x->server_isn + 1 &&
	       (x->seg_flags & (TCP_ACK | TCP_SYN | TCP_RST)) == TCP_ACK;
}

/* The listener takes the connection: the kernel makes its socket when it gets the segment. c: its entry or NULL. */
static __always_inline enum act create_assign(struct __sk_buff *skb, const struct packet *p, struct scratch *x,
					      const struct agent_conn *c, struct tcp_sock *listener, const bool able)
{
	int err = -1;

	if (!c && conn_enter(p, x, AGENT_CONN_NEW, 0))
		return act_refuse(x, BATON_SHIM_REFUSAL_TABLE_FULL);
	create_attrs(x);
	if (able)
		err = bpf_sk_assign_tcp_reqsk(skb, (struct sock *)listener, &x->attrs, sizeof x->attrs);
	if (err) {
		bpf_map_delete_elem(&connections, &x->key);
		x->answer.detail = bpf_htons((__u16)-err);
		return act_refuse(x, BATON_SHIM_REFUSAL_OTHER);
	}
	count(AGENT_COUNTER_CREATED);
	x->made = 1;
	return ACT_PASS;
}

/* A listener has the address and port. c: the connection's own entry, or NULL. */
static __always_inline enum act act_listener(struct __sk_buff *skb, const struct packet *p, struct scratch *x,
					     struct agent_conn *c, struct bpf_sock *skc, const bool able)
{
	enum baton_shim_refusal why;
	struct tcp_sock *listener;

	/* it has been open, and nothing is left of it */
	if (c && c->state != AGENT_CONN_NEW) {
		conn_set(c, AGENT_CONN_ENDED);
		return act_answer(x, BATON_SHIM_CONN_ENDED);
	}
	if (x->abort)
		return act_drop(AGENT_COUNTER_CONSUMED);
	why = able ? create_refusal(x) : BATON_SHIM_REFUSAL_KERNEL;
	if (why)
		return act_refuse(x, why);
	listener = bpf_skc_to_tcp_sock(skc);
	if (!listener)
		return act_refuse(x, BATON_SHIM_REFUSAL_NO_LISTENER);
	why = listener_refusal(listener);
	if (why)
		return act_refuse(x, why);
	if (!create_first(x))
		return act_answer(x, BATON_SHIM_CONN_NONE);
	return create_assign(skb, p, x, c, listener, able);
}

/* A TIME_WAIT has the 4-tuple: the connection's own, or it is in the way. */
static __always_inline enum act act_time_wait(struct scratch *x, struct agent_conn *c, struct bpf_sock *skc)
{
	struct tcp_timewait_sock *tw = bpf_skc_to_tcp_timewait_sock(skc);
	__u32 rcv_nxt = 0;

	if (c) {
		conn_set(c, AGENT_CONN_LINGERS);
		return act_answer(x, BATON_SHIM_CONN_LINGERS);
	}
	if (x->abort || !tw)
		return act_drop(AGENT_COUNTER_CONSUMED);
	if (bpf_core_field_exists(tw->tw_sk.__tw_common.skc_tw_rcv_nxt))
		rcv_nxt = tw->tw_sk.__tw_common.skc_tw_rcv_nxt;
	else if (bpf_core_field_exists(((struct tcp_timewait_sock___own *)tw)->tw_rcv_nxt))
		rcv_nxt = ((struct tcp_timewait_sock___own *)tw)->tw_rcv_nxt;
	return act_reset(x, rcv_nxt, AGENT_COUNTER_LEFTOVER_ENDED);
}

/* A handshake with the kernel itself has the 4-tuple: in the way. */
static __always_inline enum act act_request(struct scratch *x, struct bpf_sock *skc)
{
	struct tcp_request_sock *req = bpf_skc_to_tcp_request_sock(skc);

	if (x->abort || !req)
		return act_drop(AGENT_COUNTER_CONSUMED);
	return act_reset(x, req->rcv_nxt, AGENT_COUNTER_LEFTOVER_ENDED);
}

/*
 * Whether a socket without an entry is the connection's all the same (entries
 * can be pushed out of the map): its numbers, less what has passed, are the
 * ISNs, a FIN in either direction apart.
 */
static __always_inline bool socket_is(const struct tcp_sock *tp, const struct scratch *x)
{
	__u32 client_isn = tp->rcv_nxt - (__u32)tp->bytes_received - 1;
	__u32 server_isn = tp->snd_una - (__u32)tp->bytes_acked - 1;

	return client_isn - x->client_isn <= 1 && server_isn - x->server_isn <= 1;
}

/* Whether the segment tells the socket anything that it does not know. */
static __always_inline bool segment_has_news(const struct tcp_sock *tp, const struct scratch *x)
{
	return x->seg_flags & TCP_RST || (__s32)(x->seg_seq + x->seg_len - tp->rcv_nxt) > 0 ||
	       (__s32)(x->seg_ack - tp->snd_una) > 0;
}

/* A socket has the 4-tuple. c: the connection's own entry, or NULL; other: that of another connection, or NULL. */
static __always_inline enum act act_socket(const struct packet *p, struct scratch *x, struct agent_conn *c,
					   struct agent_conn *other, struct bpf_sock *skc)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(skc);

	if (!tp)
		return act_drop(AGENT_COUNTER_CONSUMED);
	if (!c && !socket_is(tp, x)) {
		if (x->abort)
			return act_drop(AGENT_COUNTER_CONSUMED);
		return act_reset(x, tp->rcv_nxt, AGENT_COUNTER_LEFTOVER_ENDED);
	}
	if (!c && !other)
		conn_enter(p, x, AGENT_CONN_OPEN, 0);
	if (x->abort)
		return act_reset(x, tp->rcv_nxt, AGENT_COUNTER_ABORTED);
	if (x->has_inner && segment_has_news(tp, x)) {
		count(AGENT_COUNTER_CREATE_PASSED);
		return ACT_PASS;
	}
	x->answer.next_seq = bpf_htonl(tp->rcv_nxt);
	return act_answer(x, BATON_SHIM_CONN_OPEN);
}

/* Nothing has the 4-tuple, and nobody listens. c: the connection's own entry, or NULL. */
static __always_inline enum act act_nothing(struct scratch *x, struct agent_conn *c)
{
	if (c && c->state != AGENT_CONN_NEW) {
		conn_set(c, AGENT_CONN_ENDED);
		return act_answer(x, BATON_SHIM_CONN_ENDED);
	}
	return x->abort ? act_drop(AGENT_COUNTER_CONSUMED) : act_refuse(x, BATON_SHIM_REFUSAL_NO_LISTENER);
}

/* Given up by its device: it is never to be created any more, and nobody wants to hear of its end. */
static __always_inline void abort_note(const struct packet *p, struct scratch *x, struct agent_conn *c, bool other)
{
	if (c) {
		c->flags |= AGENT_CONN_REPORTED;
		if (c->state == AGENT_CONN_NEW)
			conn_set(c, AGENT_CONN_ENDED);
	} else if (!other) {
		conn_enter(p, x, AGENT_CONN_ENDED, AGENT_CONN_REPORTED);
	}
}

/* Look who has the 4-tuple and decide; leaves the packet as it is. */
static __always_inline enum act connection_act(struct __sk_buff *skb, const struct packet *p, struct scratch *x,
					       const bool able)
{
	struct agent_conn *any = bpf_map_lookup_elem(&connections, &x->key), *c = any && conn_is(any, x) ? any : NULL;
	struct bpf_sock *skc;
	enum act act;

	if (any && !c && conn_overtaken(any, p, x))
		return act_drop(AGENT_COUNTER_CONN_OLD);
	if (x->abort)
		abort_note(p, x, c, any != NULL);
	if (x->key.family == 4)
		skc = bpf_skc_lookup_tcp(skb, &x->tuple, sizeof x->tuple.ipv4, BPF_F_CURRENT_NETNS, 0);
	else
		skc = bpf_skc_lookup_tcp(skb, &x->tuple, sizeof x->tuple.ipv6, BPF_F_CURRENT_NETNS, 0);
	if (!skc)
		return act_nothing(x, c);
	if (skc->state == BPF_TCP_LISTEN)
		act = act_listener(skb, p, x, c, skc, able);
	else if (skc->state == BPF_TCP_TIME_WAIT)
		act = act_time_wait(x, c, skc);
	else if (skc->state == BPF_TCP_NEW_SYN_RECV)
		act = act_request(x, skc);
	else
		act = act_socket(p, x, c, any, skc);
	bpf_sk_release(skc);
	return act;
}

/* Two of them: the second holds the call that older kernels do not know, and only one entry program reaches it. */
static __noinline int connection_act_unable(struct __sk_buff *skb, const struct packet *p, struct scratch *x)
{
	return connection_act(skb, p, x, false);
}

static __noinline int connection_act_able(struct __sk_buff *skb, const struct packet *p, struct scratch *x)
{
	return connection_act(skb, p, x, true);
}

/* STATE, in the datagram's place. Not limited in rate: it answers what was authenticated. */
static __noinline int state_send(struct __sk_buff *skb, const struct packet *p, const struct agent_settings *cfg,
				 struct scratch *x)
{
	const struct baton_shim_create *c = &x->create;
	struct baton_shim_conn *body = &x->shim.conn;
	int verdict;

	*body = x->answer;
	body->client_isn = c->client_isn;
	body->server_isn = c->server_isn;
	body->family = c->family;
	body->sport = c->sport;
	body->dport = c->dport;
	__builtin_memcpy(body->saddr, c->saddr, 16);
	__builtin_memcpy(body->daddr, c->daddr, 16);
	x->shim.hdr.type = BATON_SHIM_STATE;
	verdict = reply_send(skb, p, cfg, &x->shim, sizeof *body / 8);
	if (verdict == TC_ACT_REDIRECT)
		count(AGENT_COUNTER_STATE_SENT);
	return verdict;
}

static __always_inline __u16 reset_checksum(const struct agent_conn_key *key, const struct tcphdr *th)
{
	__be32 lengths[2] = { bpf_htonl(sizeof *th), bpf_htonl(IPPROTO_TCP) };
	__s64 sum = bpf_csum_diff(NULL, 0, lengths, sizeof lengths, 0);

	sum = bpf_csum_diff(NULL, 0, (__be32 *)key->saddr, 32, (__u32)sum);
	return reply_fold(bpf_csum_diff(NULL, 0, (__be32 *)th, sizeof *th, (__u32)sum));
}

/*
 * A reset from the client in the datagram's place, for the kernel alone. With
 * exactly the sequence number that the socket expects it ends an established
 * socket without an answer (RFC 5961 section 3.2) and a TIME_WAIT too.
 */
static __noinline int reset_pass(struct __sk_buff *skb, struct scratch *x)
{
	struct tcphdr th = { .source = x->key.sport, .dest = x->key.dport, .doff = 5, .rst = 1 };
	__u32 l3_len = x->key.family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	long err = reply_make_room(skb, L3_OFFSET + l3_len + sizeof th);

	th.seq = bpf_htonl(x->reset_seq);
	th.check = reset_checksum(&x->key, &th);
	if (!err && x->key.family == 4)
		err = write_ipv4(skb, x->key.saddr, x->key.daddr, IPPROTO_TCP, sizeof th);
	else if (!err)
		err = write_ipv6(skb, x->key.saddr, x->key.daddr, IPPROTO_TCP, sizeof th);
	err = err ?: bpf_skb_store_bytes(skb, L3_OFFSET + l3_len, &th, sizeof th, BPF_F_RECOMPUTE_CSUM);
	return err ? shim_drop(AGENT_COUNTER_REWRITE) : TC_ACT_OK;
}

static __noinline int connection_finish(struct __sk_buff *skb, const struct packet *p, const struct agent_settings *cfg,
					struct scratch *x, int act)
{
	__u32 inner = p->l4_offset + sizeof(struct udphdr) + BATON_SHIM_CREATE_LEN;

	if (cfg->create_mark && act != ACT_ANSWER)
		skb->mark = cfg->create_mark;
	switch (act) {
	case ACT_ANSWER:
		return x->abort ? TC_ACT_SHOT : state_send(skb, p, cfg, x);
	case ACT_RESET:
		return reset_pass(skb, x);
	case ACT_PASS:
		return inner_unwrap(skb, inner) ? shim_drop(AGENT_COUNTER_REWRITE) : TC_ACT_OK;
	}
	return TC_ACT_SHOT;
}

static __noinline int connection_step(const struct packet *p, struct scratch *x, int act)
{
	switch (act) {
	case ACT_PASS:
		step(&x->key, p->src.b, x->made ? TRACE_HOST_CREATED : TRACE_HOST_SEGMENT, x->seg_len, 0, IPPROTO_TCP);
		break;
	case ACT_ANSWER:
		step(&x->key, p->src.b, TRACE_HOST_TOLD, x->answer.state, x->answer.reason, IPPROTO_TCP);
		break;
	case ACT_RESET:
		step(&x->key, p->src.b, x->abort ? TRACE_HOST_ABORTED : TRACE_HOST_LEFTOVER, 0, 0, IPPROTO_TCP);
		break;
	default:
		step(&x->key, p->src.b, TRACE_HOST_IGNORED, x->abort, 0, IPPROTO_TCP);
	}
	return 0;
}

static __always_inline int shim_connection(struct __sk_buff *skb, const struct packet *p,
					   const struct agent_settings *cfg, struct scratch *x, const bool able)
{
	struct agent_addr vip = { .family = p->src.family };
	int act = create_load(skb, p, x);

	if (act)
		return shim_drop((enum agent_counter)act);
	__builtin_memcpy(vip.b, x->create.daddr, 16);
	if (!bpf_map_lookup_elem(&vips, &vip))
		act = x->abort ? act_drop(AGENT_COUNTER_CONSUMED) : act_refuse(x, BATON_SHIM_REFUSAL_VIP);
	else
		act = able ? connection_act_able(skb, p, x) : connection_act_unable(skb, p, x);
	if (tracing.n)
		connection_step(p, x, act);
	return connection_finish(skb, p, cfg, x, act);
}

#endif
