/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/group_sim.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "wire/link.h"

#define TICK_NS (5 * SIM_MS)
#define HOST_ID(i) (1000ull + (i))
#define BALANCER_ID(b) (1ull + (b))
#define WALL_NS 1700000000000000000ull /* where the hosts' clocks begin */

struct sim_frame {
	uint64_t at_ns, order; /* of two at one time the one sent first goes first, as in a stream */
	enum sim_way way;
	unsigned to;
	size_t len;
	uint8_t *bytes;
};

unsigned group_sim_random(struct group_sim *s, unsigned n)
{
	/* splitmix64 */
	uint64_t z = s->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (unsigned)((z ^ z >> 31) >> 32) % n;
}

static void must(bool what)
{
	if (!what)
		abort();
}

static void swap(struct sim_frame *a, struct sim_frame *b)
{
	struct sim_frame t = *a;

	*a = *b;
	*b = t;
}

static bool before(const struct sim_frame *a, const struct sim_frame *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void frame_push(struct group_sim *s, struct sim_frame f)
{
	size_t i = s->n_frames;

	if (s->n_frames == s->max_frames) {
		s->max_frames = s->max_frames ? 2 * s->max_frames : 1024;
		s->frames = realloc(s->frames, s->max_frames * sizeof *s->frames);
		must(s->frames);
	}
	f.order = s->n_sent++;
	s->frames[s->n_frames++] = f;
	for (; i && before(&s->frames[i], &s->frames[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&s->frames[i], &s->frames[(i - 1) / 2]);
}

static struct sim_frame frame_pop(struct group_sim *s)
{
	struct sim_frame f = s->frames[0];
	size_t i = 0, least;

	s->frames[0] = s->frames[--s->n_frames];
	for (;; i = least) {
		least = i;
		for (size_t k = 2 * i + 1; k <= 2 * i + 2; k++) {
			if (k < s->n_frames && before(&s->frames[k], &s->frames[least]))
				least = k;
		}
		if (least == i)
			return f;
		swap(&s->frames[i], &s->frames[least]);
	}
}

/* copies: how many the real link sends for it. */
static void post(struct group_sim *s, enum sim_way way, unsigned to, bool passes, const uint8_t *bytes, size_t len,
		 unsigned copies)
{
	unsigned span = s->settings.delay_ms[1] - s->settings.delay_ms[0];
	struct sim_frame f = { .way = way, .to = to, .len = len };

	s->traffic[way].n_frames += copies;
	s->traffic[way].n_bytes += copies * (len + SIM_AROUND_BYTES);
	if (!passes || group_sim_random(s, 1000) < s->settings.loss)
		return;
	f.at_ns = s->now_ns + s->settings.delay_ms[0] * SIM_MS + group_sim_random(s, span * 1000 + 1) * 1000ull;
	f.bytes = malloc(len);
	must(f.bytes);
	memcpy(f.bytes, bytes, len);
	frame_push(s, f);
}

static size_t make(struct group_sim *s, struct seal *seal, uint64_t destination, const struct health_message *m,
		   uint8_t frame[SEAL_FRAME_MAX])
{
	uint8_t text[CODEC_MESSAGE_MAX];
	size_t len;
	int n;

	must(codec_encode(m, &s->arena, text, sizeof text, &len) == CODEC_OK);
	n = seal_close(seal, destination, text, len, frame, SEAL_FRAME_MAX);
	must(n > 0);
	return (size_t)n;
}

/* The ends know the simulation by this. */
static struct group_sim *the_sim;

static void host_to_balancers(void *context, const struct health_message *m)
{
	struct sim_host *h = context;
	struct group_sim *s = the_sim;
	uint8_t frame[SEAL_FRAME_MAX];
	size_t len;

	if (m->type == HEALTH_HEARTBEAT && h->grouped && !health_group_heartbeat(&h->group, m, s->now_ns))
		return;
	len = make(s, h->to_balancers, SEAL_EVERYONE, m, frame);
	for (unsigned b = 0; b < s->settings.n_balancers; b++) {
		if (h->last_word && m->type == HEALTH_GROUP_HEARTBEAT && b > 0)
			h->alive = false;
		else
			post(s, SIM_TO_BALANCERS, b, !h->cut[b], frame, len, 1);
	}
}

static void host_to_member(void *context, unsigned member, const struct health_message *m)
{
	struct sim_host *h = context;
	struct group_sim *s = the_sim;
	const struct health_group_settings *g = &h->group.settings;
	bool everyone = member == HEALTH_GROUP_EVERYONE;
	uint8_t frame[SEAL_FRAME_MAX];
	size_t len = make(s, h->to_members, everyone ? SEAL_EVERYONE : g->members[member], m, frame);

	for (unsigned i = everyone ? 0 : member; i < (everyone ? g->n_members : member + 1); i++) {
		struct sim_host *to = &s->hosts[h->first + i];
		/* to those behind it in the list there is one link for all of them */
		unsigned copies = everyone || i < g->own ? 1 : g->n_members - 1 - g->own;

		if (i != g->own)
			post(s, SIM_IN_GROUPS, to->number, to->side == h->side, frame, len, copies);
	}
}

/* A balancer's link brings a frame to every host; the others see that it is not for them. */
static void balancer_post(struct group_sim *s, struct sim_balancer *b, uint64_t host, const uint8_t *frame, size_t len)
{
	unsigned to = (unsigned)(host - HOST_ID(0)), number = (unsigned)(b->id - BALANCER_ID(0));

	must(to < s->settings.n_hosts);
	post(s, SIM_TO_HOSTS, to, !s->hosts[to].cut[number], frame, len, s->settings.n_hosts);
}

static void balancer_send(void *context, const struct health_message *m)
{
	struct sim_balancer *b = context;
	uint8_t frame[SEAL_FRAME_MAX];
	size_t len = make(the_sim, b->seal, m->host, m, frame);

	balancer_post(the_sim, b, m->host, frame, len);
}

static void balancer_beacon(struct group_sim *s, struct sim_balancer *b)
{
	unsigned number = (unsigned)(b->id - BALANCER_ID(0));
	uint8_t frame[SEAL_HELLO_LEN];

	seal_beacon(b->seal, frame);
	for (unsigned i = 0; i < s->settings.n_hosts; i++)
		post(s, SIM_TO_HOSTS, i, !s->hosts[i].cut[number], frame, sizeof frame, 1);
	b->beacon_ns = s->now_ns + LINK_BEACON_MS * SIM_MS;
}

static struct health_row row_of(unsigned host, unsigned app, uint16_t load)
{
	struct health_row r = { .state = HEALTH_HEALTHY, .target = HEALTH_ACTIVE, .capacity = 50, .load = load };

	r.id.host.family = r.id.vip.family = BATON_IPV4;
	r.id.host.b[0] = r.id.vip.b[0] = 10;
	r.id.host.b[2] = (uint8_t)(host >> 8);
	r.id.host.b[3] = (uint8_t)host;
	r.id.vip.b[1] = (uint8_t)app;
	r.id.vip_port = r.id.host_port = 80;
	r.id.proto = IPPROTO_TCP;
	return r;
}

static void group_begin(struct group_sim *s, struct sim_host *h)
{
	struct health_group_settings g = health_group_settings_default();
	unsigned left = s->settings.n_hosts - h->first;
	struct health_group_ops ops = { host_to_member, host_to_balancers, h };

	g.group = 1 + h->first;
	g.n_members = left < s->settings.group_size ? left : s->settings.group_size;
	g.own = h->number - h->first;
	g.incarnation = h->incarnation;
	g.mode = s->settings.mode;
	g.compress = s->settings.compress;
	for (unsigned i = 0; i < g.n_members; i++)
		g.members[i] = HOST_ID(h->first + i);
	must(health_group_init(&h->group, &g, &ops, s->now_ns) == 0);
}

void group_sim_start(struct group_sim *s, unsigned host)
{
	struct health_host_settings settings = health_host_settings_default();
	struct sim_host *h = &s->hosts[host];
	struct health_host_ops ops = { .send = host_to_balancers, .context = h };
	char name[] = "host-000.rack-0.example.net";

	if (h->alive)
		return;
	health_host_fini(&h->health);
	seal_free(h->to_balancers);
	seal_free(h->to_members);
	h->alive = true;
	h->last_word = false;
	h->incarnation = seal_incarnation(WALL_NS + s->now_ns, h->incarnation);
	h->to_balancers = seal_new(h->id, h->incarnation, &s->keys, SIM_BALANCERS);
	h->to_members = seal_new(h->id, h->incarnation, &s->keys, HEALTH_MAX_MEMBERS);
	must(h->to_balancers && h->to_members);
	settings.id = h->id;
	settings.incarnation = h->incarnation;
	settings.name = name;
	/* agents don't start all at one moment */
	must(health_host_init(&h->health, &settings, &ops, s->now_ns + group_sim_random(s, 1000) * SIM_MS) == 0);
	for (unsigned a = 0; a < s->settings.n_apps; a++) {
		struct health_row r = row_of(host, a, (uint16_t)group_sim_random(s, 9000));

		must(health_host_set(&h->health, &r) == 0);
	}
	if (h->grouped)
		group_begin(s, h);
	h->next_ns = s->now_ns;
	h->load_ns = s->now_ns + group_sim_random(s, s->settings.load_ms) * SIM_MS;
}

void group_sim_kill(struct group_sim *s, unsigned host)
{
	s->hosts[host].alive = false;
}

static void balancer_begin(struct group_sim *s, unsigned number)
{
	struct health_cache_settings cs = health_cache_settings_default();
	struct health_group_cache_settings gs = health_group_cache_settings_default();
	struct sim_balancer *b = &s->balancers[number];
	struct health_cache_ops ops = { .send = balancer_send, .context = b };

	b->id = BALANCER_ID(number);
	b->seal = seal_new(b->id, seal_incarnation(WALL_NS, 0), &s->keys, s->settings.n_hosts);
	must(b->seal && health_cache_init(&b->cache, &cs, &ops) == 0 &&
	     health_group_cache_init(&b->groups, &gs, &b->cache) == 0);
}

struct group_sim *group_sim_new(const struct group_sim_settings *settings)
{
	struct group_sim *s = calloc(1, sizeof *s);

	must(s && settings->n_balancers <= SIM_BALANCERS && settings->group_size <= HEALTH_MAX_MEMBERS);
	the_sim = s;
	s->settings = *settings;
	s->random = settings->seed;
	s->now_ns = SIM_S;
	s->keys.n_keys = 1;
	s->keys.keys[0] = (struct seal_key){ .id = 1, .key = { 1, 2, 3 } };
	s->hosts = calloc(settings->n_hosts, sizeof *s->hosts);
	must(s->hosts && codec_arena_init(&s->arena) == 0);
	for (unsigned b = 0; b < settings->n_balancers; b++)
		balancer_begin(s, b);
	for (unsigned i = 0; i < settings->n_hosts; i++) {
		struct sim_host *h = &s->hosts[i];
		unsigned size = settings->group_size;

		h->number = i;
		h->id = HOST_ID(i);
		h->first = size ? i - i % size : i;
		h->grouped = size && settings->n_hosts - h->first > 1;
		group_sim_start(s, i);
	}
	return s;
}

void group_sim_free(struct group_sim *s)
{
	for (unsigned i = 0; i < s->settings.n_hosts; i++) {
		health_host_fini(&s->hosts[i].health);
		seal_free(s->hosts[i].to_balancers);
		seal_free(s->hosts[i].to_members);
	}
	for (unsigned b = 0; b < s->settings.n_balancers; b++) {
		health_group_cache_fini(&s->balancers[b].groups);
		health_cache_fini(&s->balancers[b].cache);
		seal_free(s->balancers[b].seal);
	}
	while (s->n_frames)
		free(frame_pop(s).bytes);
	codec_arena_fini(&s->arena);
	free(s->frames);
	free(s->hosts);
	free(s);
}

static bool opened(struct group_sim *s, struct seal *seal, const struct sim_frame *f, struct seal_opened *o,
		   struct health_message *m)
{
	static uint8_t room[SEAL_FRAME_MAX];

	return seal_open(seal, f->bytes, f->len, s->now_ns, room, sizeof room, o) == SEAL_OK &&
	       codec_decode(o->text, o->len, &s->arena, m) == CODEC_OK;
}

static void deliver_to_balancer(struct group_sim *s, const struct sim_frame *f)
{
	struct sim_balancer *b = &s->balancers[f->to];
	struct health_message m;
	struct seal_opened o;
	bool good = opened(s, b->seal, f, &o, &m);

	if (good && m.host == o.sender) {
		/* the next message the balancer sends would use the arena where this one is */
		struct health_group_entry entries[HEALTH_MAX_MEMBERS];

		if (m.type == HEALTH_GROUP_HEARTBEAT) {
			memcpy(entries, m.group_heartbeat.entries, m.group_heartbeat.n_entries * sizeof *entries);
			m.group_heartbeat.entries = entries;
			health_group_cache_receive(&b->groups, &m, s->now_ns);
		} else {
			health_cache_receive(&b->cache, &m, s->now_ns);
		}
		b->next_ns = s->now_ns;
	}
	if (o.hello_len)
		balancer_post(s, b, o.sender, o.hello, o.hello_len);
}

static void deliver_to_host(struct group_sim *s, const struct sim_frame *f)
{
	struct sim_host *h = &s->hosts[f->to];
	struct health_message m;
	struct seal_opened o;
	bool good = opened(s, h->to_balancers, f, &o, &m);

	if (o.hello_len) {
		unsigned b = (unsigned)(o.sender - BALANCER_ID(0));

		post(s, SIM_TO_BALANCERS, b, !h->cut[b], o.hello, o.hello_len, 1);
	}
	if (!good)
		return;
	if (h->grouped && m.type == HEALTH_GET_SNAPSHOT && m.get_snapshot.chunks == 0)
		health_group_asked(&h->group, s->now_ns);
	if (h->grouped && m.type == HEALTH_GROUP_ASK)
		health_group_receive_ask(&h->group, &m);
	else
		health_host_receive(&h->health, &m, s->now_ns);
	h->next_ns = s->now_ns;
}

static void deliver_to_member(struct group_sim *s, const struct sim_frame *f)
{
	struct sim_host *h = &s->hosts[f->to];
	struct health_message m;
	struct seal_opened o;
	bool good = opened(s, h->to_members, f, &o, &m);

	if (o.hello_len) {
		struct sim_host *to = &s->hosts[o.sender - HOST_ID(0)];

		post(s, SIM_IN_GROUPS, to->number, to->side == h->side, o.hello, o.hello_len, 1);
	}
	if (good && m.host == o.sender) {
		health_group_receive(&h->group, &m, s->now_ns);
		h->next_ns = s->now_ns;
	}
}

static void deliver(struct group_sim *s)
{
	while (s->n_frames && s->frames[0].at_ns <= s->now_ns) {
		struct sim_frame f = frame_pop(s);

		if (f.way == SIM_TO_BALANCERS)
			deliver_to_balancer(s, &f);
		else if (!s->hosts[f.to].alive)
			; /* nobody there */
		else if (f.way == SIM_TO_HOSTS)
			deliver_to_host(s, &f);
		else
			deliver_to_member(s, &f);
		free(f.bytes);
	}
}

static void host_poll(struct group_sim *s, struct sim_host *h)
{
	uint64_t next;

	if (!h->alive)
		return;
	if (s->now_ns >= h->load_ns && s->settings.n_apps) {
		unsigned a = group_sim_random(s, s->settings.n_apps);
		struct health_row r = row_of(h->number, a, (uint16_t)group_sim_random(s, 9000));

		must(health_host_set(&h->health, &r) == 0);
		h->load_ns = s->now_ns + s->settings.load_ms / s->settings.n_apps * SIM_MS;
		h->next_ns = s->now_ns;
	}
	if (s->now_ns < h->next_ns)
		return;
	h->next_ns = health_host_poll(&h->health, s->now_ns);
	if (!h->grouped)
		return;
	next = health_group_poll(&h->group, s->now_ns);
	h->next_ns = next < h->next_ns ? next : h->next_ns;
}

static void balancer_poll(struct group_sim *s, struct sim_balancer *b)
{
	uint64_t next;

	if (s->now_ns >= b->beacon_ns)
		balancer_beacon(s, b);
	if (s->now_ns < b->next_ns)
		return;
	b->next_ns = health_group_cache_poll(&b->groups, s->now_ns);
	next = health_cache_poll(&b->cache, s->now_ns);
	b->next_ns = next < b->next_ns ? next : b->next_ns;
}

void group_sim_run(struct group_sim *s, uint64_t for_ns)
{
	the_sim = s;
	for (uint64_t end = s->now_ns + for_ns; s->now_ns < end; s->now_ns += TICK_NS) {
		deliver(s);
		for (unsigned i = 0; i < s->settings.n_hosts; i++)
			host_poll(s, &s->hosts[i]);
		for (unsigned b = 0; b < s->settings.n_balancers; b++)
			balancer_poll(s, &s->balancers[b]);
	}
}

bool group_sim_present(const struct group_sim *s, unsigned b, unsigned host)
{
	const struct health_cache_host *h = health_cache_find(&s->balancers[b].cache, HOST_ID(host));

	return h && h->presence == HEALTH_PRESENT;
}

int group_sim_leader(const struct group_sim *s, unsigned host)
{
	const struct sim_host *h = &s->hosts[host];

	return h->grouped && h->group.leader != HEALTH_GROUP_NOBODY ? (int)(h->first + h->group.leader) : -1;
}

void group_sim_traffic_clear(struct group_sim *s)
{
	memset(s->traffic, 0, sizeof s->traffic);
}
