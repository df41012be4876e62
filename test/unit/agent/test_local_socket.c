/* SPDX-License-Identifier: BSD-3-Clause */
/* The server and libbaton on a real socket, in one process and one thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/health.h"
#include "agent/local_socket.h"
#include "baton/client.h"

#define TURNS 10000 /* of the loop, far more than any case needs */

struct bench {
	char folder[64], path[128];
	struct agent_config config;
	struct loop *loop;
	struct agent_health *health;
	struct local_desk *desk;
	struct local_socket *socket;
	struct baton_client *client;
	int id;
};

static void agent_begin(struct bench *b)
{
	assert_int_equal(loop_new(&b->loop), 0);
	b->health = agent_health_new();
	b->desk = local_desk_new(&b->config, b->health, NULL, NULL);
	assert_non_null(b->desk);
	assert_int_equal(local_socket_new(b->loop, &b->config, b->desk, &b->socket), 0);
}

static void agent_end(struct bench *b)
{
	local_socket_free(b->socket);
	local_desk_free(b->desk);
	agent_health_free(b->health);
	loop_free(b->loop);
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	snprintf(b->folder, sizeof b->folder, "/tmp/agent_socket_XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	snprintf(b->path, sizeof b->path, "%s/agent.sock", b->folder);
	b->config.run_dir = b->folder;
	b->config.health.max_clients = 4;
	assert_int_equal(baton_addr_parse("10.0.0.11", &b->config.addresses[0]), 0);
	b->config.n_addresses = 1;
	agent_begin(b);
	assert_int_equal(baton_client_new(b->path, &b->client), 0);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	baton_client_free(b->client);
	agent_end(b);
	rmdir(b->folder);
	free(b);
	return 0;
}

/* Both sides, until the client has been answered. */
static void settle(struct bench *b)
{
	for (int i = 0; i < TURNS; i++) {
		struct pollfd p = { .fd = baton_client_fd(b->client), .events = POLLIN };

		assert_true(poll(&p, 1, 1) >= 0);
		if (p.revents)
			baton_client_process(b->client);
		assert_int_equal(loop_turn(b->loop, 0), 0);
		if (baton_client_settled(b->client))
			return;
	}
	fail_msg("not settled");
}

static void web_add(struct bench *b)
{
	struct baton_application web = { .vip = "10.0.0.100", .vip_port = 80, .capacity = 40 };

	b->id = baton_client_add(b->client, &web);
	assert_int_equal(b->id, 0);
	assert_int_equal(baton_client_health(b->client, b->id, BATON_HEALTHY, "runs"), 0);
}

static const struct agent_app *only_row(struct bench *b)
{
	assert_int_equal(agent_health_count(b->health), 1);
	return agent_health_next(b->health, NULL);
}

static void library_tells_everything(void **state)
{
	struct bench *b = *state;
	const char *text;

	web_add(b);
	assert_int_equal(baton_client_load(b->client, b->id, 1234), 0);
	assert_int_equal(baton_client_error(b->client, b->id, NULL), -EINPROGRESS);
	settle(b);
	assert_int_equal(baton_client_error(b->client, b->id, &text), 0);
	assert_string_equal(text, "");
	assert_int_equal(only_row(b)->state, HEALTH_HEALTHY);
	assert_int_equal(only_row(b)->load, 1234);
	assert_int_equal(only_row(b)->capacity, 40);
	assert_int_equal(only_row(b)->id.host.b[3], 11);
	assert_int_equal(baton_client_wish(b->client, b->id, BATON_DRAINING, "upgrade"), 0);
	assert_int_equal(baton_client_capacity(b->client, b->id, 3), 0);
	settle(b);
	assert_int_equal(only_row(b)->wish, HEALTH_DRAINING);
	assert_string_equal(only_row(b)->wish_reason, "upgrade");
	assert_int_equal(only_row(b)->capacity, 3);
	assert_int_equal(baton_client_del(b->client, b->id), 0);
	settle(b);
	assert_int_equal(agent_health_count(b->health), 0);
	assert_int_equal(baton_client_health(b->client, b->id, BATON_HEALTHY, NULL), -ENOENT);
}

/* Both sides, until the row has this load and capacity: requests are counted by the clock. */
static void counted(struct bench *b, uint16_t load, uint8_t capacity)
{
	for (int i = 0; i < TURNS; i++) {
		settle(b);
		if (only_row(b)->load == load && only_row(b)->capacity == capacity)
			return;
		poll(&(struct pollfd){ .fd = baton_client_fd(b->client), .events = POLLIN }, 1, 1);
		baton_client_process(b->client);
	}
	fail_msg("load %u, capacity %u", only_row(b)->load, only_row(b)->capacity);
}

static void library_counts_requests(void **state)
{
	struct bench *b = *state;

	assert_int_equal(baton_client_workers(b->client, 0, 4, 0), -ENOENT);
	assert_int_equal(baton_client_request_begin(b->client, 0), -ENOENT);
	assert_int_equal(baton_client_request_end(b->client, 0), -ENOENT);
	web_add(b);
	assert_int_equal(baton_client_workers(b->client, b->id, 4, 0), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(baton_client_request_begin(b->client, b->id), 0);
	counted(b, 7500, 40);
	assert_int_equal(baton_client_request_end(b->client, b->id), 0);
	counted(b, 5000, 40);
	assert_int_equal(baton_client_workers(b->client, b->id, 4, 1000), 0);
	counted(b, 5000, 1); /* busy, and nothing ends */
	assert_int_equal(baton_client_error(b->client, b->id, NULL), 0);
	assert_int_equal(baton_client_workers(b->client, b->id, 0, 0), 0);
	assert_int_equal(baton_client_load(b->client, b->id, 1234), 0);
	counted(b, 1234, 40);
}

static void library_refuses_nonsense(void **state)
{
	struct baton_application a = { .vip = "10.0.0.100", .vip_port = 80, .capacity = -1 }, bad;
	char text[BATON_AGENT_REASON + 1];
	struct bench *b = *state;
	int id = baton_client_add(b->client, &a);

	assert_int_equal(id, 0);
	assert_int_equal(baton_client_add(b->client, &a), -EEXIST);
	bad = a, bad.vip = "10.0.0";
	assert_int_equal(baton_client_add(b->client, &bad), -EINVAL);
	bad = a, bad.vip_port = 0;
	assert_int_equal(baton_client_add(b->client, &bad), -EINVAL);
	bad = a, bad.capacity = 100;
	assert_int_equal(baton_client_add(b->client, &bad), -EINVAL);
	bad = a, bad.silence_ms = 99;
	assert_int_equal(baton_client_add(b->client, &bad), -EINVAL);
	memset(text, 'x', sizeof text), text[sizeof text - 1] = 0;
	bad = a, bad.specific = text;
	assert_int_equal(baton_client_add(b->client, &bad), -EINVAL);
	assert_int_equal(baton_client_health(b->client, id, BATON_HEALTHY, text), -EINVAL);
	assert_int_equal(baton_client_health(b->client, id, BATON_HEALTHY, "a\nb"), -EINVAL);
	assert_int_equal(baton_client_health(b->client, id, (enum baton_health)3, NULL), -EINVAL);
	assert_int_equal(baton_client_load(b->client, id, BATON_CLIENT_LOAD_MAX + 1), -EINVAL);
	assert_int_equal(baton_client_load(b->client, 1, 1), -ENOENT);
	assert_int_equal(baton_client_load(b->client, -1, 1), -ENOENT);
	for (int i = 1; i < BATON_CLIENT_MAX_APPLICATIONS; i++) {
		a.vip_port = (uint16_t)(1000 + i);
		assert_int_equal(baton_client_add(b->client, &a), i);
	}
	a.vip_port = 999;
	assert_int_equal(baton_client_add(b->client, &a), -ENOSPC);
	settle(b);
	assert_int_equal(agent_health_count(b->health), BATON_CLIENT_MAX_APPLICATIONS);
}

static void agent_comes_back(void **state)
{
	struct bench *b = *state;

	web_add(b);
	settle(b);
	agent_end(b);
	assert_int_equal(baton_client_process(b->client), -ENOTCONN);
	assert_int_equal(baton_client_load(b->client, b->id, 500), 0); /* said while nobody hears */
	agent_begin(b);
	settle(b);
	assert_int_equal(only_row(b)->state, HEALTH_HEALTHY);
	assert_int_equal(only_row(b)->load, 500);
}

static void waiting_ends(void **state)
{
	struct bench *b = *state;

	web_add(b);
	agent_end(b);
	assert_int_equal(baton_client_wait(b->client, 20), -ETIMEDOUT);
	agent_begin(b);
	settle(b);
	assert_int_equal(baton_client_wait(b->client, 0), 0);
}

static void closed_client_is_noticed(void **state)
{
	struct bench *b = *state;

	web_add(b);
	settle(b);
	baton_client_free(b->client);
	b->client = NULL;
	assert_int_equal(loop_turn(b->loop, -1), 0);
	assert_int_equal(only_row(b)->state, HEALTH_FAILING);
}

/* A plain connection. */
static int plain(const struct bench *b)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	memcpy(to.sun_path, b->path, strlen(b->path) + 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static uint64_t counter(const struct bench *b, enum local_counter c)
{
	return local_socket_counters(b->socket)[c];
}

static void who_does_not_read_is_not_read_from(void **state)
{
	struct baton_agent_request r = { .magic = htons(BATON_AGENT_MAGIC),
					 .version = BATON_AGENT_VERSION,
					 .type = BATON_AGENT_LIST };
	struct bench *b = *state;
	uint8_t reply[BATON_AGENT_REPLY_MAX];
	unsigned sent = 0, received = 0;
	uint64_t served;
	int fd = plain(b);

	for (int i = 0; i < TURNS && !counter(b, LOCAL_COUNTER_STALLED); i++) {
		sent += send(fd, &r, sizeof r, MSG_NOSIGNAL) > 0;
		assert_int_equal(loop_turn(b->loop, 0), 0);
	}
	assert_int_equal(counter(b, LOCAL_COUNTER_STALLED), 1);
	served = counter(b, LOCAL_COUNTER_REQUESTS);
	for (int i = 0; i < 100; i++) {
		sent += send(fd, &r, sizeof r, MSG_NOSIGNAL) > 0;
		assert_int_equal(loop_turn(b->loop, 0), 0);
	}
	assert_int_equal(counter(b, LOCAL_COUNTER_REQUESTS), served);
	web_add(b); /* others are served */
	settle(b);
	for (int i = 0; i < TURNS && received < sent; i++) {
		while (recv(fd, reply, sizeof reply, 0) > 0)
			received++;
		assert_int_equal(loop_turn(b->loop, 0), 0);
	}
	assert_int_equal(received, sent);
	close(fd);
}

static void too_many_are_turned_away(void **state)
{
	struct bench *b = *state;
	struct baton_agent_reply reply;
	int fds[5];

	for (int i = 0; i < 5; i++) {
		fds[i] = plain(b);
		assert_int_equal(loop_turn(b->loop, 0), 0);
	}
	assert_int_equal(recv(fds[4], &reply, sizeof reply, 0), sizeof reply);
	assert_int_equal(ntohl(reply.error), EUSERS);
	assert_int_equal(recv(fds[4], &reply, sizeof reply, 0), 0);
	assert_int_equal(counter(b, LOCAL_COUNTER_REFUSED_FULL), 1);
	assert_int_equal(send(fds[0], "x", 1, MSG_NOSIGNAL), 1);
	close(fds[1]);
	for (int i = 0; i < 4; i++)
		assert_int_equal(loop_turn(b->loop, 0), 0);
	assert_int_equal(counter(b, LOCAL_COUNTER_HUNG_UP), 1);
	assert_int_equal(recv(fds[0], &reply, sizeof reply, 0), 0);
	close(fds[0]), fds[0] = plain(b); /* there is room again */
	assert_int_equal(loop_turn(b->loop, 0), 0);
	assert_int_equal(counter(b, LOCAL_COUNTER_ACCEPTED), 5);
	for (int i = 0; i < 5; i++)
		if (i != 1)
			close(fds[i]);
}

/* The library has sent already when it is turned away; nobody reads that. */
static void library_hears_why_it_is_turned_away(void **state)
{
	struct bench *b = *state;
	int fds[4], state_then = 0;

	for (int i = 0; i < 4; i++) {
		fds[i] = plain(b);
		assert_int_equal(loop_turn(b->loop, 0), 0);
	}
	web_add(b);
	for (int i = 0; i < TURNS && state_then != -EUSERS; i++) {
		struct pollfd p = { .fd = baton_client_fd(b->client), .events = POLLIN };

		assert_true(poll(&p, 1, 1) >= 0);
		if (p.revents)
			state_then = baton_client_process(b->client);
		assert_int_equal(loop_turn(b->loop, 0), 0);
	}
	assert_int_equal(state_then, -EUSERS);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	settle(b);
	assert_int_equal(only_row(b)->state, HEALTH_HEALTHY);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(library_tells_everything),
		CASE(library_counts_requests),
		CASE(library_refuses_nonsense),
		CASE(agent_comes_back),
		CASE(waiting_ends),
		CASE(closed_client_is_noticed),
		CASE(who_does_not_read_is_not_read_from),
		CASE(too_many_are_turned_away),
		CASE(library_hears_why_it_is_turned_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
