/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include <rte_alarm.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "forwarder/packet.h"
#include "plumb/channel.h"

#define PEER 1 /* port of generator and sink */
#define POOL_SIZE 4095
#define RING 1024       /* packets of a port's queue, if it can have so many */
#define UNDER_WAY 256   /* packets between generator and sink */
#define VERIFY_EVERY 64 /* packets that come back */
#define LOST_AFTER_MS 500
#define LINK_WAIT_MS 5000
#define SETTLE_MS 20

/* One writer of each member: the generator's core while it runs, else the device's. */
struct ports {
	struct bench_source *source;
	struct rte_mempool *pool;     /* of the generator's port: some drivers want one for each */
	struct bench_passage passage; /* since ports_begin() */
	uint64_t unknown_before;      /* of the source's, at ports_begin() */
	uint64_t last_tsc;            /* when something came back */
	uint16_t n_waiting;           /* made, but the port took them not yet */
	struct rte_mbuf *waiting[BENCH_BURST];
	_Atomic uint64_t n_done; /* back or lost, for the device's core */
	atomic_bool stop;
};

static struct turns turns;

static uint64_t under_way(const struct ports *p)
{
	uint64_t gone = p->passage.back + p->passage.lost + p->source->n_unknown - p->unknown_before;

	return p->passage.sent > gone ? p->passage.sent - gone : 0;
}

/*
 * The checksums are for a payload of zeros; in buffers that have been elsewhere
 * there may be another. Rings leave the port as it is, which other drivers set
 * on receiving, and the forwarder looks at it.
 */
static void prepare(struct rte_mbuf **packets, uint16_t n)
{
	const uint16_t made = sizeof(((struct source_template *)NULL)->frame);

	for (uint16_t i = 0; i < n; i++) {
		packets[i]->port = BENCH_PORT;
		if (rte_pktmbuf_data_len(packets[i]) > made)
			memset(rte_pktmbuf_mtod_offset(packets[i], uint8_t *, made), 0,
			       rte_pktmbuf_data_len(packets[i]) - made);
	}
}

static void generate(struct ports *p)
{
	uint16_t sent;

	if (!p->n_waiting && under_way(p) <= UNDER_WAY - BENCH_BURST) {
		if (rte_pktmbuf_alloc_bulk(p->pool, p->waiting, BENCH_BURST) < 0)
			return;
		p->n_waiting = source_fill(p->source, p->waiting, BENCH_BURST);
		prepare(p->waiting, p->n_waiting);
	}
	if (!p->n_waiting)
		return;
	sent = rte_eth_tx_burst(PEER, 0, p->waiting, p->n_waiting);
	p->passage.sent += sent;
	p->n_waiting = (uint16_t)(p->n_waiting - sent);
	memmove(p->waiting, p->waiting + sent, p->n_waiting * sizeof *p->waiting);
}

/* Pseudo header and message add up to all ones. */
static bool sums_up(uint32_t pseudo, const uint8_t *l4, size_t len)
{
	uint32_t sum = pseudo + rte_raw_cksum(l4, len);

	return ((sum & 0xffff) + (sum >> 16)) % 0xffff == 0;
}

/* Both checksums as DPDK's own functions count them, not the project's. */
static bool verified(const struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct rte_ipv4_hdr *ip4 = (const struct rte_ipv4_hdr *)(frame + 14);
	const struct rte_ipv6_hdr *ip6 = (const struct rte_ipv6_hdr *)(frame + 14);
	struct packet_info info;

	packet_parse(frame, rte_pktmbuf_data_len(m), &info);
	if (info.kind != PACKET_FLOW)
		return false;
	if (info.tuple.family == BATON_IPV6)
		return sums_up(rte_ipv6_phdr_cksum(ip6, 0), frame + 54, rte_be_to_cpu_16(ip6->payload_len));
	return sums_up(0, frame + 14, sizeof *ip4) &&
	       sums_up(rte_ipv4_phdr_cksum(ip4, 0), frame + 34, rte_be_to_cpu_16(ip4->total_length) - sizeof *ip4);
}

/* The device's next hops are the only ones with such addresses. */
static bool is_ours(const struct rte_mbuf *m)
{
	return rte_pktmbuf_data_len(m) >= 60 && !memcmp(rte_pktmbuf_mtod(m, uint8_t *), "\2\0\0\0\1", 5);
}

