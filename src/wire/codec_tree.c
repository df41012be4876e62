/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/codec_tree.h"

#include <string.h>

/* Whether a string ends within its field; the tree has no other bound for it. */
static bool text_ends(const char *text, size_t size)
{
	return strnlen(text, size) < size;
}

static bool addr_from(const struct baton_addr *a, ProtobufCBinaryData *ret)
{
	ret->len = a->family == BATON_IPV4 ? 4 : a->family == BATON_IPV6 ? 16 : 0;
	ret->data = ret->len ? (uint8_t *)(uintptr_t)a->b : NULL; /* packing only reads it */
	return ret->len || !a->family;
}

static void addr_to(const ProtobufCBinaryData *d, struct baton_addr *ret)
{
	ret->family = d->len == 4 ? BATON_IPV4 : d->len == 16 ? BATON_IPV6 : 0;
	if (d->len)
		memcpy(ret->b, d->data, d->len);
}

static enum codec_error id_from(const struct health_app_id *id, Wire__AppId *ret)
{
	wire__app_id__init(ret);
	if (!addr_from(&id->vip, &ret->vip) || !addr_from(&id->host, &ret->host))
		return CODEC_ADDRESS;
	if (!text_ends(id->specific, sizeof id->specific))
		return CODEC_TEXT;
	ret->vip_port = id->vip_port;
	ret->host_port = id->host_port;
	ret->proto = id->proto;
	ret->specific = (char *)(uintptr_t)id->specific;
	return CODEC_OK;
}

static void id_to(const Wire__AppId *id, struct health_app_id *ret)
{
	addr_to(&id->vip, &ret->vip);
	addr_to(&id->host, &ret->host);
	ret->vip_port = (uint16_t)id->vip_port;
	ret->host_port = (uint16_t)id->host_port;
	ret->proto = (uint8_t)id->proto;
	strncpy(ret->specific, id->specific, sizeof ret->specific - 1);
}

/* of_id: nothing but the id counts. */
static enum codec_error row_from(const struct health_row *row, bool of_id, struct codec_arena *a, Wire__Row **ret)
{
	Wire__Row *tree = codec_arena_alloc(a, sizeof *tree);
	Wire__AppId *id = codec_arena_alloc(a, sizeof *id);

	if (!tree || !id)
		return CODEC_NO_ROOM;
	wire__row__init(tree);
	tree->id = id;
	*ret = tree;
	if (!of_id) {
		if (!text_ends(row->reason, sizeof row->reason))
			return CODEC_TEXT;
		tree->state = row->state;
		tree->target = row->target;
		tree->current = row->current;
		tree->capacity = row->capacity;
		tree->load = row->load;
		tree->reason = (char *)(uintptr_t)row->reason;
	}
	return id_from(&row->id, id);
}

static void row_to(const Wire__Row *row, bool of_id, struct health_row *ret)
{
	id_to(row->id, &ret->id);
	if (of_id)
		return;
	ret->state = (uint8_t)row->state;
	ret->target = (uint8_t)row->target;
	ret->current = (uint8_t)row->current;
	ret->capacity = (uint8_t)row->capacity;
	ret->load = (uint16_t)row->load;
	strncpy(ret->reason, row->reason, sizeof ret->reason - 1);
}

static enum codec_error content_from(const struct health_content *content, struct codec_arena *a, Wire__Content **ret)
{
	Wire__Content *tree = codec_arena_alloc(a, sizeof *tree);

	if (!tree)
		return CODEC_NO_ROOM;
	if (content->n_chunks > HEALTH_MAX_CHUNKS)
		return CODEC_CHUNKS;
	wire__content__init(tree);
	tree->n_rows = content->n_rows;
	tree->n_crc = content->n_chunks;
	tree->crc = (uint32_t *)(uintptr_t)content->crc;
	*ret = tree;
	return CODEC_OK;
}

