/* SPDX-License-Identifier: BSD-3-Clause */
/* Figures of several lcores, apart from each other if the lcores were not equally far apart. */
#include "report.h"

void report_distance(struct bench_row *row, double before, double after)
{
	row->n_distances = row->n_samples;
	row->distances[row->n_samples - 1] = (struct bench_distance){ before, after };
}

void report_scaling(struct bench_row *row, double ratio)
{
	row->n_scaling = row->n_samples;
	row->scaling[row->n_samples - 1] = ratio;
}

const char *report_distance_name(enum bench_distance_group g)
{
	static const char *const names[] = {
#define X(name, text) #name,
		BENCH_DISTANCES(X)
#undef X
	};

	return names[g];
}

static const char *distance_text(enum bench_distance_group g)
{
	static const char *const texts[] = {
#define X(name, text) text,
		BENCH_DISTANCES(X)
#undef X
	};

	return texts[g];
}

static enum bench_distance_group group_of(const struct bench_distance *d)
{
	if (!(d->before > 0 && d->after > 0))
		return DISTANCE_shared;
	if ((d->before < BENCH_FAR_NS) != (d->after < BENCH_FAR_NS))
		return DISTANCE_flipped;
	return d->before < BENCH_FAR_NS ? DISTANCE_fast : DISTANCE_slow;
}

static bool is_at(const struct bench_row *row, unsigned sample, const void *arg)
{
	return sample < row->n_distances &&
	       group_of(&row->distances[sample]) == *(const enum bench_distance_group *)arg;
}

struct report_summary report_at(const struct bench_report *r, const struct bench_row *row, enum bench_distance_group g)
{
	return report_select(r, row, is_at, &g);
}

/* The least and the most of what was measured around those samples. */
static void span(const struct bench_row *row, enum bench_distance_group g, double *ret_min, double *ret_max)
{
	*ret_min = *ret_max = 0;
	for (unsigned i = 0; i < row->n_distances; i++) {
		double ends[2] = { row->distances[i].before, row->distances[i].after };

		for (unsigned k = 0; k < 2 && is_at(row, i, &g); k++) {
			*ret_min = *ret_min > 0 && *ret_min < ends[k] ? *ret_min : ends[k];
			*ret_max = *ret_max > ends[k] ? *ret_max : ends[k];
		}
	}
}

static void print_group(const struct bench_report *r, const struct bench_row *row, enum bench_distance_group g, FILE *f)
{
	struct report_summary s = report_at(r, row, g);
	double min, max;

	if (!s.n)
		return;
	span(row, g, &min, &max);
	fprintf(f, "  %-7s %2u runs: %.1f [%.1f-%.1f] cycles, %.2f M/s", report_distance_name(g), s.n, s.median, s.min,
		s.max, s.mpps);
	if (s.scaling > 0)
		fprintf(f, ", scaling %.3f", s.scaling);
	fprintf(f, "; %s", distance_text(g));
	if (max > 0)
		fprintf(f, ", %.0f to %.0f ns", min, max);
	fputc('\n', f);
}

void report_distances(const struct bench_report *r, FILE *f)
{
	for (unsigned i = 0; i < r->n_rows; i++) {
		const struct bench_row *row = &r->rows[i];

		if (!row->n_distances)
			continue;
		fprintf(f, "%s, %u flows, by the distance of its lcores", row->name, row->flows);
		if (row->halves.forwarder > 0)
			fprintf(f, "; at work: forwarder %.1f, classifier %.1f cycles", row->halves.forwarder,
				row->halves.classifier);
		fputs(":\n", f);
		for (unsigned g = 0; g < BENCH_N_DISTANCES; g++)
			print_group(r, row, g, f);
	}
}
