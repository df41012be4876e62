/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The appliance program: everything that is started, in the order of the init
 * table in main.c. Owned by the main (control) thread; lcores get pointers to
 * their own parts before they are launched.
 */
#ifndef BATON_BATOND_BATOND_H
#define BATON_BATOND_BATOND_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "baton/view.h"
#include "config/config.h"
#include "classifier/service.h"
#include "forwarder/worker.h"
#include "neigh/neigh.h"
#include "plumb/channel.h"

#define BATOND_MAX_VIPS 1024
#define BATOND_MAX_ENDPOINTS 8192
#define BATOND_MAX_NEXTHOPS 16384

struct allotments;
struct exception_port;
struct hosts;
struct overrides;
struct publish_keys;
struct trace_log;
struct ids;

/* What one lcore runs. Written before launch, except for run. */
struct batond_lcore {
	unsigned id; /* of DPDK */
	int cpu;
	bool busy_poll;
	struct forwarder_worker *forwarder;    /* NULL: not its role; owned by struct batond */
	struct classifier_service *classifier; /* NULL: not its role */
	const struct view **published;         /* where the current view stands */
	_Atomic bool run;                      /* writer: control thread; the lcore leaves its loop when false */
	/* writer: the lcore */
	uint64_t loops, idle_loops, sleeps;
	uint64_t wall_due_ns, wall_offset_ns; /* when to read the wall clock again; what it is ahead of the monotonic */
} __attribute__((aligned(64)));               /* each turn writes: no line of it is another's */

struct batond_port {
	const struct config_port *config;
	uint16_t id; /* of DPDK */
	uint8_t mac[6];
	struct exception_port *exception; /* NULL: off */
};

/* Packets that the control thread handled or could not. X(name, text) */
#define CONTROL_COUNTERS(X)                                                               \
	X(neighbour_packets, "ARP and neighbour discovery packets from the forwarders")   \
	X(exception_to_kernel, "packets given to the kernel's exception port")            \
	X(exception_from_kernel, "packets sent for the kernel")                           \
	X(exception_failed, "packets the kernel's exception port did not take")           \
	X(send_failed, "own packets not sent: no buffer or the forwarder's ring is full") \
	X(allotments, "allotments handed to classifiers")                                 \
	X(allotments_failed, "allotments not handed out: pool or ring full")              \
	X(views, "views published")                                                       \
	X(reloads, "configuration reloads that took effect")                              \
	X(reloads_refused, "configuration reloads refused; the old configuration stayed")

struct control_counters {
#define X(name, text) uint64_t name;
	CONTROL_COUNTERS(X)
#undef X
};

/* Of one endpoint, since its id was given to it. */
struct endpoint_totals {
	uint64_t connections;
	uint64_t packets, bytes;
	uint64_t return_packets, return_bytes;
};

struct batond {
	const char *device_file;
	struct config *config;     /* current; replaced by a reload */
	struct publish_keys *keys; /* next view's; the view in use has its own */

	struct rte_mempool *packets[VIEW_MAX_FORWARDERS]; /* of each forwarder's queues; of the first also for others */
	struct channel channel;
	struct batond_port ports[CONFIG_MAX_PORTS]; /* in the order of the configuration */
	unsigned n_ports;
	struct batond_lcore lcores[CONFIG_MAX_LCORES];
	unsigned n_lcores;
	struct forwarder_worker *forwarders[VIEW_MAX_FORWARDERS];
	unsigned n_forwarders;
	struct sessions *sessions; /* shared by the classifiers */
	struct classifier_service classifiers[CHANNEL_MAX_CLASSIFIERS];
	unsigned n_classifiers;

	struct ids *vip_ids, *endpoint_ids;
	struct endpoint_totals *before; /* by endpoint id: counted for those that had the id earlier */
	struct neigh *neigh;
	struct allotments *allotments;
	struct overrides *overrides;
	struct hosts *hosts; /* NULL: no live health */
	struct trace_log *traces;
	uint64_t traces_lost; /* of the channel's, as the log has it */
	bool view_due;        /* neighbourhood, health or overrides have changed */

