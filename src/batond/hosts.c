/* SPDX-License-Identifier: BSD-3-Clause */
/* The link to the hosts' agents and the cache of their tables. */
#include "batond/hosts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/log.h"
#include "batond/batond.h"
#include "batond/hosts_internal.h"

#define HOSTS_FRAMES_A_TURN 256 /* so that nothing else waits long */
#define HOSTS_PEERS 4096

/* This device's id among the stations: from its name, as a host's is. */
static uint64_t hosts_own_id(const char *name)
{
	uint8_t hash[crypto_generichash_BYTES_MIN];
	uint64_t id;

	crypto_generichash(hash, sizeof hash, (const uint8_t *)name, strlen(name), NULL, 0);
	memcpy(&id, hash, sizeof id);
	return id ? id : 1;
}

static void hosts_send_frame(struct hosts *h, const uint8_t *frame, size_t len)
{
	if (link_send(h->link, frame, len) < 0)
		h->counters.not_sent++;
}

static void hosts_send(void *arg, const struct health_message *m)
{
	struct hosts *h = arg;
	size_t len;
	int n;

	if (codec_encode(m, &h->out_arena, h->text, sizeof h->text, &len) != CODEC_OK) {
		h->counters.not_encoded++;
		return;
	}
	n = seal_close(h->seal, m->host, h->text, len, h->out, sizeof h->out);
	if (n > 0)
		hosts_send_frame(h, h->out, (size_t)n);
	else
		h->counters.not_encoded++;
}

static void hosts_event_log(const struct hosts_event *e)
{
	char app[BATON_ADDR_TEXT_MAX] = "";

	if (e->has_row) {
		baton_endpoint_format(e->row.id.host.b, e->row.id.host.family, htobe16(e->row.id.host_port), app,
				      sizeof app);
		log_info("health event=%s host=%s app=%s state=%s directive=%s load=%u.%02u%% reason=\"%s\"",
			 health_event_name(e->kind), e->host_name, app, health_state_name(e->row.state),
			 health_directive_name(e->row.target), e->row.load / 100u, e->row.load % 100u, e->row.reason);
	} else {
		log_info("health event=%s host=%s cause=%s", health_event_name(e->kind), e->host_name,
			 health_cause_text(e->cause));
	}
}

/* A change of load alone is news for the allotments, not for people. */
static bool hosts_event_matters(const struct health_event *e)
{
	return e->kind != HEALTH_EVENT_ROW_CHANGED || e->before->state != e->after->state ||
	       e->before->target != e->after->target || e->before->current != e->after->current ||
	       e->before->capacity != e->after->capacity;
}

static void hosts_event(void *arg, const struct health_event *e)
{
	struct hosts *h = arg;
	const struct health_row *row = e->after ? e->after : e->before;
	struct hosts_event *entry;

	if (!hosts_event_matters(e))
		return;
	entry = &h->events[h->n_events++ % HOSTS_EVENTS_KEPT];
	memset(entry, 0, sizeof *entry);
	entry->wall_ns = clock_wall_ns();
	entry->host = e->host->id;
	snprintf(entry->host_name, sizeof entry->host_name, "%.63s", e->host->name);
	if (!entry->host_name[0])
		snprintf(entry->host_name, sizeof entry->host_name, "%016lx", e->host->id);
	entry->kind = e->kind;
	entry->cause = e->cause;
	if (row) {
		entry->has_row = true;
		entry->row = *row;
	}
	hosts_event_log(entry);
}

/* It lives under a lower number than the cache remembers: its clock was set back and its state is lost. */
static void hosts_proven(struct hosts *h, const struct seal_opened *opened, uint64_t now_ns)
{
	const struct health_cache_host *known = health_cache_find(&h->cache, opened->sender);

	if (known && known->incarnation > opened->incarnation)
		health_cache_forget(&h->cache, opened->sender, now_ns);
}

static void hosts_frame(struct hosts *h, size_t len, uint64_t now_ns)
{
	struct health_message m;
	struct seal_opened opened;
	enum seal_verdict v = seal_open(h->seal, h->in, len, now_ns, h->opened, sizeof h->opened, &opened);
	enum codec_error err;

	if (opened.proven)
		hosts_proven(h, &opened, now_ns);
	if (opened.hello_len)
		hosts_send_frame(h, opened.hello, opened.hello_len);
	if (v != SEAL_OK)
		return;
	err = codec_decode(opened.text, opened.len, &h->arena, &m);
	if (err != CODEC_OK) {
		h->counters.not_decoded++;
		return;
	}
	if (m.host != opened.sender) {
		h->counters.not_their_own++;
		return;
	}
	if (m.type == HEALTH_GROUP_HEARTBEAT)
		health_group_cache_receive(&h->groups, &m, now_ns);
	else
		health_cache_receive(&h->cache, &m, now_ns);
	h->poll_ns = now_ns; /* what is due next may be due earlier now */
}

static void hosts_receive(struct hosts *h, uint64_t now_ns)
{
	for (unsigned i = 0; i < HOSTS_FRAMES_A_TURN; i++) {
		ssize_t n = link_receive(h->link, h->in, sizeof h->in);

		if (n < 0)
			return;
		hosts_frame(h, (size_t)n, now_ns);
	}
}

