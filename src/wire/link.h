/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Links that carry sealed frames over TCP (nanomsg bus): both ways, fire and
 * forget. What is lost, is lost; the protocol above heals it. A balancer binds
 * its link on its control address; a host has one link for each balancer and
 * connects it. What one end sends goes to all ends that are connected to it and
 * no further: who is meant, stands in front of the frame, and seal_open() tells
 * the others before it spends any time. Non-blocking; one link, one thread (the
 * library has its own behind it).
 *
 * A far end may vanish without a word; TCP then tries for minutes, and for
 * minutes more when the path is back. So balancers send a beacon (seal_beacon())
 * every second, and a host calls link_reconnect() for a link that was silent
 * for LINK_SILENT_MS, at most that often.
 */
#ifndef BATON_WIRE_LINK_H
#define BATON_WIRE_LINK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "baton/addr.h"

#define LINK_FRAME_MAX 65536 /* bytes; same as SEAL_FRAME_MAX */
#define LINK_BEACON_MS 1000
#define LINK_SILENT_MS 3000

/* Name, help. */
#define LINK_COUNTERS(X)                                                          \
	X(sent, "frames handed to the link")                                      \
	X(send_refused, "frames that the link did not take")                      \
	X(received, "frames taken from the link")                                 \
	X(receive_failed, "errors of receiving other than that nothing is there") \
	X(reconnects, "times the link was made anew because it was silent")

struct link_counters {
#define X(name, help) uint64_t name;
	LINK_COUNTERS(X)
#undef X
};

/* What the library counts behind the link; dropped_connections are those it closed itself. */
struct link_connections {
	uint64_t current, accepted, established, broken, dropped, accept_errors;
};

struct link;

/* A link without ends. 0, or -errno. */
int link_open(struct link **ret);
/* Close and free; NULL too. What was not sent yet is lost. */
void link_close(struct link *l);

/*
 * Listen on addr:port (host order); not on a wildcard address, which would be
 * open to everybody. A link has one end: bound or connected.
 * 0; -EINVAL; -EISCONN it has one; or -errno (-EADDRINUSE, -EADDRNOTAVAIL…).
 */
int link_bind(struct link *l, const struct baton_addr *addr, uint16_t port);
/*
 * Connect to addr:port. Returns at once: the library tries in the background,
 * again and again with growing pauses (0.1 to 2 s), also after the far end went
 * away. 0; -EINVAL; -EISCONN; or -errno.
 */
int link_connect(struct link *l, const struct baton_addr *addr, uint16_t port);
/* Leave the connection that is there and connect to the same address anew. 0; -ENOTCONN not a connected link; -errno.
 */
int link_reconnect(struct link *l);

/*
 * Send one sealed frame to all that are connected. 0; -EMSGSIZE; -EAGAIN. Taken
 * is not delivered: to a connection that is still busy with earlier frames it
 * is not sent, and the library does not say so.
 */
int link_send(struct link *l, const uint8_t *frame, size_t len);
/* Take one frame into buf (size bytes, LINK_FRAME_MAX at least). Its length; -EAGAIN none there; -EINVAL; -errno. */
ssize_t link_receive(struct link *l, uint8_t *buf, size_t size);

/*
 * Descriptor that is readable while frames wait (epoll, level-triggered); never
 * read from it. Take a bounded number of frames for each wake-up: a far end
 * can send faster than they are judged.
 */
int link_fd(const struct link *l);
const struct link_counters *link_counters(const struct link *l);
/* Connections behind the link, to be shown. */
void link_connections(const struct link *l, struct link_connections *ret);

#endif
