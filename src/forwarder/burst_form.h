/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The three passes over a burst in one form; included once for each form by
 * route_each_form.h. Each pass fetches what the next one reads, so that a
 * burst's cache misses overlap: buckets first, then entries. While bursts are
 * full, two of them overlap: one is parsed and the one before it is forwarded
 * between asking for a line and reading it. Lines are asked for in loops of
 * nothing else: a prefetch is not done before its address is translated, which
 * takes long with large tables, and the fewer instructions stand between two of
 * them the more of them the CPU has under way.
 */
#include "forwarder/route_form_begin.h"

/* baton-bench compiles this once more to take the time between the passes. */
#ifndef BURST_PASS_DONE
#define BURST_PASS_DONE(pass)
#endif

/* Bucket and tag of a packet's key. */
FORM_INLINE void FORM(burst_hash)(const struct route_table *t, struct rte_mbuf *m, uint8_t *frame,
				  const struct packet_flow *flow, struct burst_packet *ret, bool six)
{
	const uint8_t *l3 = frame + flow->l3;
	uint64_t last = flow->last, hash;

	ret->m = m;
	ret->frame = frame;
	ret->flow = *flow;
	if (six) {
		hash = FORM_HASH6(t, l3 + 8, l3 + 24, last);
	} else {
		ret->addresses = bytes_load64(l3 + 12);
		hash = FORM_HASH4(t, ret->addresses, last);
	}
	ret->place = route_home(t, hash);
	ret->tag = route_tag(hash);
}

/* To the first entry of the bucket whose tag fits, in *ret_line. False: there is none. */
FORM_INLINE bool FORM(burst_match)(const struct burst_table *t, struct burst_packet *p, uintptr_t *ret_line, bool six)
{
	uint32_t b = p->place, mask = FORM_MATCH(&t->buckets[b], p->tag);
	uintptr_t absent = -(uintptr_t)!mask, line;

	/*
	 * Without a branch, which a flood would make the CPU guess wrong: where there is no entry, the bucket will be
	 * asked for again. The compiler must not know that this is a choice.
	 */
	__asm__("" : "+r"(absent));
	p->place = b * ROUTE_PLACES + (uint32_t)__builtin_ctz(mask | 1u << ROUTE_SLOTS);
	line = six ? (uintptr_t)&t->entries6[p->place] : (uintptr_t)&t->entries4[p->place];
	line ^= (line ^ (uintptr_t)&t->buckets[b]) & absent;
	*ret_line = line;
	return mask;
}

/* The same behind the packet's own bucket, for one with nothing in it. */
FORM_INLINE bool FORM(burst_beyond)(const struct route_table *t, struct burst_packet *p, bool six)
{
	uint32_t b = p->place / ROUTE_PLACES, mask = 0;

	for (uint32_t n = 1; t->buckets[b].overflow && n < t->n_buckets && !mask; n++) {
		b = b + 1 == t->n_buckets ? 0 : b + 1;
		mask = FORM_MATCH(&t->buckets[b], p->tag);
	}
	if (!mask)
		return false;
	p->place = b * ROUTE_PLACES + (uint32_t)__builtin_ctz(mask);
	__builtin_prefetch(six ? (const void *)&t->entries6[p->place] : &t->entries4[p->place], 1);
	if (t->n_cold)
		__builtin_prefetch(&t->nat[p->place]);
	return true;
}

/* The packets whose bits are set in missed have nothing in their own bucket. Returns which were found elsewhere. */
FORM_TARGET static __attribute__((noinline)) uint32_t
FORM(burst_misses)(struct burst *b, const struct route_table *t, struct burst_packet *p, uint32_t missed, bool six)
{
	struct rte_mbuf *refused[WORKER_BURST];
	struct burst_vip vip = { .family = 0 };
	unsigned n_refused = 0;
	uint32_t found = 0;

	for (; missed; missed &= missed - 1) {
		struct burst_packet *one = &p[__builtin_ctz(missed)];

		if (FORM(burst_beyond)(t, one, six))
			found |= missed & -missed;
		else if (burst_miss_allowed(b, one, six, &vip))
			burst_special(b->w, one, -ENOENT);
		else
			refused[n_refused++] = one->m;
	}
	rte_pktmbuf_free_bulk(refused, n_refused);
	return found;
}

/* Compare the whole key and forward; whatever is not plain goes on to the stages. */
FORM_INLINE void FORM(burst_forward)(struct burst *b, const struct burst_table *t, struct burst_packet *p, bool six)
{
	struct route *r;
	bool equal;

	if (six) {
		r = &t->entries6[p->place].r;
		equal = entry_is6(&t->entries6[p->place], p->frame + p->flow.l3 + 8, p->flow.last);
	} else {
		r = &t->entries4[p->place].r;
		equal = entry_is4(&t->entries4[p->place], p->addresses, p->flow.last);
	}
	if (likely(equal) && likely(burst_plain(b, p, t, r, six)))
		return;
	burst_special(b->w, p, equal ? (int64_t)p->place : BURST_SEARCH);
}

