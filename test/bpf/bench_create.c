/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many connections a second one core of a host takes over: datagrams made
 * beforehand go over a veth pair to the tc program, the kernel makes the sockets
 * and answers the clients. The same datagrams sent to a program that drops them
 * say what sending costs. Between rounds the server accepts each connection,
 * compares its bytes and resets it.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "bench_host.h"
#include "bench_rig.h"
#include "create_case.h"
#include "tunnel.skel.h"

#define ROUNDS 41
#define ROUNDS_STATS 11
#define PORTS 32768u /* of one client */
#define PORT_FIRST 1024u
#define CLIENT_FIRST 0xc6120000u /* 198.18.0.0, RFC 2544 */
#define REQUEST_LEN 100
/* the agent's default of max_flows */
#define CONNECTIONS 262144u

_Static_assert((ROUNDS + ROUNDS_STATS + 2) * RIG_DATAGRAMS < CONNECTIONS, "the first half leaves room in the table");

struct times {
	double gross[ROUNDS], drop[ROUNDS], net[ROUNDS], program[ROUNDS], trace[ROUNDS];
	unsigned n;
};

static void request_make(char dst[REQUEST_LEN], uint32_t n)
{
	memset(dst, 'x', REQUEST_LEN);
	dst[snprintf(dst, REQUEST_LEN, "GET /%08x HTTP/1.1\r\nHost: www.example.org\r\nCookie: id=%08x", n, ~n)] = ';';
	memcpy(dst + REQUEST_LEN - 4, "\r\n\r\n", 4);
}

static struct baton_tuple client_of(uint32_t n)
{
	struct baton_tuple t = frame_tuple(IPPROTO_TCP, CLIENT4, (uint16_t)(PORT_FIRST + n % PORTS), VIP4, 80);
	uint32_t address = htonl(CLIENT_FIRST + n / PORTS);

	memcpy(t.saddr, &address, sizeof address);
	return t;
}

/* CREATE of connection n with its first segment. */
static void datagram_make(struct bench *b, struct rig_datagram *d, uint32_t n)
{
	struct baton_tuple t = client_of(n);
	struct baton_shim_create c = create_body(&t);
	struct frame_options o = create_first;
	char request[REQUEST_LEN];
	struct frame inner, f;

	request_make(request, n);
	o.payload = request;
	o.payload_len = sizeof request;
	c.options = BATON_TCP_WSCALE | BATON_TCP_SACK;
	c.client_wscale = c.server_wscale = 7;
	frame_build(&inner, &t, &o);
	bench_shim(b, &f, BATON_SHIM_CREATE, &c, BATON_IPV4, b->seq++, &inner);
	assert_true(f.len <= sizeof d->b);
	memcpy(d->b, f.b, f.len);
	d->len = (uint32_t)f.len;
}

static uint32_t peer_number(const struct sockaddr_in *peer)
{
	return (ntohl(peer->sin_addr.s_addr) - CLIENT_FIRST) * PORTS + ntohs(peer->sin_port) - PORT_FIRST;
}

