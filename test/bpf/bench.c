/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/counter.h"
#include "agent/maps.h"
#include "baton/abi/flow_id.h"
#include "tunnel.skel.h"

#define REPLY_INTERVAL_NS 3600000000000ull /* an hour: no token comes back during a test */

unsigned bench_max_flows = BENCH_FLOWS;
unsigned bench_max_connections = BENCH_CONNECTIONS;

static void set_add(struct bpf_map *map, const char *text, const void *value)
{
	struct agent_addr key;
	struct baton_addr a;

	assert_int_equal(baton_addr_parse(text, &a), 0);
	agent_addr_from(&key, &a);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), &key, value, BPF_NOEXIST), 0);
}

void bench_set_replies(struct bench *b, unsigned at_once)
{
	struct agent_settings s = {
		.n_keys = b->keys.n_keys,
		.shim_port = htons(BENCH_PORT),
		.reply_interval_ns = REPLY_INTERVAL_NS,
		.reply_burst_ns = (at_once - 1) * REPLY_INTERVAL_NS,
	};
	uint32_t zero = 0;

	for (unsigned i = 0; i < b->keys.n_keys; i++)
		s.keys[i] = (struct agent_key){ .k0 = b->keys.keys[i].sip.k0,
						.k1 = b->keys.keys[i].sip.k1,
						.id = b->keys.keys[i].id };
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(b->skel->maps.settings), &zero, &s, BPF_ANY), 0);
}

static void maps_fill(struct bench *b)
{
	const struct agent_device device = { 0 };
	const uint32_t one = 1, zero = 0;
	const uint64_t seq = 5000;

	bench_set_replies(b, BENCH_REPLIES);
	set_add(b->skel->maps.hosts, HOST4, &one);
	set_add(b->skel->maps.hosts, HOST4_B, &one);
	set_add(b->skel->maps.hosts, HOST6, &one);
	set_add(b->skel->maps.devices, DEVICE4, &device);
	set_add(b->skel->maps.devices, DEVICE6, &device);
	set_add(b->skel->maps.vips, VIP4, &one);
	set_add(b->skel->maps.vips, VIP6, &one);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(b->skel->maps.sequence), &zero, &seq, BPF_ANY), 0);
}

static int programs_load(struct bench *b, bool able)
{
	struct datapath d = { .skel = b->skel };

	if (datapath_choose(&d, able) || tunnel_bpf__load(b->skel))
		return -1;
	b->prog_fd = bpf_program__fd(d.creates ? b->skel->progs.tunnel_ingress_create : b->skel->progs.tunnel_ingress);
	return 0;
}

static int bench_make(void **state, bool able)
{
	struct bench *b = calloc(1, sizeof *b);

	*state = b;
	if (!b)
		return -1;
	b->keys = (struct shim_keyring){ .keys = { { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 }, 7 },
						   { { 0x1111111111111111, 0x2222222222222222 }, 9 } },
					 .n_keys = 2 };
	b->seq = 1000000;
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	b->skel = tunnel_bpf__open();
	if (!b->skel)
		return -1;
	bpf_map__set_max_entries(b->skel->maps.flows, bench_max_flows);
	bpf_map__set_max_entries(b->skel->maps.connections, bench_max_connections);
	if (programs_load(b, able))
		return -1;
	maps_fill(b);
	return 0;
}

int bench_open(void **state)
{
	return bench_make(state, true);
}

int bench_open_unable(void **state)
{
	return bench_make(state, false);
}

int bench_close(void **state)
{
	struct bench *b = *state;

	tunnel_bpf__destroy(b->skel);
	free(b);
	return 0;
}

