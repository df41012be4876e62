/* SPDX-License-Identifier: BSD-3-Clause */
#include "neigh/due.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int due_init(struct due *d, uint16_t capacity)
{
	*d = (struct due){
		.heap = calloc(capacity ? capacity : 1, sizeof *d->heap),
		.place = calloc(capacity ? capacity : 1, sizeof *d->place),
	};
	if (d->heap && d->place)
		return 0;
	due_fini(d);
	return -ENOMEM;
}

void due_fini(struct due *d)
{
	free(d->heap);
	free(d->place);
	*d = (struct due){ 0 };
}

static void due_put(struct due *d, uint32_t at, struct due_item item)
{
	d->heap[at] = item;
	d->place[item.id] = at + 1;
}

static uint32_t due_sift_up(struct due *d, uint32_t at, struct due_item item)
{
	while (at > 0 && item.at_ns < d->heap[(at - 1) / 2].at_ns) {
		due_put(d, at, d->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	return at;
}

static uint32_t due_sift_down(struct due *d, uint32_t at, struct due_item item)
{
	uint32_t child;

	while ((child = 2 * at + 1) < d->n) {
		if (child + 1 < d->n && d->heap[child + 1].at_ns < d->heap[child].at_ns)
			child++;
		if (d->heap[child].at_ns >= item.at_ns)
			break;
		due_put(d, at, d->heap[child]);
		at = child;
	}
	return at;
}

static void due_place(struct due *d, uint32_t at, struct due_item item)
{
	due_put(d, due_sift_down(d, due_sift_up(d, at, item), item), item);
}

void due_set(struct due *d, uint16_t id, uint64_t at_ns)
{
	uint32_t at = d->place[id] ? d->place[id] - 1 : d->n++;

	due_place(d, at, (struct due_item){ .at_ns = at_ns, .id = id });
}

void due_clear(struct due *d, uint16_t id)
{
	uint32_t place = d->place[id];

	if (!place)
		return;
	d->place[id] = 0;
	d->n--;
	if (place - 1 < d->n)
		due_place(d, place - 1, d->heap[d->n]);
}

uint64_t due_first(const struct due *d, uint16_t *ret_id)
{
	if (!d->n)
		return DUE_NEVER;
	*ret_id = d->heap[0].id;
	return d->heap[0].at_ns;
}
