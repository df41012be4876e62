/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a turn's cycles go: the forwarder's hot path is compiled once more here,
 * with the time stamp counter read after each pass, and callbacks read it on the
 * way in and out of the port. Some eight readings for a burst; what they cost is
 * in the result.
 */
#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "bench.h"

static struct {
	uint64_t last;
	uint64_t cycles[BENCH_N_STAGES];
	uint64_t n_marks;
} marks;

static inline void mark(enum bench_stage stage)
{
	uint64_t now = rte_rdtsc();

	marks.cycles[stage] += now - marks.last;
	marks.last = now;
	marks.n_marks++;
}

#define BURST_PASS_DONE(pass) mark(STAGE_##pass)
#define burst_for stages_burst_for
#include "forwarder/burst.c"

static uint16_t on_buffers(uint16_t port, uint16_t queue, struct rte_mbuf *packets[], uint16_t n, uint16_t max,
			   void *arg)
{
	mark(STAGE_take);
	return n;
}

static uint16_t on_packets(uint16_t port, uint16_t queue, struct rte_mbuf *packets[], uint16_t n, uint16_t max,
			   void *arg)
{
	mark(STAGE_source);
	return n;
}

static uint16_t on_send(uint16_t port, uint16_t queue, struct rte_mbuf *packets[], uint16_t n, void *arg)
{
	mark(STAGE_keep);
	return n;
}

/* Of the counter alone, in the same quantity; the least of some, for none of them may be interrupted. */
static double cost_of_marks(uint64_t n_marks, uint64_t n_packets)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < 20; i++) {
		uint64_t start = rte_rdtsc_precise(), took;

		for (unsigned k = 0; k < 1000; k++)
			mark(STAGE_take);
		took = rte_rdtsc_precise() - start;
		least = took < least ? took : least;
	}
	return (double)least / 1000 * (double)n_marks / (double)n_packets;
}

static uint64_t turns(struct bench_device *d, uint64_t n)
{
	uint64_t done = 0;

	memset(&marks, 0, sizeof marks);
	marks.last = rte_rdtsc();
	while (done < n) {
		done += device_turn(d);
		mark(STAGE_send);
	}
	return done;
}

void stages_measure(struct bench_device *d, uint64_t n, double cycles, struct bench_stages *ret)
{
	struct forwarder_worker *w = device_worker(d);
	const struct burst_path *path = w->path;
	const struct rte_eth_rxtx_callback *in = rte_eth_add_first_rx_callback(BENCH_PORT, BENCH_QUEUE, on_buffers,
									       NULL),
					   *made = rte_eth_add_rx_callback(BENCH_PORT, BENCH_QUEUE, on_packets, NULL),
					   *out = rte_eth_add_tx_callback(BENCH_PORT, BENCH_QUEUE, on_send, NULL);
	struct bench_stages s = { .without = cycles };
	uint64_t done;

	w->path = stages_burst_for(w->routes4);
	turns(d, n / 8);
	done = turns(d, n);
	w->path = path;
	rte_eth_remove_rx_callback(BENCH_PORT, BENCH_QUEUE, in);
	rte_eth_remove_rx_callback(BENCH_PORT, BENCH_QUEUE, made);
	rte_eth_remove_tx_callback(BENCH_PORT, BENCH_QUEUE, out);
	for (unsigned i = 0; i < BENCH_N_STAGES; i++) {
		s.cycles[i] = (double)marks.cycles[i] / (double)done;
		s.total += s.cycles[i];
	}
	s.marks = cost_of_marks(marks.n_marks, done);
	/* the fastest repetition: the others were interrupted more often */
	if (!(ret->total > 0) || s.total < ret->total)
		*ret = s;
}
