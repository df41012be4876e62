/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The three passes over a burst in one form; included once for each form by
 * route_each_form.h. Each pass fetches what the next one reads, so that a
 * burst's cache misses overlap: buckets first, then entries.
 */
#include "forwarder/route_form_begin.h"

/* baton-bench compiles this once more to take the time between the passes. */
#ifndef BURST_PASS_DONE
#define BURST_PASS_DONE(pass)
#endif

/* Bucket and tag of a packet's key; its bucket is on the way then. */
FORM_INLINE void FORM(burst_hash)(const struct route_table *t, struct rte_mbuf *m, uint8_t *frame,
				  const struct packet_flow *flow, struct burst_packet *ret, bool six)
{
	const uint8_t *l3 = frame + flow->l3;
	uint64_t last = flow->ports | (uint64_t)flow->proto << 32, hash;

	ret->m = m;
	ret->frame = frame;
	ret->flow = *flow;
	if (six) {
		hash = FORM_HASH6(t, l3 + 8, l3 + 24, last);
	} else {
		ret->addresses = packet_load64(l3 + 12);
		hash = FORM_HASH4(t, ret->addresses, last);
	}
	ret->place = route_home(t, hash);
	ret->tag = route_tag(hash);
	__builtin_prefetch(&t->buckets[ret->place]);
}

/* From bucket to the first entry whose tag fits; beyond the key's own bucket too if that was full once. */
FORM_INLINE void FORM(burst_match)(const struct route_table *t, struct burst_packet *p, bool six)
{
	uint32_t b = p->place, mask = FORM_MATCH(&t->buckets[b], p->tag);

	for (uint32_t n = 1; unlikely(!mask) && t->buckets[b].overflow && n < t->n_buckets; n++) {
		b = b + 1 == t->n_buckets ? 0 : b + 1;
		mask = FORM_MATCH(&t->buckets[b], p->tag);
	}
	if (unlikely(!mask)) {
		p->place = BURST_NO_PLACE;
		return;
	}
	p->place = b * ROUTE_PLACES + (uint32_t)__builtin_ctz(mask);
	__builtin_prefetch(six ? (const void *)&t->entries6[p->place] : &t->entries4[p->place], 1);
	if (t->n_cold)
		__builtin_prefetch(&t->nat[p->place]);
}

/* Compare the whole key and forward; whatever is not plain goes on to the stages. */
FORM_INLINE void FORM(burst_forward)(struct burst *b, struct route_table *t, struct burst_packet *p, bool six)
{
	uint64_t last = p->flow.ports | (uint64_t)p->flow.proto << 32;
	struct route *r;
	bool equal;

	if (unlikely(p->place == BURST_NO_PLACE)) {
		burst_special(b->w, p, -ENOENT);
		return;
	}
	if (six) {
		r = &t->entries6[p->place].r;
		equal = entry_is6(&t->entries6[p->place], p->frame + p->flow.l3 + 8, last);
	} else {
		r = &t->entries4[p->place].r;
		equal = entry_is4(&t->entries4[p->place], p->addresses, last);
	}
	if (likely(equal) && likely(burst_plain(b, p, t, r, six)))
		return;
	burst_special(b->w, p, equal ? (int64_t)p->place : BURST_SEARCH);
}

FORM_INLINE void FORM(burst_family)(struct burst *b, struct route_table *t, struct burst_packet *p, unsigned n,
				    bool six)
{
	for (unsigned i = 0; i < n; i++)
		FORM(burst_match)(t, &p[i], six);
	BURST_PASS_DONE(lookup);
	for (unsigned i = 0; i < n; i++)
		FORM(burst_forward)(b, t, &p[i], six);
	BURST_PASS_DONE(rewrite);
}

FORM_TARGET static void FORM(burst)(struct forwarder_worker *w, struct rte_mbuf **packets, unsigned n)
{
	struct burst_packet v4[WORKER_BURST], v6[WORKER_BURST];
	struct route_table *t4 = w->routes4, *t6 = w->routes6;
	unsigned n4 = 0, n6 = 0;
	uint64_t bytes = 0;
	struct burst b;

	for (unsigned i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(packets[i], void *));
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = packets[i];
		uint8_t *frame = stage_bytes(m), family = 0;
		struct packet_flow flow;

		bytes += rte_pktmbuf_pkt_len(m);
		if (likely(m->nb_segs == 1))
			family = packet_flow(frame, rte_pktmbuf_data_len(m), &flow);
		if (likely(family == BATON_IPV4))
			FORM(burst_hash)(t4, m, frame, &flow, &v4[n4++], false);
		else if (likely(family == BATON_IPV6))
			FORM(burst_hash)(t6, m, frame, &flow, &v6[n6++], true);
		else
			burst_other(w, m);
	}
	BURST_PASS_DONE(parse);
	burst_begin(&b, w);
	if (n4)
		FORM(burst_family)(&b, t4, v4, n4, false);
	if (n6)
		FORM(burst_family)(&b, t6, v6, n6, true);
	burst_end(&b, n, bytes);
}

#include "forwarder/route_form_end.h"