void hosts_poll(struct batond *b, uint64_t now_ns)
{
	struct hosts *h = b->hosts;
	uint8_t beacon[SEAL_HELLO_LEN];

	if (!h)
		return;
	hosts_receive(h, now_ns);
	if (now_ns >= h->poll_ns) {
		uint64_t groups_ns = health_group_cache_poll(&h->groups, now_ns);

		h->poll_ns = health_cache_poll(&h->cache, now_ns);
		if (groups_ns < h->poll_ns)
			h->poll_ns = groups_ns;
	}
	if (now_ns >= h->beacon_ns) {
		h->beacon_ns = now_ns + LINK_BEACON_MS * CLOCK_NS_PER_MS;
		seal_beacon(h->seal, beacon);
		hosts_send_frame(h, beacon, sizeof beacon);
	}
	if (h->cache.generation != h->matched_generation)
		hosts_match(b, b->view, now_ns);
}

static int hosts_open(struct batond *b, struct hosts *h)
{
	struct health_cache_ops ops = { .send = hosts_send, .event = hosts_event, .context = h };
	struct health_group_cache_settings groups = health_group_cache_settings_default();
	struct health_cache_settings settings = health_cache_settings_default();
	struct epoll_event event = { .events = EPOLLIN };
	struct seal_keyring keys;
	int err;

	err = seal_keyring_load(b->config->secret_file, SEAL_PURPOSE_HEALTH, &keys);
	if (err < 0)
		return err;
	h->seal = seal_new(hosts_own_id(b->config->name), seal_incarnation(clock_wall_ns(), 0), &keys, HOSTS_PEERS);
	sodium_memzero(&keys, sizeof keys);
	if (!h->seal || codec_arena_init(&h->arena) < 0 || codec_arena_init(&h->out_arena) < 0)
		return -ENOMEM;
	settings.max_hosts = HOSTS_PEERS;
	err = health_cache_init(&h->cache, &settings, &ops);
	if (err < 0)
		return err;
	h->cache_made = true;
	err = health_group_cache_init(&h->groups, &groups, &h->cache);
	if (err < 0)
		return err;
	h->groups_made = true;
	err = link_open(&h->link);
	if (err == 0)
		err = link_bind(h->link, &b->config->health_listen, (uint16_t)b->config->health_port);
	if (err < 0)
		return err;
	event.data.fd = link_fd(h->link); /* only wakes the control thread */
	return epoll_ctl(b->epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event) < 0 ? -errno : 0;
}

int hosts_start(struct batond *b)
{
	char text[BATON_ADDR_TEXT_MAX];
	int err;

	if (!b->config->health_listen.family)
		return 0;
	if (sodium_init() < 0)
		return -EIO;
	b->hosts = calloc(1, sizeof *b->hosts);
	if (!b->hosts)
		return -ENOMEM;
	err = hosts_open(b, b->hosts);
	if (err < 0) {
		log_error("cannot listen for the hosts' agents address=%s port=%d error=\"%s\"; is the address on a "
			  "kernel "
			  "interface (ports[].exception)?",
			  baton_addr_format(&b->config->health_listen, text, sizeof text), b->config->health_port,
			  strerror(-err));
		hosts_stop(b);
		return err;
	}
	hosts_match(b, b->view, clock_monotonic_ns());
	return 0;
}

void hosts_stop(struct batond *b)
{
	struct hosts *h = b->hosts;

	if (!h)
		return;
	link_close(h->link);
	seal_free(h->seal);
	if (h->groups_made)
		health_group_cache_fini(&h->groups);
	if (h->cache_made)
		health_cache_fini(&h->cache);
	codec_arena_fini(&h->arena);
	codec_arena_fini(&h->out_arena);
	free(h);
	b->hosts = NULL;
}

void hosts_set_keys(struct batond *b, const struct seal_keyring *keys)
{
	if (b->hosts)
		seal_set_keys(b->hosts->seal, keys);
}

void hosts_match(struct batond *b, const struct view *view, uint64_t now_ns)
{
	struct hosts *h = b->hosts;
	bool changed;

	if (!h || hosts_match_endpoints(view, &h->cache, h->endpoints, now_ns, &changed) < 0)
		return; /* again when the cache or the view changes next */
	b->view_due |= changed;
	h->matched_generation = h->cache.generation;
	h->counters.matches++;
}

const struct hosts_endpoint *hosts_endpoint_get(const struct batond *b, uint16_t id)
{
	static const struct hosts_endpoint unknown;

	return b->hosts ? &b->hosts->endpoints[id] : &unknown;
}

const struct health_cache *hosts_cache_get(const struct batond *b)
{
	return b->hosts ? &b->hosts->cache : NULL;
}

const struct hosts_counters *hosts_counters_get(const struct batond *b)
{
	static const struct hosts_counters none;

	return b->hosts ? &b->hosts->counters : &none;
}

const uint64_t *hosts_seal_counters_get(const struct batond *b)
{
	return b->hosts ? seal_counters(b->hosts->seal) : NULL;
}

const struct health_group_cache *hosts_groups_get(const struct batond *b)
{
	return b->hosts ? &b->hosts->groups : NULL;
}

const struct hosts_event *hosts_event_get(const struct batond *b, unsigned i)
{
	const struct hosts *h = b->hosts;

	if (!h || i >= HOSTS_EVENTS_KEPT || i >= h->n_events)
		return NULL;
	return &h->events[(h->n_events - 1 - i) % HOSTS_EVENTS_KEPT];
}
