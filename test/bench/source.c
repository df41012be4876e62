/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The net_null driver hands out empty buffers as fast as a core can take them;
 * a receive callback turns them into packets of flows chosen at random. The
 * flow's number is the client's address, so that writing a packet reads no table
 * of the benchmark's own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_ethdev.h>

#include "bench.h"
#include "forwarder/checksum.h"

#define LINK_LEN 14
#define RING 1024
#define QUEUES_APART 4 /* 160 bytes of the driver's */
#define FLOW_BITS 27
#define CLIENT4 (1u << FLOW_BITS)
#define UNKNOWN4 (2u << FLOW_BITS) /* connections without a route */

static const uint16_t imix_sizes[SOURCE_SIZES] = { 64, 594, 1518 };
static const uint8_t imix_order[12] = { 0, 1, 0, 1, 0, 0, 2, 0, 1, 0, 1, 0 };

void source_key(const struct bench_traffic *t, uint32_t n, struct baton_tuple *ret)
{
	static const uint8_t vip4[4] = { 198, 51, 100, 1 }, host4[4] = { 192, 0, 2, 100 };
	static const uint8_t vip6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	static const uint8_t host6[16] = { 0x20, 1, 0xd, 0xb8, [5] = 2, [15] = 100 };
	bool v4 = t->family == BATON_IPV4, back = t->mode >= BENCH_RETURN;
	uint8_t *client = back ? ret->daddr : ret->saddr, *server = back ? ret->saddr : ret->daddr;
	uint32_t n_be = htonl(v4 ? CLIENT4 | (n & ((1u << FLOW_BITS) - 1)) : n);
	uint16_t port_be = htons((uint16_t)(1024 + (n & 0x7fff))), server_port_be = htons(back ? 8080 : 443);

	*ret = (struct baton_tuple){ .family = t->family, .proto = t->proto };
	ret->sport_be = back ? server_port_be : port_be;
	ret->dport_be = back ? port_be : server_port_be;
	if (v4) {
		memcpy(client, &n_be, 4);
		memcpy(server, back ? host4 : vip4, 4);
	} else {
		memcpy(client, "\x20\x01", 2);
		memcpy(client + 12, &n_be, 4);
		memcpy(server, back ? host6 : vip6, 16);
	}
}

static void write16(uint8_t *p, uint32_t n)
{
	uint16_t be = htons((uint16_t)n);

	memcpy(p, &be, sizeof be);
}

