/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/load_sampler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/load_listen.h"
#include "agent/load_proc.h"
#include "base/clock.h"
#include "baton/health.h"

const struct conf_key load_keys[] = {
	{ "cpu", CONF_BOOL, CONF_FIELD(struct load_config, cpu), .def = "false",
	  .help = "CPU time used of that available." },
	{ "cgroup", CONF_STRING, CONF_FIELD(struct load_config, cgroup), .min = 2, .max = 1024,
	  .check = conf_check_path,
	  .help = "Folder of the application's cgroup (v2), for cpu. Default: the whole machine counts." },
	{ "run_queue", CONF_BOOL, CONF_FIELD(struct load_config, run_queue), .def = "false",
	  .help = "Part of the time in which a task had to wait for a CPU; without /proc/pressure the load average." },
	{ "accept_queue", CONF_BOOL, CONF_FIELD(struct load_config, accept_queue), .def = "false",
	  .help = "How full the application's accept queue is." },
	{ 0 },
};

/* A figure made of the difference of two samples. */
struct growth {
	uint64_t last;
	bool has_last;
};

struct target {
	struct load_target t;
	struct growth cgroup;
};

/* One figure of this sample. */
struct figure {
	bool known;
	uint32_t load;
	int err;
};

struct load_sampler {
	char *root;
	struct target *targets;
	unsigned n, n_cpus;
	bool wants_cpu, wants_run_queue;
	struct growth busy, total, pressure;
	struct figure cpu, run_queue; /* of the machine */
	uint64_t last_ns;
	int netlink; /* negative: not open, the -errno if it should be */
	load_report_fn report;
	void *context;
};

/* What has been added since the last sample; false if there was none, or the count began anew. */
static bool growth_take(struct growth *g, uint64_t now, uint64_t *ret)
{
	bool valid = g->has_last && now >= g->last;

	*ret = now - g->last;
	g->last = now;
	g->has_last = true;
	return valid;
}

static void figure_set(struct figure *f, double part)
{
	double load = part * HEALTH_LOAD_FULL + 0.5;

	f->known = true;
	f->load = load < HEALTH_LOAD_MAX ? (uint32_t)load : HEALTH_LOAD_MAX;
}

static struct figure cpu_sample(struct load_sampler *s)
{
	struct figure f = { 0 };
	struct load_cpu now;
	uint64_t busy, total;
	bool valid;

	f.err = load_cpu_read(s->root, &now);
	if (f.err)
		return f;
	s->n_cpus = now.n_cpus;
	valid = growth_take(&s->busy, now.busy, &busy);
	if (growth_take(&s->total, now.total, &total) && valid && total)
		figure_set(&f, (double)busy / (double)total);
	return f;
}

static struct figure average_sample(const struct load_sampler *s)
{
	struct figure f = { 0 };
	uint32_t hundredths;

	f.err = load_average_read(s->root, &hundredths);
	if (!f.err && s->n_cpus)
		figure_set(&f, hundredths / 100.0 / s->n_cpus);
	return f;
}

static struct figure run_queue_sample(struct load_sampler *s, uint64_t passed_ns)
{
	struct figure f = { 0 };
	uint64_t us, waited_us;

	f.err = load_pressure_read(s->root, &us);
	if (f.err == -ENOENT || f.err == -EOPNOTSUPP) /* not built in, or psi=0 */
		return average_sample(s);
	if (!f.err && growth_take(&s->pressure, us, &waited_us) && passed_ns)
		figure_set(&f, (double)waited_us * 1000.0 / (double)passed_ns);
	return f;
}

static struct figure cgroup_sample(struct load_sampler *s, struct target *t, uint64_t passed_ns)
{
	struct figure f = { 0 };
	struct load_cgroup now;
	uint64_t used_us;
	double cpus;

