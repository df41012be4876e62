/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trace: what happens to the connections of a few chosen clients, step by
 * step. Who meets a step looks whether anybody is traced (view.trace, one
 * pointer), then whether this client is, then hands over a record by value;
 * what finds no room is lost and counted. docs/trace.md.
 */
#ifndef BATON_TRACE_H
#define BATON_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/abi/trace_event.h"
#include "baton/addr.h"

#define TRACE_MAX_FILTERS 8
#define TRACE_TEXT_MAX 64

/* Clients. */
struct trace_filter {
	struct baton_prefix client;
	uint16_t port_be; /* 0: any */
	uint8_t zero[2];
};

struct trace_filters {
	unsigned n;
	struct trace_filter list[TRACE_MAX_FILTERS];
};

/* What the step itself says. */
struct trace_step {
	uint16_t event;    /* enum trace_event */
	uint16_t endpoint; /* id, or VIEW_NONE */
	uint32_t a, b;     /* see trace_event.h */
	const char *text;  /* borrowed; NULL: none */
	uint32_t text_len; /* bytes of it, not ended by a NUL */
};

enum trace_who {
	TRACE_CONTROL,
	TRACE_FORWARDER,
	TRACE_CLASSIFIER,
	TRACE_HOST,
};

struct trace_record {
	uint64_t time_ns;       /* wall clock */
	uint64_t seq;           /* given by the log */
	struct baton_tuple key; /* client → VIP; family 0: of no connection */
	uint8_t peer[16];       /* device: address of the endpoint; host: of the device. Network order, all 0: none */
	uint16_t peer_port_be;
	uint16_t event; /* enum trace_event */
	uint8_t who;    /* enum trace_who */
	uint8_t index;  /* of the forwarder or classifier */
	uint8_t zero[2];
	uint32_t a, b;
	char text[TRACE_TEXT_MAX]; /* printable ASCII; ends with NUL, "..." before it where it was cut */
};

/* Whether the packet's sender is the client. Any thread, here and below. */
bool trace_filter_has(const struct trace_filter *f, const struct baton_tuple *t);
/*
 * Is a packet with this tuple of a traced client, from or to it? *ret is the
 * tuple from the client's side then.
 */
bool trace_wants(const struct trace_filters *f, const struct baton_tuple *t, struct baton_tuple *ret);
/* A step's text into a record: what is not printable turns into '?'. */
void trace_text_set(struct trace_record *r, const char *text, uint32_t len);

#define TRACE_SAY_MAX 160

/* Name of an event, static. "" if there is none. */
const char *trace_event_name(unsigned event);
/* The step in words; returns buf (size ≥ TRACE_SAY_MAX). */
char *trace_say(const struct trace_record *r, char *buf, size_t size);

/* "10.0.0.1", "10.0.0.1:4321", "10.0.0.0/24", "2001:db8::1", "[2001:db8::1]:4321". 0 or -EINVAL. */
int trace_filter_parse(const char *text, struct trace_filter *ret);

_Static_assert(sizeof(struct trace_record) == 152, "no hidden padding");

#endif
