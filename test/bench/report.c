/* SPDX-License-Identifier: BSD-3-Clause */
/* Medians with their spread, as text, CSV and JSON. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "bench.h"

struct summary {
	double median, min, max, mpps;
};

struct bench_row *report_row(struct bench_report *r, const char *name, uint8_t family, uint32_t flows)
{
	struct bench_row *row = &r->rows[r->n_rows];

	if (r->n_rows < BENCH_MAX_ROWS - 1)
		r->n_rows++;
	snprintf(row->name, sizeof row->name, "%s", name);
	row->family = family;
	row->flows = flows;
	row->n_samples = 0;
	return row;
}

void report_sample(struct bench_row *row, double cycles)
{
	if (row->n_samples < BENCH_MAX_SAMPLES)
		row->samples[row->n_samples++] = cycles;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct summary summarise(const struct bench_report *r, struct bench_row *row)
{
	unsigned n = row->n_samples;
	struct summary s = { 0 };

	if (!n)
		return s;
	qsort(row->samples, n, sizeof *row->samples, compare);
	s.median = n % 2 ? row->samples[n / 2] : (row->samples[n / 2 - 1] + row->samples[n / 2]) / 2;
	s.min = row->samples[0];
	s.max = row->samples[n - 1];
	s.mpps = (double)r->tsc_hz / s.median / 1e6;
	return s;
}

/* Median of an own plain loop on the same source, 0 if there is none. */
static double plain_median(struct bench_report *r, const char *name, uint8_t family)
{
	for (unsigned i = 0; i < r->n_rows; i++)
		if (r->rows[i].family == family && !strcmp(r->rows[i].name, name))
			return summarise(r, &r->rows[i]).median;
	return 0;
}

/* How long turns of the loop took, where that was measured. */
static void report_turns(const struct bench_report *r, FILE *f)
{
	for (unsigned i = 0; i < r->n_rows; i++) {
		const struct bench_row *row = &r->rows[i];

		if (row->turn_ns[3] > 0)
			fprintf(f, "%-32s %10u   a turn in ns: median %.0f, 99 %% %.0f, 99.9 %% %.0f, longest %.0f\n",
				row->name, row->flows, row->turn_ns[0], row->turn_ns[1], row->turn_ns[2],
				row->turn_ns[3]);
	}
}

void report_text(struct bench_report *r, FILE *f)
{
	fprintf(f, "%-32s %4s %10s %4s   %-26s %8s %10s %10s\n", "", "IP", "flows", "runs", "TSC cycles [min-max]",
		"M/s", "beyond io", "of macswap");
	for (unsigned i = 0; i < r->n_rows; i++) {
		struct bench_row *row = &r->rows[i];
		struct summary s = summarise(r, row);
		double macswap = plain_median(r, "macswap", row->family), io = plain_median(r, "io", row->family);
		char family[4] = "-", flows[12] = "-", cycles[40], share[16] = "-", beyond[16] = "-";

		if (row->family)
			snprintf(family, sizeof family, "v%u", row->family % 10u);
		if (row->flows)
			snprintf(flows, sizeof flows, "%u", row->flows);
		if (macswap > 0 && s.median > 0)
			snprintf(share, sizeof share, "%.0f %%", 100 * macswap / s.median);
		if (io > 0 && s.median > 0)
			snprintf(beyond, sizeof beyond, "%.1f", s.median - io);
		snprintf(cycles, sizeof cycles, "%.1f [%.1f-%.1f]", s.median, s.min, s.max);
		fprintf(f, "%-32s %4s %10s %4u   %-26s %8.1f %10s %10s\n", row->name, family, flows, row->n_samples,
			cycles, s.mpps, beyond, share);
	}
	report_turns(r, f);
	fprintf(f, "cycles per %s of the time stamp counter at %.3f GHz; %s pages\n", r->unit, (double)r->tsc_hz / 1e9,
		r->hugepages ? "2 MB" : "4 KB");
}

int report_csv(struct bench_report *r, const char *path)
{
	FILE *f = fopen(path, "we");
	bool good;

	if (!f)
		return -errno;
	fprintf(f, "name,family,flows,runs,median_cycles,min_cycles,max_cycles,million_per_s,turn_median_ns,"
		   "turn_99_ns,turn_999_ns,turn_longest_ns\n");
	for (unsigned i = 0; i < r->n_rows; i++) {
		struct bench_row *row = &r->rows[i];
		struct summary s = summarise(r, row);

		fprintf(f, "%s,%u,%u,%u,%.2f,%.2f,%.2f,%.3f,%.0f,%.0f,%.0f,%.0f\n", row->name, row->family, row->flows,
			row->n_samples, s.median, s.min, s.max, s.mpps, row->turn_ns[0], row->turn_ns[1],
			row->turn_ns[2], row->turn_ns[3]);
	}
	good = !ferror(f);
	return fclose(f) == 0 && good ? 0 : -EIO;
}

static json_t *row_json(struct bench_report *r, struct bench_row *row)
{
	struct summary s = summarise(r, row);
	json_t *samples = json_array();

	for (unsigned i = 0; i < row->n_samples; i++)
		json_array_append_new(samples, json_real(row->samples[i]));
	return json_pack("{s:s, s:i, s:I, s:f, s:f, s:f, s:f, s:[f,f,f,f], s:o}", "name", row->name, "family",
			 row->family, "flows", (json_int_t)row->flows, "median_cycles", s.median, "min_cycles", s.min,
			 "max_cycles", s.max, "million_per_s", s.mpps, "turn_ns", row->turn_ns[0], row->turn_ns[1],
			 row->turn_ns[2], row->turn_ns[3], "samples", samples);
}

int report_json(struct bench_report *r, const char *path)
{
	json_t *rows = json_array(), *all;
	int err;

	for (unsigned i = 0; i < r->n_rows; i++)
		json_array_append_new(rows, row_json(r, &r->rows[i]));
	all = json_pack("{s:s, s:I, s:b, s:o}", "unit", r->unit, "tsc_hz", (json_int_t)r->tsc_hz, "hugepages",
			r->hugepages, "rows", rows);
	err = all && json_dump_file(all, path, JSON_INDENT(1)) == 0 ? 0 : -EIO;
	json_decref(all);
	return err;
}