	/* published; lcores read it by RCU each turn, so its line is written for nothing else; everybody else under
	 * lock */
	const struct view *view __attribute__((aligned(64)));
	/* Held by the control thread while it works, by telemetry threads while they read. */
	pthread_mutex_t lock __attribute__((aligned(64)));

	struct control_counters counters;                 /* writer: control thread */
	int lock_fd, epoll_fd, signal_fd, control_socket; /* -1: not open */
	uint32_t hugepages_added;                         /* given back at the end */
	bool stopping;
};

/* run_dir.c */
int run_dir_lock(struct batond *b);
void run_dir_unlock(struct batond *b);
/* eal.c: DPDK up and down. */
int eal_start(struct batond *b);
void eal_stop(struct batond *b);
/* ports.c */
int ports_start(struct batond *b);
void ports_stop(struct batond *b);
/* Is it a PCI address (to be probed when DPDK starts) rather than a virtual device? */
bool ports_is_pci(const struct config_port *c);
/* Borrowed, NULL if there is none with this DPDK id. */
struct batond_port *ports_find(struct batond *b, uint16_t port_id);
/* lcores.c: create workers and classifiers; launch and stop the loops. */
int lcores_create(struct batond *b);
void lcores_destroy(struct batond *b);
int lcores_launch(struct batond *b);
void lcores_stop(struct batond *b);
/* kernel_ports.c: the kernel's ports. */
int kernel_ports_open(struct batond *b);
void kernel_ports_close(struct batond *b);
/* Give a frame that came in on a port to the kernel; takes the packet over. */
void kernel_ports_write(struct batond *b, struct rte_mbuf *m);
/* Send what the kernel has written. */
void kernel_ports_read(struct batond *b);
/* neighbours.c: the neighbourhood on the control thread. */
int neighbours_start(struct batond *b);
void neighbours_stop(struct batond *b);
void neighbours_announce(struct batond *b, const struct view *old);
/* publish.c: what operators have overridden; make a view of configuration and neighbourhood, and publish it. */
int publish_overrides_start(struct batond *b);
void publish_overrides_stop(struct batond *b);
int publish_start(struct batond *b);
void publish_stop(struct batond *b);
/*
 * Build for config (ids are given as needed) and publish; old views are freed
 * after the grace period. 0, or -errno with the old view in force.
 */
int publish_view(struct batond *b, const struct config *config, const struct publish_keys *keys);
/*
 * Free the ids of VIPs and endpoints that are gone from the configuration and
 * from all routes. To be called about once a second. True: publish a view
 * without them.
 */
bool publish_release(struct batond *b, uint64_t now_ns);
/* traces.c: steps of traced clients from the lcores' ring into the log; under the lock. */
int traces_start(struct batond *b);
void traces_stop(struct batond *b);
/* Take what there is, end what nobody asks for. True: publish a view without those. */
bool traces_poll(struct batond *b, uint64_t now_ns);
/* Who is traced, for a view; to be freed by whoever frees that. NULL: nobody, or memory is short. */
struct trace_filters *traces_wanted(const struct batond *b);
/* A view was published. */
void traces_in_force(struct batond *b);
/* endpoint_totals.c; under the lock. */
struct endpoint_totals endpoint_totals_get(const struct batond *b, uint16_t id);
/* The id is free: what is counted from now on belongs to another endpoint. */
void endpoint_totals_begin(struct batond *b, uint16_t id);
/* control.c: the control thread's loop. */
int control_start(struct batond *b);
void control_stop(struct batond *b);
void control_run(struct batond *b);
/* Send a frame out of a port by way of the first forwarder. */
void control_send(struct batond *b, uint16_t port_id, const void *frame, size_t len);
/* reload.c: read, check, apply. Findings go to the log and into errors. */
int reload_apply(struct batond *b, struct config_error *errors, unsigned max, unsigned *ret_n);
/* control_socket.c: requests of batonctl. */
int control_socket_start(struct batond *b);
void control_socket_stop(struct batond *b);
/* A connection is waiting: answer it. */
void control_socket_serve(struct batond *b);
/* telemetry.c: commands under /baton/. */
int telemetry_start(struct batond *b);
void telemetry_stop(struct batond *b);

#endif
