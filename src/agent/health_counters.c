/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/health_counters.h"

#define N_ALL (LOCAL_N_COUNTERS + SEAL_N_VERDICTS + CODEC_N_ERRORS + HEALTH_HOST_N_COUNTERS)

/* Names with the part they belong to before them, in the order of the parts. */
static const struct {
	const char *name, *text;
} words[N_ALL] = {
#define X(NAME, name, text) { "local_" #name, text },
	LOCAL_COUNTERS(X)
#undef X
#define X(NAME, name, text) { "seal_" #name, text },
		SEAL_VERDICTS(X)
#undef X
#define X(NAME, name, text) { "codec_" #name, text },
			CODEC_ERRORS(X)
#undef X
#define X(NAME, name, text) { "host_" #name, text },
				HEALTH_HOST_COUNTERS(X)
#undef X
};

_Static_assert(N_ALL <= BATON_AGENT_MAX_COUNTERS, "fit into one reply");

bool health_counter_read(const struct health_counters *c, unsigned i, const char **ret_name, const char **ret_text,
			 uint64_t *ret_value)
{
	const struct {
		const uint64_t *values;
		unsigned n;
	} parts[] = {
		{ c->socket ? local_socket_counters(c->socket) : NULL, LOCAL_N_COUNTERS },
		{ c->balancers ? balancers_verdicts(c->balancers) : NULL, SEAL_N_VERDICTS },
		{ c->balancers ? balancers_decoded(c->balancers) : NULL, CODEC_N_ERRORS },
		{ c->host, HEALTH_HOST_N_COUNTERS },
	};
	unsigned at = i;

	if (i >= N_ALL)
		return false;
	*ret_name = words[i].name;
	*ret_text = words[i].text;
	for (unsigned p = 0; p < sizeof parts / sizeof parts[0]; at -= parts[p++].n)
		if (at < parts[p].n) {
			*ret_value = parts[p].values ? parts[p].values[at] : 0;
			break;
		}
	return true;
}