static void content_to(const Wire__Content *content, struct health_content *ret)
{
	ret->n_chunks = (uint16_t)content->n_crc;
	ret->n_rows = (uint16_t)content->n_rows;
	memcpy(ret->crc, content->crc, content->n_crc * sizeof *content->crc);
}

static enum codec_error heartbeat_from(const struct health_heartbeat *h, struct codec_arena *a, Wire__Heartbeat *ret)
{
	if (!text_ends(h->name, sizeof h->name))
		return CODEC_TEXT;
	ret->interval_ms = h->interval_ms;
	ret->name = (char *)(uintptr_t)h->name;
	return content_from(&h->content, a, &ret->content);
}

static void heartbeat_to(const Wire__Heartbeat *h, struct health_heartbeat *ret)
{
	ret->interval_ms = h->interval_ms;
	strncpy(ret->name, h->name, sizeof ret->name - 1);
	content_to(h->content, &ret->content);
}

static enum codec_error row_change_from(const struct health_message *m, struct codec_arena *a, Wire__RowChange *ret)
{
	uint32_t n = m->row_change.n_changes;
	enum codec_error e = CODEC_OK;
	Wire__Change *changes;

	if (n > HEALTH_MAX_ROWS)
		return CODEC_COUNT;
	ret->changes = codec_arena_alloc(a, n * sizeof *ret->changes);
	changes = codec_arena_alloc(a, n * sizeof *changes);
	if (!ret->changes || !changes)
		return CODEC_NO_ROOM;
	ret->n_changes = n;
	for (uint32_t i = 0; e == CODEC_OK && i < n; i++) {
		const struct health_change *c = &m->row_change.changes[i];

		wire__change__init(&changes[i]);
		changes[i].operation = c->operation;
		ret->changes[i] = &changes[i];
		e = row_from(&c->row, c->operation == HEALTH_DELETE, a, &changes[i].row);
	}
	return e;
}

static enum codec_error row_change_to(const Wire__RowChange *tree, struct codec_arena *a, struct health_message *ret)
{
	struct health_change *changes = codec_arena_alloc(a, tree->n_changes * sizeof *changes);

	if (!changes)
		return CODEC_NO_ROOM;
	for (size_t i = 0; i < tree->n_changes; i++) {
		changes[i].operation = (uint8_t)tree->changes[i]->operation;
		row_to(tree->changes[i]->row, changes[i].operation == HEALTH_DELETE, &changes[i].row);
	}
	ret->row_change.changes = changes;
	ret->row_change.n_changes = (uint32_t)tree->n_changes;
	return CODEC_OK;
}

static enum codec_error send_snapshot_from(const struct health_message *m, struct codec_arena *a,
					   Wire__SendSnapshot *ret)
{
	uint32_t n = m->send_snapshot.n_rows;
	enum codec_error e = CODEC_OK;

	if (n > HEALTH_MAX_ROWS)
		return CODEC_COUNT;
	ret->rows = codec_arena_alloc(a, n * sizeof *ret->rows);
	if (!ret->rows)
		return CODEC_NO_ROOM;
	ret->n_rows = n;
	ret->chunks = m->send_snapshot.chunks;
	ret->n_chunks = m->send_snapshot.n_chunks;
	for (uint32_t i = 0; e == CODEC_OK && i < n; i++)
		e = row_from(&m->send_snapshot.rows[i], false, a, &ret->rows[i]);
	return e;
}

static enum codec_error send_snapshot_to(const Wire__SendSnapshot *tree, struct codec_arena *a,
					 struct health_message *ret)
{
	struct health_row *rows = codec_arena_alloc(a, tree->n_rows * sizeof *rows);

	if (!rows)
		return CODEC_NO_ROOM;
	for (size_t i = 0; i < tree->n_rows; i++)
		row_to(tree->rows[i], false, &rows[i]);
	ret->send_snapshot.chunks = tree->chunks;
	ret->send_snapshot.n_chunks = (uint16_t)tree->n_chunks;
	ret->send_snapshot.rows = rows;
	ret->send_snapshot.n_rows = (uint32_t)tree->n_rows;
	return CODEC_OK;
}

