/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Health and load of applications, as hosts tell it (requirements H1-H6): the
 * rows of a host's table and the seven messages about it, as plain structs; and
 * the two with which one host of a group speaks for the others (H7).
 * Numbers in host order. The wire form is src/wire/'s business.
 */
#ifndef BATON_HEALTH_H
#define BATON_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baton/addr.h"

#define HEALTH_SPECIFIC_MAX 64 /* bytes with NUL */
#define HEALTH_NAME_MAX 256    /* DNS name with NUL */
#define HEALTH_REASON_MAX 128  /* bytes with NUL */
#define HEALTH_MAX_ROWS 1024   /* of one host */
#define HEALTH_MAX_CHUNKS 64
#define HEALTH_MAX_MEMBERS 64  /* of one group */
#define HEALTH_LOAD_FULL 10000 /* load is counted in hundredths of a percent; more than this is overload */
#define HEALTH_LOAD_MAX 60000

enum health_state {
	HEALTH_UNKNOWN, /* nobody has said anything yet */
	HEALTH_HEALTHY,
	HEALTH_FAILING,
	HEALTH_N_STATES
};

/* What the balancers are to do with an application. */
enum health_directive {
	HEALTH_INACTIVE, /* no new connections; established ones end as the VIP is configured */
	HEALTH_DRAINING, /* no new connections; established ones go on */
	HEALTH_ACTIVE,
	HEALTH_N_DIRECTIVES
};

/* Names an application: unique within a host's table. Unused bytes are 0: compare with memcmp. */
struct health_app_id {
	struct baton_addr vip;  /* family 0: any VIP that leads to .host */
	struct baton_addr host; /* physical address */
	uint16_t vip_port, host_port;
	uint8_t proto; /* IPPROTO_* */
	uint8_t zero[3];
	char specific[HEALTH_SPECIFIC_MAX]; /* protocol-specific string, may be empty */
};

struct health_row {
	struct health_app_id id;
	uint8_t state;    /* enum health_state */
	uint8_t target;   /* enum health_directive: what the host wants */
	uint8_t current;  /* enum health_directive: what all balancers are known to act on */
	uint8_t capacity; /* 0-99 */
	uint16_t load;    /* hundredths of a percent of the capacity */
	uint16_t zero;
	char reason[HEALTH_REASON_MAX]; /* why target is what it is, for people */
};

enum health_message_type {
	HEALTH_HEARTBEAT,
	HEALTH_GOODBYE,
	HEALTH_ROW_CHANGE,
	HEALTH_GET_SNAPSHOT,
	HEALTH_SEND_SNAPSHOT,
	HEALTH_POSTULATE,
	HEALTH_POSTULATE_WRONG,
	HEALTH_GROUP_HEARTBEAT,
	HEALTH_GROUP_ASK,
	HEALTH_N_MESSAGES
};

/*
 * Content indicator: rows are dealt to n_chunks chunks by a hash of their id;
 * crc[i] covers the canonical bytes of the rows of chunk i, in order of id.
 * Equal indicators: equal tables.
 */
struct health_content {
	uint16_t n_chunks; /* power of two, at most HEALTH_MAX_CHUNKS */
	uint16_t n_rows;
	uint32_t crc[HEALTH_MAX_CHUNKS];
};

/* H5. Sent every interval_ms; three missed ones age the host out. */
struct health_heartbeat {
	uint32_t interval_ms;
	struct health_content content;
	char name[HEALTH_NAME_MAX]; /* DNS name, from time to time; else empty */
};

enum health_operation { HEALTH_ADD, HEALTH_UPDATE, HEALTH_DELETE };

struct health_change {
	uint8_t operation; /* enum health_operation; DELETE uses .row.id only */
	struct health_row row;
};

/* What a group's leader tells the balancers. */
enum health_group_mode {
	HEALTH_GROUP_CONTENT,    /* a heartbeat for each member that was heard */
	HEALTH_GROUP_MEMBERSHIP, /* who is there, and that only when it changes */
	HEALTH_GROUP_RESIGNED,   /* to members: leads no longer */
	HEALTH_GROUP_N_MODES
};

/* The heartbeat of one member, in the leader's. */
struct health_group_entry {
	uint8_t index; /* bit of the member in .heard; the same in the whole group */
	uint64_t host; /* its id */
	uint64_t incarnation, seq;
	struct health_content content; /* HEALTH_GROUP_MEMBERSHIP: not told, n_chunks is 0 */
	char name[HEALTH_NAME_MAX];    /* DNS name or empty */
};

/*
 * H7. From a group's leader, message.host, to the balancers; message.seq grows
 * with each. Entries that did not change since the last are left out; .sum
 * (health_group_sum(), src/health/group.h) is over the entries of all that were heard, so a
 * receiver knows whether what it remembers is what the leader means, and else
 * asks. Without entries it goes to the members and says who leads.
 */
struct health_group_heartbeat {
	uint64_t group;       /* id of the group, not 0 */
	uint64_t term;        /* of this leader; a greater one is a later one */
	uint32_t interval_ms; /* the next comes after this at the latest */
	uint8_t mode;         /* enum health_group_mode */
	uint64_t heard;       /* bit i: member i was heard of in time */
	uint64_t sum;
	uint32_t n_entries;
	const struct health_group_entry *entries;
};

/*
 * A message from or about one host. incarnation names the run of the host's
 * agent (larger: newer), seq counts its table's changes within it. Arrays are
 * borrowed for the time of the call that gets the message.
 */
struct health_message {
	uint8_t type;  /* enum health_message_type */
	uint64_t host; /* id of the host it is about */
	uint64_t incarnation;
	uint64_t seq; /* ROW_CHANGE: of the last change in it; others: table's state it speaks of */
	union {
		struct health_heartbeat heartbeat;
		struct {
			const struct health_change *changes;
			uint32_t n_changes;
		} row_change;
		struct {
			uint64_t chunks; /* bit i: chunk i is wanted */
			uint16_t n_chunks;
		} get_snapshot;
		struct {
			uint64_t chunks; /* bit i: all rows of chunk i are here */
			uint16_t n_chunks;
			uint32_t n_rows;
			const struct health_row *rows;
		} send_snapshot;
		struct {
			uint64_t id;                   /* of the postulate, growing */
			struct health_content content; /* state that is postulated: targets are part of it */
		} postulate;
		struct {
			uint64_t id;     /* of the postulate objected to */
			uint64_t chunks; /* bit i: chunk i differs */
			uint16_t n_chunks;
		} postulate_wrong;
		struct health_group_heartbeat group_heartbeat;
		struct {
			uint64_t group;
		} group_ask; /* from a balancer to the leader: tell all entries */
	};
};

/* The id of a host is the first 8 bytes of the BLAKE2b of its configured name, unless configured. */

#endif
