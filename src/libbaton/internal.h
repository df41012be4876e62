/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client inside. Each application keeps one request that says all about it;
 * when anything changes it is marked and sent whole, so nothing queues up and a
 * new agent is told everything by marking them all.
 */
#ifndef BATON_LIBBATON_INTERNAL_H
#define BATON_LIBBATON_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "baton/abi/agent_socket.h"
#include "baton/client.h"
#include "libbaton/workload.h"

struct client_app {
	bool used;
	bool unsent;  /* .request says more than the agent has been told */
	bool waiting; /* for the answer to .tag */
	bool leaving; /* to be taken back; the place is free when that is answered */
	bool told;    /* the agent of this connection has it */
	uint32_t tag; /* of the last request */
	int error;    /* last answer: 0, -errno, -EINPROGRESS */
	int capacity; /* configured; .request says what of it can be offered */
	char text[BATON_AGENT_TEXT];
	struct baton_agent_request request;
	struct workload workload;
};

struct baton_client {
	char path[108]; /* sun_path */
	int epoll_fd;   /* what the application waits for: socket and timers are in it */
	int timer_fd;   /* next try, next sign of life */
	int count_fd;   /* timer of client_count() */
	int socket_fd;  /* -1: not connected */
	bool blocked;   /* the socket took no more: wait until it does */
	bool confirmed; /* this connection's agent has answered something */
	bool alive_due; /* a sign of life is to be sent */
	int state;      /* what process() returns */
	uint32_t next_tag;
	uint32_t beat_ms; /* between signs of life; 0: none wanted */
	struct client_app apps[BATON_CLIENT_MAX_APPLICATIONS];
};

/* The application of this number, or NULL. */
struct client_app *client_app_find(struct baton_client *c, int id);
/* Tell this capacity (-1: none). */
void client_app_capacity(struct baton_client *c, struct client_app *a, int capacity);
/* Mark applications whose requests are counted, where load or capacity has changed; set the timer for the next time. */
void client_count(struct baton_client *c);
/* Not connected → a connection, or a timer for the next try. */
void client_connect(struct baton_client *c);
/* Connected → not, with a timer for the next try. err: what process() returns meanwhile. */
void client_disconnect(struct baton_client *c, int err);
/* Send what is marked until the socket takes no more. */
void client_send(struct baton_client *c);
/* Take in all answers that are there. */
void client_receive(struct baton_client *c);
/* Set the timer for the next sign of life. */
void client_beat(struct baton_client *c);
/* Whether there is something to send. */
bool client_unsent(const struct baton_client *c);

#endif
