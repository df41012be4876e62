/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_ethdev.h>

#include "forwarder/stages.h"

void stage_tx_flush(struct forwarder_worker *w, uint16_t port)
{
	struct worker_tx *tx = &w->tx[port];
	uint16_t sent = rte_eth_tx_burst(port, w->queue, tx->packets, tx->n);

	w->counters.tx_packets += sent;
	if (unlikely(sent < tx->n)) {
		w->counters.drops[DROP_TX_FULL] += tx->n - sent;
		rte_pktmbuf_free_bulk(tx->packets + sent, tx->n - sent);
	}
	tx->n = 0;
}

void stage_tx(struct forwarder_worker *w, struct rte_mbuf *m, uint16_t port)
{
	w->counters.tx_bytes += rte_pktmbuf_pkt_len(m);
	stage_tx_put(w, m, port);
}

void stage_tx_nexthop(struct forwarder_worker *w, struct rte_mbuf *m, uint16_t nexthop, uint16_t l3_len)
{
	const struct view_nexthop *hop;

	if (unlikely(nexthop >= w->view->n_nexthops || !w->view->nexthops[nexthop].mtu)) {
		stage_drop(w, m, DROP_NEXTHOP_UNRESOLVED);
		return;
	}
	hop = &w->view->nexthops[nexthop];
	if (unlikely(l3_len > hop->mtu)) {
		stage_drop(w, m, DROP_TOO_LONG);
		return;
	}
	memcpy(stage_bytes(m), hop->dst_mac, 12); /* destination and source stand in frame order */
	stage_tx(w, m, hop->port);
}

void forwarder_worker_flush(struct forwarder_worker *w)
{
	for (uint16_t port = 0; port < w->n_ports; port++)
		if (w->tx[port].n)
			stage_tx_flush(w, port);
	for (uint16_t i = 0; i < w->channel->n_classifiers; i++)
		outbox_flush(&w->to_classifier[i]);
}
