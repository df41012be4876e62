/* SPDX-License-Identifier: BSD-3-Clause */
/* Bring the maps in line with the configuration, by differences only: packets pass meanwhile. */
#ifndef BATON_AGENT_MAPS_H
#define BATON_AGENT_MAPS_H

#include "agent/config.h"
#include "agent/datapath.h"
#include "tunnel/shim.h"

/* Map key of an address. */
void agent_addr_from(struct agent_addr *dst, const struct baton_addr *a);
void agent_addr_to(struct baton_addr *dst, const struct agent_addr *a);

/* Settings (keys, port, limits), hosts, devices and vips. 0 or -errno, after logging. */
int maps_sync(const struct datapath *d, const struct agent_config *c, const struct shim_keyring *keys);
/* Raise the sequence counter to the wall clock. Once, when the agent starts. 0 or -errno. */
int maps_start_sequence(const struct datapath *d);

#endif