static enum codec_error group_entry_from(const struct health_group_entry *e, struct codec_arena *a,
					 Wire__GroupEntry **ret)
{
	Wire__GroupEntry *tree = codec_arena_alloc(a, sizeof *tree);

	if (!tree)
		return CODEC_NO_ROOM;
	if (!text_ends(e->name, sizeof e->name))
		return CODEC_TEXT;
	wire__group_entry__init(tree);
	tree->index = e->index;
	tree->host = e->host;
	tree->incarnation = e->incarnation;
	tree->seq = e->seq;
	tree->name = (char *)(uintptr_t)e->name;
	*ret = tree;
	return e->content.n_chunks ? content_from(&e->content, a, &tree->content) : CODEC_OK;
}

static enum codec_error group_heartbeat_from(const struct health_group_heartbeat *h, struct codec_arena *a,
					     Wire__GroupHeartbeat *ret)
{
	enum codec_error e = CODEC_OK;

	if (h->n_entries > HEALTH_MAX_MEMBERS)
		return CODEC_COUNT;
	ret->entries = codec_arena_alloc(a, h->n_entries * sizeof *ret->entries);
	if (!ret->entries)
		return CODEC_NO_ROOM;
	ret->n_entries = h->n_entries;
	ret->group = h->group;
	ret->term = h->term;
	ret->interval_ms = h->interval_ms;
	ret->mode = h->mode;
	ret->heard = h->heard;
	ret->sum = h->sum;
	for (uint32_t i = 0; e == CODEC_OK && i < h->n_entries; i++)
		e = group_entry_from(&h->entries[i], a, &ret->entries[i]);
	return e;
}

static void group_entry_to(const Wire__GroupEntry *tree, struct health_group_entry *ret)
{
	ret->index = (uint8_t)tree->index;
	ret->host = tree->host;
	ret->incarnation = tree->incarnation;
	ret->seq = tree->seq;
	strncpy(ret->name, tree->name, sizeof ret->name - 1);
	if (tree->content)
		content_to(tree->content, &ret->content);
}

static enum codec_error group_heartbeat_to(const Wire__GroupHeartbeat *tree, struct codec_arena *a,
					   struct health_group_heartbeat *ret)
{
	struct health_group_entry *entries = codec_arena_alloc(a, tree->n_entries * sizeof *entries);

	if (!entries)
		return CODEC_NO_ROOM;
	for (size_t i = 0; i < tree->n_entries; i++)
		group_entry_to(tree->entries[i], &entries[i]);
	ret->group = tree->group;
	ret->term = tree->term;
	ret->interval_ms = tree->interval_ms;
	ret->mode = (uint8_t)tree->mode;
	ret->heard = tree->heard;
	ret->sum = tree->sum;
	ret->entries = entries;
	ret->n_entries = (uint32_t)tree->n_entries;
	return CODEC_OK;
}

/* Point the tree's body at a new one from the arena, initialized. */
#define BODY_NEW(tree, a, member, NAME)                                          \
	({                                                                       \
		(tree)->member = codec_arena_alloc((a), sizeof *(tree)->member); \
		if (!(tree)->member)                                             \
			return CODEC_NO_ROOM;                                    \
		wire__##member##__init((tree)->member);                          \
		(tree)->body_case = WIRE__MESSAGE__BODY_##NAME;                  \
		(tree)->member;                                                  \
	})

