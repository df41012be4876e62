/* SPDX-License-Identifier: BSD-3-Clause */
/* A server for tests of probes: one answer, a network namespace of its own. Runs in the test's thread. */
#ifndef TEST_PROBE_SERVER_H
#define TEST_PROBE_SERVER_H

#include <stdint.h>

struct probe_server {
	int listener, clients[16];
	uint16_t port;
	const char *answer; /* NULL: reads, says nothing */
	unsigned n_served;  /* requests answered, or read if there is no answer */
	char request[2048]; /* the last one */
};

/* Move this process into a network namespace with lo up. Skips the test program without the right to do so. */
void probe_server_namespace(void);
void probe_server_open(struct probe_server *s);
/* Accept, read, answer, close: what can be done without waiting. */
void probe_server_step(struct probe_server *s);
void probe_server_close(struct probe_server *s);

#endif
