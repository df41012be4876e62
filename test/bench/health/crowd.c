/* SPDX-License-Identifier: BSD-3-Clause */
#include "crowd.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"

#define EVENTS 64
#define FRAMES_A_TURN 16
#define BALANCERS_MAX 8

static unsigned random_below(struct crowd *c, unsigned n)
{
	/* splitmix64 */
	uint64_t z = c->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (unsigned)((z ^ z >> 31) >> 32) % n;
}

static void host_send(void *context, const struct health_message *m)
{
	struct crowd_host *h = context;
	struct crowd *c = h->crowd;
	size_t len;
	int n;

	if (codec_encode(m, &c->arena, c->text, sizeof c->text, &len) != CODEC_OK)
		abort();
	n = seal_close(h->seal, SEAL_EVERYONE, c->text, len, c->out, sizeof c->out);
	if (n > 0)
		link_send(h->link, c->out, (size_t)n);
}

static void host_frame(struct crowd_host *h, size_t len, uint64_t now_ns)
{
	struct crowd *c = h->crowd;
	struct health_message m;
	struct seal_opened o;
	enum seal_verdict v = seal_open(h->seal, c->in, len, now_ns, c->text, sizeof c->text, &o);

	if (o.hello_len)
		link_send(h->link, o.hello, o.hello_len);
	if (v == SEAL_OK && codec_decode(o.text, o.len, &c->arena, &m) == CODEC_OK && m.host == h->id)
		health_host_receive(&h->health, &m, now_ns);
	if (o.challenged)
		h->health.heartbeat_wanted = true;
	h->poll_ns = now_ns;
}

static void host_readable(struct crowd_host *h, uint64_t now_ns)
{
	for (unsigned i = 0; i < FRAMES_A_TURN; i++) {
		ssize_t n = link_receive(h->link, h->crowd->in, sizeof h->crowd->in);

		if (n < 0)
			return;
		host_frame(h, (size_t)n, now_ns);
	}
}

/* Host 0 is 10.0.2.1; application 0 belongs to VIP 10.0.0.101, port 80: report.py configures the balancer so. */
static struct health_app_id app_id(unsigned host, unsigned app)
{
	struct health_app_id id = { .proto = IPPROTO_TCP, .vip_port = 80, .host_port = 80 };
	const uint8_t vip[] = { 10, 0, 0, (uint8_t)(101 + app) };
	const uint8_t physical[] = { 10, 0, (uint8_t)(2 + host / 250), (uint8_t)(1 + host % 250) };

	id.vip.family = id.host.family = BATON_IPV4;
	memcpy(id.vip.b, vip, sizeof vip);
	memcpy(id.host.b, physical, sizeof physical);
	return id;
}

static void app_set(struct crowd_host *h, unsigned app, bool flip)
{
	struct health_row row = { .id = app_id(h->number, app), .state = HEALTH_HEALTHY, .capacity = 50 };
	const struct health_row *before = health_table_find(&h->health.table, &row.id);

	if (before)
		row.state = before->state;
	if (flip)
		row.state = row.state == HEALTH_HEALTHY ? HEALTH_FAILING : HEALTH_HEALTHY;
	row.target = row.state == HEALTH_HEALTHY ? HEALTH_ACTIVE : HEALTH_INACTIVE;
	row.load = flip && before ? before->load : (uint16_t)random_below(h->crowd, 9000);
	snprintf(row.reason, sizeof row.reason, "%s", row.state == HEALTH_HEALTHY ? "" : "probe web: no answer");
	if (health_host_set(&h->health, &row) < 0)
		abort();
}

static int host_health(struct crowd_host *h, uint64_t incarnation, uint64_t now_ns)
{
	struct health_host_settings settings = health_host_settings_default();
	struct health_host_ops ops = { .send = host_send, .context = h };
	unsigned load_ms = h->crowd->settings.load_ms;
	char name[32];
	int err;

	snprintf(name, sizeof name, "host-%03u.rack-0.example.net", h->number);
	settings.id = h->id;
	settings.incarnation = incarnation;
	settings.name = name;
	/* agents don't start all at one moment */
	h->poll_ns = now_ns + random_below(h->crowd, settings.interval_ms) * CLOCK_NS_PER_MS;
	err = health_host_init(&h->health, &settings, &ops, h->poll_ns);
	for (unsigned a = 0; err == 0 && a < h->crowd->settings.n_apps; a++) {
		app_set(h, a, false);
		h->load_ns[a] = h->poll_ns + random_below(h->crowd, load_ms) * CLOCK_NS_PER_MS;
	}
	return err;
}