enum codec_error codec_tree_from(const struct health_message *m, struct codec_arena *a, Wire__Message *ret)
{
	wire__message__init(ret);
	ret->host = m->host;
	ret->incarnation = m->incarnation;
	ret->seq = m->seq;
	switch (m->type) {
	case HEALTH_HEARTBEAT:
		return heartbeat_from(&m->heartbeat, a, BODY_NEW(ret, a, heartbeat, HEARTBEAT));
	case HEALTH_GOODBYE:
		BODY_NEW(ret, a, goodbye, GOODBYE);
		return CODEC_OK;
	case HEALTH_ROW_CHANGE:
		return row_change_from(m, a, BODY_NEW(ret, a, row_change, ROW_CHANGE));
	case HEALTH_GET_SNAPSHOT:
		BODY_NEW(ret, a, get_snapshot, GET_SNAPSHOT);
		ret->get_snapshot->chunks = m->get_snapshot.chunks;
		ret->get_snapshot->n_chunks = m->get_snapshot.n_chunks;
		return CODEC_OK;
	case HEALTH_SEND_SNAPSHOT:
		return send_snapshot_from(m, a, BODY_NEW(ret, a, send_snapshot, SEND_SNAPSHOT));
	case HEALTH_POSTULATE:
		BODY_NEW(ret, a, postulate, POSTULATE);
		ret->postulate->id = m->postulate.id;
		return content_from(&m->postulate.content, a, &ret->postulate->content);
	case HEALTH_POSTULATE_WRONG:
		BODY_NEW(ret, a, postulate_wrong, POSTULATE_WRONG);
		ret->postulate_wrong->id = m->postulate_wrong.id;
		ret->postulate_wrong->chunks = m->postulate_wrong.chunks;
		ret->postulate_wrong->n_chunks = m->postulate_wrong.n_chunks;
		return CODEC_OK;
	case HEALTH_GROUP_HEARTBEAT:
		return group_heartbeat_from(&m->group_heartbeat, a, BODY_NEW(ret, a, group_heartbeat, GROUP_HEARTBEAT));
	case HEALTH_GROUP_ASK:
		BODY_NEW(ret, a, group_ask, GROUP_ASK);
		ret->group_ask->group = m->group_ask.group;
		return CODEC_OK;
	default:
		return CODEC_TYPE;
	}
}

enum codec_error codec_tree_to(const Wire__Message *tree, struct codec_arena *a, struct health_message *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->host = tree->host;
	ret->incarnation = tree->incarnation;
	ret->seq = tree->seq;
	/* the cases of the body stand in the order of the types */
	ret->type = (uint8_t)(tree->body_case - WIRE__MESSAGE__BODY_HEARTBEAT);
	switch (ret->type) {
	case HEALTH_HEARTBEAT:
		heartbeat_to(tree->heartbeat, &ret->heartbeat);
		return CODEC_OK;
	case HEALTH_ROW_CHANGE:
		return row_change_to(tree->row_change, a, ret);
	case HEALTH_GET_SNAPSHOT:
		ret->get_snapshot.chunks = tree->get_snapshot->chunks;
		ret->get_snapshot.n_chunks = (uint16_t)tree->get_snapshot->n_chunks;
		return CODEC_OK;
	case HEALTH_SEND_SNAPSHOT:
		return send_snapshot_to(tree->send_snapshot, a, ret);
	case HEALTH_POSTULATE:
		ret->postulate.id = tree->postulate->id;
		content_to(tree->postulate->content, &ret->postulate.content);
		return CODEC_OK;
	case HEALTH_POSTULATE_WRONG:
		ret->postulate_wrong.id = tree->postulate_wrong->id;
		ret->postulate_wrong.chunks = tree->postulate_wrong->chunks;
		ret->postulate_wrong.n_chunks = (uint16_t)tree->postulate_wrong->n_chunks;
		return CODEC_OK;
	case HEALTH_GROUP_HEARTBEAT:
		return group_heartbeat_to(tree->group_heartbeat, a, &ret->group_heartbeat);
	case HEALTH_GROUP_ASK:
		ret->group_ask.group = tree->group_ask->group;
		return CODEC_OK;
	default:
		return CODEC_OK;
	}
}

_Static_assert(WIRE__MESSAGE__BODY_GROUP_ASK - WIRE__MESSAGE__BODY_HEARTBEAT == HEALTH_GROUP_ASK, "");
