/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The health service of an agent in a process of its own, against a balancer's cache at the other end
 * of a real link, and an application that uses libbaton. In a network namespace of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/health_memory.h"
#include "agent/health_service.h"
#include "base/app.h"
#include "base/clock.h"
#include "base/log.h"
#include "baton/client.h"
#include "health/cache.h"
#include "wire/codec.h"
#include "wire/link.h"
#include "wire/seal.h"

#define PORT 7472
#define BALANCER 5
#define PATIENCE_MS 20000

static const char *program;
static const struct baton_addr loopback = { .b = { 127, 0, 0, 1 }, .family = BATON_IPV4 };

/* The configuration that both ends have in common. */
static void configure(struct agent_config *c, const char *folder, struct agent_application *a)
{
	static char secret[128];

	snprintf(secret, sizeof secret, "%s/key", folder);
	*c = (struct agent_config){ .name = (char *)"web-7", .run_dir = (char *)folder, .secret_file = secret };
	c->addresses[0] = loopback;
	c->n_addresses = 1;
	*a = (struct agent_application){ .capacity = 20, .health = AGENT_HEALTH_ASSUMED, .failing = HEALTH_INACTIVE };
	if (app_parse("tcp/10.0.0.100:25@127.0.0.1:25", &a->id))
		abort();
	c->health = (struct agent_config_health){
		.heartbeat_ms = 2000, .n_balancers = 1, .max_clients = 8, .applications = a, .n_applications = 1
	};
	c->health.balancers[0] = (struct agent_balancer){ loopback, PORT };
}

struct stopper {
	struct loop_watch watch;
	struct loop *loop;
};

static void stop_ready(struct loop_watch *w, uint32_t events)
{
	loop_stop(((struct stopper *)w)->loop);
}

/* The child: until its standard input ends. */
static int agent_main(const char *folder)
{
	struct stopper s = { .watch = { .fd = 0, .ready = stop_ready } };
	struct agent_application a;
	struct health_service *h;
	struct agent_config c;

	configure(&c, folder, &a);
	log_open("agent", LOG_LEVEL_INFO);
	if (loop_new(&s.loop) || health_service_start(s.loop, &c, &h) || loop_watch(s.loop, &s.watch, EPOLLIN))
		return 1;
	loop_run(s.loop);
	health_service_stop(h);
	loop_free(s.loop);
	return 0;
}

struct bench {
	char folder[64];
	pid_t agent;
	int agent_fd;
	struct link *link;
	struct seal *seal;
	struct codec_arena arena;
	struct health_cache cache;
	uint64_t host, beacon_ns;
	struct baton_client *client;
	unsigned n_worse; /* changes of directives to less */
	uint8_t text[CODEC_MESSAGE_MAX], frame[LINK_FRAME_MAX];
};

static void agent_start(struct bench *b)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	b->agent = fork();
	assert_true(b->agent >= 0);
	if (b->agent == 0) {
		dup2(fds[0], 0);
		execl(program, program, "agent", b->folder, NULL);
		_exit(127);
	}
	close(fds[0]);
	b->agent_fd = fds[1];
}

static int agent_end(struct bench *b, bool kill_it)
{
	int status;

	if (kill_it)
		kill(b->agent, SIGKILL);
	close(b->agent_fd);
	assert_int_equal(waitpid(b->agent, &status, 0), b->agent);
	b->agent = 0;
	return status;
}

static void message_send(void *context, const struct health_message *m)
{
	struct bench *b = context;
	size_t len;
	int n;

	assert_int_equal(codec_encode(m, &b->arena, b->text, sizeof b->text, &len), CODEC_OK);
	n = seal_close(b->seal, m->host, b->text, len, b->frame, sizeof b->frame);
	assert_true(n > 0);
	link_send(b->link, b->frame, (size_t)n);
}

static void event_note(void *context, const struct health_event *e)
{
	struct bench *b = context;

	if (e->before && (!e->after || health_row_directive(e->after) < health_row_directive(e->before)))
		b->n_worse++;
}

