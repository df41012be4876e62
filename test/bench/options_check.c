/* SPDX-License-Identifier: BSD-3-Clause */
/* What the options say together. */
#include "options.h"

#include <errno.h>

bool options_ports(const struct bench_options *o)
{
	return o->rings || o->n_vdevs || o->n_pci;
}

/* What cannot be done on several cores, or NULL. */
static const char *wrong_cores(const struct bench_options *o)
{
	if (o->classifier_cpu >= 0 && o->task != BENCH_CONNECT)
		return "a core for the classifier is for connect only";
	if (o->task != BENCH_SCALE)
		return NULL;
	if (o->n_cpus < 2)
		return "scale needs two cores or more: --cpus A,B";
	if (o->traffic.misses)
		return "misses are for one core: several would share the bench's classifier";
	return NULL;
}

unsigned options_cpus(const struct bench_options *o, int16_t ret[BENCH_MAX_LCORES])
{
	unsigned n = 0;

	for (unsigned i = 0; o->task == BENCH_SCALE && i < o->n_cpus; i++)
		ret[n++] = (int16_t)o->cpus[i];
	if (n)
		return n;
	ret[n++] = o->cpu;
	if (o->generator_cpu >= 0 && o->generator_cpu != o->cpu)
		ret[n++] = o->generator_cpu;
	if (o->classifier_cpu >= 0)
		ret[n++] = o->classifier_cpu;
	return n;
}

int options_check(const struct bench_options *o)
{
	const char *why = NULL;

	if (options_ports(o) && o->task != BENCH_FORWARD)
		why = "ports are for forwarding only";
	else if (options_ports(o) && o->prompt)
		why = "the prompt has no ports but the source that is built in";
	else if (options_ports(o) && (o->traffic.churn || o->stages))
		why = "churn and stages need the source that is built in, without ports";
	else if (o->rings && (o->n_vdevs || o->n_pci))
		why = "either rings or other ports";
	else if (options_ports(o) && !o->rings && o->n_vdevs + o->n_pci != 2)
		why = "two ports are needed: the device's, then the generator's";
	else if (o->generator_cpu >= 0 && !options_ports(o))
		why = "a core for the generator needs ports";
	else if (o->task != BENCH_FORWARD && (o->stages || o->prompt))
		why = "stages and the prompt are for forwarding only";
	else if (o->task == BENCH_CONNECT && o->traffic.mode >= BENCH_RETURN)
		why = "replies open no connections";
	else
		why = wrong_cores(o);
	if (why)
		fprintf(stderr, "baton-bench: %s\n", why);
	return why ? -EINVAL : 0;
}