	f.err = load_cgroup_read(s->root, t->t.config->cgroup, &now);
	if (f.err) {
		t->cgroup.has_last = false;
		return f;
	}
	cpus = now.cpus > 0 && now.cpus < s->n_cpus ? now.cpus : s->n_cpus;
	if (growth_take(&t->cgroup, now.used_us, &used_us) && passed_ns && cpus > 0)
		figure_set(&f, (double)used_us * 1000.0 / (double)passed_ns / cpus);
	return f;
}

static struct figure accept_sample(struct load_sampler *s, const struct load_target *t)
{
	const struct baton_addr *addrs[] = { &t->vip, &t->host };
	uint16_t ports[] = { t->vip_port, t->host_port };
	struct figure f = { .err = s->netlink < 0 ? s->netlink : -ENOENT };

	for (int i = 0; i < 2 && s->netlink >= 0; i++) {
		struct load_queue q;
		uint32_t fill;
		int err = addrs[i]->family ? load_listen_read(s->netlink, addrs[i], ports[i], &q) : -ENOENT;

		if (err && err != -ENOENT) {
			f.err = err;
		} else if (!err) {
			fill = load_queue_fill(&q);
			f = (struct figure){ .known = true, .load = fill > f.load ? fill : f.load };
		}
	}
	return f;
}

static void target_report(struct load_sampler *s, unsigned number, uint64_t passed_ns)
{
	struct target *t = &s->targets[number];
	const struct load_config *c = t->t.config;
	static const char *const names[] = { "cpu", "run_queue", "accept_queue" };
	struct figure all[3] = { { 0 } };
	const char *what = NULL;
	bool known = false;
	uint32_t load = 0;
	int err = 0;

	if (c->cpu)
		all[0] = c->cgroup ? cgroup_sample(s, t, passed_ns) : s->cpu;
	if (c->run_queue)
		all[1] = s->run_queue;
	if (c->accept_queue)
		all[2] = accept_sample(s, &t->t);
	for (int i = 0; i < 3; i++) {
		known |= all[i].known;
		load = all[i].known && all[i].load > load ? all[i].load : load;
		if (all[i].err && !err) {
			err = all[i].err;
			what = names[i];
		}
	}
	s->report(s->context, number, known, load, err, what);
}

void load_sampler_sample(struct load_sampler *s, uint64_t now_ns)
{
	uint64_t passed_ns = s->last_ns ? now_ns - s->last_ns : 0;

	s->last_ns = now_ns;
	if (s->wants_cpu)
		s->cpu = cpu_sample(s);
	if (s->wants_run_queue)
		s->run_queue = run_queue_sample(s, passed_ns);
	for (unsigned i = 0; i < s->n; i++)
		target_report(s, i, passed_ns);
}

static int targets_copy(struct load_sampler *s, const struct load_target *targets, unsigned n)
{
	s->targets = calloc(n ? n : 1, sizeof *s->targets);
	if (!s->targets)
		return -ENOMEM;
	for (; s->n < n; s->n++) {
		const struct load_config *c = targets[s->n].config;

		s->targets[s->n].t = targets[s->n];
		s->wants_cpu |= c->cpu || c->run_queue; /* for the number of CPUs */
		s->wants_run_queue |= c->run_queue;
		if (c->accept_queue && s->netlink < 0)
			s->netlink = load_listen_open();
	}
	return 0;
}

int load_sampler_new(const char *root, const struct load_target *targets, unsigned n, load_report_fn report,
		     void *context, struct load_sampler **ret)
{
	struct load_sampler *s = calloc(1, sizeof *s);
	int err;

	if (!s)
		return -ENOMEM;
	s->netlink = -1;
	s->report = report;
	s->context = context;
	s->root = strdup(root);
	err = s->root ? targets_copy(s, targets, n) : -ENOMEM;
	if (err)
		load_sampler_free(s);
	else
		*ret = s;
	return err;
}

void load_sampler_free(struct load_sampler *s)
{
	if (!s)
		return;
	if (s->netlink >= 0)
		close(s->netlink);
	free(s->targets);
	free(s->root);
	free(s);
}