static void collect(struct ports *p)
{
	struct rte_mbuf *packets[BENCH_BURST];
	uint16_t n = rte_eth_rx_burst(PEER, 0, packets, BENCH_BURST);

	if (n)
		p->last_tsc = rte_rdtsc();
	else if (under_way(p) && rte_rdtsc() - p->last_tsc > rte_get_tsc_hz() / 1000 * LOST_AFTER_MS)
		p->passage.lost += under_way(p);
	for (uint16_t i = 0; i < n; i++) {
		if (!is_ours(packets[i])) {
			p->passage.foreign++;
			continue;
		}
		if (p->passage.back++ % VERIFY_EVERY == 0) {
			p->passage.verified++;
			p->passage.wrong += !verified(packets[i]);
		}
	}
	rte_pktmbuf_free_bulk(packets, n);
	atomic_store_explicit(&p->n_done, p->passage.back + p->passage.lost, memory_order_relaxed);
}

static void feed(void *arg)
{
	generate(arg);
	collect(arg);
}

static int run_generator(void *arg)
{
	struct ports *p = arg;

	while (!atomic_load_explicit(&p->stop, memory_order_relaxed))
		feed(p);
	return 0;
}

static int start_port(uint16_t port, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = { 0 };
	uint16_t n_rx = RING, n_tx = RING;
	int err = rte_eth_dev_configure(port, 1, 1, &conf);

	if (!err)
		err = rte_eth_dev_adjust_nb_rx_tx_desc(port, &n_rx, &n_tx);
	if (!err)
		err = rte_eth_rx_queue_setup(port, 0, n_rx, SOCKET_ID_ANY, NULL, pool);
	if (!err)
		err = rte_eth_tx_queue_setup(port, 0, n_tx, SOCKET_ID_ANY, NULL);
	if (!err)
		err = rte_eth_dev_start(port);
	if (!err)
		rte_eth_promiscuous_enable(port); /* not every driver knows it, nor needs it */
	return err;
}

static bool has_link(uint16_t port)
{
	struct rte_eth_link link = { 0 };

	return rte_eth_link_get_nowait(port, &link) == 0 && link.link_status;
}

/* Some ports are joined a while after they were started; memif's client tries again when it is asked for its link. */
static int wait_for_links(void)
{
	bool up[2] = { false };

	for (unsigned ms = 0; ms < LINK_WAIT_MS && !machine_interrupted(); ms += 10) {
		for (uint16_t port = 0; port < 2; port++)
			up[port] = has_link(port);
		if (up[0] && up[1])
			return 0;
		rte_delay_us_sleep(10000);
	}
	fprintf(stderr, "baton-bench: port %u has no link\n", up[0]);
	return -ENOLINK;
}

/* What one sends the other receives. */
static int join_by_rings(void)
{
	struct rte_ring *in = rte_ring_create("bench_in", RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ),
			*out = rte_ring_create("bench_out", RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);

	if (!in || !out)
		return -ENOMEM;
	if (rte_eth_from_rings("device", &in, 1, &out, 1, 0) != BENCH_PORT ||
	    rte_eth_from_rings("generator", &out, 1, &in, 1, 0) != PEER)
		return -ENODEV;
	return 0;
}

static int start_ports(const struct bench_options *o, struct rte_mempool *const pools[2])
{
	int err = o->rings ? join_by_rings() : 0;

	if (!err && rte_eth_dev_count_avail() != 2) {
		fprintf(stderr, "baton-bench: there are %u ports instead of two\n", rte_eth_dev_count_avail());
		return -ENODEV;
	}
	for (uint16_t port = 0; port < 2 && !err; port++)
		err = start_port(port, pools[port]);
	if (err)
		fprintf(stderr, "baton-bench: the ports do not start: %s\n", strerror(-err));
	return err ? err : wait_for_links();
}

static void on_alarm(void *arg)
{
	atomic_store((atomic_bool *)arg, true);
}

/*
 * What has happened to a port is news to the other's driver, which hears it on DPDK's thread for interrupts. An alarm
 * runs there too, so that thread is done with what came before it. Without the wait memif's peer is freed under its
 * driver's hands.
 */
static void settle_interrupts(void)
{
	static atomic_bool done;

	atomic_store(&done, false);
	if (rte_eal_alarm_set(SETTLE_MS * 1000, on_alarm, &done) < 0)
		return;
	for (unsigned ms = 0; ms < LINK_WAIT_MS && !atomic_load(&done); ms++)
		rte_delay_us_sleep(1000);
	rte_eal_alarm_cancel(on_alarm, &done);
	rte_delay_us_sleep(SETTLE_MS * 1000); /* and for the way back out of the alarm */
}

static void stop_ports(void)
{
	int (*const steps[])(uint16_t port) = { rte_eth_dev_stop, rte_eth_dev_close };

	for (unsigned step = 0; step < 2; step++) {
		for (uint16_t port = 0; port < 2; port++) {
			if (!rte_eth_dev_is_valid_port(port))
				continue;
			steps[step](port);
			settle_interrupts();
		}
	}
}

