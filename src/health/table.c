/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "health/row.h"

#define CHUNK_ROWS_USUAL 16
#define SLOTS_FIRST 8

struct health_slot {
	struct health_row row;
	uint32_t hash; /* of the id */
	uint32_t crc;  /* of the row */
};

void health_table_init(struct health_table *t)
{
	memset(t, 0, sizeof(*t));
}

void health_table_fini(struct health_table *t)
{
	free(t->slots);
	free(t->order);
	health_table_init(t);
}

static int table_grow(struct health_table *t)
{
	unsigned n = t->n_slots ? t->n_slots * 2u : SLOTS_FIRST;
	struct health_slot *slots;
	uint16_t *order;

	if (n > HEALTH_MAX_ROWS)
		n = HEALTH_MAX_ROWS;
	if (n == t->n_slots)
		return -ENOSPC;
	slots = realloc(t->slots, n * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	t->slots = slots;
	order = realloc(t->order, n * sizeof(*order));
	if (!order)
		return -ENOMEM;
	t->order = order;
	for (unsigned i = t->n_slots; i < n; i++)
		order[i] = (uint16_t)i;
	t->n_slots = (uint16_t)n;
	return 0;
}

/* Place in the order where the id stands or belongs. */
static unsigned table_place(const struct health_table *t, const struct health_app_id *id, bool *ret_found)
{
	unsigned low = 0, high = t->n_rows;

	*ret_found = false;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		int d = health_app_compare(id, &t->slots[t->order[middle]].row.id);

		if (d == 0) {
			*ret_found = true;
			return middle;
		}
		if (d < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

const struct health_row *health_table_at(const struct health_table *t, unsigned i)
{
	return &t->slots[t->order[i]].row;
}

const struct health_row *health_table_find(const struct health_table *t, const struct health_app_id *id)
{
	struct health_app_id tidy = *id;
	unsigned place;
	bool found;

	health_app_tidy(&tidy);
	place = table_place(t, &tidy, &found);
	return found ? health_table_at(t, place) : NULL;
}

static int table_insert(struct health_table *t, unsigned place, uint32_t hash)
{
	uint16_t slot;

	if (t->chunk_rows[hash % HEALTH_MAX_CHUNKS] >= HEALTH_MESSAGE_ROWS)
		return -ENOSPC;
	if (t->n_rows == t->n_slots) {
		int err = table_grow(t);

		if (err)
			return err;
	}
	slot = t->order[t->n_rows];
	memmove(&t->order[place + 1], &t->order[place], (t->n_rows - place) * sizeof(*t->order));
	t->order[place] = slot;
	t->n_rows++;
	t->slots[slot].hash = hash;
	t->chunk_rows[hash % HEALTH_MAX_CHUNKS]++;
	return 0;
}

int health_table_set(struct health_table *t, const struct health_row *row)
{
	struct health_row tidy = *row;
	struct health_slot *slot;
	unsigned place;
	bool found;

	if (!health_row_valid(row))
		return -EINVAL;
	health_row_tidy(&tidy);
	place = table_place(t, &tidy.id, &found);
	if (!found) {
		int err = table_insert(t, place, health_app_hash(&tidy.id));

		if (err)
			return err;
	}
	slot = &t->slots[t->order[place]];
	slot->row = tidy;
	slot->crc = health_row_crc(&tidy);
	return 0;
}

int health_table_delete(struct health_table *t, const struct health_app_id *id)
{
	struct health_app_id tidy = *id;
	unsigned place;
	uint16_t slot;
	bool found;

	health_app_tidy(&tidy);
	place = table_place(t, &tidy, &found);
	if (!found)
		return -ENOENT;
	slot = t->order[place];
	t->chunk_rows[t->slots[slot].hash % HEALTH_MAX_CHUNKS]--;
	t->n_rows--;
	memmove(&t->order[place], &t->order[place + 1], (t->n_rows - place) * sizeof(*t->order));
	t->order[t->n_rows] = slot;
	return 0;
}

unsigned health_table_chunk(const struct health_app_id *id, unsigned n_chunks)
{
	struct health_app_id tidy = *id;

	health_app_tidy(&tidy);
	return health_app_hash(&tidy) & (n_chunks - 1);
}

unsigned health_table_count(const struct health_table *t, uint64_t chunks, unsigned n_chunks)
{
	unsigned n = 0;

	for (unsigned i = 0; i < HEALTH_MAX_CHUNKS; i++) {
		if (chunks >> (i & (n_chunks - 1)) & 1)
			n += t->chunk_rows[i];
	}
	return n;
}

static bool chunks_fit_messages(const struct health_table *t, unsigned n_chunks)
{
	for (unsigned i = 0; i < n_chunks; i++) {
		if (health_table_count(t, 1ull << i, n_chunks) > HEALTH_MESSAGE_ROWS)
			return false;
	}
	return true;
}

unsigned health_table_n_chunks(const struct health_table *t)
{
	unsigned n = 1;

	while (n < HEALTH_MAX_CHUNKS && (n * CHUNK_ROWS_USUAL < t->n_rows || !chunks_fit_messages(t, n)))
		n *= 2;
	return n;
}

void health_table_content(const struct health_table *t, unsigned n_chunks, struct health_content *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->n_chunks = (uint16_t)n_chunks;
	ret->n_rows = t->n_rows;
	for (unsigned i = 0; i < t->n_rows; i++) {
		const struct health_slot *s = &t->slots[t->order[i]];
		uint8_t bytes[4] = { (uint8_t)(s->crc >> 24), (uint8_t)(s->crc >> 16), (uint8_t)(s->crc >> 8),
				     (uint8_t)s->crc };
		uint32_t *crc = &ret->crc[s->hash & (n_chunks - 1)];

		*crc = health_crc32c(*crc, bytes, sizeof(bytes));
	}
}

uint64_t health_table_differs(const struct health_table *t, const struct health_content *content)
{
	struct health_content own;
	uint64_t chunks = 0;

	health_table_content(t, content->n_chunks, &own);
	for (unsigned i = 0; i < own.n_chunks; i++) {
		if (own.crc[i] != content->crc[i])
			chunks |= 1ull << i;
	}
	/* sums that are equal by chance give themselves away by the number of rows, if anything does */
	if (chunks == 0 && own.n_rows != content->n_rows)
		return health_chunks_all(own.n_chunks);
	return chunks;
}

bool health_chunks_valid(unsigned n_chunks)
{
	return n_chunks > 0 && n_chunks <= HEALTH_MAX_CHUNKS && (n_chunks & (n_chunks - 1)) == 0;
}

uint64_t health_chunks_all(unsigned n_chunks)
{
	return n_chunks >= 64 ? UINT64_MAX : (1ull << n_chunks) - 1;
}

uint64_t health_chunks_convert(uint64_t chunks, unsigned from, unsigned to)
{
	uint64_t converted = 0;

	for (unsigned i = 0; i < HEALTH_MAX_CHUNKS; i++) {
		if (chunks >> (i & (from - 1)) & 1)
			converted |= 1ull << (i & (to - 1));
	}
	return converted;
}
