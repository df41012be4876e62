/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Links that carry sealed frames: one-way, fire and forget. What is lost, is
 * lost; the protocol above heals it. A balancer binds both of its ends on its
 * control address, hosts connect theirs to each balancer. Non-blocking; one
 * link, one thread.
 */
#ifndef BATON_WIRE_LINK_H
#define BATON_WIRE_LINK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "baton/addr.h"

#define LINK_FRAME_MAX 65536 /* bytes; same as SEAL_FRAME_MAX */

enum link_role {
	LINK_OUT, /* frames go out to every end that is connected */
	LINK_IN,  /* frames come in from every end that is connected */
};

/* Name, help. */
#define LINK_COUNTERS(X)                                     \
	X(sent, "frames handed to the link")                 \
	X(send_dropped, "frames that the link did not take") \
	X(received, "frames taken from the link")            \
	X(receive_dropped, "frames with a length that no sealed frame has")

struct link_counters {
#define X(name, help) uint64_t name;
	LINK_COUNTERS(X)
#undef X
};

struct link;

/* A link without ends. 0, or -errno. */
int link_open(enum link_role role, struct link **ret);
/* Close and free; NULL too. What was not sent yet is lost. */
void link_close(struct link *l);

/* Listen on addr:port (host order) only; never on a wildcard: -EINVAL. 0, or -errno (-EADDRINUSE, -EADDRNOTAVAIL…). */
int link_bind(struct link *l, const struct baton_addr *addr, uint16_t port);
/*
 * Connect to addr:port; once for each far end. Returns at once: the link tries
 * in the background, again and again with growing pauses (0.1 to 2 s), also
 * after the far end went away. 0, or -errno.
 */
int link_connect(struct link *l, const struct baton_addr *addr, uint16_t port);
/* Give up the far end at addr:port, or stop listening there. 0, or -ENOENT. */
int link_remove(struct link *l, const struct baton_addr *addr, uint16_t port);

/* LINK_IN: take frames for station id (and those for everyone). Without any call a link takes all frames. 0 or -errno.
 */
int link_subscribe(struct link *l, uint64_t id);

/* Send one sealed frame (with its destination in front). 0; -EAGAIN, -EMSGSIZE: dropped and counted. */
int link_send(struct link *l, const uint8_t *frame, size_t len);
/* Take one frame into buf (LINK_FRAME_MAX bytes of room). Its length; -EAGAIN: none there; or another -errno. */
ssize_t link_receive(struct link *l, uint8_t *buf, size_t size);

/* LINK_IN: descriptor that is readable while frames wait (epoll, level-triggered); never read from it. Or -errno. */
int link_fd(const struct link *l);
const struct link_counters *link_counters(const struct link *l);

#endif
