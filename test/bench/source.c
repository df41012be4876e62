/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The net_null driver hands out empty buffers as fast as a core can take them;
 * a receive callback turns them into packets of flows chosen at random. The
 * flow's number is the source address, so that writing a packet reads no table
 * of the benchmark's own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_ethdev.h>

#include "bench.h"
#include "forwarder/checksum.h"

#define LINK_LEN 14
#define FRAME4_LEN 60 /* 64 bytes on the wire */
#define FRAME6_LEN 74 /* the shortest TCP over IPv6 */
#define RING 1024

void source_key(uint8_t family, uint32_t n, struct baton_tuple *ret)
{
	static const uint8_t client4[4] = { 10 }, vip4[4] = { 198, 51, 100, 1 };
	static const uint8_t client6[2] = { 0x20, 1 }, vip6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	uint32_t n_be = htonl(n);

	*ret = (struct baton_tuple){ .family = family, .proto = IPPROTO_TCP };
	ret->sport_be = htons(1024 + (n & 0x7fff));
	ret->dport_be = htons(443);
	if (family == BATON_IPV4) {
		memcpy(ret->saddr, &n_be, 4);
		ret->saddr[0] = client4[0];
		memcpy(ret->daddr, vip4, 4);
	} else {
		memcpy(ret->saddr, client6, 2);
		memcpy(ret->saddr + 12, &n_be, 4);
		memcpy(ret->daddr, vip6, 16);
	}
}

/* Flow 0, with the right checksums. */
static void write_template(struct bench_source *s)
{
	struct baton_tuple key;
	uint8_t *l3 = s->frame + LINK_LEN, *l4;

	source_key(s->family, 0, &key);
	memset(s->frame, 0, sizeof s->frame);
	memcpy(s->frame, "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
	if (s->family == BATON_IPV4) {
		memcpy(s->frame + 12, "\x08\x00\x45\0\0\x28\0\1\x40\0\x40\6", 12);
		memcpy(l3 + 12, key.saddr, 4);
		memcpy(l3 + 16, key.daddr, 4);
		checksum_ipv4_write(l3);
		l4 = l3 + 20;
	} else {
		memcpy(s->frame + 12, "\x86\xdd\x60\0\0\0\0\x14\6\x40", 10);
		memcpy(l3 + 8, key.saddr, 16);
		memcpy(l3 + 24, key.daddr, 16);
		l4 = l3 + 40;
	}
	memcpy(l4, &key.sport_be, 4);
	memcpy(l4 + 12, "\x50\x10\xff\xff", 4); /* 20 bytes of header, ACK */
	checksum_transport_write(&key, l4, 20);
	s->frame_len = s->family == BATON_IPV4 ? FRAME4_LEN : FRAME6_LEN;
}

static uint32_t load16(const uint8_t *p)
{
	uint16_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

/* Sums of the template's checksums with source address and port taken out. */
static void prepare_sums(struct bench_source *s)
{
	const uint8_t *l3 = s->frame + LINK_LEN, *addr = s->family == BATON_IPV4 ? l3 + 12 : l3 + 20;
	const uint8_t *l4 = s->family == BATON_IPV4 ? l3 + 20 : l3 + 40;
	uint32_t low = (0xffff ^ load16(addr)) + (0xffff ^ load16(addr + 2));

	s->sum_l3 = (0xffff ^ load16(l3 + 10)) + low;
	s->sum_l4 = (0xffff ^ load16(l4 + 16)) + low + (0xffff ^ load16(l4));
}

void source_set(struct bench_source *s, uint8_t family, uint32_t n_flows, enum source_mode mode)
{
	if (s->family != family) {
		s->family = family;
		write_template(s);
		prepare_sums(s);
	}
	s->n_flows = n_flows;
	s->next = 0;
	s->mode = (uint8_t)mode;
}

/* The low 32 bits of the source address and the source port are all that differs between flows. */
static inline __attribute__((always_inline)) void write_flow(const struct bench_source *s, uint8_t *frame, uint32_t n,
							     bool six)
{
	uint32_t addr = htonl(six ? n : 10u << 24 | n), sum_addr = (addr & 0xffff) + (addr >> 16);
	uint16_t port = htons((uint16_t)(1024 + (n & 0x7fff))), sum;
	unsigned l4 = six ? 54 : 34;

	memcpy(frame, s->frame, six ? sizeof s->frame : 64);
	memcpy(frame + (six ? 34 : 26), &addr, 4);
	memcpy(frame + l4, &port, 2);
	sum = (uint16_t)~checksum_fold(s->sum_l4 + sum_addr + port);
	memcpy(frame + l4 + 16, &sum, 2);
	if (!six) {
		sum = (uint16_t)~checksum_fold(s->sum_l3 + sum_addr);
		memcpy(frame + 24, &sum, 2);
	}
}

/* xorshift64* (Vigna 2014) */
static inline uint32_t next_random(struct bench_source *s)
{
	s->random ^= s->random >> 12;
	s->random ^= s->random << 25;
	s->random ^= s->random >> 27;
	return (uint32_t)((s->random * 0x2545f4914f6cdd1dull >> 32) * s->n_flows >> 32);
}

static uint16_t in_order(struct bench_source *s, struct rte_mbuf **packets, uint16_t n)
{
	uint16_t kept = (uint16_t)RTE_MIN((uint32_t)n, s->n_flows - s->next);

	for (uint16_t i = 0; i < kept; i++) {
		write_flow(s, rte_pktmbuf_mtod(packets[i], uint8_t *), s->next++, s->family == BATON_IPV6);
		packets[i]->data_len = s->frame_len;
		packets[i]->pkt_len = s->frame_len;
	}
	rte_pktmbuf_free_bulk(packets + kept, n - kept);
	return kept;
}

static uint16_t on_receive(uint16_t port, uint16_t queue, struct rte_mbuf *packets[], uint16_t n, uint16_t max,
			   void *arg)
{
	struct bench_source *s = arg;

	if (s->mode == SOURCE_IN_ORDER)
		return in_order(s, packets, n);
	if (s->mode == SOURCE_SILENT) {
		rte_pktmbuf_free_bulk(packets, n);
		return 0;
	}
	for (uint16_t i = 0; i < n; i++) {
		uint8_t *frame = rte_pktmbuf_mtod(packets[i], uint8_t *);

		if (s->family == BATON_IPV4)
			write_flow(s, frame, next_random(s), false);
		else
			write_flow(s, frame, next_random(s), true);
		packets[i]->data_len = s->frame_len;
		packets[i]->pkt_len = s->frame_len;
	}
	return n;
}

int source_start(struct bench_source *s, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = { 0 };
	int err;

	*s = (struct bench_source){ .mode = SOURCE_SILENT, .random = 0x9e3779b97f4a7c15ull };
	source_set(s, BATON_IPV4, 1, SOURCE_SILENT);
	err = rte_eth_dev_configure(BENCH_PORT, 1, 1, &conf);
	if (!err)
		err = rte_eth_rx_queue_setup(BENCH_PORT, 0, RING, SOCKET_ID_ANY, NULL, pool);
	if (!err)
		err = rte_eth_tx_queue_setup(BENCH_PORT, 0, RING, SOCKET_ID_ANY, NULL);
	if (!err && !rte_eth_add_rx_callback(BENCH_PORT, 0, on_receive, s))
		err = -rte_errno;
	return err ? err : rte_eth_dev_start(BENCH_PORT);
}

void source_stop(void)
{
	rte_eth_dev_stop(BENCH_PORT);
	rte_eth_dev_close(BENCH_PORT);
}