static void frame_take(struct bench *b, size_t len, uint64_t now_ns)
{
	struct health_message m;
	struct seal_opened o;
	enum seal_verdict v = seal_open(b->seal, b->frame, len, now_ns, b->text, sizeof b->text, &o);

	if (o.hello_len)
		link_send(b->link, o.hello, o.hello_len);
	if (v == SEAL_OK) {
		assert_int_equal(codec_decode(o.text, o.len, &b->arena, &m), CODEC_OK);
		health_cache_receive(&b->cache, &m, now_ns);
	}
}

/* A little of everything that is not the agent. */
static void turn(struct bench *b)
{
	struct pollfd p[] = { { .fd = link_fd(b->link), .events = POLLIN },
			      { .fd = baton_client_fd(b->client), .events = POLLIN } };
	uint64_t now_ns = clock_monotonic_ns();
	ssize_t n;

	if (now_ns >= b->beacon_ns) {
		seal_beacon(b->seal, b->frame);
		link_send(b->link, b->frame, SEAL_HELLO_LEN);
		b->beacon_ns = now_ns + LINK_BEACON_MS * CLOCK_NS_PER_MS;
	}
	health_cache_poll(&b->cache, now_ns);
	assert_true(poll(p, 2, 10) >= 0);
	if (p[1].revents)
		baton_client_process(b->client);
	while ((n = link_receive(b->link, b->frame, sizeof b->frame)) >= 0)
		frame_take(b, (size_t)n, clock_monotonic_ns());
}

static const struct health_row *row(struct bench *b, const char *app)
{
	const struct health_cache_host *h = health_cache_find(&b->cache, b->host);
	struct health_app_id id;

	assert_int_equal(app_parse(app, &id), 0);
	return h ? health_table_find(&h->table, &id) : NULL;
}

#define MAIL "tcp/10.0.0.100:25@127.0.0.1:25"
#define WEB "tcp/10.0.0.100:80@127.0.0.1:80"

static bool row_is(struct bench *b, const char *app, int target, int current)
{
	const struct health_row *r = row(b, app);

	return r && r->target == target && r->current == current;
}

#define UNTIL(b, condition)                                                              \
	do {                                                                             \
		uint64_t end_ns_ = clock_monotonic_ns() + PATIENCE_MS * CLOCK_NS_PER_MS; \
		while (!(condition)) {                                                   \
			assert_true(clock_monotonic_ns() < end_ns_);                     \
			turn(b);                                                         \
		}                                                                        \
	} while (0)