static int host_start(struct crowd *c, struct crowd_host *h, const struct seal_keyring *keys, uint64_t now_ns)
{
	uint64_t incarnation = seal_incarnation(clock_wall_ns(), 0);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = h };
	int err;

	h->crowd = c;
	h->number = (unsigned)(h - c->hosts);
	h->id = 1000 + h->number;
	h->load_ns = calloc(c->settings.n_apps, sizeof *h->load_ns);
	h->seal = seal_new(h->id, incarnation, keys, BALANCERS_MAX);
	if (!h->load_ns || !h->seal)
		return -1;
	err = link_open(&h->link);
	if (err == 0)
		err = link_connect(h->link, &c->settings.balancer, c->settings.port);
	if (err == 0)
		err = epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, link_fd(h->link), &event);
	return err ? err : host_health(h, incarnation, now_ns);
}

struct crowd *crowd_new(const struct crowd_settings *settings, uint64_t now_ns)
{
	struct crowd *c = calloc(1, sizeof *c);
	struct seal_keyring keys;
	int err = c ? seal_keyring_load(settings->secret_file, SEAL_PURPOSE_HEALTH, &keys) : -1;

	if (err < 0) {
		fprintf(stderr, "%s: no cluster secret\n", settings->secret_file);
		free(c);
		return NULL;
	}
	c->settings = *settings;
	c->random = 1;
	c->flip_ns = settings->flip_ms ? now_ns : UINT64_MAX;
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	c->hosts = calloc(settings->n_hosts, sizeof *c->hosts);
	err = c->hosts && codec_arena_init(&c->arena) == 0 ? 0 : -1;
	for (unsigned i = 0; err == 0 && i < settings->n_hosts; i++)
		err = host_start(c, &c->hosts[i], &keys, now_ns);
	if (err == 0)
		return c;
	fprintf(stderr, "cannot start %u hosts: no memory, or too few descriptors (ulimit -n)\n", settings->n_hosts);
	crowd_free(c);
	return NULL;
}

void crowd_free(struct crowd *c)
{
	for (unsigned i = 0; c->hosts && i < c->settings.n_hosts; i++) {
		health_host_fini(&c->hosts[i].health);
		link_close(c->hosts[i].link);
		seal_free(c->hosts[i].seal);
		free(c->hosts[i].load_ns);
	}
	codec_arena_fini(&c->arena);
	free(c->hosts);
	free(c);
}

static void flip_due(struct crowd *c, uint64_t now_ns)
{
	struct crowd_host *h = &c->hosts[random_below(c, c->settings.n_hosts)];

	c->flip_ns = now_ns + c->settings.flip_ms * CLOCK_NS_PER_MS;
	app_set(h, random_below(c, c->settings.n_apps), true);
	h->poll_ns = now_ns;
	c->flips++;
}

static uint64_t host_due(struct crowd_host *h, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;

	for (unsigned a = 0; a < h->crowd->settings.n_apps; a++) {
		if (h->load_ns[a] <= now_ns) {
			h->load_ns[a] += h->crowd->settings.load_ms * CLOCK_NS_PER_MS;
			app_set(h, a, false);
			h->poll_ns = now_ns;
			h->crowd->loads++;
		}
		next_ns = h->load_ns[a] < next_ns ? h->load_ns[a] : next_ns;
	}
	if (h->poll_ns <= now_ns)
		h->poll_ns = health_host_poll(&h->health, now_ns);
	return h->poll_ns < next_ns ? h->poll_ns : next_ns;
}

void crowd_turn(struct crowd *c)
{
	struct epoll_event events[EVENTS];
	uint64_t now_ns = clock_monotonic_ns(), next_ns = now_ns + CLOCK_NS_PER_S;
	int n;

	if (c->flip_ns <= now_ns)
		flip_due(c, now_ns);
	for (unsigned i = 0; i < c->settings.n_hosts; i++) {
		uint64_t due_ns = host_due(&c->hosts[i], now_ns);

		next_ns = due_ns < next_ns ? due_ns : next_ns;
	}
	next_ns = c->flip_ns < next_ns ? c->flip_ns : next_ns;
	n = epoll_wait(c->epoll_fd, events, EVENTS,
		       next_ns <= now_ns ? 0 : (int)((next_ns - now_ns) / CLOCK_NS_PER_MS + 1));
	now_ns = clock_monotonic_ns();
	for (int i = 0; i < n; i++)
		host_readable(events[i].data.ptr, now_ns);
}

unsigned crowd_settled(const struct crowd *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->settings.n_hosts; i++) {
		bool all = true;

		for (unsigned a = 0; a < c->settings.n_apps; a++) {
			struct health_app_id id = app_id(i, a);

			all = all && health_host_settled(&c->hosts[i].health, &id);
		}
		n += all;
	}
	return n;
}