/* Accept one connection of the round that begins with first; end it by a reset. 0 or -1. */
static int accept_one(const struct rig *r, uint32_t first, bool *seen)
{
	char want[REQUEST_LEN], got[REQUEST_LEN + 1];
	const struct linger reset = { .l_onoff = 1 };
	struct sockaddr_in peer;
	socklen_t len = sizeof peer;
	int fd = accept4(r->listener, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
	uint32_t n = fd < 0 ? 0 : peer_number(&peer);
	bool right;

	if (fd < 0)
		return -1;
	request_make(want, n);
	right = n - first < RIG_DATAGRAMS && !seen[n - first] && recv(fd, got, sizeof got, 0) == REQUEST_LEN &&
		!memcmp(got, want, REQUEST_LEN);
	if (right)
		seen[n - first] = true;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(fd);
	return right ? 0 : -1;
}

static int accept_all(const struct rig *r, uint32_t first)
{
	static bool seen[RIG_DATAGRAMS];

	memset(seen, 0, sizeof seen);
	for (unsigned i = 0; i < RIG_DATAGRAMS; i++)
		if (accept_one(r, first, seen)) {
			fprintf(stderr, "bench host: connection %u of %u was not accepted with its bytes\n", i + 1,
				RIG_DATAGRAMS);
			return -1;
		}
	return 0;
}

static double per_run(struct bench_stats before, struct bench_stats after)
{
	return after.runs == before.runs ? 0 : (double)(after.ns - before.ns) / (double)(after.runs - before.runs);
}

/* first: number of the round's first connection. 0 or -1. */
static int round_run(struct rig *r, uint32_t first, struct times *t)
{
	int trace_fd = bpf_program__fd(r->b->skel->progs.connection_state);
	struct bench_stats program, trace;
	uint64_t drop, gross;

	for (uint32_t i = 0; i < RIG_DATAGRAMS; i++)
		datagram_make(r->b, &r->datagrams[i], first + i);
	drop = rig_program(r, r->drop_fd) ? 0 : rig_send(r);
	if (!drop || rig_program(r, r->b->prog_fd))
		return -1;
	program = bench_stats_of(r->b->prog_fd);
	trace = bench_stats_of(trace_fd);
	gross = rig_send(r);
	t->program[t->n] = per_run(program, bench_stats_of(r->b->prog_fd));
	t->trace[t->n] = per_run(trace, bench_stats_of(trace_fd));
	if (!gross || accept_all(r, first))
		return -1;
	t->gross[t->n] = (double)gross / RIG_DATAGRAMS;
	t->drop[t->n] = (double)drop / RIG_DATAGRAMS;
	t->net[t->n] = t->gross[t->n] - t->drop[t->n];
	t->n++;
	return 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void line(const char *what, double *samples, unsigned n, bool rate)
{
	double m;

	qsort(samples, n, sizeof *samples, compare);
	m = samples[n / 2];
	printf("%-44s %8.0f ns   quartiles %.0f to %.0f, least %.0f", what, m, samples[n / 4], samples[n * 3 / 4],
	       samples[0]);
	if (rate)
		printf("   %.0f a second", 1e9 / m);
	printf("\n");
}

/* Bytes of kernel memory of an entry. */
static void entry_print(const char *what, const struct bpf_map *map)
{
	char path[64], text[128];
	long long bytes = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", bpf_map__fd(map));
	f = fopen(path, "re");
	while (f && fgets(text, sizeof text, f))
		if (sscanf(text, "memlock: %lld", &bytes) == 1)
			break;
	if (f)
		fclose(f);
	printf("%-44s %8.0f bytes\n", what, (double)bytes / bpf_map__max_entries(map));
}

static void report(struct times *plain, struct times *stats)
{
	line("connection created, with sending", plain->gross, plain->n, true);
	line("… of these, datagram sent and dropped", plain->drop, plain->n, false);
	line("connection created", plain->net, plain->n, true);
	line("… of these, tc program", stats->program, stats->n, false);
	line("… of these, tracing program, each of its runs", stats->trace, stats->n, false);
}

/* *first: number of the next connection, moved on. */
static int rounds_run(struct rig *r, uint32_t *first, struct times *t, unsigned n)
{
	/* one more than counted: the first finds everything cold */
	for (unsigned i = 0; i <= n; i++, *first += RIG_DATAGRAMS) {
		if (round_run(r, *first, t))
			return -1;
		if (!i)
			t->n = 0;
	}
	return 0;
}

static int measure(struct rig *r, uint32_t *first)
{
	struct times plain = { 0 }, stats = { 0 };
	int err, fd;

	if (rounds_run(r, first, &plain, ROUNDS))
		return -1;
	fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (fd < 0)
		return -1;
	err = rounds_run(r, first, &stats, ROUNDS_STATS);
	close(fd);
	if (!err)
		report(&plain, &stats);
	return err;
}

/* From now on each new connection takes the place of one that is over. */
static void connections_fill(const struct bench *b)
{
	struct agent_conn_key key = { .family = 4, .dport = htons(80) };
	const struct agent_conn over = { .state = AGENT_CONN_ENDED, .flags = AGENT_CONN_REPORTED };

	for (uint32_t i = 0; i < CONNECTIONS; i++) {
		memcpy(key.saddr, &i, sizeof i);
		assert_int_equal(bpf_map_update_elem(bpf_map__fd(b->skel->maps.connections), &key, &over, BPF_ANY), 0);
	}
}

int bench_creates(void)
{
	struct rig *r = calloc(1, sizeof *r);
	uint32_t first = 0;
	int err;

	bench_max_flows = bench_max_connections = CONNECTIONS;
	if (!r || rig_open(r))
		return -1;
	printf("table of connections with room:\n");
	err = measure(r, &first);
	if (!err) {
		connections_fill(r->b);
		printf("table of connections full:\n");
		err = measure(r, &first);
	}
	if (!err) {
		entry_print("entry of the map connections", r->b->skel->maps.connections);
		entry_print("entry of the map flows", r->b->skel->maps.flows);
	}
	rig_close(r);
	free(r);
	return err;
}
