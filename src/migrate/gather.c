/* SPDX-License-Identifier: BSD-3-Clause */
#include "migrate/gather.h"

#include <string.h>

uint32_t gather_have(const struct gather *g)
{
	return g->n && g->ranges[0].from == 0 ? g->ranges[0].to : 0;
}

/* Copy what lies between the ranges [low, high). */
static void fill_gaps(const struct gather *g, uint32_t low, uint32_t high, uint8_t *buf, uint32_t offset,
		      const uint8_t *data, uint32_t end)
{
	uint32_t at = offset;

	for (uint32_t i = low; i < high; i++) {
		if (g->ranges[i].from > at)
			memcpy(buf + at, data + (at - offset), g->ranges[i].from - at);
		if (g->ranges[i].to > at)
			at = g->ranges[i].to;
	}
	if (at < end)
		memcpy(buf + at, data + (at - offset), end - at);
}

bool gather_put(struct gather *g, uint8_t *buf, uint32_t offset, const uint8_t *data, uint32_t len)
{
	struct gather_range whole = { offset, offset + len };
	uint32_t low = 0, high;

	if (!len)
		return true;
	while (low < g->n && g->ranges[low].to < whole.from)
		low++;
	for (high = low; high < g->n && g->ranges[high].from <= whole.to; high++)
		;
	if (low == high && g->n == GATHER_RANGES)
		return false;
	fill_gaps(g, low, high, buf, offset, data, offset + len);
	if (low < high) {
		if (g->ranges[low].from < whole.from)
			whole.from = g->ranges[low].from;
		if (g->ranges[high - 1].to > whole.to)
			whole.to = g->ranges[high - 1].to;
	}
	memmove(&g->ranges[low + 1], &g->ranges[high], (g->n - high) * sizeof g->ranges[0]);
	g->ranges[low] = whole;
	g->n += low + 1 - high;
	return true;
}
