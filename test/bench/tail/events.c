/* SPDX-License-Identifier: BSD-3-Clause */
#include "events.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

static bool before(const struct event *a, const struct event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static int grow(struct events *e)
{
	size_t room = e->room ? 2 * e->room : 1024;
	struct event *heap = realloc(e->heap, room * sizeof(*heap));

	if (!heap)
		return -ENOMEM;
	e->heap = heap;
	e->room = room;
	return 0;
}

int events_add(struct events *e, struct event x)
{
	size_t i;

	if (e->n == e->room && grow(e) < 0)
		return -ENOMEM;
	x.order = e->order++;
	for (i = e->n++; i > 0 && before(&x, &e->heap[(i - 1) / 2]); i = (i - 1) / 2)
		e->heap[i] = e->heap[(i - 1) / 2];
	e->heap[i] = x;
	return 0;
}

struct event events_take(struct events *e)
{
	struct event first = e->heap[0], x = e->heap[--e->n];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < e->n) {
		if (child + 1 < e->n && before(&e->heap[child + 1], &e->heap[child]))
			child++;
		if (!before(&e->heap[child], &x))
			break;
		e->heap[i] = e->heap[child];
		i = child;
	}
	e->heap[i] = x;
	return first;
}

void events_fini(struct events *e)
{
	free(e->heap);
	*e = (struct events){ 0 };
}