static uint32_t load16(const uint8_t *p)
{
	uint16_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

/* Flow 0, with the right checksums for a payload of zeros. */
static void write_headers(const struct bench_traffic *t, uint8_t *frame, uint32_t l3_len)
{
	uint8_t *l3 = frame + LINK_LEN, *l4;
	struct baton_tuple key;
	uint32_t l4_len;

	source_key(t, 0, &key);
	memcpy(frame, "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
	if (t->family == BATON_IPV4) {
		memcpy(frame + 12, "\x08\x00\x45\0\0\0\0\1\x40\0\x40", 11);
		l3[9] = t->proto;
		write16(l3 + 2, l3_len);
		memcpy(l3 + 12, key.saddr, 4);
		memcpy(l3 + 16, key.daddr, 4);
		checksum_ipv4_write(l3);
		l4 = l3 + 20;
	} else {
		memcpy(frame + 12, "\x86\xdd\x60\0\0\0\0\0\0\x40", 10);
		l3[6] = t->proto;
		write16(l3 + 4, l3_len - 40);
		memcpy(l3 + 8, key.saddr, 16);
		memcpy(l3 + 24, key.daddr, 16);
		l4 = l3 + 40;
	}
	l4_len = (uint32_t)(l3 + l3_len - l4);
	memcpy(l4, &key.sport_be, 4);
	if (t->proto == IPPROTO_TCP)
		memcpy(l4 + 12, t->opening ? "\x50\x02\xff\xff" : "\x50\x10\xff\xff",
		       4); /* 20 bytes of header, SYN or ACK */
	else
		write16(l4 + 4, l4_len);
	checksum_transport_write(&key, l4, l4_len);
}

/* Headers with all that a packet needs but the flow's number; padding is zeros. */
static void make_template(const struct bench_source *s, uint16_t size, struct source_template *ret)
{
	uint8_t frame[1518] = { 0 };
	const struct bench_traffic *t = &s->traffic;
	uint32_t least = t->family == BATON_IPV4 ? 60 : t->proto == IPPROTO_TCP ? 74 : 62;
	uint32_t len = size - 4u < least ? least : size - 4u, addresses;

	/* the shortest frames carry no payload */
	write_headers(t, frame,
		      len > least               ? len - LINK_LEN
		      : t->family != BATON_IPV4 ? least - LINK_LEN
		      : t->proto == IPPROTO_TCP ? 40
						: 28);
	memcpy(ret->frame, frame, sizeof ret->frame);
	ret->frame_len = (uint16_t)len;
	addresses = (0xffff ^ load16(frame + s->at_addr)) + (0xffff ^ load16(frame + s->at_addr + 2));
	ret->sum_l3 = (0xffff ^ load16(frame + LINK_LEN + 10)) + addresses;
	ret->sum_l4 = (0xffff ^ load16(frame + s->at_sum)) + addresses + (0xffff ^ load16(frame + s->at_port));
}

static void make_templates(struct bench_source *s)
{
	const struct bench_traffic *t = &s->traffic;
	bool v4 = t->family == BATON_IPV4, back = t->mode >= BENCH_RETURN;
	uint8_t l4 = v4 ? LINK_LEN + 20 : LINK_LEN + 40;

	s->at_addr = (uint8_t)(v4 ? LINK_LEN + 12 + 4 * back : LINK_LEN + 20 + 16 * back);
	s->at_port = (uint8_t)(l4 + 2 * back);
	s->at_sum = (uint8_t)(l4 + (t->proto == IPPROTO_TCP ? 16 : 6));
	for (unsigned i = 0; i < SOURCE_SIZES; i++)
		make_template(s, t->size ? t->size : imix_sizes[i], &s->templates[i]);
}

/* The low 32 bits of the client's address and its port are all that differs between flows. */
static inline __attribute__((always_inline)) void
write_flow(const struct bench_source *s, const struct source_template *t, struct rte_mbuf *m, uint32_t client, bool six)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t addr = htonl(client), sum_addr = (addr & 0xffff) + (addr >> 16);
	uint16_t port = htons((uint16_t)(1024 + (client & 0x7fff))), sum;

	memcpy(frame, t->frame, six ? sizeof t->frame : 64);
	memcpy(frame + s->at_addr, &addr, 4);
	memcpy(frame + s->at_port, &port, 2);
	sum = (uint16_t)~checksum_fold(t->sum_l4 + sum_addr + port);
	memcpy(frame + s->at_sum, &sum, 2);
	if (!six) {
		sum = (uint16_t)~checksum_fold(t->sum_l3 + sum_addr);
		memcpy(frame + LINK_LEN + 10, &sum, 2);
	}
	m->data_len = t->frame_len;
	m->pkt_len = t->frame_len;
}

static inline uint32_t client_of(uint32_t n, bool six)
{
	return six ? n : CLIENT4 | (n & ((1u << FLOW_BITS) - 1));
}

void source_write(const struct bench_source *s, struct rte_mbuf *m, uint32_t n)
{
	bool six = s->traffic.family == BATON_IPV6;

	write_flow(s, &s->templates[0], m, client_of(n, six), six);
}

/*
 * Zipf's distribution with exponent 1 as the inverse of its integral, n to the
 * power of a random number, linear between steps.
 */
static void make_zipf(struct bench_source *s)
{
	for (unsigned i = 0; i <= SOURCE_ZIPF_STEPS; i++)
		s->zipf[i] = (uint32_t)pow(s->n_flows, (double)i / SOURCE_ZIPF_STEPS);
}

void source_set(struct bench_source *s, uint32_t first, uint32_t n_flows, enum source_mode mode)
{
	if (s->traffic.zipf && n_flows != s->n_flows) {
		s->n_flows = n_flows;
		make_zipf(s);
	}
	s->first = first;
	s->n_flows = n_flows;
	s->next = 0;
	s->until = n_flows;
	s->mode = (uint8_t)mode;
}

/* xorshift64* (Vigna 2014) */
static inline uint64_t next_random(struct bench_source *s)
{
	s->random ^= s->random >> 12;
	s->random ^= s->random << 25;
	s->random ^= s->random >> 27;
	return s->random * 0x2545f4914f6cdd1dull;
}

static inline uint32_t pick(const struct bench_source *s, uint64_t random)
{
	uint32_t n = (uint32_t)((random >> 32) * s->n_flows >> 32);

	if (s->traffic.zipf) {
		uint32_t step = (uint32_t)(random >> 32) >> 22, fraction = (uint32_t)(random >> 32) << 10;
		uint32_t low = s->zipf[step];

		n = low + (uint32_t)((uint64_t)(s->zipf[step + 1] - low) * fraction >> 32) - 1;
		if (n >= s->n_flows)
			n = 0; /* not there at the moment */
	}
	return s->first + n;
}

static uint16_t in_order(struct bench_source *s, struct rte_mbuf **packets, uint16_t n)
{
	uint16_t kept = (uint16_t)RTE_MIN((uint32_t)n, s->until - s->next);

	for (uint16_t i = 0; i < kept; i++)
		source_write(s, packets[i], s->first + s->next++);
	rte_pktmbuf_free_bulk(packets + kept, n - kept);
	return kept;
}

/* Of one size, and all known. */
static inline __attribute__((always_inline)) void usual(struct bench_source *s, struct rte_mbuf **packets, uint16_t n,
							bool six)
{
	for (uint16_t i = 0; i < n; i++)
		write_flow(s, &s->templates[0], packets[i], client_of(pick(s, next_random(s)), six), six);
}

static void mixed(struct bench_source *s, struct rte_mbuf **packets, uint16_t n)
{
	bool six = s->traffic.family == BATON_IPV6;
	uint64_t unknown_below = ((uint64_t)s->traffic.misses << 32) / 1000000;

	for (uint16_t i = 0; i < n; i++) {
		uint64_t random = next_random(s);
		unsigned size = s->traffic.size ? 0 : imix_order[s->n_sent++ % 12];
		uint32_t client = client_of(pick(s, random), six);
		/* no two of them alike for long */
		uint32_t unknown = (six ? 1u << 31 : UNKNOWN4) | (uint32_t)(s->n_unknown & ((1u << FLOW_BITS) - 1));
		uint32_t is_unknown = (uint32_t)random < unknown_below;

		/* without a branch, which would be guessed wrong at the source's expense */
		s->n_unknown += is_unknown;
		client ^= (client ^ unknown) & -is_unknown;
		write_flow(s, &s->templates[size], packets[i], client, six);
	}
}

uint16_t source_fill(struct bench_source *s, struct rte_mbuf **packets, uint16_t n)
{
	uint16_t kept = RTE_MIN(n, s->traffic.burst);

	if (s->mode == SOURCE_IN_ORDER)
		return in_order(s, packets, n);
	if (s->mode == SOURCE_SILENT)
		kept = 0;
	if (kept < n)
		rte_pktmbuf_free_bulk(packets + kept, n - kept);
	if (s->traffic.misses || s->traffic.flood || !s->traffic.size)
		mixed(s, packets, kept);
	else if (s->traffic.family == BATON_IPV4)
		usual(s, packets, kept, false);
	else
		usual(s, packets, kept, true);
	return kept;
}

static uint16_t on_receive(uint16_t port, uint16_t queue, struct rte_mbuf *packets[], uint16_t n, uint16_t max,
			   void *arg)
{
	return source_fill(arg, packets, n);
}

void source_init(struct bench_source *s, const struct bench_traffic *t, uint16_t lcore)
{
	void (*feed)(void *arg) = s->feed;
	void *feed_arg = s->feed_arg;

	*s = (struct bench_source){ .traffic = *t,
				    .lcore = lcore,
				    .mode = SOURCE_SILENT,
				    .random = 0x9e3779b97f4a7c15ull,
				    .feed = feed,
				    .feed_arg = feed_arg };
	make_templates(s);
}

static int start_queue(uint16_t queue, struct rte_mempool *pool)
{
	int err = rte_eth_rx_queue_setup(BENCH_PORT, queue, RING, SOCKET_ID_ANY, NULL, pool);

	return err ? err : rte_eth_tx_queue_setup(BENCH_PORT, queue, RING, SOCKET_ID_ANY, NULL);
}

static uint16_t first_queue = BENCH_QUEUE;
static struct rte_mempool *pools[BENCH_MAX_LCORES]; /* the first is not this file's */

uint16_t source_queue(unsigned lcore)
{
	return (uint16_t)(first_queue + QUEUES_APART * lcore);
}

struct rte_mempool *source_pool(unsigned lcore)
{
	return pools[lcore];
}

static int make_pools(uint16_t n, struct rte_mempool *pool)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	pools[0] = pool;
	for (uint16_t i = 1; i < n; i++) {
		snprintf(name, sizeof name, "packets%u", i);
		pools[i] = rte_pktmbuf_pool_create(name, BENCH_PACKETS, BENCH_PACKETS_CACHE, 0,
						   RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
		if (!pools[i])
			return -rte_errno;
	}
	return 0;
}

int source_start(struct bench_source sources[], uint16_t n, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = { 0 };
	uint16_t n_queues;
	int err;

	first_queue = n > 1 ? BENCH_QUEUE + QUEUES_APART : BENCH_QUEUE;
	n_queues = (uint16_t)(source_queue(n - 1) + 1);
	err = make_pools(n, pool);
	if (!err)
		err = rte_eth_dev_configure(BENCH_PORT, n_queues, n_queues, &conf);

	for (uint16_t queue = 0; queue < n_queues && !err; queue++)
		err = start_queue(queue,
				  pools[n > 1 && queue >= first_queue ? (queue - first_queue) / QUEUES_APART : 0]);
	for (uint16_t i = 0; i < n && !err; i++)
		if (!rte_eth_add_rx_callback(BENCH_PORT, source_queue(i), on_receive, &sources[i]))
			err = -rte_errno;
	return err ? err : rte_eth_dev_start(BENCH_PORT);
}

void source_stop(void)
{
	rte_eth_dev_stop(BENCH_PORT);
	rte_eth_dev_close(BENCH_PORT);
	for (unsigned i = 1; i < BENCH_MAX_LCORES; i++) {
		rte_mempool_free(pools[i]);
		pools[i] = NULL;
	}
}
