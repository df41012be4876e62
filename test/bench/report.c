/* SPDX-License-Identifier: BSD-3-Clause */
/* Medians with their spread, as text and CSV. */
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* Sorts them. */
static double median(double *samples, unsigned n)
{
	if (!n)
		return 0;
	qsort(samples, n, sizeof *samples, compare);
	return n % 2 ? samples[n / 2] : (samples[n / 2 - 1] + samples[n / 2]) / 2;
}

/* Copies, because the samples stay in the order of the repetitions. */
struct report_summary report_select(const struct bench_report *r, const struct bench_row *row, report_select_fn select,
				    const void *arg)
{
	double cycles[BENCH_MAX_SAMPLES], scaling[BENCH_MAX_SAMPLES];
	struct report_summary s = { 0 };
	unsigned n_scaling = 0;

	for (unsigned i = 0; i < row->n_samples; i++) {
		if (select && !select(row, i, arg))
			continue;
		cycles[s.n++] = row->samples[i];
		if (i < row->n_scaling)
			scaling[n_scaling++] = row->scaling[i];
	}
	if (!s.n)
		return s;
	s.median = median(cycles, s.n);
	s.min = cycles[0];
	s.max = cycles[s.n - 1];
	s.mpps = (double)r->tsc_hz / s.median / 1e6;
	s.scaling = median(scaling, n_scaling);
	return s;
}

struct report_summary report_summarise(const struct bench_report *r, const struct bench_row *row)
{
	return report_select(r, row, NULL, NULL);
}

double report_median(const struct bench_row *row)
{
	return report_select(&(struct bench_report){ .tsc_hz = 0 }, row, NULL, NULL).median;
}

/* Median of an own plain loop on the same source, 0 if there is none. */
static double plain_median(struct bench_report *r, const char *name, uint8_t family)
{
	for (unsigned i = 0; i < r->n_rows; i++)
		if (r->rows[i].family == family && !strcmp(r->rows[i].name, name))
			return report_median(&r->rows[i]);
	return 0;
}

void report_turns(const struct bench_row *row, FILE *f)
{
	const struct bench_turns *t = &row->turns;

	if (t->longest > 0)
		fprintf(f, "%-32s %10u   a turn in ns: median %.0f, 99 %% %.0f, 99.9 %% %.0f, longest %.0f\n",
			row->name, row->flows, t->median, t->p99, t->p999, t->longest);
}

const char *report_stage_name(enum bench_stage s)
{
	static const char *const names[] = {
#define X(name, text) #name,
		BENCH_STAGES(X)
#undef X
	};

	return names[s];
}

void report_stages(const struct bench_row *row, FILE *f)
{
	static const char *const texts[] = {
#define X(name, text) text,
		BENCH_STAGES(X)
#undef X
	};
	const struct bench_stages *s = &row->stages;

	if (!(s->total > 0))
		return;
	fprintf(f, "%s, %u flows: cycles per packet by stage\n", row->name, row->flows);
	for (unsigned i = 0; i < BENCH_N_STAGES; i++)
		fprintf(f, "  %-8s %8.1f  %s\n", report_stage_name(i), s->cycles[i], texts[i]);
	fprintf(f, "  %-8s %8.1f  and %.1f without the time taken in between, which itself takes %.1f\n", "sum",
		s->total, s->without, s->marks);
}

uint64_t report_n_dropped(const struct forwarder_counters *c)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < FORWARDER_N_DROPS; i++)
		sum += c->drops[i];
	for (unsigned i = 0; i < PACKET_N_BAD; i++)
		sum += c->bad[i];
	return sum;
}

static void print_count(const char *name, uint64_t n, FILE *f)
{
	if (n)
		fprintf(f, "  %-22s %14llu\n", name, (unsigned long long)n);
}

void report_drops(const struct forwarder_counters *c, FILE *f)
{
	fprintf(f, "dropped: %llu\n", (unsigned long long)report_n_dropped(c));
	for (unsigned i = 0; i < FORWARDER_N_DROPS; i++)
		print_count(forwarder_drop_name(i), c->drops[i], f);
	for (unsigned i = 0; i < PACKET_N_BAD; i++)
		print_count(packet_bad_name(i), c->bad[i], f);
	fputs("counted:\n", f);
#define X(name, text) print_count(#name, c->name, f);
	FORWARDER_COUNTERS(X)
#undef X
}

