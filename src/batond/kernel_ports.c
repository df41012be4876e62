/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the forwarders' rings and the kernel's exception ports. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "base/log.h"
#include "batond/batond.h"
#include "batond/exception.h"

#define KERNEL_PORTS_FRAME_MAX 9100
#define KERNEL_PORTS_BURST 64 /* frames from one kernel port in a turn, so that nothing else waits long */

static int kernel_ports_open_one(struct batond *b, struct batond_port *p)
{
	struct exception_params e = {
		.name = p->config->exception,
		.mtu = (uint16_t)p->config->mtu,
		.addrs = p->config->addrs,
		.n_addrs = p->config->n_addrs,
	};
	struct epoll_event event = { .events = EPOLLIN };
	const char *step = "";
	int err;

	memcpy(e.mac, p->mac, sizeof e.mac);
	err = exception_open(&e, &p->exception, &step);
	if (err < 0) {
		log_error("cannot open the exception port name=%s step=\"%s\" error=\"%s\"", e.name, step,
			  strerror(-err));
		return err;
	}
	event.data.fd = exception_fd(p->exception); /* only wakes the control thread */
	if (epoll_ctl(b->epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event) < 0)
		return -errno;
	return 0;
}

int kernel_ports_open(struct batond *b)
{
	int err = 0;

	for (unsigned i = 0; i < b->n_ports && err == 0; i++)
		if (b->ports[i].config->exception)
			err = kernel_ports_open_one(b, &b->ports[i]);
	if (err < 0)
		kernel_ports_close(b);
	return err;
}

void kernel_ports_close(struct batond *b)
{
	for (unsigned i = 0; i < b->n_ports; i++) {
		exception_close(b->ports[i].exception);
		b->ports[i].exception = NULL;
	}
}

void kernel_ports_write(struct batond *b, struct rte_mbuf *m)
{
	struct batond_port *p = ports_find(b, m->port);

	if (p && p->exception) {
		if (exception_write(p->exception, rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m)) == 0)
			b->counters.exception_to_kernel++;
		else
			b->counters.exception_failed++;
	}
	rte_pktmbuf_free(m);
}

/* Somebody removed the tap. Its descriptor would wake the control thread for ever, and daemons miss it. */
static void kernel_ports_renew(struct batond *b, struct batond_port *p)
{
	log_warning("exception port was removed, making it anew name=%s", p->config->exception);
	exception_close(p->exception);
	p->exception = NULL;
	kernel_ports_open_one(b, p);
}

void kernel_ports_read(struct batond *b)
{
	uint8_t frame[KERNEL_PORTS_FRAME_MAX];

	for (unsigned i = 0; i < b->n_ports; i++) {
		for (unsigned k = 0; b->ports[i].exception && k < KERNEL_PORTS_BURST; k++) {
			int n = exception_read(b->ports[i].exception, frame, sizeof frame);

			if (n < 0 && n != -EAGAIN)
				kernel_ports_renew(b, &b->ports[i]);
			if (n <= 0)
				break;
			b->counters.exception_from_kernel++;
			control_send(b, b->ports[i].id, frame, (size_t)n);
		}
	}
}
