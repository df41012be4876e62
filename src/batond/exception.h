/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Exception port: a tap through which the kernel sees the traffic of one port
 * that is for the device itself and that batond does not answer (BGP, SSH,
 * anything to an interface address). The tap has the port's link address and
 * MTU, so that the kernel's answers look as if the port itself had sent them,
 * and the port's interface addresses; routes are the operator's business.
 * Frames only: which of them come here is decided by the caller. Control thread.
 */
#ifndef BATON_BATOND_EXCEPTION_H
#define BATON_BATOND_EXCEPTION_H

#include <stddef.h>
#include <stdint.h>

#include "baton/addr.h"

/* X(name, text) */
#define EXCEPTION_COUNTERS(X)                                       \
	X(to_kernel, "frames handed to the kernel")                 \
	X(to_kernel_refused, "frames that the kernel did not take") \
	X(from_kernel, "frames received from the kernel")           \
	X(read_errors, "reads from the tap that failed")

struct exception_counters {
#define X(name, text) uint64_t name;
	EXCEPTION_COUNTERS(X)
#undef X
};

struct exception_params {
	const char *name; /* of the tap, at most 15 characters; it must not exist yet */
	uint8_t mac[6];
	uint16_t mtu; /* L3 bytes */
	const struct baton_prefix *addrs;
	unsigned n_addrs;
};

struct exception_port;

/*
 * Make the tap, in the network namespace of the caller, and bring it up. 0 and
 * *ret; or -errno and in *ret_step what could not be done (static text, for
 * "exception port tap0: <step>: <error>"), with nothing left behind.
 * Needs CAP_NET_ADMIN.
 */
int exception_open(const struct exception_params *p, struct exception_port **ret, const char **ret_step);
/* Removes the tap. Takes NULL. */
void exception_close(struct exception_port *e);

/* Non-blocking descriptor to wait on; readable when the kernel has sent something. */
int exception_fd(const struct exception_port *e);
/* Largest frame that the kernel sends, in bytes: MTU, Ethernet header and one VLAN tag. */
size_t exception_max_frame(const struct exception_port *e);

/* Hand the kernel a frame as received from the port. 0 or -errno; either way the bytes stay the caller's. */
int exception_write(struct exception_port *e, const uint8_t *frame, size_t len);
/*
 * Next frame that the kernel wants sent: its length in bytes. -EAGAIN if there
 * is none, -EMSGSIZE if size is below exception_max_frame(), another -errno if
 * the tap is gone or down.
 */
int exception_read(struct exception_port *e, uint8_t *frame, size_t size);

const struct exception_counters *exception_counters_get(const struct exception_port *e);

#endif
