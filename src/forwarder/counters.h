/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Drop reasons and counters of a forwarder lcore. One list each: enum, names,
 * telemetry and docs/counters.md come from it. One writer, the lcore; readers
 * add up what they see.
 */
#ifndef BATON_FORWARDER_COUNTERS_H
#define BATON_FORWARDER_COUNTERS_H

#include <stdint.h>

#include "forwarder/packet.h"

/* Why a packet was dropped, beside the parser's reasons. X(token, name, text) */
#define FORWARDER_DROP_REASONS(X)                                                                                      \
	X(SEGMENTED, "segmented", "packet in more than one buffer: larger than the MTU")                               \
	X(FRAGMENT, "fragment", "IP fragment")                                                                         \
	X(TTL, "ttl", "TTL or hop limit would reach 0")                                                                \
	X(NO_SERVICE, "no_service", "for an own address, but no VIP and nobody else listens there")                    \
	X(NOT_LOCAL, "not_local", "for an address that is not the device's, and no reply of a NATed connection")       \
	X(OWN_SOURCE, "own_source", "source address is one of the device's own")                                       \
	X(UNKNOWN_LINK, "unknown_link", "neither IP nor ARP")                                                          \
	X(BAD_ECHO, "bad_echo", "echo request with a wrong checksum")                                                  \
	X(ROUTE_DROP, "route_drop", "route says drop, or leads to an endpoint that is gone")                           \
	X(NEXTHOP_UNRESOLVED, "nexthop_unresolved", "link address of the next hop is not known")                       \
	X(ROUTE_TABLE_FULL, "route_table_full", "new connection, but the route table is full")                         \
	X(CLASSIFIER_BUSY, "classifier_busy", "new connection, but the ring to the classifier is full")                \
	X(FLOOD_OPENING, "flood_opening", "first packet of a TCP connection; no time for it beside those with routes") \
	X(FLOOD_UNDERWAY, "flood_underway", "no route, and no time to look for one beside packets with routes")        \
	X(FLOOD_OWN, "flood_own", "for the device itself, and no time for it beside packets with routes")              \
	X(FORWARDER_BUSY, "forwarder_busy", "for another forwarder lcore, but its ring is full")                       \
	X(MESSAGES_EXHAUSTED, "messages_exhausted", "no free plumbing message")                                        \
	X(BUFFERS_EXHAUSTED, "buffers_exhausted", "no free packet buffer")                                             \
	X(CONTROL_BUSY, "control_busy", "for the control thread or the kernel, but their ring is full")                \
	X(TOO_LONG, "too_long", "larger than the MTU of the port it should leave by")                                  \
	X(TX_FULL, "tx_full", "transmit queue of the port full")                                                       \
	X(SHIM_MALFORMED, "shim_malformed", "shim datagram malformed or of a type a device does not take")             \
	X(SHIM_VERSION, "shim_version", "shim datagram of another version")                                            \
	X(SHIM_UNKNOWN_KEY, "shim_unknown_key", "shim datagram made with a key that is not ours")                      \
	X(SHIM_FORGED, "shim_forged", "shim datagram with a wrong MAC")                                                \
	X(SHIM_REPLAYED, "shim_replayed", "shim datagram seen before")                                                 \
	X(SHIM_STALE, "shim_stale", "shim datagram below the replay window")                                           \
	X(SHIM_FOREIGN, "shim_foreign", "shim datagram from an address that is no host of ours")

enum forwarder_drop {
#define X(token, name, text) DROP_##token,
	FORWARDER_DROP_REASONS(X)
#undef X
		FORWARDER_N_DROPS
};

/* What else is counted. X(name, text) */
#define FORWARDER_COUNTERS(X)                                                                                        \
	X(rx_packets, "packets received")                                                                            \
	X(rx_bytes, "bytes received, with link header")                                                              \
	X(tx_packets, "packets given to a port")                                                                     \
	X(tx_bytes, "bytes given to a port, with link header")                                                       \
	X(hits, "packets that found their route")                                                                    \
	X(misses, "packets handed to a classifier")                                                                  \
	X(local_packets, "packets handed to the control thread or the kernel")                                       \
	X(echo_replies, "echo requests answered")                                                                    \
	X(replies_passed, "answers of hosts behind a port with replies = true, sent on to a gateway")                \
	X(routes_added, "routes added")                                                                              \
	X(routes_replaced, "routes replaced by a new connection with the same key")                                  \
	X(routes_aged, "routes removed by idle time")                                                                \
	X(routes_deleted, "routes removed by the classifier")                                                        \
	X(finals_reported, "FIN and RST reported to a classifier")                                                   \
	X(finals_lost, "FIN and RST not reported: ring or message pool full; idle time ends those routes")           \
	X(introductions, "flows introduced to their host, with or without a packet")                                 \
	X(unknown_flows, "flows a host did not know and that were introduced again")                                 \
	X(unknown_flows_gone, "flows a host did not know and that are gone here too")                                \
	X(shims_sent,                                                                                                \
	  "connections offered to hosts, questions about them and their ends: shim datagrams for a classifier")      \
	X(host_reports, "hosts' answers and reports of ends handed to a classifier")                                 \
	X(host_reports_lost, "hosts' reports not handed on: ring or message pool full; idle time ends those routes") \
	X(resyncs, "times a host asked for higher sequence numbers")

struct forwarder_counters {
#define X(name, text) uint64_t name;
	FORWARDER_COUNTERS(X)
#undef X
	uint64_t drops[FORWARDER_N_DROPS];
	uint64_t bad[PACKET_N_BAD]; /* drops by the parser, enum packet_bad */
};

/* Packets and bytes by endpoint, towards the host and (NAT) back. */
struct forwarder_endpoint_counters {
	uint64_t packets, bytes;
	uint64_t return_packets, return_bytes;
	uint64_t routes; /* that lead to it now: its id must not be given to another meanwhile */
};

const char *forwarder_drop_name(enum forwarder_drop d);
const char *forwarder_drop_text(enum forwarder_drop d);

#endif
