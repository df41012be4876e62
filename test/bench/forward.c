/* SPDX-License-Identifier: BSD-3-Clause */
/* The loops that baton is compared with: the least that forwarding can be. */
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_prefetch.h>

#include "bench.h"

#define WARM_UP_PACKETS 200000

static unsigned send_all(struct rte_mbuf **packets, uint16_t n)
{
	uint16_t sent = rte_eth_tx_burst(BENCH_PORT, BENCH_QUEUE, packets, n);

	rte_pktmbuf_free_bulk(packets + sent, n - sent);
	return n;
}

unsigned forward_io(void *arg)
{
	struct rte_mbuf *packets[BENCH_BURST];

	return send_all(packets, rte_eth_rx_burst(BENCH_PORT, BENCH_QUEUE, packets, BENCH_BURST));
}

unsigned forward_macswap(void *arg)
{
	struct rte_mbuf *packets[BENCH_BURST];
	uint16_t n = rte_eth_rx_burst(BENCH_PORT, BENCH_QUEUE, packets, BENCH_BURST);

	for (uint16_t i = 0; i < n; i++) {
		uint8_t *frame = rte_pktmbuf_mtod(packets[i], uint8_t *), mac[6];

		memcpy(mac, frame, 6);
		memcpy(frame, frame + 6, 6);
		memcpy(frame + 6, mac, 6);
	}
	return send_all(packets, n);
}

double forward_measure(forward_turn_fn turn, void *arg, uint64_t n)
{
	uint64_t done = 0, start;

	while (done < WARM_UP_PACKETS)
		done += turn(arg);
	done = 0;
	start = rte_rdtsc_precise();
	while (done < n)
		done += turn(arg);
	return (double)(rte_rdtsc_precise() - start) / (double)done;
}

void forward_latency(forward_turn_fn turn, void *arg, uint64_t n, struct turns *t, struct bench_turns *ret)
{
	uint64_t last = rte_rdtsc();

	turns_clear(t);
	for (uint64_t done = 0; done < n;) {
		uint64_t now;

		done += turn(arg);
		now = rte_rdtsc();
		turns_add(t, now - last);
		last = now;
	}
	turns_summarise(t, ret);
}
