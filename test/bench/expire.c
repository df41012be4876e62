/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All routes but a few have been idle for too long and end at once, while
 * packets of those few go on: how long a turn takes before, and meanwhile.
 */
#include <errno.h>
#include <string.h>

#include <rte_cycles.h>

#include "bench.h"
#include "plumb/channel.h"

#define KEPT 1000u
#define LONG_S 30000
#define IDLE_S 2 /* for more than the timeout, which counts whole seconds */

static struct turns turns;

static void pass(struct bench_device *d, unsigned seconds)
{
	uint64_t end = rte_rdtsc() + seconds * rte_get_tsc_hz();

	while (rte_rdtsc() < end)
		device_turn(d);
}

/* Turns until all have ended, or none has for a sweep's time. Returns packets. */
static uint64_t end_all(struct bench_device *d, uint64_t wanted)
{
	const struct forwarder_counters *c = device_counters(d);
	uint64_t hz = rte_get_tsc_hz(), last = rte_rdtsc(), deadline = last + 60 * hz, n = 0;

	turns_clear(&turns);
	while (c->routes_aged < wanted && last < deadline && !machine_interrupted()) {
		uint64_t now;

		n += device_turn(d);
		now = rte_rdtsc();
		turns_add(&turns, now - last);
		last = now;
	}
	return n;
}

static int measure(const struct bench_options *o, struct bench_device *d, uint32_t n_flows, struct bench_row *before,
		   struct bench_row *while_ending)
{
	const struct forwarder_counters *c = device_counters(d);
	uint64_t start, n;

	device_select(d);
	device_keep(d, KEPT, LONG_S);
	pass(d, IDLE_S + 1);
	report_sample(before, forward_measure(device_turn, d, o->packets));
	forward_latency(device_turn, d, o->packets, &turns, &before->turns);
	device_keep(d, KEPT, 1);
	start = rte_rdtsc();
	n = end_all(d, n_flows - KEPT);
	report_sample(while_ending, (double)(rte_rdtsc() - start) / (double)(n ? n : 1));
	turns_summarise(&turns, &while_ending->turns);
	printf("%llu of %u routes ended in %.2f s\n", (unsigned long long)c->routes_aged, n_flows,
	       (double)(rte_rdtsc() - start) / (double)rte_get_tsc_hz());
	if (c->routes_aged != n_flows - KEPT)
		return machine_interrupted() ? -EINTR : -ETIMEDOUT;
	return device_check(d);
}

int expire_run(const struct bench_options *o, struct bench_source *s, struct rte_mempool *pool, struct bench_report *r)
{
	struct channel channel;
	int err = device_channel_init(&channel, 1);

	if (err)
		return err;
	for (unsigned i = 0; i < o->n_flows && !err; i++) {
		struct bench_row *before, *meanwhile;
		struct bench_device *d = NULL;

		if (o->flows[i] <= KEPT)
			continue;
		before = report_row(r, "no route ends", o->traffic.family, o->flows[i]);
		meanwhile = report_row(r, "routes end", o->traffic.family, o->flows[i]);
		for (unsigned k = 0; k < o->repetitions && !err && !machine_interrupted(); k++) {
			err = device_new(&(struct device_params){ .n_flows = o->flows[i],
								  .source = s,
								  .pool = pool,
								  .channel = &channel,
								  .plumbed = true },
					 &d);
			if (!err)
				err = measure(o, d, o->flows[i], before, meanwhile);
			device_free(d);
		}
	}
	channel_fini(&channel);
	return err;
}
