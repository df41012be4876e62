/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Flow id: the 32-bit name of one connection between one forwarder address F
 * and the host it was sent to. It fills the two port fields of a tunneled
 * packet (source port = high half, destination port = low half).
 *
 * Layout, host order: generation (8 bits) | index (24 bits). The index is the low
 * bits of the place of the route in the forwarder's table; the generation moves
 * on each time that place is used again, so a late packet of the old flow cannot
 * reach the new one's connection. A table with more places than an index can
 * tell apart has several addresses F, one for each bank of its places
 * (forwarder/route.h); the host sees as many forwarders.
 *
 * Shared by the appliance, the agent and the BPF programs.
 */
#ifndef BATON_ABI_FLOW_ID_H
#define BATON_ABI_FLOW_ID_H

#include <linux/types.h>

#define BATON_FLOW_INDEX_BITS 24
#define BATON_FLOW_INDEX_MAX ((1u << BATON_FLOW_INDEX_BITS) - 1)

static inline __u32 baton_flow_id(__u8 generation, __u32 index)
{
	return (__u32)generation << BATON_FLOW_INDEX_BITS | (index & BATON_FLOW_INDEX_MAX);
}

static inline __u32 baton_flow_index(__u32 flow_id)
{
	return flow_id & BATON_FLOW_INDEX_MAX;
}

static inline __u8 baton_flow_generation(__u32 flow_id)
{
	return (__u8)(flow_id >> BATON_FLOW_INDEX_BITS);
}

#endif
