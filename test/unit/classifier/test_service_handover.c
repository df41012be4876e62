/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loop around a classifier, and connections that it accepts: what a client
 * and a host say comes in as messages, what is said to them goes out as such.
 */
#include "service_world.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "migrate/segment.h"

#define N_ENDPOINTS 3
#define L2 14
#define CLIENT_ISN 5000u
#define PORT 1 /* that the client's packets come in by */
#define REQUEST "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define REQUEST_LEN ((uint32_t)sizeof REQUEST - 1)
#define MTU 1500
#define MS 1000000ull

static struct application app;
static struct cookie_keyring cookies = { .keys = { { 1, 2 } }, .n_keys = 1 };

/* A world whose VIP has an application, and whose hosts can be reached. */
static struct service_world *world_make(void)
{
	const struct handover_params accept = { .max_pending = 16, .max_large = 1, .max_held = 8 };
	struct service_world *w = service_world_new(IPPROTO_TCP, BATON_MODE_TUNNEL);
	struct view *v = view_new(1, N_ENDPOINTS, N_ENDPOINTS, 0), *was = w->view;
	uint16_t ids[N_ENDPOINTS];

	assert_non_null(v);
	v->generation = 1;
	v->vips[0] = was->vips[0];
	v->vips[0].endpoints = NULL; /* are the other view's */
	memcpy(v->ports, was->ports, sizeof v->ports);
	v->ports[PORT].mtu = MTU;
	for (uint16_t i = 0; i < N_ENDPOINTS; i++) {
		ids[i] = i;
		v->endpoints[i] = was->endpoints[i];
		v->endpoints[i].nexthop = i;
		v->nexthops[i] = (struct view_nexthop){ .port = PORT, .mtu = MTU };
	}
	assert_int_equal(view_vip_set_endpoints(v, 0, ids, N_ENDPOINTS), 0);
	app = (struct application){ .protocol = APPLICATION_HTTP,
				    .sack = true,
				    .timestamps = true,
				    .window_scaling = true,
				    .head_max = 16384,
				    .timeout_ms = 3000,
				    .attempts = 2 };
	v->vips[0].application = &app;
	v->cookies = &cookies;
	assert_int_equal(view_seal(v), 0);
	w->view = v;
	view_free(was);
	assert_int_equal(classifier_service_accept(&w->s, &accept, service_world_packets), 0);
	return w;
}

static void say(struct service_world *w, uint8_t flags, uint32_t seq, uint32_t ack, const void *data, uint32_t len,
		struct frame *ret)
{
	struct frame_spec spec = { .family = BATON_IPV4,
				   .proto = IPPROTO_TCP,
				   .dst = "192.0.2.1",
				   .dport = 80,
				   .sport = 4000,
				   .tcp_flags = flags,
				   .seq = seq,
				   .ack = ack,
				   .content = data,
				   .payload = len };

	frame_build(&spec, ret);
	service_world_miss(w, 0, PORT, ret, 0);
}

/* The oldest thing that the client is sent. */
static struct segment told_client(struct service_world *w)
{
	struct plumb_message *m = service_world_told(w, 0, PLUMB_SEND);
	const struct rte_mbuf *b = m->packet;
	struct packet_info info;
	struct segment s;

	assert_int_equal(m->route.port, PORT);
	packet_parse(rte_pktmbuf_mtod(b, const uint8_t *), rte_pktmbuf_data_len(b), &info);
	assert_int_equal(info.kind, PACKET_FLOW);
	assert_int_equal(info.end, rte_pktmbuf_data_len(b));
	assert_int_equal(ntohs(info.tuple.dport_be), 4000);
	assert_true(segment_read(rte_pktmbuf_mtod(b, const uint8_t *), &info, &s));
	s.data = NULL;
	service_world_forget(w, m);
	return s;
}

/* Handshake; returns the number we gave. */
static uint32_t shake(struct service_world *w)
{
	struct segment s;
	struct frame f;

	say(w, SYN, CLIENT_ISN, 0, NULL, 0, &f);
	s = told_client(w);
	assert_int_equal(s.flags, SYN | ACK);
	assert_int_equal(s.ack, CLIENT_ISN + 1);
	return s.seq;
}

