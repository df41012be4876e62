/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections that are being handed over, their buffers and the packets kept
 * for them. All memory is taken at the start; what does not fit is refused.
 */
#ifndef BATON_MIGRATE_PENDING_H
#define BATON_MIGRATE_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/addr.h"
#include "migrate/gather.h"
#include "migrate/handover.h"
#include "migrate/segment.h"
#include "migrate/wheel.h"
#include "peek/head.h"

#define PENDING_NONE UINT32_MAX
#define PENDING_TRIED_MAX 8
#define PENDING_HELD_MAX 32 /* packets kept for one connection: three first flights (RFC 6928) */

enum pending_state {
	PENDING_COLLECTING, /* the head is not complete */
	PENDING_OFFERED,    /* a host was sent a CREATE */
	PENDING_FEEDING,    /* the host has a socket, but not yet all that we have acknowledged */
	PENDING_ANSWERING,  /* a rule's answer is on its way to the client */
};

/* Offsets count from the client's first byte of data: sequence number client_isn + 1. */
struct pending {
	struct baton_tuple key;
	uint64_t hash;
	uint32_t id;
	uint32_t next; /* in its bucket, or in the free list */
	uint8_t state; /* enum pending_state */
	uint8_t forwarder;
	uint16_t vip;
	uint16_t port;
	uint8_t l2_len;
	uint8_t l2[SEGMENT_LINK_MAX]; /* of the client's first frame */

	/* agreed with the client */
	uint32_t client_isn, server_isn;
	uint16_t mss;   /* class of the client's */
	uint8_t wscale; /* the client's, or COOKIE_NO_WSCALE */
	bool sack;
	bool timestamps;
	uint32_t first_tsval, first_tsecr; /* of its first segment; all that we say in its name carries them */
	uint32_t last_tsval, last_tsecr;   /* newest, for what we say to it */
	uint32_t client_ack;               /* highest acknowledgement seen */
	uint16_t window;                   /* the client's, as it stood in the last header */
	uint32_t announced;                /* our window in the SYN-ACK */

	/* collecting */
	struct gather gather;
	uint32_t large;  /* number of the large buffer, or PENDING_NONE */
	uint32_t acked;  /* bytes that we have acknowledged */
	uint32_t fin_at; /* offset of the client's FIN, if .fin */
	bool fin;
	bool ack_due; /* something came since the last acknowledgement */
	struct peek_state peek;
	uint64_t progress_ns; /* when the head last grew; later: when the host last heard from us */
	uint64_t deadline_ns;

	/* offered */
	struct handover_keys keys;
	uint16_t service;
	uint16_t endpoint;
	uint16_t tried[PENDING_TRIED_MAX];
	uint8_t n_tried;
	uint8_t attempts;
	uint8_t host[16];  /* address of the endpoint */
	uint8_t step;      /* of the schedule */
	uint32_t offered;  /* bytes in the first CREATE */
	uint32_t received; /* feeding: offset that the socket expects */

	/* answering: the buffer holds the answer */
	uint32_t answer_len;
	uint32_t answer_acked; /* FIN included */
	uint32_t answer_next;  /* offset that we expect from the client */

	uint32_t held_first, held_last;
	uint16_t n_held;
};

struct held_packet {
	void *packet;
	uint32_t next;
	uint8_t forwarder;
};

struct pending_table {
	struct pending *all;
	uint32_t *buckets;
	uint32_t mask;
	uint32_t first_free;
	_Atomic uint32_t n; /* one writer */
	uint8_t *small;     /* HANDOVER_SMALL_HEAD for each */
	uint8_t *large;
	uint32_t *large_free; /* numbers of free ones */
	uint32_t n_large_free;
	struct held_packet *held;
	uint32_t first_held_free;
	struct siphash_key hash_key;
	struct wheel wheel; /* a timer for each */
};

/* 0 or -ENOMEM. */
int pending_init(struct pending_table *t, const struct handover_params *p);
/* Takes a zeroed one. Kept packets must be gone. */
void pending_fini(struct pending_table *t);

uint64_t pending_hash(const struct pending_table *t, const struct baton_tuple *key);
/* Borrowed, or NULL. */
struct pending *pending_find(const struct pending_table *t, const struct baton_tuple *key, uint64_t hash);
/* A zeroed one with its key, or NULL: all are in use. */
struct pending *pending_add(struct pending_table *t, const struct baton_tuple *key, uint64_t hash);
/* Its buffers and its timer go too; it holds no packets any more. */
void pending_del(struct pending_table *t, struct pending *p);

/* The head buffer and its size. */
uint8_t *pending_bytes(const struct pending_table *t, const struct pending *p);
uint32_t pending_room(const struct pending *p);
/* Move into a large buffer. False: none is free. */
bool pending_grow(struct pending_table *t, struct pending *p);

/* Keep a packet behind those that are kept already. False: too many. */
bool pending_hold(struct pending_table *t, struct pending *p, void *packet, uint8_t forwarder);
/* The packet kept longest, taken out; NULL: none. */
void *pending_unhold(struct pending_table *t, struct pending *p, uint8_t *ret_forwarder);

#endif
