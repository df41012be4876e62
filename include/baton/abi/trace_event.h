/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Steps in the life of a connection, as a trace tells them (docs/trace.md).
 * X(NAME, name, text). Words in braces stand for what the step carries: {a} and
 * {b} numbers, {hex} .a as a flow id, {flags} .a as TCP flags, {conn} .b as enum
 * baton_conn_state, {action} .a as enum plumb_action, {state} .a as enum
 * baton_shim_conn_state, {refusal} .b as enum baton_shim_refusal unless that is
 * NONE, {text} its text.
 *
 * Numbers are shared by the tc program and its agent, no further: names travel.
 */
#ifndef BATON_ABI_TRACE_EVENT_H
#define BATON_ABI_TRACE_EVENT_H

#define TRACE_LOG_EVENTS(X)                     \
	X(BEGIN, "begin", "trace begins{text}") \
	X(END, "end", "trace ends: {text}")     \
	X(LOST, "lost", "{a} steps of traced clients were lost: too many at once")

#define TRACE_FORWARDER_EVENTS(X)                                                                           \
	X(MISS, "miss", "packet without a route that fits: {flags}")                                        \
	X(DROPPED, "dropped", "packet dropped: {text}")                                                     \
	X(FINAL, "final", "packet forwarded: {flags}")                                                      \
	X(PLUMBED, "plumbed", "route plumbed: {action}, {conn}")                                            \
	X(PLUMBED_SAME, "plumbed_same", "route plumbed again as it was: {action}, {conn}")                  \
	X(REPLACED, "replaced", "route of the connection before removed")                                   \
	X(PLUMB_FAILED, "plumb_failed", "route not plumbed: no room in the table, or its endpoint is gone") \
	X(ROUTE_STATE, "route_state", "route's state: {conn}")                                              \
	X(ROUTE_DELETED, "route_deleted", "route removed by the classifier")                                \
	X(ROUTE_AGED, "route_aged", "route removed: idle for {a} s in state {conn}")                        \
	X(INTRODUCED, "introduced", "introduced to its host with the packet inside, flow {hex}")            \
	X(INTRODUCED_ALONE, "introduced_alone", "introduced to its host ahead of the packet, flow {hex}")   \
	X(UNKNOWN_FLOW, "unknown_flow", "its host does not know the flow")

#define TRACE_CLASSIFIER_EVENTS(X)                                                                   \
	X(DECIDED, "decided", "decided: {text}")                                                     \
	X(CHOSEN, "chosen", "endpoint chosen {text}")                                                \
	X(NOT_CHOSEN, "not_chosen", "no endpoint takes it")                                          \
	X(CHECKSUM_BAD, "checksum_bad", "packet ignored: its TCP checksum or its options are wrong") \
	X(SYN_ANSWERED, "syn_answered", "SYN answered with a cookie: MSS {a}, {b} bytes of window")  \
	X(SYN_REFUSED, "syn_refused", "SYN refused: MSS {a} is below 536")                           \
	X(COOKIE_BAD, "cookie_bad", "of no connection that is known or begins: {flags}, {b} bytes")  \
	X(EARLY, "early", "{a} bytes came before the first ones; the client repeats them")           \
	X(PROBE_ANSWERED, "probe_answered", "keep-alive probe answered")                             \
	X(CLOSE_ANSWERED, "close_answered", "client finished without a word: answered")              \
	X(FIRST_BYTES, "first_bytes", "first {a} bytes")                                             \
	X(MORE_BYTES, "more_bytes", "{a} bytes now")                                                 \
	X(PENDING_FULL, "pending_full", "first bytes ignored: too many connections are beginning")   \
	X(ACKNOWLEDGED, "acknowledged", "{a} bytes acknowledged, so that the client goes on")        \
	X(HEAD, "head", "understood: {text}")                                                        \
	X(HEAD_ALIEN, "head_alien", "not understood: {text}")                                        \
	X(RULE, "rule", "rule {a}: {text}")                                                          \
	X(NO_RULE, "no_rule", "no rule takes it: {text}")                                            \
	X(OFFERED, "offered", "offered to a host: attempt {a}, {b} bytes")                           \
	X(OFFERED_AGAIN, "offered_again", "offered to the host again")                               \
	X(NOT_SENT, "not_sent", "could not be offered to the host: no link address, or no buffer")   \
	X(ASKED, "asked", "host asked what has become of it")                                        \
	X(HOST_SAYS, "host_says", "host says: {state}{refusal}")                                     \
	X(IMPLIED, "implied", "client has heard the host: the connection is there")                  \
	X(FED, "fed", "bytes {a} to {b} sent to the host, acknowledged as they are")                 \
	X(HELD, "held", "packet kept until the host has the connection: {flags}")                    \
	X(HELD_DROPPED, "held_dropped", "packet not kept, too many are: {flags}")                    \
	X(PLACED, "placed", "handed over")                                                           \
	X(PLACE_FAILED, "place_failed", "not handed over: no room in the inventory")                 \
	X(ANSWERED, "answered", "answered by the rule, {a} bytes")                                   \
	X(SILENT, "silent", "host did not take it in time")                                          \
	X(VIEW_CHANGED, "view_changed", "its VIP or its host has left the configuration")            \
	X(CLIENT_RESET, "client_reset", "client has reset it")                                       \
	X(BEGUN_ANEW, "begun_anew", "client has begun anew with the same port")                      \
	X(ABORTED, "aborted", "host told to end it")                                                 \
	X(RESET_SENT, "reset_sent", "client sent a reset")                                           \
	X(ENDED, "ended", "host reports the end: {state}")

#define TRACE_HOST_EVENTS(X)                                                                          \
	X(HOST_CREATED, "created", "given to the kernel with its first {a} bytes")                    \
	X(HOST_SEGMENT, "segment", "{a} bytes from the device given to the socket")                   \
	X(HOST_TOLD, "told", "device told: {state}{refusal}")                                         \
	X(HOST_LEFTOVER, "leftover", "an older connection with the same addresses and ports ended")   \
	X(HOST_ABORTED, "aborted", "ended: its device has given it up")                               \
	X(HOST_IGNORED, "ignored", "{text} from its device needs nothing done")                       \
	X(HOST_UNWRAPPED, "unwrapped", "introduced as flow {hex}, packet inside given to the kernel") \
	X(HOST_INTRODUCED, "introduced", "introduced as flow {hex}")                                  \
	X(HOST_NOT_INTRODUCED, "not_introduced", "introduction refused: {text}")                      \
	X(HOST_ESTABLISHED, "established", "socket is established")                                   \
	X(HOST_ENDED, "ended", "socket is gone")                                                      \
	X(HOST_LINGERS, "lingers", "socket is gone and has left a TIME_WAIT")

#define TRACE_EVENTS(X)            \
	TRACE_LOG_EVENTS(X)        \
	TRACE_FORWARDER_EVENTS(X)  \
	TRACE_CLASSIFIER_EVENTS(X) \
	TRACE_HOST_EVENTS(X)

enum trace_event {
#define X(NAME, name, text) TRACE_##NAME,
	TRACE_EVENTS(X)
#undef X
		TRACE_N_EVENTS
};

#endif