/* What goes to a host; returns the endpoint. The frame is what should be inside. */
static uint16_t told_host(struct service_world *w, uint8_t type, uint32_t server_isn, const struct frame *inner)
{
	struct plumb_message *m = service_world_told(w, 0, PLUMB_SHIM);
	const uint8_t *at = rte_pktmbuf_mtod((struct rte_mbuf *)m->packet, const uint8_t *);
	uint32_t len = rte_pktmbuf_data_len((struct rte_mbuf *)m->packet);
	uint16_t endpoint = m->route.endpoint;
	struct baton_shim_create body;
	struct packet_info info;
	struct segment s;

	assert_int_equal(m->shim_type, type);
	assert_int_equal(m->l3_offset, L2);
	assert_int_equal(m->route.key.family, BATON_IPV4);
	assert_int_equal(at[12] << 8 | at[13], 0x0800);
	memcpy(&body, at + L2, sizeof body);
	assert_int_equal(ntohl(body.client_isn), CLIENT_ISN);
	assert_int_equal(ntohl(body.server_isn), server_isn);
	if (inner) {
		uint8_t whole[2048];

		/* the packet inside, with the link header in front again */
		memcpy(whole, at, L2);
		memcpy(whole + L2, at + L2 + sizeof body, len - L2 - sizeof body);
		packet_parse(whole, len - (uint32_t)sizeof body, &info);
		assert_memory_equal(&info.tuple, &inner->tuple, sizeof info.tuple);
		assert_true(segment_read(whole, &info, &s));
		assert_int_equal(s.seq, CLIENT_ISN + 1);
		assert_int_equal(s.len, REQUEST_LEN);
		assert_memory_equal(s.data, REQUEST, REQUEST_LEN);
	} else {
		assert_int_equal(len, L2 + sizeof body);
	}
	service_world_forget(w, m);
	return endpoint;
}

static void host_says(struct service_world *w, uint16_t endpoint, const struct frame *client, uint32_t server_isn,
		      uint8_t state, bool report)
{
	struct plumb_message *m = service_world_message(w, PLUMB_HOST, 0, &client->tuple);

	m->host = (struct plumb_host){ .key = client->tuple,
				       .client_isn = CLIENT_ISN,
				       .server_isn = server_isn,
				       .next_seq = CLIENT_ISN + 1 + REQUEST_LEN,
				       .state = state,
				       .reason = BATON_SHIM_REFUSAL_BACKLOG_FULL,
				       .report = report,
				       .routed = report };
	memcpy(m->host.from, w->view->endpoints[endpoint].addr, 16);
	assert_true(channel_to_classifier(&w->channel, 0, m));
	service_world_poll(w);
}

static void poll_at(struct service_world *w, uint64_t now_ns)
{
	while (classifier_service_poll(&w->s, w->view, now_ns, WALL + now_ns - NOW))
		;
}

/* Handshake and request; the request is on offer to the endpoint returned. */
static uint16_t offer(struct service_world *w, uint32_t *ret_isn, struct frame *ret)
{
	*ret_isn = shake(w);
	say(w, ACK, CLIENT_ISN + 1, *ret_isn + 1, REQUEST, REQUEST_LEN, ret);
	return told_host(w, BATON_SHIM_CREATE, *ret_isn, ret);
}

static void a_connection_is_accepted_offered_placed_and_ended(void **state)
{
	struct service_world *w = world_make();
	struct plumb_message *m;
	struct frame f, next;
	uint16_t endpoint;
	uint32_t isn;

	endpoint = offer(w, &isn, &f);
	assert_int_equal(handover_n_pending(w->s.handover), 1);
	assert_int_equal(classifier_n_connections(w->s.classifier), 0);
	/* what comes meanwhile waits, and follows the route */
	say(w, ACK, CLIENT_ISN + 1 + REQUEST_LEN, isn + 1, "more", 4, &next);
	assert_int_equal(rte_ring_count(w->channel.to_forwarder[0]), 0);
	host_says(w, endpoint, &f, isn, BATON_SHIM_CONN_OPEN, false);
	m = service_world_told(w, 0, PLUMB_ADD);
	assert_memory_equal(&m->route.key, &f.tuple, sizeof f.tuple);
	assert_int_equal(m->route.endpoint, endpoint);
	assert_int_equal(m->route.action, PLUMB_ACTION_TUNNEL);
	assert_int_equal(m->route.state, BATON_CONN_ESTABLISHED);
	assert_null(m->packet);
	service_world_forget(w, m);
	m = service_world_told(w, 0, PLUMB_PACKET);
	assert_int_equal(((struct rte_mbuf *)m->packet)->port, PORT);
	assert_memory_equal(rte_pktmbuf_mtod((struct rte_mbuf *)m->packet, void *), next.b, next.len);
	service_world_forget(w, m);
	assert_int_equal(handover_n_pending(w->s.handover), 0);
	assert_int_equal(classifier_endpoint_connections(w->s.classifier, endpoint), 1);

	host_says(w, endpoint, &f, 0, BATON_SHIM_CONN_ENDED, true);
	m = service_world_told(w, 0, PLUMB_DELETE);
	assert_memory_equal(&m->route.key, &f.tuple, sizeof f.tuple);
	service_world_forget(w, m);
	assert_int_equal(classifier_n_connections(w->s.classifier), 0);
	service_world_free(w);
}

