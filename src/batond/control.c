/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control thread: neighbourhood, allotments, exception ports, signals and
 * requests of batonctl. It looks at its rings once a millisecond, because the
 * packet path makes no system call to wake it.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "base/clock.h"
#include "base/log.h"
#include "batond/allotments.h"
#include "batond/batond.h"
#include "batond/hosts.h"
#include "forwarder/packet.h"

#define CONTROL_TURN_MS 1
#define CONTROL_BURST 64
#define CONTROL_EVENTS 8
#define CONTROL_RELEASE_NS CLOCK_NS_PER_S    /* between looks for ids that can be released */
#define CONTROL_VIEW_RETRY_NS CLOCK_NS_PER_S /* after one that could not be built */
#define CONTROL_ERRORS 32

int control_start(struct batond *b)
{
	struct epoll_event e = { .events = EPOLLIN };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	/* before any thread is made, so that none of them takes the signals */
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return -EINVAL;
	signal(SIGPIPE, SIG_IGN);
	b->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	b->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (b->epoll_fd < 0 || b->signal_fd < 0)
		return -errno;
	e.data.fd = b->signal_fd;
	if (epoll_ctl(b->epoll_fd, EPOLL_CTL_ADD, b->signal_fd, &e) < 0)
		return -errno;
	return 0;
}

void control_stop(struct batond *b)
{
	if (b->signal_fd >= 0)
		close(b->signal_fd);
	if (b->epoll_fd >= 0)
		close(b->epoll_fd);
	b->signal_fd = b->epoll_fd = -1;
}

void control_send(struct batond *b, uint16_t port_id, const void *frame, size_t len)
{
	struct plumb_message *m = channel_message_get(&b->channel);
	struct rte_mbuf *packet = m ? rte_pktmbuf_alloc(b->packets[0]) : NULL;
	char *room = packet && len <= UINT16_MAX ? rte_pktmbuf_append(packet, (uint16_t)len) : NULL;

	if (room) {
		memcpy(room, frame, len);
		m->type = PLUMB_SEND;
		m->packet = packet;
		m->route.port = port_id;
		if (channel_to_forwarder(&b->channel, m))
			return;
	} else {
		rte_pktmbuf_free(packet);
		if (m)
			channel_message_put(&b->channel, m);
	}
	b->counters.send_failed++;
}

static void control_packet(struct batond *b, struct rte_mbuf *m, uint64_t now_ns)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct packet_info info;

	packet_parse(frame, rte_pktmbuf_data_len(m), &info);
	if (info.kind == PACKET_ARP || info.kind == PACKET_ND) {
		b->counters.neighbour_packets++;
		neigh_input(b->neigh, m->port, frame, rte_pktmbuf_data_len(m), now_ns);
	}
	/* the kernel needs the answers to what it asked, too */
	kernel_ports_write(b, m);
}

static void control_packets(struct batond *b, uint64_t now_ns)
{
	void *packets[CONTROL_BURST];
	unsigned n = rte_ring_dequeue_burst(b->channel.local_packets, packets, CONTROL_BURST, NULL);

	for (unsigned i = 0; i < n; i++)
		control_packet(b, packets[i], now_ns);
}

static void control_signals(struct batond *b)
{
	struct signalfd_siginfo s;

	while (read(b->signal_fd, &s, sizeof s) == sizeof s) {
		struct config_error errors[CONTROL_ERRORS];
		unsigned n;

		if (s.ssi_signo == SIGHUP) {
			sd_notify(0, "RELOADING=1");
			reload_apply(b, errors, CONTROL_ERRORS, &n);
			sd_notify(0, "READY=1");
		} else {
			b->stopping = true;
		}
	}
}

static void control_events(struct batond *b)
{
	struct epoll_event events[CONTROL_EVENTS];
	int n = epoll_wait(b->epoll_fd, events, CONTROL_EVENTS, CONTROL_TURN_MS);

	pthread_mutex_lock(&b->lock);
	for (int i = 0; i < n; i++) {
		if (events[i].data.fd == b->signal_fd)
			control_signals(b);
		else if (events[i].data.fd == b->control_socket)
			control_socket_serve(b);
	}
	pthread_mutex_unlock(&b->lock);
}

static void control_turn(struct batond *b, uint64_t *next_release_ns, uint64_t *next_view_ns)
{
	uint64_t now_ns = clock_monotonic_ns();

	control_packets(b, now_ns);
	kernel_ports_read(b);
	neigh_poll(b->neigh, now_ns);
	hosts_poll(b, now_ns);
	if (now_ns >= *next_release_ns) {
		*next_release_ns = now_ns + CONTROL_RELEASE_NS;
		b->view_due |= publish_release(b, now_ns);
	}
	b->view_due |= traces_poll(b, now_ns);
	if (b->view_due && now_ns >= *next_view_ns) {
		b->view_due = publish_view(b, b->config, b->keys) < 0;
		if (b->view_due) {
			*next_view_ns = now_ns + CONTROL_VIEW_RETRY_NS;
			log_error("no memory for a new view, the old one stays in force; trying again");
		}
	}
	allotments_poll(b, now_ns);
}

void control_run(struct batond *b)
{
	uint64_t next_release_ns = 0, next_view_ns = 0;

	while (!b->stopping) {
		control_events(b);
		pthread_mutex_lock(&b->lock);
		control_turn(b, &next_release_ns, &next_view_ns);
		pthread_mutex_unlock(&b->lock);
	}
}
