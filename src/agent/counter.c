/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/counter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

static const struct {
	const char *name, *text;
} counter_words[AGENT_N_COUNTERS] = {
#define X(NAME, name, text) [AGENT_COUNTER_##NAME] = { name, text },
	AGENT_COUNTERS(X)
#undef X
};

static const struct {
	const char *name, *text;
} own_words[AGENT_N_OWN_COUNTERS] = {
#define X(NAME, name, text) [AGENT_OWN_##NAME] = { name, text },
	AGENT_OWN_COUNTERS(X)
#undef X
};

const char *agent_own_name(enum agent_own_counter c)
{
	return own_words[c].name;
}

const char *agent_own_text(enum agent_own_counter c)
{
	return own_words[c].text;
}

const char *agent_counter_name(enum agent_counter c)
{
	return counter_words[c].name;
}

const char *agent_counter_text(enum agent_counter c)
{
	return counter_words[c].text;
}

int agent_counters_read(int fd, uint64_t ret[AGENT_N_COUNTERS])
{
	int n_cpus = libbpf_num_possible_cpus(), err = 0;
	uint64_t sums[AGENT_N_COUNTERS] = { 0 }, *values;

	if (n_cpus < 0)
		return n_cpus;
	values = calloc((size_t)n_cpus, sizeof *values);
	if (!values)
		return -ENOMEM;
	for (uint32_t i = 0; i < AGENT_N_COUNTERS && !err; i++) {
		err = bpf_map_lookup_elem(fd, &i, values);
		for (int cpu = 0; !err && cpu < n_cpus; cpu++)
			sums[i] += values[cpu];
	}
	for (uint32_t i = 0; i < AGENT_N_COUNTERS && !err; i++)
		ret[i] = sums[i];
	free(values);
	return err;
}
