/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of the local socket (baton/abi/agent_socket.h) from and to plain structs. Pure. */
#ifndef BATON_AGENT_LOCAL_PACKET_H
#define BATON_AGENT_LOCAL_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/health.h"
#include "baton/abi/agent_socket.h"
#include "baton/trace.h"

/* A request, numbers in host order. */
struct local_request {
	uint8_t type; /* enum baton_agent_request_type */
	uint32_t tag;
	uint8_t fields, state, wish, capacity, on_exit;
	uint32_t load;
	uint32_t silence_ms;
	bool has_app; /* .app of the packet was not all 0 */
	struct health_app_id app;
	const char *host, *reason, *wish_reason; /* in the packet */
	struct trace_filter client;              /* TRACE, as is the rest */
	uint64_t seq, since_ns;
	uint32_t seconds;
};

/*
 * Judge a packet. 0 and *ret; -EPROTO: not a packet of this protocol, nobody to
 * answer to; -EINVAL: refused, *ret has type and tag, *ret_why says what is wrong (static).
 */
int local_request_decode(const uint8_t *packet, size_t len, struct local_request *ret, const char **ret_why);

/* A step into a reply. */
void local_step_encode(struct baton_agent_step *step, const struct trace_record *r);
/* Begin a reply to r: error is 0 or -errno, text may be NULL. */
void local_reply_begin(struct baton_agent_reply *reply, const struct local_request *r, int error, const char *text);
/* Fill in a row. told: as balancers have been told, or NULL. */
void local_row_encode(struct baton_agent_row *row, const struct agent_app *a, const struct health_row *told,
		      const char *sources);

#endif
