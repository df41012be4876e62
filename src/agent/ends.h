/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tell devices that connections are over: ENDED datagrams from the host's
 * address to the device's. The tracing program hands each end over by a ring
 * buffer; where that was full, the walk over the table finds it. A datagram may
 * be lost: then the device's idle time ends the route.
 */
#ifndef BATON_AGENT_ENDS_H
#define BATON_AGENT_ENDS_H

#include "agent/config.h"
#include "agent/datapath.h"
#include "agent/loop.h"
#include "baton/abi/agent_maps.h"
#include "baton/abi/shim.h"
#include "tunnel/shim.h"

struct ends;

/* Body of the datagram that says how c ended. Pure. */
void ends_body(struct baton_shim_conn *ret, const struct agent_conn_key *key, const struct agent_conn *c);

/*
 * Begin to report. d is borrowed; l may be NULL, then ends_poll() is to be
 * called. 0 and *ret, or -errno after logging.
 */
int ends_start(struct loop *l, const struct datapath *d, struct ends **ret);
/* Addresses to send from, keys, devices: c is borrowed until the next call, keys are copied. */
void ends_configure(struct ends *e, const struct agent_config *c, const struct shim_keyring *keys);
/* Report what the ring buffer holds. */
void ends_poll(struct ends *e);
/* Report an end that was found otherwise. */
void ends_report(struct ends *e, const struct agent_conn_key *key, const struct agent_conn *c);
/* Where to count. */
struct agent_own *ends_own(struct ends *e);
/* Takes NULL. */
void ends_stop(struct ends *e);

#endif
