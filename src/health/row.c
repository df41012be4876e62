/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/row.h"

#include <string.h>

#include "base/text.h"
#include "health/table.h"

/* Longest canonical form of a row: two addresses, two ports, protocol, two strings with length, seven bytes of status.
 */
#define ROW_BYTES_MAX (2 * 17 + 4 + 1 + 1 + HEALTH_SPECIFIC_MAX + 6 + 1 + HEALTH_REASON_MAX)

static const char *const state_names[HEALTH_N_STATES] = {
	[HEALTH_UNKNOWN] = "unknown",
	[HEALTH_HEALTHY] = "healthy",
	[HEALTH_FAILING] = "failing",
};

static const char *const directive_names[HEALTH_N_DIRECTIVES] = {
	[HEALTH_INACTIVE] = "inactive",
	[HEALTH_DRAINING] = "draining",
	[HEALTH_ACTIVE] = "active",
};

const char *health_state_name(unsigned state)
{
	return state < HEALTH_N_STATES ? state_names[state] : "?";
}

const char *health_directive_name(unsigned directive)
{
	return directive < HEALTH_N_DIRECTIVES ? directive_names[directive] : "?";
}

uint32_t health_crc32c(uint32_t crc, const uint8_t *bytes, size_t n)
{
	/* four bits at a time: the tables are small, and a row is summed only when it changes */
	static const uint32_t steps[16] = { 0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
					    0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
					    0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75 };

	crc = ~crc;
	for (size_t i = 0; i < n; i++) {
		crc ^= bytes[i];
		crc = (crc >> 4) ^ steps[crc & 15];
		crc = (crc >> 4) ^ steps[crc & 15];
	}
	return ~crc;
}

static uint8_t *put_u16(uint8_t *p, uint16_t value)
{
	*p++ = (uint8_t)(value >> 8);
	*p++ = (uint8_t)value;
	return p;
}

static uint8_t *put_addr(uint8_t *p, const struct baton_addr *a)
{
	*p++ = a->family;
	memcpy(p, a->b, sizeof(a->b));
	return p + sizeof(a->b);
}

static uint8_t *put_text(uint8_t *p, const char *text, size_t size)
{
	size_t n = strnlen(text, size - 1);

	*p++ = (uint8_t)n;
	memcpy(p, text, n);
	return p + n;
}

static uint8_t *put_id(uint8_t *p, const struct health_app_id *id)
{
	p = put_addr(p, &id->vip);
	p = put_addr(p, &id->host);
	p = put_u16(p, id->vip_port);
	p = put_u16(p, id->host_port);
	*p++ = id->proto;
	return put_text(p, id->specific, sizeof(id->specific));
}

uint32_t health_row_crc(const struct health_row *row)
{
	uint8_t bytes[ROW_BYTES_MAX];
	uint8_t *p = put_id(bytes, &row->id);

	*p++ = row->state;
	*p++ = row->target;
	*p++ = row->current;
	*p++ = row->capacity;
	p = put_u16(p, row->load);
	p = put_text(p, row->reason, sizeof(row->reason));
	return health_crc32c(0, bytes, (size_t)(p - bytes));
}

uint32_t health_app_hash(const struct health_app_id *id)
{
	uint8_t bytes[ROW_BYTES_MAX];
	uint32_t h = health_crc32c(0, bytes, (size_t)(put_id(bytes, id) - bytes));

	/* a CRC is linear: spread it (finalizer of MurmurHash3, public domain) so that low bits serve */
	h ^= h >> 16;
	h *= 0x85ebca6b;
	h ^= h >> 13;
	h *= 0xc2b2ae35;
	h ^= h >> 16;
	return h;
}

int health_app_compare(const struct health_app_id *a, const struct health_app_id *b)
{
	int d = memcmp(&a->vip, &b->vip, sizeof(a->vip));

	if (d == 0)
		d = memcmp(&a->host, &b->host, sizeof(a->host));
	if (d == 0)
		d = (a->vip_port > b->vip_port) - (a->vip_port < b->vip_port);
	if (d == 0)
		d = (a->host_port > b->host_port) - (a->host_port < b->host_port);
	if (d == 0)
		d = (a->proto > b->proto) - (a->proto < b->proto);
	return d ? d : memcmp(a->specific, b->specific, sizeof(a->specific));
}

static void addr_tidy(struct baton_addr *a)
{
	size_t used = a->family == BATON_IPV6 ? 16 : a->family == BATON_IPV4 ? 4 : 0;

	memset(a->b + used, 0, sizeof(a->b) - used);
	memset(a->zero, 0, sizeof(a->zero));
}

static void text_tidy(char *text, size_t size)
{
	size_t n = strnlen(text, size - 1);

	memset(text + n, 0, size - n);
}

void health_app_tidy(struct health_app_id *id)
{
	addr_tidy(&id->vip);
	addr_tidy(&id->host);
	memset(id->zero, 0, sizeof(id->zero));
	text_tidy(id->specific, sizeof(id->specific));
}

void health_row_tidy(struct health_row *row)
{
	health_app_tidy(&row->id);
	row->zero = 0;
	text_tidy(row->reason, sizeof(row->reason));
}

static bool family_valid(uint8_t family, bool may_lack)
{
	return family == BATON_IPV4 || family == BATON_IPV6 || (may_lack && family == 0);
}

bool health_row_valid(const struct health_row *row)
{
	return family_valid(row->id.vip.family, true) && family_valid(row->id.host.family, false) &&
	       text_valid(row->id.specific, sizeof(row->id.specific)) && text_valid(row->reason, sizeof(row->reason)) &&
	       row->state < HEALTH_N_STATES && row->target < HEALTH_N_DIRECTIVES &&
	       row->current < HEALTH_N_DIRECTIVES && row->capacity <= 99 && row->load <= HEALTH_LOAD_MAX;
}

enum health_directive health_row_directive(const struct health_row *row)
{
	/* the directives are numbered from the most cautious on */
	return row->target < row->current ? row->target : row->current;
}

static bool addr_meets(const struct baton_addr *a, const struct baton_addr *wanted)
{
	return wanted->family == 0 || memcmp(a, wanted, sizeof(*a)) == 0;
}

bool health_app_matches(const struct health_app_id *id, const struct health_app_filter *f)
{
	if (!addr_meets(&id->host, &f->host) || (f->host_port && f->host_port != id->host_port) ||
	    (f->proto && f->proto != id->proto))
		return false;
	/* a row without VIP tells of whatever leads to its physical address */
	if (id->vip.family == 0)
		return true;
	return addr_meets(&id->vip, &f->vip) && (!f->vip_port || f->vip_port == id->vip_port);
}
