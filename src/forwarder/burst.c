/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarder/burst.h"

#include <errno.h>
#include <string.h>

#include "forwarder/burst_miss.h"
#include "forwarder/burst_plain.h"
#include "forwarder/route_match.h"
#include "forwarder/stages.h"

#define BURST_SEARCH INT64_MIN /* not looked for yet, or another entry with the same tag was in the way */

/* A flow for the stages: index of its route, -ENOENT, or BURST_SEARCH. */
static void burst_stages(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info, int64_t index)
{
	w->subject = w->view->trace ? &info->tuple : NULL;
	if (index == BURST_SEARCH)
		index = route_find(stage_table(w, info->tuple.family), &info->tuple);
	if (index >= 0)
		stage_hit(w, m, info, (uint32_t)index);
	else
		stage_miss(w, m, info);
	w->subject = NULL;
}

/* A flow that is not plain; index as above. */
static __attribute__((noinline)) void burst_special(struct forwarder_worker *w, struct burst_packet *p, int64_t index)
{
	struct packet_info info;

	packet_flow_info(&p->flow, p->frame, &info);
	burst_stages(w, p->m, &info, index);
}

/* What packet_flow() does not take. */
static __attribute__((noinline)) void burst_other(struct forwarder_worker *w, struct rte_mbuf *m)
{
	struct packet_info info;

	if (m->nb_segs > 1) {
		stage_drop(w, m, DROP_SEGMENTED);
		return;
	}
	packet_parse(stage_bytes(m), rte_pktmbuf_data_len(m), &info);
	if (info.kind == PACKET_FLOW)
		burst_stages(w, m, &info, BURST_SEARCH);
	else
		stage_local(w, m, &info);
}

BURST_INLINE void burst_begin(struct burst *b, struct forwarder_worker *w)
{
	const struct view *v = w->view;

	*b = (struct burst){
		.w = w,
		.endpoints = v->endpoints,
		.nexthops = v->nexthops,
		.ports = v->ports,
		.forwarder = &v->forwarders[w->index],
		.vips = v->vips,
		.n_vips = v->n_vips,
		.n_endpoints = v->n_endpoints,
		.n_nexthops = v->n_nexthops,
		.now_s = w->now_s,
	};
}

BURST_INLINE void burst_end(const struct burst *b)
{
	b->w->counters.hits += b->hits;
	b->w->counters.tx_bytes += b->tx_bytes;
}

#define FORM_FILE "forwarder/burst_form.h"
#include "forwarder/route_each_form.h"

const struct burst_path *burst_for(const struct route_table *t)
{
	/* in the order of route_forms[] */
	static const struct burst_path *const paths[] = {
		&burst_path_scalar,
#ifdef __x86_64__
		&burst_path_sse2,   &burst_path_sse2_aes, &burst_path_avx2_aes, &burst_path_avx512_aes,
#endif
	};
	unsigned i = 0;

	while (route_forms[i] != t->form)
		i++;
	return paths[i];
}
