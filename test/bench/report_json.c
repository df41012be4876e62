/* SPDX-License-Identifier: BSD-3-Clause */
/* All that was measured, and on what, as JSON. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <jansson.h>
#include <rte_version.h>

#include "report.h"

#define FORMAT "baton-bench/1"

static void put(json_t *object, const char *name, uint64_t n)
{
	if (n)
		json_object_set_new(object, name, json_integer((json_int_t)n));
}

static json_t *counters_json(const struct forwarder_counters *c)
{
	json_t *all = json_object();

#define X(name, text) put(all, #name, c->name);
	FORWARDER_COUNTERS(X)
#undef X
	return all;
}

static json_t *drops_json(const struct forwarder_counters *c)
{
	json_t *all = json_object();

	for (unsigned i = 0; i < FORWARDER_N_DROPS; i++)
		put(all, forwarder_drop_name(i), c->drops[i]);
	for (unsigned i = 0; i < PACKET_N_BAD; i++)
		put(all, packet_bad_name(i), c->bad[i]);
	return all;
}

static json_t *turns_json(const struct bench_turns *t)
{
	if (!(t->longest > 0))
		return json_null();
	return json_pack("{s:f, s:f, s:f, s:f}", "median", t->median, "p99", t->p99, "p999", t->p999, "longest",
			 t->longest);
}

static json_t *stages_json(const struct bench_stages *s)
{
	json_t *all;

	if (!(s->total > 0))
		return json_null();
	all = json_pack("{s:f, s:f, s:f}", "total", s->total, "without", s->without, "marks", s->marks);
	for (unsigned i = 0; i < BENCH_N_STAGES; i++)
		json_object_set_new(all, report_stage_name(i), json_real(s->cycles[i]));
	return all;
}

static json_t *passage_json(const struct bench_passage *p)
{
	if (!p->sent)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "sent", (json_int_t)p->sent, "back",
			 (json_int_t)p->back, "verified", (json_int_t)p->verified, "lost", (json_int_t)p->lost, "wrong",
			 (json_int_t)p->wrong, "foreign", (json_int_t)p->foreign, "million_per_s", p->mpps);
}

/* Before and after each repetition. */
static json_t *distances_json(const struct bench_row *row)
{
	json_t *all = row->n_distances ? json_array() : json_null();

	for (unsigned i = 0; i < row->n_distances; i++)
		json_array_append_new(all, json_pack("[f, f]", row->distances[i].before, row->distances[i].after));
	return all;
}

static json_t *summary_json(const struct report_summary *s)
{
	json_t *all = json_pack("{s:i, s:f, s:f, s:f, s:f}", "runs", (int)s->n, "median_cycles", s->median,
				"min_cycles", s->min, "max_cycles", s->max, "million_per_s", s->mpps);

	if (s->scaling > 0)
		json_object_set_new(all, "scaling", json_real(s->scaling));
	return all;
}

static json_t *by_distance_json(const struct bench_report *r, const struct bench_row *row)
{
	json_t *all = row->n_distances ? json_object() : json_null();

	for (unsigned g = 0; g < BENCH_N_DISTANCES && row->n_distances; g++) {
		struct report_summary s = report_at(r, row, g);

		if (s.n)
			json_object_set_new(all, report_distance_name(g), summary_json(&s));
	}
	return all;
}

static json_t *numbers_json(const double *numbers, unsigned n)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(all, json_real(numbers[i]));
	return all;
}

static json_t *halves_json(const struct bench_halves *h)
{
	if (!(h->forwarder > 0))
		return json_null();
	return json_pack("{s:f, s:f}", "forwarder", h->forwarder, "classifier", h->classifier);
}

/* What only several lcores have. */
static void add_cores(json_t *row_json, const struct bench_report *r, const struct bench_row *row)
{
	json_object_set_new(row_json, "distance_ns", distances_json(row));
	json_object_set_new(row_json, "by_distance", by_distance_json(r, row));
	json_object_set_new(row_json, "scaling",
			    row->n_scaling ? numbers_json(row->scaling, row->n_scaling) : json_null());
	json_object_set_new(row_json, "at_work_cycles", halves_json(&row->halves));
}

static json_t *row_json(struct bench_report *r, struct bench_row *row)
{
	struct report_summary s = report_summarise(r, row);
	json_t *all = summary_json(&s);

	json_object_update_new(all, json_pack("{s:s, s:i, s:I}", "name", row->name, "family", row->family, "flows",
					      (json_int_t)row->flows));
	/* in the order of the repetitions */
	json_object_set_new(all, "samples", numbers_json(row->samples, row->n_samples));
	json_object_update_new(all,
			       json_pack("{s:o, s:o, s:o, s:o, s:o}", "turn_ns", turns_json(&row->turns), "stages",
					 stages_json(&row->stages), "passage", passage_json(&row->passage), "counters",
					 counters_json(&row->counted), "drops", drops_json(&row->counted)));
	add_cores(all, r, row);
	return all;
}

/* "model name : …" */
static void cpu_model(char *text, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256];

	*text = 0;
	while (f && !*text && fgets(line, sizeof line, f)) {
		char *value = strncmp(line, "model name", 10) ? NULL : strchr(line, ':');

		if (value)
			snprintf(text, size, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
	}
	if (f)
		fclose(f);
}

static json_t *machine_json(const struct bench_report *r)
{
	struct utsname name = { 0 };
	double load[3] = { 0 };
	char model[128];

	cpu_model(model, sizeof model);
	uname(&name);
	getloadavg(load, 3);
	return json_pack("{s:s, s:i, s:i, s:s, s:s, s:I, s:b, s:[f,f,f], s:[f,f,f]}", "cpu", model, "cpus",
			 (int)sysconf(_SC_NPROCESSORS_ONLN), "memory_mb",
			 (int)((sysconf(_SC_PHYS_PAGES) >> 10) * (sysconf(_SC_PAGESIZE) >> 10)), "kernel", name.release,
			 "dpdk", rte_version(), "tsc_hz", (json_int_t)r->tsc_hz, "hugepages", r->hugepages,
			 "load_before", r->load_before[0], r->load_before[1], r->load_before[2], "load_after", load[0],
			 load[1], load[2]);
}

static json_t *options_json(const struct bench_options *o)
{
	json_t *all = json_object();
	const char *name;
	char text[200];

	for (unsigned i = 0; (name = options_value(o, i, text, sizeof text)) != NULL; i++)
		json_object_set_new(all, name, json_string(text));
	return all;
}

int report_json(struct bench_report *r, const char *path)
{
	json_t *rows = json_array(), *all;
	int err;

	for (unsigned i = 0; i < r->n_rows; i++)
		json_array_append_new(rows, row_json(r, &r->rows[i]));
	all = json_pack("{s:s, s:s, s:o, s:o, s:o}", "format", FORMAT, "unit", r->unit, "machine", machine_json(r),
			"options", options_json(r->options), "rows", rows);
	err = all && json_dump_file(all, path, JSON_INDENT(1)) == 0 ? 0 : -EIO;
	json_decref(all);
	return err;
}