static void a_lingering_connection_is_closed_on_the_forwarder(void **state)
{
	struct service_world *w = world_make();
	struct plumb_message *m;
	uint16_t endpoint;
	struct frame f;
	uint32_t isn;

	endpoint = offer(w, &isn, &f);
	host_says(w, endpoint, &f, isn, BATON_SHIM_CONN_OPEN, false);
	service_world_forget(w, service_world_told(w, 0, PLUMB_ADD));
	/* nothing waited: something that says nothing new tells the host the flow */
	m = service_world_told(w, 0, PLUMB_PACKET);
	assert_int_equal(((struct rte_mbuf *)m->packet)->port, PORT);
	service_world_forget(w, m);
	host_says(w, endpoint, &f, isn, BATON_SHIM_CONN_LINGERS, true);
	m = service_world_told(w, 0, PLUMB_SET_STATE);
	assert_int_equal(m->route.state, BATON_CONN_CLOSED);
	service_world_forget(w, m);
	assert_int_equal(classifier_n_connections(w->s.classifier), 1);
	service_world_free(w);
}

static void drain(struct service_world *w)
{
	void *m = NULL;

	while (rte_ring_dequeue(w->channel.to_forwarder[0], &m) == 0)
		service_world_forget(w, m);
}

static void time_that_passes_is_told(void **state)
{
	struct service_world *w = world_make();
	struct frame f;
	uint32_t isn;

	offer(w, &isn, &f);
	poll_at(w, NOW + 600000);
	told_host(w, BATON_SHIM_CREATE, isn, NULL); /* a question */
	poll_at(w, NOW + 5 * MS);
	while (rte_ring_count(w->channel.to_forwarder[0]))
		service_world_forget(w, service_world_told(w, 0, PLUMB_SHIM));
	for (unsigned ms = 10; ms < 20000 && handover_n_pending(w->s.handover); ms += 10) {
		poll_at(w, NOW + ms * MS);
		drain(w);
	}
	assert_int_equal(handover_n_pending(w->s.handover), 0);
	assert_int_equal(handover_counters_get(w->s.handover)->host_silent, 1);
	service_world_free(w);
}

static void a_host_without_a_link_address_is_passed_over(void **state)
{
	struct service_world *w = world_make();
	struct frame f;
	uint32_t isn;
	uint16_t endpoint;

	w->view->nexthops[0].mtu = w->view->nexthops[1].mtu = 0;
	app.attempts = N_ENDPOINTS;
	endpoint = offer(w, &isn, &f);
	assert_int_equal(endpoint, 2);
	assert_int_equal(handover_counters_get(w->s.handover)->creates_sent, 1);
	service_world_free(w);
}

static void a_refusal_leads_to_another_host(void **state)
{
	struct service_world *w = world_make();
	uint16_t first, second;
	struct frame f;
	uint32_t isn;

	first = offer(w, &isn, &f);
	host_says(w, first, &f, isn, BATON_SHIM_CONN_REFUSED, false);
	second = told_host(w, BATON_SHIM_CREATE, isn, &f);
	assert_int_not_equal(first, second);
	host_says(w, second, &f, isn, BATON_SHIM_CONN_REFUSED, false);
	assert_true(told_client(w).flags & RST);
	assert_int_equal(handover_counters_get(w->s.handover)->refusals[BATON_SHIM_REFUSAL_BACKLOG_FULL], 2);
	service_world_free(w);
}

static void what_no_handshake_fits_follows_the_policy(void **state)
{
	struct service_world *w = world_make();
	struct frame f;

	w->view->vips[0].unknown = BATON_UNKNOWN_RESET;
	say(w, ACK, CLIENT_ISN + 1, 12345, REQUEST, REQUEST_LEN, &f);
	assert_true(told_client(w).flags & RST);
	w->view->vips[0].unknown = BATON_UNKNOWN_DROP;
	say(w, ACK, CLIENT_ISN + 1, 12345, REQUEST, REQUEST_LEN, &f);
	assert_int_equal(classifier_counters_get(w->s.classifier)->unknown_dropped, 1);
	service_world_free(w);
}