void report_passage(const struct bench_passage *p, FILE *f)
{
	if (p->sent)
		fprintf(f,
			"  %llu sent, %llu back (%llu verified), %llu lost, %llu wrong, %llu foreign; %.2f M/s through "
			"generator, device and sink\n",
			(unsigned long long)p->sent, (unsigned long long)p->back, (unsigned long long)p->verified,
			(unsigned long long)p->lost, (unsigned long long)p->wrong, (unsigned long long)p->foreign,
			p->mpps);
}

void report_text(struct bench_report *r, FILE *f)
{
	double load[3] = { 0 };

	fprintf(f, "%-32s %4s %10s %4s   %-26s %8s %10s %10s\n", "", "IP", "flows", "runs", "TSC cycles [min-max]",
		"M/s", "beyond io", "of macswap");
	for (unsigned i = 0; i < r->n_rows; i++) {
		struct bench_row *row = &r->rows[i];
		struct report_summary s = report_summarise(r, row);
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
	for (unsigned i = 0; i < r->n_rows; i++)
		report_turns(&r->rows[i], f);
	for (unsigned i = 0; i < r->n_rows; i++)
		report_stages(&r->rows[i], f);
	for (unsigned i = 0; i < r->n_rows; i++)
		report_passage(&r->rows[i].passage, f);
	report_distances(r, f);
	getloadavg(load, 3);
	fprintf(f,
		"cycles per %s of the time stamp counter at %.3f GHz; %s pages; load average %.2f before, %.2f after\n",
		r->unit, (double)r->tsc_hz / 1e9, r->hugepages ? "2 MB" : "4 KB", r->load_before[0], load[0]);
}

static void csv_row(struct bench_report *r, struct bench_row *row, FILE *f)
{
	struct report_summary s = report_summarise(r, row);
	const struct bench_turns *t = &row->turns;

	fprintf(f, "\"%s\",%u,%u,%u,%.2f,%.2f,%.2f,%.3f,%.0f,%.0f,%.0f,%.0f", row->name, row->family, row->flows,
		row->n_samples, s.median, s.min, s.max, s.mpps, t->median, t->p99, t->p999, t->longest);
	for (unsigned i = 0; i < BENCH_N_STAGES; i++)
		fprintf(f, ",%.2f", row->stages.cycles[i]);
	fprintf(f, ",%.2f,%.2f,%.2f,%llu,%llu,%llu", row->stages.total, row->stages.without, row->stages.marks,
		(unsigned long long)row->counted.rx_packets, (unsigned long long)row->counted.misses,
		(unsigned long long)report_n_dropped(&row->counted));
	for (unsigned g = 0; g < BENCH_N_DISTANCES; g++) {
		s = report_at(r, row, g);
		fprintf(f, ",%u,%.2f", s.n, s.median);
	}
	fprintf(f, ",%.3f,%.2f,%.2f\n", report_summarise(r, row).scaling, row->halves.forwarder,
		row->halves.classifier);
}

int report_csv(struct bench_report *r, const char *path)
{
	FILE *f = fopen(path, "we");
	bool good;

	if (!f)
		return -errno;
	fprintf(f, "name,family,flows,runs,median_cycles,min_cycles,max_cycles,million_per_s,turn_median_ns,"
		   "turn_99_ns,turn_999_ns,turn_longest_ns");
	for (unsigned i = 0; i < BENCH_N_STAGES; i++)
		fprintf(f, ",stage_%s", report_stage_name(i));
	fprintf(f, ",stage_total,stage_without,stage_marks,rx_packets,misses,drops");
	for (unsigned g = 0; g < BENCH_N_DISTANCES; g++)
		fprintf(f, ",%s_runs,%s_median_cycles", report_distance_name(g), report_distance_name(g));
	fprintf(f, ",scaling,forwarder_cycles,classifier_cycles\n");
	for (unsigned i = 0; i < r->n_rows; i++)
		csv_row(r, &r->rows[i], f);
	good = !ferror(f);
	return fclose(f) == 0 && good ? 0 : -EIO;
}
