/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tc program costs, by the kernel's own statistics (BPF_ENABLE_STATS:
 * each run is measured, and the measuring is in the figure): tunneled packets
 * with one flow and with many, and questions about connections. The smallest of
 * several rounds counts, because other work on the machine only adds.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/maps.h"
#include "baton/abi/flow_id.h"
#include "baton/proto.h"
#include "bench_host.h"
#include "create_case.h"
#include "tunnel.skel.h"

#define ROUNDS 100
#define RUNS 3000
#define MANY_FLOWS 1000000u
#define GENERATION 1

struct bench_stats bench_stats_of(int prog_fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof info;

	assert_int_equal(bpf_obj_get_info_by_fd(prog_fd, &info, &len), 0);
	return (struct bench_stats){ info.run_time_ns, info.run_cnt };
}

static void run(struct bench *b, const struct frame *f)
{
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = (uint32_t)f->len,
			    .data_out = b->out.b, .data_size_out = sizeof b->out.b, .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(b->prog_fd, &opts), 0);
	b->verdict = (int)opts.retval;
}

/* A place of the flow table that is not the next one. */
static uint32_t scattered(uint32_t i, uint32_t n)
{
	return (uint32_t)((uint64_t)i * 2654435761u % n);
}

static void flow_put(struct bench *b, const struct baton_tuple *t, uint32_t index)
{
	struct agent_flow_key key = { .index = index, .family = t->family };
	struct agent_flow f = { .sport = t->sport_be,
				.dport = t->dport_be,
				.generation = GENERATION,
				.proto = t->proto,
				.state = BATON_CONN_ESTABLISHED };
	bool v4 = t->family == BATON_IPV4;
	struct baton_addr a;

	assert_int_equal(baton_addr_parse(v4 ? DEVICE4 : DEVICE6, &a), 0);
	memcpy(key.device, a.b, 16);
	assert_int_equal(baton_addr_parse(v4 ? HOST4 : HOST6, &a), 0);
	memcpy(f.host, a.b, 16);
	memcpy(f.saddr, t->saddr, 16);
	memcpy(f.daddr, t->daddr, 16);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(b->skel->maps.flows), &key, &f, BPF_ANY), 0);
}

/* Frame number i of a case. */
typedef void (*frame_fn)(struct bench *b, struct frame *f, uint32_t i);

static void measure(struct bench *b, const char *what, frame_fn make, int verdict)
{
	double best = 1e9;
	struct frame f;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct bench_stats before = bench_stats_of(b->prog_fd), after;
		double ns;

		for (uint32_t i = 0; i < RUNS; i++) {
			make(b, &f, round * RUNS + i);
			run(b, &f);
			assert_int_equal(b->verdict, verdict);
		}
		after = bench_stats_of(b->prog_fd);
		ns = (double)(after.ns - before.ns) / (double)(after.runs - before.runs);
		best = ns < best ? ns : best;
	}
	printf("%-44s %8.0f ns\n", what, best);
}

static void tunneled(struct frame *f, uint8_t family, uint32_t index)
{
	bench_tunneled(f, baton_flow_id(GENERATION, index), family, IPPROTO_TCP,
		       &(struct frame_options){ .tcp_flags = 0x10 });
}

static void tunneled_ipv4(struct bench *b, struct frame *f, uint32_t i)
{
	tunneled(f, BATON_IPV4, 0);
}

static void tunneled_ipv6(struct bench *b, struct frame *f, uint32_t i)
{
	tunneled(f, BATON_IPV6, 0);
}

static void tunneled_many(struct bench *b, struct frame *f, uint32_t i)
{
	tunneled(f, BATON_IPV4, scattered(i, MANY_FLOWS));
}

/* Other programs' packets on the interface. */
static void foreign(struct bench *b, struct frame *f, uint32_t i)
{
	struct baton_tuple t = frame_tuple(IPPROTO_TCP, CLIENT4, 999, HOST4, 22);

	frame_build(f, &t, &(struct frame_options){ .tcp_flags = 0x10 });
}

/* Without a listener: authentication, look-up, answer; all but the kernel's own making of the socket. */
static void created(struct bench *b, struct frame *f, uint32_t i)
{
	struct baton_tuple t = create_client(BATON_IPV4);
	struct baton_shim_create c = create_body(&t);
	struct frame inner;

	frame_build(&inner, &t, &create_first);
	bench_shim(b, f, BATON_SHIM_CREATE, &c, BATON_IPV4, b->seq++, &inner);
}

static void flows_put(struct bench *b, uint8_t family, uint32_t n)
{
	struct baton_tuple t = create_client(family);

	for (uint32_t i = 0; i < n; i++)
		flow_put(b, &t, i);
}

/* Packets run through the program one by one. */
static int bench_packets(void)
{
	void *state = NULL;
	struct bench *b;
	int stats_fd;

	bench_max_flows = 2 * MANY_FLOWS;
	if (create_namespace(&state) || bench_open(&state))
		return -1;
	b = state;
	stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (stats_fd < 0)
		return -1;
	flows_put(b, BATON_IPV4, 1);
	flows_put(b, BATON_IPV6, 1);
	measure(b, "packet that is not a device's", foreign, TC_ACT_UNSPEC);
	measure(b, "tunneled packet, IPv4, 1 flow", tunneled_ipv4, TC_ACT_OK);
	measure(b, "tunneled packet, IPv6, 1 flow", tunneled_ipv6, TC_ACT_OK);
	flows_put(b, BATON_IPV4, MANY_FLOWS);
	measure(b, "tunneled packet, IPv4, 1,000,000 flows", tunneled_many, TC_ACT_OK);
	measure(b, "CREATE checked, looked up and answered", created, TC_ACT_REDIRECT);
	close(stats_fd);
	bench_close(&state);
	return 0;
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : "";

	if (argc > 2 || (*only && strcmp(only, "packets") != 0 && strcmp(only, "creates") != 0)) {
		fprintf(stderr, "usage: bench_host [packets | creates]\n");
		return 2;
	}
	if (strcmp(only, "creates") != 0 && bench_packets())
		return 1;
	return strcmp(only, "packets") != 0 && bench_creates() ? 1 : 0;
}