static void what_is_dropped_gets_a_route_that_drops(void **state)
{
	struct service_world *w = world_make();
	struct plumb_message *m;
	struct frame f;
	uint32_t isn;

	app.otherwise = APPLICATION_OTHERWISE_DROP;
	isn = shake(w);
	say(w, ACK, CLIENT_ISN + 1, isn + 1, "\1\2\3\4 no HTTP\r\n\r\n", 15, &f);
	m = service_world_told(w, 0, PLUMB_ADD);
	assert_int_equal(m->route.action, PLUMB_ACTION_DROP);
	assert_int_equal(m->route.endpoint, VIEW_NONE);
	assert_null(m->packet);
	service_world_forget(w, m);
	/* which its next SYN takes away */
	say(w, SYN, CLIENT_ISN + 100000, 0, NULL, 0, &f);
	service_world_forget(w, service_world_told(w, 0, PLUMB_DELETE));
	assert_int_equal(told_client(w).flags, SYN | ACK);
	assert_int_equal(classifier_n_connections(w->s.classifier), 0);
	service_world_free(w);
}

/* A ring or a pool without room for the route: the client is told if it can be, and nothing stays behind. */
static void a_route_that_finds_no_way_ends_the_connection(void **state)
{
	struct service_world *w = world_make();
	struct rte_ring *ring = w->channel.to_forwarder[0];
	uint16_t endpoint;
	struct frame f;
	uint32_t isn;

	endpoint = offer(w, &isn, &f);
	while (rte_ring_free_count(ring))
		assert_int_equal(rte_ring_enqueue(ring, channel_message_get(&w->channel)), 0);
	host_says(w, endpoint, &f, isn, BATON_SHIM_CONN_OPEN, false);
	assert_int_equal(classifier_n_connections(w->s.classifier), 0);
	assert_int_equal(classifier_endpoint_connections(w->s.classifier, endpoint), 0);
	assert_int_equal(handover_counters_get(w->s.handover)->place_failed, 1);
	assert_int_equal(handover_n_pending(w->s.handover), 0);
	drain(w);
	service_world_free(w);
}

static void without_buffers_nothing_is_said_and_nothing_lost(void **state)
{
	static struct rte_mbuf *all[N_PACKETS];
	struct service_world *w = world_make();
	struct rte_mbuf *syn;
	struct plumb_message *m;
	unsigned n = 0;
	struct frame f;

	/* the SYN takes the last buffer */
	say(w, SYN, CLIENT_ISN, 0, NULL, 0, &f);
	told_client(w);
	m = service_world_message(w, PLUMB_MISS, 0, &f.tuple);
	syn = rte_pktmbuf_alloc(service_world_packets);
	memcpy(rte_pktmbuf_append(syn, (uint16_t)f.len), f.b, f.len);
	syn->port = PORT;
	m->packet = syn;
	m->route.port = PORT;
	m->tcp_flags = SYN;
	while ((all[n] = rte_pktmbuf_alloc(service_world_packets)) != NULL)
		n++;
	assert_true(channel_to_classifier(&w->channel, 0, m));
	service_world_poll(w);
	assert_int_equal(w->s.counters.buffers_exhausted, 1);
	assert_int_equal(rte_ring_count(w->channel.to_forwarder[0]), 0);
	while (n)
		rte_pktmbuf_free(all[--n]);
	service_world_free(w);
}

static void kept_packets_are_given_back_at_the_end(void **state)
{
	struct service_world *w = world_make();
	struct frame f;
	uint32_t isn;

	offer(w, &isn, &f);
	for (unsigned i = 0; i < 4; i++)
		say(w, ACK, CLIENT_ISN + 1 + REQUEST_LEN + 4 * i, isn + 1, "more", 4, &f);
	assert_int_equal(rte_mempool_avail_count(service_world_packets), N_PACKETS - 4);
	service_world_free(w); /* counts them */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_is_accepted_offered_placed_and_ended),
		cmocka_unit_test(a_lingering_connection_is_closed_on_the_forwarder),
		cmocka_unit_test(time_that_passes_is_told),
		cmocka_unit_test(a_host_without_a_link_address_is_passed_over),
		cmocka_unit_test(a_refusal_leads_to_another_host),
		cmocka_unit_test(what_no_handshake_fits_follows_the_policy),
		cmocka_unit_test(what_is_dropped_gets_a_route_that_drops),
		cmocka_unit_test(a_route_that_finds_no_way_ends_the_connection),
		cmocka_unit_test(without_buffers_nothing_is_said_and_nothing_lost),
		cmocka_unit_test(kept_packets_are_given_back_at_the_end),
	};

	return cmocka_run_group_tests(tests, service_world_setup, NULL);
}
