/* SPDX-License-Identifier: BSD-3-Clause */
/* Plans of the simulated cluster: out of a seed, as text, made shorter. */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static uint32_t draw(uint64_t *state, uint32_t below)
{
	/* splitmix64 */
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (uint32_t)((z ^ (z >> 31)) >> 32) % below;
}

/* How often each kind comes, of 100. */
static const uint8_t weights[SIM_N_KINDS] = {
	[SIM_TARGET] = 34,       [SIM_LOAD] = 12,        [SIM_DELETE] = 6,    [SIM_BURST] = 3,
	[SIM_HOST_RESTART] = 4,  [SIM_HOST_GOODBYE] = 2, [SIM_HOST_KILL] = 2, [SIM_HOST_START] = 5,
	[SIM_CACHE_RESTART] = 4, [SIM_SPLIT] = 10,       [SIM_NOISE] = 16,    [SIM_CLOCK] = 2,
};

static uint8_t draw_kind(uint64_t *state)
{
	uint32_t n = draw(state, 100);
	uint8_t kind = 0;

	while (n >= weights[kind])
		n -= weights[kind++];
	return kind;
}

static struct sim_event draw_event(uint64_t *state, const struct sim_plan *p)
{
	struct sim_event e = { .at_ms = 2 + draw(state, SIM_FAULTS_MS - 102), .kind = draw_kind(state) };

	/* some fall together */
	if (draw(state, 3) == 0)
		e.at_ms = e.at_ms / 100 * 100 + 100;
	e.host = (uint8_t)draw(state, p->n_hosts);
	e.cache = (uint8_t)draw(state, p->n_caches);
	/* few rows, so that one is changed again before it has come to rest */
	e.row = (uint16_t)draw(state, draw(state, 2) ? 3 : p->n_rows + 3u);
	e.until_ms = e.at_ms + 1 + draw(state, draw(state, 2) ? 300 : 2000);
	if (e.until_ms > SIM_FAULTS_MS)
		e.until_ms = SIM_FAULTS_MS;
	switch (e.kind) {
	case SIM_NOISE:
		e.value = (int32_t)draw(state, 60);
		e.other = draw(state, 30);
		e.delay_ms = draw(state, 60);
		break;
	case SIM_BURST:
		e.value = 1 + (int32_t)draw(state, p->n_rows > 20 ? 100 : 12);
		e.other = draw(state, HEALTH_N_DIRECTIVES);
		break;
	case SIM_CLOCK:
		e.value = (int32_t)draw(state, 2000000) - 1000000;
		break;
	case SIM_LOAD:
		e.value = (int32_t)draw(state, HEALTH_LOAD_MAX);
		break;
	default:
		e.value = (int32_t)draw(state, e.kind == SIM_HOST_RESTART ? 2 : 3);
	}
	return e;
}

static int by_time(const void *a, const void *b)
{
	uint32_t x = ((const struct sim_event *)a)->at_ms, y = ((const struct sim_event *)b)->at_ms;

	return (x > y) - (x < y);
}

void sim_plan_make(struct sim_plan *p, uint64_t seed)
{
	uint64_t state = seed * 0x2545f4914f6cdd1d + 1;

	memset(p, 0, sizeof(*p));
	p->seed = seed;
	/* half of them: one host, three caches */
	p->n_hosts = seed % 2 ? 1 : (uint8_t)(2 + draw(&state, SIM_MAX_HOSTS - 1));
	p->n_caches = seed % 2 ? 3 : (uint8_t)(1 + draw(&state, SIM_MAX_CACHES));
	p->n_rows = (uint16_t)(draw(&state, 16) ? 1 + draw(&state, 8) : 50 + draw(&state, 200));
	p->n_events = 5 + draw(&state, SIM_MAX_EVENTS - 5);
	for (unsigned i = 0; i < p->n_events; i++)
		p->events[i] = draw_event(&state, p);
	qsort(p->events, p->n_events, sizeof(p->events[0]), by_time);
}

void sim_event_print(FILE *out, const struct sim_event *e)
{
	static const char *const ways[] = { "both ways", "to the cache", "to the host" };

	fprintf(out, "%6u ms  ", e->at_ms);
	switch (e->kind) {
	case SIM_TARGET:
		fprintf(out, "host %u: row %u is to be %s\n", e->host, e->row,
			health_directive_name((unsigned)e->value));
		break;
	case SIM_LOAD:
		fprintf(out, "host %u: row %u has load %d\n", e->host, e->row, e->value);
		break;
	case SIM_DELETE:
		fprintf(out, "host %u: row %u is deleted\n", e->host, e->row);
		break;
	case SIM_BURST:
		fprintf(out, "host %u: %d rows from %u on are to be %s\n", e->host, e->value, e->row,
			health_directive_name(e->other));
		break;
	case SIM_HOST_RESTART:
		fprintf(out, "host %u: restarts %s its table\n", e->host, e->value ? "with" : "without");
		break;
	case SIM_HOST_GOODBYE:
		fprintf(out, "host %u: says goodbye\n", e->host);
		break;
	case SIM_HOST_KILL:
		fprintf(out, "host %u: dies\n", e->host);
		break;
	case SIM_HOST_START:
		fprintf(out, "host %u: starts if it is gone\n", e->host);
		break;
	case SIM_CACHE_RESTART:
		fprintf(out, "cache %u: restarts\n", e->cache);
		break;
	case SIM_SPLIT:
		fprintf(out, "host %u, cache %u: split until %u ms, %s\n", e->host, e->cache, e->until_ms,
			ways[e->value]);
		break;
	case SIM_NOISE:
		fprintf(out, "network: loses %d %%, repeats %u %%, delays up to %u ms, until %u ms\n", e->value,
			e->other, e->delay_ms, e->until_ms);
		break;
	default:
		fprintf(out, "wall clock jumps by %d ms\n", e->value);
	}
}

static bool fails_without(const struct sim_plan *p, unsigned from, unsigned n, struct sim_plan *ret)
{
	*ret = *p;
	memmove(&ret->events[from], &ret->events[from + n], (p->n_events - from - n) * sizeof(p->events[0]));
	ret->n_events -= n;
	return sim_run(ret, NULL).failed;
}

/* Delta debugging (Zeller, Hildebrandt 2002): pieces of half the size, once none of this size can go. */
void sim_shrink(struct sim_plan *p)
{
	struct sim_plan *shorter = malloc(sizeof(*shorter));

	for (unsigned n = p->n_events / 2 ? p->n_events / 2 : 1; n > 0;) {
		bool went = false;

		for (unsigned from = 0; from + n <= p->n_events;) {
			if (fails_without(p, from, n, shorter)) {
				*p = *shorter;
				went = true;
			} else {
				from += n;
			}
		}
		if (!went || n > 1)
			n = n == 1 && !went ? 0 : n / 2 ? n / 2 : went;
	}
	free(shorter);
}