/* Packets without an entry are gone afterwards, or wait for the last pass like those with one. */
FORM_INLINE void FORM(burst_match_lane)(struct burst *b, const struct route_table *table, struct burst_lane *lane,
					bool six)
{
	const struct burst_table memory = burst_table(table);
	uint32_t found = 0, all = UINT32_MAX >> (WORKER_BURST - lane->n);
	uintptr_t lines[WORKER_BURST];

	for (unsigned i = 0; i < lane->n; i++)
		found |= (uint32_t)FORM(burst_match)(&memory, &lane->p[i], &lines[i], six) << i;
	for (unsigned i = 0; i < lane->n; i++)
		__builtin_prefetch((const void *)lines[i], 1);
	if (memory.cold)
		for (unsigned i = 0; i < lane->n; i++)
			__builtin_prefetch(&memory.nat[lane->p[i].place]);
	/* while the entries of the others are on their way */
	if (unlikely(found != all))
		found |= FORM(burst_misses)(b, table, lane->p, all & ~found, six);
	lane->found = found;
}

FORM_INLINE void FORM(burst_forward_lane)(struct burst *b, const struct route_table *table, struct burst_lane *lane,
					  bool six)
{
	const struct burst_table memory = burst_table(table);
	uint32_t found = lane->found;

	if (likely(found == UINT32_MAX >> (WORKER_BURST - lane->n))) {
		for (unsigned i = 0; i < lane->n; i++)
			FORM(burst_forward)(b, &memory, &lane->p[i], six);
	} else {
		for (; found; found &= found - 1)
			FORM(burst_forward)(b, &memory, &lane->p[__builtin_ctz(found)], six);
	}
}

/* First pass. What is not the usual packet is gone afterwards. */
FORM_TARGET static __attribute__((noinline)) void
FORM(burst_parse)(struct forwarder_worker *w, struct rte_mbuf **packets, unsigned n, struct burst_set *set)
{
	struct route_table *t4 = w->routes4, *t6 = w->routes6;
	unsigned n4 = 0, n6 = 0;
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(packets[i], void *));
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = packets[i];
		struct packet_flow flow = { .family = 0 };
		uint8_t *frame = stage_bytes(m);

		bytes += rte_pktmbuf_pkt_len(m);
		if (likely(m->nb_segs == 1))
			flow = packet_flow(frame, rte_pktmbuf_data_len(m));
		if (likely(flow.family == BATON_IPV4))
			FORM(burst_hash)(t4, m, frame, &flow, &set->v4.p[n4++], false);
		else if (likely(flow.family == BATON_IPV6))
			FORM(burst_hash)(t6, m, frame, &flow, &set->v6.p[n6++], true);
		else
			burst_other(w, m);
	}
	for (unsigned i = 0; i < n4; i++)
		__builtin_prefetch(&t4->buckets[set->v4.p[i].place]);
	for (unsigned i = 0; i < n6; i++)
		__builtin_prefetch(&t6->buckets[set->v6.p[i].place]);
	set->v4.n = n4;
	set->v6.n = n6;
	w->counters.rx_packets += n;
	w->counters.rx_bytes += bytes;
	BURST_PASS_DONE(parse);
}

/* Second pass. */
FORM_TARGET static __attribute__((noinline)) void FORM(burst_lookup)(struct burst *b, struct burst_set *set)
{
	if (set->v4.n)
		FORM(burst_match_lane)(b, b->w->routes4, &set->v4, false);
	if (set->v6.n)
		FORM(burst_match_lane)(b, b->w->routes6, &set->v6, true);
	BURST_PASS_DONE(lookup);
}

/* Third pass. */
FORM_TARGET static __attribute__((noinline)) void FORM(burst_rewrite)(struct burst *b, struct burst_set *set)
{
	if (set->v4.n)
		FORM(burst_forward_lane)(b, b->w->routes4, &set->v4, false);
	if (set->v6.n)
		FORM(burst_forward_lane)(b, b->w->routes6, &set->v6, true);
	BURST_PASS_DONE(rewrite);
}

static void FORM(burst_now)(struct forwarder_worker *w, struct rte_mbuf **packets, unsigned n)
{
	struct burst_set set;
	struct burst b;

	FORM(burst_parse)(w, packets, n, &set);
	burst_begin(&b, w);
	FORM(burst_lookup)(&b, &set);
	FORM(burst_rewrite)(&b, &set);
	burst_end(&b);
}

static void FORM(burst_next)(struct forwarder_worker *w, struct rte_mbuf **packets, unsigned n, bool hold)
{
	struct burst_set *held = &w->sets[w->set], *set = &w->sets[w->set ^ 1];
	struct burst b;

	FORM(burst_parse)(w, packets, n, set);
	burst_begin(&b, w);
	if (w->holds)
		FORM(burst_rewrite)(&b, held);
	FORM(burst_lookup)(&b, set);
	w->holds = hold;
	if (hold)
		w->set ^= 1;
	else
		FORM(burst_rewrite)(&b, set);
	burst_end(&b);
}

static const struct burst_path FORM(burst_path) = { FORM(burst_now), FORM(burst_next) };

#include "forwarder/route_form_end.h"
