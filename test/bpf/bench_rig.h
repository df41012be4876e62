/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device and a host, wired by a veth pair on one core: the device is a packet
 * socket, the host has the tc program on its end, and a server that listens.
 */
#ifndef BATON_TEST_BPF_BENCH_RIG_H
#define BATON_TEST_BPF_BENCH_RIG_H

#include "bench.h"

#define RIG_DATAGRAM_MAX 512
#define RIG_DATAGRAMS 4096u /* of a round; so many connections are open at once */

struct rig_datagram {
	uint32_t len;
	uint8_t b[RIG_DATAGRAM_MAX];
};

struct rig {
	struct bench *b;
	unsigned ifindex; /* the host's end */
	int sender, listener;
	int drop_fd; /* a program that drops everything, to subtract what sending costs */
	struct bpf_link *trace;
	struct rig_datagram datagrams[RIG_DATAGRAMS];
};

/* All but the datagrams. The thread ends up in the host's namespace. 0 or -1 after saying what is wrong. */
int rig_open(struct rig *r);
void rig_close(struct rig *r);
/* Put a program on the host's end, in place of the one before. 0 or -1. */
int rig_program(const struct rig *r, int prog_fd);
/* Send all datagrams, one after the other, each through to the host's end. Nanoseconds it took, or 0 after saying why.
 */
uint64_t rig_send(const struct rig *r);

#endif
