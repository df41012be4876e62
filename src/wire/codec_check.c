/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/text.h"
#include "wire/codec_tree.h"

static bool n_chunks_valid(size_t n)
{
	return n && n <= HEALTH_MAX_CHUNKS && !(n & (n - 1));
}

static enum codec_error chunks_check(uint64_t chunks, uint32_t n_chunks)
{
	if (!n_chunks_valid(n_chunks) || (n_chunks < 64 && chunks >> n_chunks))
		return CODEC_CHUNKS;
	return CODEC_OK;
}

static bool addr_valid(const ProtobufCBinaryData *d)
{
	return d->len == 0 || d->len == 4 || d->len == 16;
}

static enum codec_error id_check(const Wire__AppId *id)
{
	if (!addr_valid(&id->vip) || !addr_valid(&id->host))
		return CODEC_ADDRESS;
	if (id->vip_port > UINT16_MAX || id->host_port > UINT16_MAX)
		return CODEC_PORT;
	if (id->proto > UINT8_MAX)
		return CODEC_PROTO;
	return text_valid(id->specific, HEALTH_SPECIFIC_MAX) ? CODEC_OK : CODEC_TEXT;
}

static enum codec_error row_check(const Wire__Row *row)
{
	enum codec_error e = row && row->id ? id_check(row->id) : CODEC_ROW;

	if (e != CODEC_OK)
		return e;
	if (row->state >= HEALTH_N_STATES)
		return CODEC_STATE;
	if (row->target >= HEALTH_N_DIRECTIVES || row->current >= HEALTH_N_DIRECTIVES)
		return CODEC_DIRECTIVE;
	if (row->capacity > CODEC_CAPACITY_MAX)
		return CODEC_CAPACITY;
	if (row->load > HEALTH_LOAD_MAX)
		return CODEC_LOAD;
	return text_valid(row->reason, HEALTH_REASON_MAX) ? CODEC_OK : CODEC_TEXT;
}

static enum codec_error content_check(const Wire__Content *content)
{
	if (!content)
		return CODEC_CONTENT;
	if (!n_chunks_valid(content->n_crc))
		return CODEC_CHUNKS;
	return content->n_rows <= HEALTH_MAX_ROWS ? CODEC_OK : CODEC_COUNT;
}

static enum codec_error heartbeat_check(const Wire__Heartbeat *h)
{
	if (!h->interval_ms || h->interval_ms > CODEC_INTERVAL_MAX_MS)
		return CODEC_INTERVAL;
	if (!text_valid(h->name, HEALTH_NAME_MAX))
		return CODEC_TEXT;
	return content_check(h->content);
}

static enum codec_error row_change_check(const Wire__RowChange *c)
{
	enum codec_error e = c->n_changes <= HEALTH_MAX_ROWS ? CODEC_OK : CODEC_COUNT;

	for (size_t i = 0; e == CODEC_OK && i < c->n_changes; i++)
		e = c->changes[i]->operation <= HEALTH_DELETE ? row_check(c->changes[i]->row) : CODEC_OPERATION;
	return e;
}

static enum codec_error send_snapshot_check(const Wire__SendSnapshot *s)
{
	enum codec_error e = s->n_rows <= HEALTH_MAX_ROWS ? chunks_check(s->chunks, s->n_chunks) : CODEC_COUNT;

	for (size_t i = 0; e == CODEC_OK && i < s->n_rows; i++)
		e = row_check(s->rows[i]);
	return e;
}

static enum codec_error group_entry_check(const Wire__GroupEntry *entry)
{
	if (entry->index >= HEALTH_MAX_MEMBERS || !entry->host)
		return CODEC_GROUP;
	if (!text_valid(entry->name, HEALTH_NAME_MAX))
		return CODEC_TEXT;
	return entry->content ? content_check(entry->content) : CODEC_OK;
}

static enum codec_error group_heartbeat_check(const Wire__GroupHeartbeat *h)
{
	enum codec_error e = h->n_entries <= HEALTH_MAX_MEMBERS ? CODEC_OK : CODEC_COUNT;

	if (!h->group || h->mode >= HEALTH_GROUP_N_MODES)
		return CODEC_GROUP;
	if (!h->interval_ms || h->interval_ms > CODEC_INTERVAL_MAX_MS)
		return CODEC_INTERVAL;
	for (size_t i = 0; e == CODEC_OK && i < h->n_entries; i++)
		e = group_entry_check(h->entries[i]);
	return e;
}

enum codec_error codec_tree_check(const Wire__Message *tree)
{
	if (!tree->host)
		return CODEC_HOST;
	switch (tree->body_case) {
	case WIRE__MESSAGE__BODY_HEARTBEAT:
		return heartbeat_check(tree->heartbeat);
	case WIRE__MESSAGE__BODY_GOODBYE:
		return CODEC_OK;
	case WIRE__MESSAGE__BODY_ROW_CHANGE:
		return row_change_check(tree->row_change);
	case WIRE__MESSAGE__BODY_GET_SNAPSHOT:
		return chunks_check(tree->get_snapshot->chunks, tree->get_snapshot->n_chunks);
	case WIRE__MESSAGE__BODY_SEND_SNAPSHOT:
		return send_snapshot_check(tree->send_snapshot);
	case WIRE__MESSAGE__BODY_POSTULATE:
		return content_check(tree->postulate->content);
	case WIRE__MESSAGE__BODY_POSTULATE_WRONG:
		return chunks_check(tree->postulate_wrong->chunks, tree->postulate_wrong->n_chunks);
	case WIRE__MESSAGE__BODY_GROUP_HEARTBEAT:
		return group_heartbeat_check(tree->group_heartbeat);
	case WIRE__MESSAGE__BODY_GROUP_ASK:
		return tree->group_ask->group ? CODEC_OK : CODEC_GROUP;
	default:
		return CODEC_TYPE;
	}
}