/* The device alone: its turns that found work, while packets come from the other core or between its turns. */
static void forward(const struct bench_options *o, struct ports *p, struct bench_device *d, struct bench_row *row)
{
	bool apart = rte_lcore_count() > 1;
	uint64_t cycles = 0, n = 0, start = rte_rdtsc(), began;

	turns_clear(&turns);
	while (atomic_load_explicit(&p->n_done, memory_order_relaxed) < o->packets && !machine_interrupted()) {
		unsigned work;

		if (!apart)
			feed(p);
		began = rte_rdtsc();
		work = device_turn(d);
		began = rte_rdtsc() - began;
		if (!work)
			continue;
		cycles += began;
		n += work;
		turns_add(&turns, began);
	}
	row->passage.mpps = (double)n * (double)rte_get_tsc_hz() / (double)(rte_rdtsc() - start) / 1e6;
	report_sample(row, (double)cycles / (double)RTE_MAX(n, 1u));
}

/* Take in what is still under way. */
static void drain(struct ports *p, struct bench_device *d)
{
	p->source->mode = SOURCE_SILENT;
	p->last_tsc = rte_rdtsc();
	while ((p->n_waiting || under_way(p)) && !machine_interrupted()) {
		feed(p);
		device_turn(d);
	}
}

static int check(const struct bench_options *o, const struct ports *p, struct bench_device *d)
{
	const struct bench_passage *g = &p->passage;
	int err = device_check(d);

	if (!err && !g->wrong && g->verified && (double)g->lost * 1e6 <= (double)g->sent * o->loss)
		return 0;
	fprintf(stderr,
		"baton-bench: the run does not count: %llu packets sent, %llu back, %llu lost, %llu wrong of %llu "
		"verified\n",
		(unsigned long long)g->sent, (unsigned long long)g->back, (unsigned long long)g->lost,
		(unsigned long long)g->wrong, (unsigned long long)g->verified);
	return err ? err : -EPROTO;
}

static void add_passage(struct bench_passage *sum, const struct bench_passage *p)
{
	sum->sent += p->sent;
	sum->back += p->back;
	sum->lost += p->lost;
	sum->foreign += p->foreign;
	sum->wrong += p->wrong;
	sum->verified += p->verified;
}

static void begin(struct ports *p)
{
	p->passage = (struct bench_passage){ 0 };
	p->unknown_before = p->source->n_unknown;
	p->last_tsc = rte_rdtsc();
	atomic_store(&p->n_done, 0);
	atomic_store(&p->stop, false);
}

static int measure(const struct bench_options *o, struct ports *p, struct bench_device *d, struct bench_row *row)
{
	unsigned other = rte_get_next_lcore(-1, true, false);
	int err;

	device_select(d);
	begin(p);
	if (other < RTE_MAX_LCORE)
		rte_eal_remote_launch(run_generator, p, other);
	forward(o, p, d, row);
	atomic_store(&p->stop, true);
	if (other < RTE_MAX_LCORE)
		while (rte_eal_get_lcore_state(other) == RUNNING)
			device_turn(d);
	rte_eal_mp_wait_lcore();
	drain(p, d);
	if (machine_interrupted())
		return -EINTR;
	err = check(o, p, d);
	turns_summarise(&turns, &row->turns);
	add_passage(&row->passage, &p->passage);
	device_counted(d, &row->counted);
	return err;
}

/* A table for each number of flows, one after the other: they cannot share the ports' packets. */
static int run_flows(const struct bench_options *o, struct ports *p, struct rte_mempool *pool, struct channel *c,
		     struct bench_report *r, uint32_t n_flows)
{
	struct bench_row *row = rows_device(o, r, n_flows);
	struct bench_device *d = NULL;
	int err;

	begin(p);
	err = device_new(
		&(struct device_params){
			.n_flows = n_flows, .source = p->source, .pool = pool, .channel = c, .plumbed = true },
		&d);
	if (err)
		return err;
	drain(p, d);
	for (unsigned i = 0; i < o->repetitions && !err && !machine_interrupted(); i++)
		err = measure(o, p, d, row);
	device_free(d);
	return err;
}

int ports_run(const struct bench_options *o, struct bench_source *s, struct rte_mempool *pool, struct bench_report *r)
{
	static struct ports p;
	struct channel channel;
	int err = device_channel_init(&channel, 1);

	if (err)
		return err;
	p.source = s;
	p.pool = rte_pktmbuf_pool_create("generator", POOL_SIZE, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	s->feed = feed;
	s->feed_arg = &p;
	err = p.pool ? start_ports(o, (struct rte_mempool *[]){ pool, p.pool }) : -ENOMEM;
	for (unsigned i = 0; i < o->n_flows && !err; i++)
		err = run_flows(o, &p, pool, &channel, r, o->flows[i]);
	s->feed = NULL;
	rte_pktmbuf_free_bulk(p.waiting, p.n_waiting);
	stop_ports();
	rte_mempool_free(p.pool);
	channel_fini(&channel);
	return err;
}