void bench_run_ctx(struct bench *b, const struct frame *f, void *ctx, size_t ctx_len)
{
	uint64_t before[AGENT_N_COUNTERS];
	int fd = bpf_map__fd(b->skel->maps.counters);

	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = (uint32_t)f->len,
			    .data_out = b->out.b, .data_size_out = sizeof b->out.b, .ctx_in = ctx,
			    .ctx_size_in = (uint32_t)ctx_len, .repeat = 1);

	assert_int_equal(agent_counters_read(fd, before), 0);
	assert_int_equal(bpf_prog_test_run_opts(b->prog_fd, &opts), 0);
	assert_int_equal(agent_counters_read(fd, b->counters), 0);
	for (int i = 0; i < AGENT_N_COUNTERS; i++)
		b->counters[i] -= before[i];
	b->verdict = (int)opts.retval;
	b->out.len = opts.data_size_out;
}

void bench_run(struct bench *b, const struct frame *f)
{
	bench_run_ctx(b, f, NULL, 0);
}

void bench_counted(struct bench *b, const int *which)
{
	uint64_t expected[AGENT_N_COUNTERS] = { 0 };

	for (; *which >= 0; which++)
		expected[*which] = 1;
	for (int i = 0; i < AGENT_N_COUNTERS; i++)
		if (b->counters[i] != expected[i])
			fail_msg("%s counted %d times, not %d", agent_counter_name((enum agent_counter)i),
				 (int)b->counters[i], (int)expected[i]);
}

void bench_dropped(struct bench *b, enum agent_counter why)
{
	const int which[] = { (int)why, -1 };

	bench_counted(b, which);
	assert_int_equal(b->verdict, TC_ACT_SHOT);
}

unsigned bench_flows(struct bench *b)
{
	int fd = bpf_map__fd(b->skel->maps.flows);
	struct agent_flow_key key, next;
	unsigned n = 0;

	for (int err = bpf_map_get_next_key(fd, NULL, &next); !err; n++) {
		key = next;
		err = bpf_map_get_next_key(fd, &key, &next);
	}
	return n;
}

int bench_flow(struct bench *b, const char *device, uint32_t flow_id, struct agent_flow *ret)
{
	struct agent_flow_key key = { .index = baton_flow_index(flow_id) };
	struct baton_addr a;

	assert_int_equal(baton_addr_parse(device, &a), 0);
	memcpy(key.device, a.b, sizeof key.device);
	key.family = a.family;
	return bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.flows), &key, ret) ? -errno : 0;
}

void bench_shim(struct bench *b, struct frame *f, uint8_t type, const void *body, uint8_t family, uint64_t seq,
		const struct frame *inner)
{
	struct baton_tuple outer = family == BATON_IPV4
					   ? frame_tuple(IPPROTO_UDP, DEVICE4, BENCH_PORT, HOST4, BENCH_PORT)
					   : frame_tuple(IPPROTO_UDP, DEVICE6, BENCH_PORT, HOST6, BENCH_PORT);
	uint8_t payload[FRAME_MAX];
	int n = shim_encode(payload, sizeof payload, &b->keys, type, body, seq, outer.saddr, outer.daddr);
	size_t len;

	assert_true(n > 0);
	len = inner ? frame_append(payload, (size_t)n, inner) : (size_t)n;
	frame_build(f, &outer, &(struct frame_options){ .payload = payload, .payload_len = len });
}

void bench_introduce(struct bench *b, struct frame *f, uint32_t flow_id, const struct baton_tuple *t,
		     const struct frame *inner)
{
	struct baton_shim_flow body;

	shim_flow_from_tuple(&body, flow_id, t);
	bench_shim(b, f, BATON_SHIM_INTRODUCE, &body, t->family, b->seq++, inner);
}

void bench_tunneled(struct frame *f, uint32_t flow_id, uint8_t family, uint8_t proto, const struct frame_options *o)
{
	struct baton_tuple t =
		family == BATON_IPV4 ? frame_tuple(proto, DEVICE4, (uint16_t)(flow_id >> 16), HOST4, (uint16_t)flow_id)
				     : frame_tuple(proto, DEVICE6, (uint16_t)(flow_id >> 16), HOST6, (uint16_t)flow_id);

	frame_build(f, &t, o);
}
