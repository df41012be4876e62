/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames, shim datagrams and the classifier's answers for a forwarder lcore.
 * Each step: kind, argument, length (2 bytes), then that many bytes. What the
 * lcore sends must have a right IPv4 header, and at the end every packet and
 * message must be back in its pool.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mempool.h>
#include <rte_ring.h>

#include "lcore.h"

#define N_ROUTES 16
#define NO_ANSWER 4

enum { STEP_FRAME, STEP_FRAME_HOST_SIDE, STEP_SHIM, STEP_ANSWER, N_STEPS };

static struct lcore *l;
static uint8_t answer; /* to misses: enum plumb_action, or NO_ANSWER */

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	void *state = NULL;

	if (lcore_group_setup(NULL) < 0 || lcore_setup(&state) < 0)
		abort();
	l = state;
	return 0;
}

static void expect(bool what)
{
	if (!what)
		abort();
}

static void check_sent(uint16_t port)
{
	void *p;

	while (rte_ring_dequeue(l->tx[port], &p) == 0) {
		const uint8_t *b = stage_bytes(p);
		struct packet_info info;

		packet_parse(b, rte_pktmbuf_data_len((struct rte_mbuf *)p), &info);
		expect(info.kind != PACKET_BAD || info.bad == PACKET_BAD_PORT_ZERO);
		expect(rte_pktmbuf_data_len((struct rte_mbuf *)p) >= info.end);
		rte_pktmbuf_free(p);
	}
}

static void answer_miss(struct plumb_message *m)
{
	bool v4 = m->route.key.family == BATON_IPV4;

	if (m->type != PLUMB_MISS || answer == NO_ANSWER) {
		channel_message_put(&l->channel, m);
		return;
	}
	/* an endpoint of the packet's family, and the way back to who sent it */
	m->vip = VIP_TCP4;
	m->route.nat = m->route.key;
	memset(m->route.nat.saddr, 9, v4 ? 4 : 16);
	m->route.nat.dport_be = htons(8080);
	m->route.nexthop = answer == PLUMB_ACTION_RETURN ? HOP_CLIENT : VIEW_NONE;
	lcore_answer(l, m, answer, answer == PLUMB_ACTION_DROP ? VIEW_NONE : v4 ? EP_TCP4 : EP_TCP6);
}

static void turn(void)
{
	void *p;

	do {
		lcore_poll(l);
		check_sent(0);
		check_sent(1);
		while (rte_ring_dequeue(l->channel.local_packets, &p) == 0)
			rte_pktmbuf_free(p);
		while (rte_ring_dequeue(l->channel.to_forwarder[1], &p) == 0)
			channel_message_put(&l->channel, p);
		while (rte_ring_dequeue(l->channel.to_classifier[0], &p) == 0)
			answer_miss(p);
	} while (rte_ring_count(l->channel.to_forwarder[0]));
}

static void step_shim(uint8_t arg, const uint8_t *body, size_t len)
{
	uint8_t whole[64] = { 0 };
	bool v6 = arg & 4;
	struct frame f;

	memcpy(whole, body, len < sizeof whole ? len : sizeof whole);
	lcore_shim(l, v6 ? HOST6 : HOST4, v6 ? F6 : F4, (uint8_t)(1 + arg % 3), whole, arg & 8 ? 1 : 0, &f);
	lcore_inject(l, 1, &f);
	turn();
}

static void step(uint8_t kind, uint8_t arg, const uint8_t *data, size_t len)
{
	struct frame f = { .len = (uint32_t)len };

	switch (kind % N_STEPS) {
	case STEP_FRAME:
	case STEP_FRAME_HOST_SIDE:
		if (len <= sizeof f.b) {
			memcpy(f.b, data, len);
			lcore_inject(l, kind % N_STEPS, &f);
		}
		if (arg & 1)
			turn();
		break;
	case STEP_SHIM:
		step_shim(arg, data, len);
		break;
	case STEP_ANSWER:
		answer = arg % (NO_ANSWER + 1);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned steps = 0;

	lcore_resize(l, N_ROUTES);
	l->peer_seq = 5000;
	l->view->any_half_nat = true;
	l->view->ports[1].exception = 1;
	answer = PLUMB_ACTION_TUNNEL;
	while (size >= 4 && steps++ < 64) {
		size_t len = (size_t)data[2] << 8 | data[3];

		if (len > size - 4)
			len = size - 4;
		step(data[0], data[1], data + 4, len);
		data += 4 + len;
		size -= 4 + len;
	}
	turn();
	expect(rte_mempool_avail_count(l->packets) == l->n_packets);
	expect(rte_mempool_avail_count(l->channel.messages) == l->n_messages);
	forwarder_worker_free(l->w); /* not left to the next input: there may be none */
	l->w = NULL;
	return 0;
}