static void key_write(const char *folder)
{
	char path[128];
	FILE *f;
	int fd;

	snprintf(path, sizeof path, "%s/key", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	f = fdopen(fd, "w");
	assert_non_null(f);
	fprintf(f, "%064d\n", 7);
	fclose(f);
}

static void balancer_open(struct bench *b, const struct agent_config *c)
{
	struct health_cache_settings settings = health_cache_settings_default();
	struct health_cache_ops ops = { .send = message_send, .event = event_note, .context = b };
	struct seal_keyring keys;

	assert_int_equal(seal_keyring_load(c->secret_file, SEAL_PURPOSE_HEALTH, &keys), 0);
	b->seal = seal_new(BALANCER, seal_incarnation(clock_wall_ns(), 0), &keys, 8);
	assert_non_null(b->seal);
	assert_int_equal(codec_arena_init(&b->arena), 0);
	assert_int_equal(health_cache_init(&b->cache, &settings, &ops), 0);
	assert_int_equal(link_open(&b->link), 0);
	assert_int_equal(link_bind(b->link, &loopback, PORT), 0);
	b->host = agent_config_host_id(c);
}

static int setup(void **state)
{
	struct baton_application web = { .vip = "10.0.0.100", .vip_port = 80, .capacity = 60 };
	struct bench *b = calloc(1, sizeof *b);
	struct agent_application a;
	struct agent_config c;
	char path[128];

	snprintf(b->folder, sizeof b->folder, "/tmp/agent_service_XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	key_write(b->folder);
	configure(&c, b->folder, &a);
	balancer_open(b, &c);
	snprintf(path, sizeof path, "%s/agent.sock", b->folder);
	assert_int_equal(baton_client_new(path, &b->client), 0);
	assert_int_equal(baton_client_add(b->client, &web), 0);
	assert_int_equal(baton_client_health(b->client, 0, BATON_HEALTHY, NULL), 0);
	agent_start(b);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	char path[128];

	if (b->agent)
		agent_end(b, true);
	baton_client_free(b->client);
	link_close(b->link);
	seal_free(b->seal);
	codec_arena_fini(&b->arena);
	health_cache_fini(&b->cache);
	health_service_remove_files(b->folder);
	snprintf(path, sizeof path, "%s/key", b->folder);
	unlink(path);
	assert_int_equal(rmdir(b->folder), 0);
	free(b);
	return 0;
}

static void balancer_learns_what_is_said(void **state)
{
	struct bench *b = *state;

	UNTIL(b, row_is(b, WEB, HEALTH_ACTIVE, HEALTH_ACTIVE) && row_is(b, MAIL, HEALTH_ACTIVE, HEALTH_ACTIVE));
	assert_int_equal(row(b, WEB)->capacity, 60);
	assert_string_equal(health_cache_find(&b->cache, b->host)->name, "web-7");
	assert_int_equal(baton_client_wish(b->client, 0, BATON_DRAINING, "upgrade"), 0);
	UNTIL(b, row_is(b, WEB, HEALTH_DRAINING, HEALTH_DRAINING));
	assert_string_equal(row(b, WEB)->reason, "upgrade");
	assert_int_equal(agent_end(b, false), 0);
	UNTIL(b, health_cache_find(&b->cache, b->host)->presence == HEALTH_LEFT);
	agent_start(b);
	UNTIL(b, row_is(b, WEB, HEALTH_DRAINING, HEALTH_DRAINING) && row_is(b, MAIL, HEALTH_ACTIVE, HEALTH_ACTIVE));
}

/* Whether the agent has written down that both rows are active. */
static bool remembered(const struct bench *b)
{
	struct health_memory m;
	char path[128];
	unsigned line, n = 0;

	snprintf(path, sizeof path, "%s/health", b->folder);
	assert_int_equal(health_memory_load(path, &m, &line), 0);
	for (unsigned i = 0; i < m.n_rows; i++)
		n += m.rows[i].current == HEALTH_ACTIVE && m.rows[i].was_healthy;
	health_memory_fini(&m);
	return n == 2;
}

static void killed_agent_comes_back_unnoticed(void **state)
{
	struct bench *b = *state;
	uint64_t before;

	UNTIL(b, row_is(b, WEB, HEALTH_ACTIVE, HEALTH_ACTIVE) && row_is(b, MAIL, HEALTH_ACTIVE, HEALTH_ACTIVE));
	for (int round = 0; round < 3; round++) {
		UNTIL(b, remembered(b));
		before = health_cache_find(&b->cache, b->host)->incarnation;
		b->n_worse = 0;
		agent_end(b, true);
		agent_start(b);
		UNTIL(b, health_cache_find(&b->cache, b->host)->incarnation > before);
		UNTIL(b,
		      health_cache_find(&b->cache, b->host)->complete && row_is(b, WEB, HEALTH_ACTIVE, HEALTH_ACTIVE));
		assert_true(row_is(b, MAIL, HEALTH_ACTIVE, HEALTH_ACTIVE));
		assert_int_equal(b->n_worse, 0);
	}
}

/* lo is all there is. */
static int namespace_enter(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd, err;

	if (unshare(CLONE_NEWNET))
		return -errno;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	err = ioctl(fd, SIOCSIFFLAGS, &r) ? -errno : 0;
	close(fd);
	return err;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(balancer_learns_what_is_said),
		CASE(killed_agent_comes_back_unnoticed),
	};

	if (argc == 3)
		return agent_main(argv[2]);
	program = "/proc/self/exe";
	if (namespace_enter()) {
		fprintf(stderr, "can't make a network namespace\n");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
