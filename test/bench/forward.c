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
	uint16_t sent = rte_eth_tx_burst(BENCH_PORT, 0, packets, n);

	rte_pktmbuf_free_bulk(packets + sent, n - sent);
	return n;
}

unsigned forward_io(void *arg)
{
	struct rte_mbuf *packets[BENCH_BURST];

	return send_all(packets, rte_eth_rx_burst(BENCH_PORT, 0, packets, BENCH_BURST));
}

unsigned forward_macswap(void *arg)
{
	struct rte_mbuf *packets[BENCH_BURST];
	uint16_t n = rte_eth_rx_burst(BENCH_PORT, 0, packets, BENCH_BURST);

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

#define TURN_STEP 8 /* TSC cycles of one class */
#define TURN_CLASSES 131072

static double turns_below(const uint32_t *classes, uint64_t rank)
{
	unsigned i = 0;

	for (uint64_t seen = 0; i < TURN_CLASSES - 1 && (seen += classes[i]) < rank; i++)
		;
	return (double)(i + 1) * TURN_STEP;
}

void forward_latency(forward_turn_fn turn, void *arg, uint64_t n, struct bench_row *row)
{
	static uint32_t classes[TURN_CLASSES];
	uint64_t turns = 0, longest = 0, last = rte_rdtsc();
	double ns = 1e9 / (double)rte_get_tsc_hz();

	memset(classes, 0, sizeof classes);
	for (uint64_t done = 0; done < n; turns++) {
		uint64_t now, took;

		done += turn(arg);
		now = rte_rdtsc();
		took = now - last;
		last = now;
		classes[took / TURN_STEP < TURN_CLASSES ? took / TURN_STEP : TURN_CLASSES - 1]++;
		longest = took > longest ? took : longest;
	}
	row->turn_ns[0] = turns_below(classes, turns / 2) * ns;
	row->turn_ns[1] = turns_below(classes, turns - turns / 100) * ns;
	row->turn_ns[2] = turns_below(classes, turns - turns / 1000) * ns;
	row->turn_ns[3] = (double)longest * ns;
}
