/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A flood of packets without a route, beside packets that have one, on a lcore
 * that has no time left. Plain receiving and sending of the very same packets is
 * measured too, so that what the flood costs the source is known.
 */
#include <errno.h>
#include <string.h>

#include "bench.h"
#include "plumb/channel.h"

#define ALL 1000000u /* parts */

/* Rows of one number of flows. */
enum flood_kind { FLOOD_IO, FLOOD_HITS, FLOOD_BOTH, FLOOD_MISSES, FLOOD_N };

static const struct {
	const char *name;
	uint32_t misses;
} kinds[FLOOD_N] = {
	[FLOOD_IO] = { "io, half of them unknown", ALL / 2 },
	[FLOOD_HITS] = { "baton, all have routes", 0 },
	[FLOOD_BOTH] = { "baton, half of them unknown", ALL / 2 },
	[FLOOD_MISSES] = { "baton, all unknown", ALL },
};

static struct turns turns;

static int measure(const struct bench_options *o, struct bench_source *s, struct bench_device *d, unsigned kind,
		   struct bench_row *row)
{
	bool plain = kind == FLOOD_IO;
	int err;

	s->traffic.misses = kinds[kind].misses;
	device_select(d);
	report_sample(row, forward_measure(plain ? forward_io : device_turn, plain ? NULL : d, o->packets));
	if (!plain && o->latency)
		forward_latency(device_turn, d, o->packets, &turns, &row->turns);
	if (plain)
		return 0;
	err = device_check(d);
	device_counted(d, &row->counted);
	return err;
}

static void print_ratio(struct bench_row *const rows[FLOOD_N])
{
	double io = report_median(rows[FLOOD_IO]), hit = report_median(rows[FLOOD_HITS]);
	double both = 2 * report_median(rows[FLOOD_BOTH]), miss = report_median(rows[FLOOD_MISSES]);

	printf("%u flows: a hit %.1f, a refused packet %.1f, of it received %.1f; both side by side %.1f, so a hit "
	       "beside it %.1f: %+.1f %%\n",
	       rows[FLOOD_HITS]->flows, hit, miss, io, both, both - miss, 100 * ((both - miss) / hit - 1));
}

static int run_device(const struct bench_options *o, struct bench_source *s, struct bench_device *d,
		      struct bench_row *const rows[FLOOD_N])
{
	int err = 0;

	for (unsigned i = 0; i < o->repetitions && !err && !machine_interrupted(); i++)
		for (unsigned kind = 0; kind < FLOOD_N && !err; kind++)
			err = measure(o, s, d, kind, rows[kind]);
	if (!err && !machine_interrupted())
		print_ratio(rows);
	return err;
}

int flood_run(const struct bench_options *o, struct bench_source *s, struct rte_mempool *pool, struct bench_report *r)
{
	struct channel channel;
	int err = device_channel_init(&channel, 1);

	if (err)
		return err;
	for (unsigned i = 0; i < o->n_flows && !err; i++) {
		struct bench_row *rows[FLOOD_N];
		struct bench_device *d = NULL;

		for (unsigned kind = 0; kind < FLOOD_N; kind++)
			rows[kind] = report_row(r, kinds[kind].name, o->traffic.family, o->flows[i]);
		err = device_new(&(struct device_params){ .n_flows = o->flows[i],
							  .source = s,
							  .pool = pool,
							  .channel = &channel,
							  .plumbed = true },
				 &d);
		if (!err)
			err = run_device(o, s, d, rows);
		device_free(d);
	}
	channel_fini(&channel);
	return err;
}
