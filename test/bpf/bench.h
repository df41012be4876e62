/* SPDX-License-Identifier: BSD-3-Clause */
/* The tc program with maps of its own, and packets run through it without any interface. */
#ifndef BATON_TEST_BPF_BENCH_H
#define BATON_TEST_BPF_BENCH_H

#include <stdint.h>

#include "agent/datapath.h"
#include "baton/abi/agent_maps.h"
#include "baton/abi/shim.h"
#include "frame.h"
#include "tunnel/shim.h"

#define BENCH_PORT BATON_SHIM_PORT_DEFAULT
#define BENCH_FLOWS 8
#define BENCH_CONNECTIONS 65536
#define BENCH_REPLIES 4 /* replies that may be sent at once */

/* Two host addresses per family, one forwarder each, one virtual address. */
#define HOST4 "10.0.0.1"
#define HOST4_B "10.0.0.2"
#define DEVICE4 "10.0.0.10"
#define VIP4 "203.0.113.80"
#define CLIENT4 "198.51.100.7"
#define HOST6 "2001:db8::1"
#define DEVICE6 "2001:db8::10"
#define VIP6 "2001:db8:80::80"
#define CLIENT6 "2001:db8:ffff::7"

struct bench {
	struct tunnel_bpf *skel;
	struct shim_keyring keys;
	int prog_fd;
	uint64_t seq; /* of the forwarder */
	uint64_t counters[AGENT_N_COUNTERS];
	int verdict;
	struct frame out;
};

/* Room in the tables of flows and of connections; to be set before bench_open(). */
extern unsigned bench_max_flows, bench_max_connections;

/* cmocka set-up and tear-down; *state is the struct bench. */
int bench_open(void **state);
/* The same with the program for kernels that can not create connections. */
int bench_open_unable(void **state);
int bench_close(void **state);

/* Run a frame: verdict, output and what was counted by this packet. */
void bench_run(struct bench *b, const struct frame *f);
/* The same, with this for the rest of the packet's metadata (struct __sk_buff). */
void bench_run_ctx(struct bench *b, const struct frame *f, void *ctx, size_t ctx_len);
/* The packet just run was dropped and counted once under this name, nothing else except what also says. */
void bench_dropped(struct bench *b, enum agent_counter why);
/* Exactly this was counted, once each. Ends with -1. */
void bench_counted(struct bench *b, const int *which);
/* Change the settings: replies per device at once. */
void bench_set_replies(struct bench *b, unsigned at_once);
unsigned bench_flows(struct bench *b);
/* 0 or -errno. */
int bench_flow(struct bench *b, const char *device, uint32_t flow_id, struct agent_flow *ret);

/* Datagram of the forwarder to the host: type, body, and what follows it. */
void bench_shim(struct bench *b, struct frame *f, uint8_t type, const void *body, uint8_t family, uint64_t seq,
		const struct frame *inner);
/* INTRODUCE of a flow with the next sequence number. */
void bench_introduce(struct bench *b, struct frame *f, uint32_t flow_id, const struct baton_tuple *t,
		     const struct frame *inner);
/* A tunneled packet of the flow. */
void bench_tunneled(struct frame *f, uint32_t flow_id, uint8_t family, uint8_t proto, const struct frame_options *o);

#endif
