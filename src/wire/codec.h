/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Health messages as bytes: protobuf (health.proto), with every bound checked
 * on both ways. Pure; memory comes from an arena that its owner makes once.
 * One arena, one thread.
 */
#ifndef BATON_WIRE_CODEC_H
#define BATON_WIRE_CODEC_H

#include "baton/health.h"

/* Longest encoded message: with what sealing adds (SEAL_OVERHEAD) a frame is at most 64 KiB. */
#define CODEC_MESSAGE_MAX 65480
/* No row takes more bytes in a message, nor all that is around the rows: so counts who splits snapshots. */
#define CODEC_ROW_MAX 288
#define CODEC_AROUND_MAX 768
/* Arena that is enough for any message: what does not fit into it is refused. */
#define CODEC_ARENA_BYTES (2u << 20)

#define CODEC_CAPACITY_MAX 99
#define CODEC_INTERVAL_MAX_MS 3600000 /* longest heartbeat interval */

/* Why a message is refused: NAME, name, help. */
#define CODEC_ERRORS(X)                                                                               \
	X(OK, ok, "message was good")                                                                 \
	X(TOO_LONG, too_long, "longer than a message may be")                                         \
	X(SYNTAX, syntax, "not a protobuf message of ours, or more parts than any has")               \
	X(NO_ROOM, no_room, "more parts than any message has")                                        \
	X(TYPE, type, "no body, or one that is not known")                                            \
	X(HOST, host, "host id is 0")                                                                 \
	X(INTERVAL, interval, "heartbeat interval is 0 or more than an hour")                         \
	X(CONTENT, content, "no content indicator")                                                   \
	X(CHUNKS, chunks, "number of chunks is no power of two, too large, or less than those named") \
	X(COUNT, count, "more rows than a host has")                                                  \
	X(ROW, row, "no row, or a row without id")                                                    \
	X(ADDRESS, address, "address is neither IPv4 nor IPv6")                                       \
	X(PORT, port, "port above 65535")                                                             \
	X(PROTO, proto, "IP protocol above 255")                                                      \
	X(STATE, state, "unknown health state")                                                       \
	X(DIRECTIVE, directive, "unknown directive")                                                  \
	X(GROUP, group, "group id is 0, unknown mode, or an entry that is none of a member")          \
	X(OPERATION, operation, "unknown operation")                                                  \
	X(CAPACITY, capacity, "capacity above 99")                                                    \
	X(LOAD, load, "load above its limit")                                                         \
	X(TEXT, text, "text too long, not UTF-8, or with control characters")

enum codec_error {
#define X(NAME, name, help) CODEC_##NAME,
	CODEC_ERRORS(X)
#undef X
		CODEC_N_ERRORS
};

/* Memory for one message at a time. Fields are the codec's own. */
struct codec_arena {
	uint8_t *memory;
	size_t size, used;
};

/* Allocate an arena of CODEC_ARENA_BYTES (pages are touched only when used). 0 or -ENOMEM. */
int codec_arena_init(struct codec_arena *a);
/* Free it; also a zeroed one. */
void codec_arena_fini(struct codec_arena *a);

/*
 * Bytes of message m into buf (size bytes of room; CODEC_MESSAGE_MAX is always
 * enough), their number into *ret_len. Drops what was decoded with the arena
 * before, so m must not lie in it. Refuses what codec_decode() would refuse,
 * and CODEC_TOO_LONG if the bytes don't fit.
 */
enum codec_error codec_encode(const struct health_message *m, struct codec_arena *a, uint8_t *buf, size_t size,
			      size_t *ret_len);

/*
 * Message from len bytes at buf. Fields that are not known are skipped. The
 * arrays of *ret are in the arena: valid until its next use; nothing to free.
 * *ret is written on CODEC_OK only.
 */
enum codec_error codec_decode(const uint8_t *buf, size_t len, struct codec_arena *a, struct health_message *ret);

/* Name of an error in lower case ("too_long") for counters, and its help. */
const char *codec_error_name(enum codec_error e);
const char *codec_error_help(enum codec_error e);

#endif
