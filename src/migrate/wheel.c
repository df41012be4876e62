/* SPDX-License-Identifier: BSD-3-Clause */
#include "migrate/wheel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int wheel_init(struct wheel *w, uint32_t n)
{
	w->tick = 0;
	w->slots = malloc(WHEEL_SLOTS * sizeof *w->slots);
	w->nodes = malloc(n * sizeof *w->nodes);
	if (!w->slots || !w->nodes) {
		wheel_fini(w);
		return -ENOMEM;
	}
	memset(w->slots, 0xff, WHEEL_SLOTS * sizeof *w->slots);
	for (uint32_t i = 0; i < n; i++)
		w->nodes[i].slot = WHEEL_NONE;
	return 0;
}

void wheel_fini(struct wheel *w)
{
	free(w->slots);
	free(w->nodes);
	w->slots = NULL;
	w->nodes = NULL;
}

void wheel_clear(struct wheel *w, uint32_t id)
{
	struct wheel_node *n = &w->nodes[id];

	if (n->slot == WHEEL_NONE)
		return;
	if (n->prev != WHEEL_NONE)
		w->nodes[n->prev].next = n->next;
	else
		w->slots[n->slot] = n->next;
	if (n->next != WHEEL_NONE)
		w->nodes[n->next].prev = n->prev;
	n->slot = WHEEL_NONE;
}

void wheel_set(struct wheel *w, uint32_t id, uint64_t due_ns)
{
	struct wheel_node *n = &w->nodes[id];
	uint64_t tick = (due_ns >> WHEEL_TICK_SHIFT) + 1;

	wheel_clear(w, id);
	/* never into the slot that is being emptied */
	if (tick < w->tick + 2)
		tick = w->tick + 2;
	if (tick > w->tick + WHEEL_SLOTS - 1)
		tick = w->tick + WHEEL_SLOTS - 1;
	n->due_ns = due_ns;
	n->slot = (uint32_t)(tick & (WHEEL_SLOTS - 1));
	n->prev = WHEEL_NONE;
	n->next = w->slots[n->slot];
	if (n->next != WHEEL_NONE)
		w->nodes[n->next].prev = id;
	w->slots[n->slot] = id;
}

uint32_t wheel_pop(struct wheel *w, uint64_t now_ns, unsigned *budget)
{
	uint64_t now = now_ns >> WHEEL_TICK_SHIFT;

	if (now > w->tick + WHEEL_SLOTS)
		w->tick = now - WHEEL_SLOTS; /* one turn sees every slot */
	while (w->tick < now) {
		uint32_t id = w->slots[(w->tick + 1) & (WHEEL_SLOTS - 1)];

		if (id == WHEEL_NONE) {
			w->tick++;
			continue;
		}
		if (!*budget)
			return WHEEL_NONE;
		--*budget;
		wheel_clear(w, id);
		if (w->nodes[id].due_ns <= now_ns)
			return id;
		wheel_set(w, id, w->nodes[id].due_ns);
	}
	return WHEEL_NONE;
}
