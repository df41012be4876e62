/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/health_service.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/balancers.h"
#include "agent/group_link.h"
#include "agent/health_counters.h"
#include "agent/health_memory.h"
#include "agent/local_socket.h"
#include "agent/teller.h"
#include "agent/watch.h"
#include "base/clock.h"
#include "base/log.h"
#include "health/host.h"
#include "wire/seal.h"

#define SAVE_AFTER_MS 100
#define UNNAMED_HOST 1 /* an agent without name has no balancers: nobody sees this */

struct health_service {
	struct loop *loop;
	const struct agent_config *config;
	struct agent_health *health;
	struct local_desk *desk;
	struct local_socket *socket;
	struct teller *teller;
	struct balancers *balancers;
	struct watch *watch;
	struct group_link *group; /* NULL: the host is in none */
	struct health_host host;
	bool speaking; /* host is in use */
	uint64_t incarnation, hush_end_ns, refused;
	struct loop_timer work, save;
	char path[PATH_MAX], *saved;
};

static void file_path(char path[PATH_MAX], const char *run_dir)
{
	snprintf(path, PATH_MAX, "%s/health", run_dir);
}

void health_service_remove_files(const char *run_dir)
{
	char path[PATH_MAX];

	file_path(path, run_dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/health.new", run_dir); /* of an agent that was killed while it wrote */
	unlink(path);
	snprintf(path, sizeof path, "%s/" BATON_AGENT_SOCKET_NAME, run_dir);
	unlink(path);
}

struct agent_health *health_service_table(struct health_service *s)
{
	return s->health;
}

/* What of the table is to be kept; rows: what balancers know as well. 0 or -ENOMEM. */
static int memory_collect(const struct health_service *s, bool rows, struct health_memory *m)
{
	const struct agent_app *a = NULL;
	const char *reason;
	int err = 0;

	m->incarnation = s->incarnation;
	m->wish = (uint8_t)agent_health_host_wish(s->health, &reason);
	memcpy(m->wish_reason, reason, sizeof m->wish_reason);
	while (!err && (a = agent_health_next(s->health, a ? &a->id : NULL)))
		for (unsigned i = 0; !err && i < a->n_words; i++)
			if (a->words[i].source.kind == AGENT_SOURCE_OPERATOR)
				err = health_memory_word_add(m, &a->id, &a->words[i]);
	for (unsigned i = 0; rows && !err && i < s->host.table.n_rows; i++) {
		const struct health_row *r = health_table_at(&s->host.table, i);
		struct teller_memory row = { r->id, r->current, teller_was_healthy(s->teller, &r->id) };

		err = health_memory_row_add(m, &row);
	}
	return err == -ENOSPC ? 0 : err;
}

static int save(struct health_service *s, bool rows)
{
	struct health_memory m;
	char *text;
	int err;

	health_memory_init(&m);
	err = memory_collect(s, rows, &m);
	text = err ? NULL : health_memory_format(&m);
	health_memory_fini(&m);
	if (!text)
		return -ENOMEM;
	err = s->saved && !strcmp(s->saved, text) ? 0 : health_memory_save(s->path, text);
	free(s->saved);
	s->saved = err ? NULL : text;
	if (err) {
		free(text);
		log_warning("can't keep the health table path=%s reason=\"%s\"", s->path, strerror(-err));
	}
	return err;
}

static void save_due(struct loop_timer *t, uint64_t now_ns)
{
	save((struct health_service *)((char *)t - offsetof(struct health_service, save)), true);
}

static void save_soon(struct health_service *s, uint64_t now_ns)
{
	/* before the hush is over the file still is what it was */
	if (s->speaking && !s->save.set)
		loop_timer_set(s->loop, &s->save, now_ns + SAVE_AFTER_MS * CLOCK_NS_PER_MS);
}

static void message_send(void *context, const struct health_message *m)
{
	struct health_service *s = context;

	if (group_link_outgoing(s->group, m, clock_monotonic_ns()))
		balancers_send(s->balancers, m);
}

static void group_send(void *context, const struct health_message *m)
{
	balancers_send(((struct health_service *)context)->balancers, m);
}

static void row_moved(void *context, const struct health_row *row)
{
	save_soon(context, clock_monotonic_ns());
}

static int host_begin(struct health_service *s, uint64_t now_ns)
{
	struct health_host_settings settings = health_host_settings_default();
	struct health_host_ops ops = { .send = message_send, .moved = row_moved, .context = s };
	uint64_t id = agent_config_host_id(s->config);
	int err;

	settings.id = id ? id : UNNAMED_HOST;
	settings.incarnation = s->incarnation;
	settings.name = s->config->name;
	settings.interval_ms = (uint32_t)s->config->health.heartbeat_ms;
	err = health_host_init(&s->host, &settings, &ops, now_ns);
	if (err) {
		log_error("can't begin to speak of health reason=\"%s\"", strerror(-err));
		return err;
	}
	s->speaking = true;
	teller_tell(s->teller, &s->host, true, now_ns);
	teller_remember(s->teller, NULL, 0);
	return 0;
}

static void refusals_log(struct health_service *s)
{
	uint64_t n = teller_refused(s->teller);

	if (n != s->refused && !s->refused)
		log_warning("the table has no room for all applications rows=%u", s->host.table.n_rows);
	s->refused = n;
}

/* Bring the table in line, send what is due. */
static void work_due(struct loop_timer *t, uint64_t now_ns)
{
	struct health_service *s = (struct health_service *)((char *)t - offsetof(struct health_service, work));
	uint64_t next_ns, due_ns;

	if (!s->speaking && now_ns < s->hush_end_ns && !teller_complete(s->teller)) {
		loop_timer_set(s->loop, t, s->hush_end_ns);
		return;
	}
	if (!s->speaking && host_begin(s, now_ns))
		return;
	teller_tell(s->teller, &s->host, false, now_ns);
	refusals_log(s);
	next_ns = health_host_poll(&s->host, now_ns);
	due_ns = teller_due(s->teller);
	save_soon(s, now_ns);
	if (next_ns > due_ns)
		next_ns = due_ns;
	if (next_ns != UINT64_MAX)
		loop_timer_set(s->loop, t, next_ns);
}

static void work_now(void *context)
{
	struct health_service *s = context;

	loop_timer_set(s->loop, &s->work, clock_monotonic_ns());
}

static void message_receive(void *context, const struct health_message *m, uint64_t now_ns)
{
	struct health_service *s = context;

	if (!s->speaking || group_link_incoming(s->group, m, now_ns))
		return;
	health_host_receive(&s->host, m, now_ns);
	work_now(s);
}

/* A balancer that has just come to know us: what was said before it has not heard. */
static void balancer_heard(void *context, uint64_t now_ns)
{
	struct health_service *s = context;

	if (!s->speaking)
		return;
	s->host.heartbeat_wanted = true;
	work_now(s);
}

static const struct health_row *row_told(void *arg, const struct health_app_id *id)
{
	const struct health_service *s = arg;

	return s->speaking ? health_table_find(&s->host.table, id) : NULL;
}

static bool counter_read(void *arg, unsigned i, const char **ret_name, const char **ret_text, uint64_t *ret_value)
{
	const struct health_service *s = arg;
	struct health_counters c = { s->socket, s->balancers, s->speaking ? s->host.counters : NULL };

	return health_counter_read(&c, i, ret_name, ret_text, ret_value);
}

/* Whether the row is there because the file says so, and not only while its unit is active. */
static bool is_configured(const struct agent_application *a)
{
	return a && !watch_app_follows_unit(&a->watch);
}

/* Rows of the configuration; those that are no longer in it go. */
static void applications_set(struct health_service *s, const struct agent_config *c)
{
	const struct agent_source config = { AGENT_SOURCE_CONFIG, 0 };
	const struct agent_app *app = NULL;

	while ((app = agent_health_next(s->health, app ? &app->id : NULL)))
		if (agent_health_word(app, config) && !is_configured(agent_config_application(c, &app->id)))
			agent_health_del(s->health, config, &app->id);
	for (unsigned i = 0; i < c->health.n_applications; i++) {
		const struct agent_application *a = &c->health.applications[i];
		int err;

		if (!is_configured(a))
			continue;
		err = agent_health_add(s->health, config, &a->id, (uint8_t)a->capacity, false);
		if (err)
			log_warning("no room for an application port=%d reason=\"%s\"", a->vip_port, strerror(-err));
		else if (a->health == AGENT_HEALTH_ASSUMED)
			agent_health_report(s->health, config, &a->id, HEALTH_HEALTHY, "assumed");
		else
			agent_health_abstain(s->health, config, &a->id);
	}
}

/* A damaged file is no reason to stay away: what it held is said anew, but for the operators' words. */
static void memory_load(struct health_service *s, struct health_memory *m)
{
	unsigned line;
	int err = health_memory_load(s->path, m, &line);

	if (err)
		log_warning(
			"what was kept of the health table can't be read; operators' words are lost path=%s line=%u "
			"reason=\"%s\"",
			s->path, line, strerror(-err));
}

static int memory_begin(struct health_service *s)
{
	struct health_memory m;
	int err;

	memory_load(s, &m);
	s->incarnation = seal_incarnation(clock_wall_ns(), m.incarnation);
	m.incarnation = s->incarnation;
	s->saved = health_memory_format(&m);
	/* a number must not be used twice, even if this run dies at once */
	err = s->saved ? health_memory_save(s->path, s->saved) : -ENOMEM;
	if (err)
		log_error("can't keep the health table path=%s reason=\"%s\"", s->path, strerror(-err));
	health_memory_apply(&m, s->health);
	if (!err)
		err = teller_remember(s->teller, m.rows, m.n_rows);
	s->hush_end_ns = clock_monotonic_ns() + (m.n_rows ? HEALTH_SERVICE_HUSH_MS * CLOCK_NS_PER_MS : 0);
	health_memory_fini(&m);
	return err;
}

static int keys_load(const struct agent_config *c, struct seal_keyring *ret)
{
	int err = seal_keyring_load(c->secret_file, SEAL_PURPOSE_HEALTH, ret);

	if (err)
		log_error("can't make link keys path=%s reason=\"%s\"", c->secret_file, strerror(-err));
	return err;
}

static int balancers_begin(struct health_service *s)
{
	struct balancers_ops ops = { .receive = message_receive, .heard = balancer_heard, .context = s };
	uint64_t id = agent_config_host_id(s->config);
	struct seal_keyring keys;
	int err = keys_load(s->config, &keys);

	if (err)
		return err;
	err = balancers_new(s->loop, s->config, id ? id : UNNAMED_HOST, s->incarnation, &keys, &ops, &s->balancers);
	explicit_bzero(&keys, sizeof keys);
	if (err)
		log_error("can't connect to the balancers reason=\"%s\"", strerror(-err));
	return err;
}

static int group_keys_set(struct health_service *s, const struct agent_config *c)
{
	struct seal_keyring keys;
	int err = s->group ? seal_keyring_load(c->secret_file, SEAL_PURPOSE_GROUP, &keys) : 0;

	if (!err)
		group_link_set_keys(s->group, &keys);
	explicit_bzero(&keys, sizeof keys);
	return err;
}

static int group_begin(struct health_service *s)
{
	struct group_link_ops ops = { .to_balancers = group_send, .context = s };
	struct group_link_settings settings;
	struct seal_keyring keys;
	int err = seal_keyring_load(s->config->secret_file, SEAL_PURPOSE_GROUP, &keys);

	agent_group_settings(s->config, &settings);
	settings.group.incarnation = s->incarnation;
	if (!err)
		err = group_link_new(s->loop, &settings, &keys, &ops, &s->group);
	explicit_bzero(&keys, sizeof keys);
	if (err)
		log_error("can't begin to speak with the group name=%s reason=\"%s\"",
			  s->config->group.name ? s->config->group.name : "-", strerror(-err));
	return err;
}

static int socket_begin(struct health_service *s)
{
	int err = local_socket_new(s->loop, s->config, s->desk, &s->socket);

	if (err)
		log_error("can't listen path=%s/" BATON_AGENT_SOCKET_NAME " reason=\"%s\"", s->config->run_dir,
			  strerror(-err));
	return err;
}

static struct health_service *service_new(struct loop *l, const struct agent_config *c)
{
	struct health_service *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->loop = l;
	s->config = c;
	s->work.due = work_due;
	s->save.due = save_due;
	file_path(s->path, c->run_dir);
	s->health = agent_health_new();
	s->desk = s->health ? local_desk_new(c, s->health, row_told, s) : NULL;
	s->teller = s->health ? teller_new(c, s->health) : NULL;
	s->watch = s->health ? watch_new(l, s->health) : NULL;
	if (s->desk && s->teller && s->watch)
		return s;
	health_service_stop(s);
	return NULL;
}

int health_service_start(struct loop *l, const struct agent_config *c, struct health_service **ret)
{
	struct health_service *s = service_new(l, c);
	int err;

	if (!s)
		return -ENOMEM;
	err = memory_begin(s);
	if (!err)
		err = balancers_begin(s);
	if (!err)
		err = group_begin(s);
	if (!err)
		err = socket_begin(s);
	if (err) {
		health_service_stop(s);
		return err;
	}
	local_desk_counters(s->desk, counter_read, s);
	applications_set(s, c);
	watch_config_set(s->watch, c); /* what can't be watched is logged */
	agent_health_hook(s->health, work_now, s);
	work_now(s);
	*ret = s;
	return 0;
}

int health_service_reload(struct health_service *s, const struct agent_config *c)
{
	struct seal_keyring keys;
	int err = keys_load(c, &keys), err2;

	applications_set(s, c);
	err2 = watch_config_set(s->watch, c);
	s->config = c;
	local_desk_config(s->desk, c);
	local_socket_config(s->socket, c);
	teller_config(s->teller, c);
	if (s->speaking)
		teller_tell(s->teller, &s->host, true, clock_monotonic_ns());
	work_now(s);
	if (err)
		return err;
	err = balancers_config(s->balancers, c, &keys);
	if (group_keys_set(s, c) < 0)
		log_error("can't make the group's keys path=%s", c->secret_file);
	explicit_bzero(&keys, sizeof keys);
	if (err)
		log_error("can't connect to all balancers reason=\"%s\"", strerror(-err));
	return err ? err : err2;
}

void health_service_steps(struct health_service *s, struct steps *steps)
{
	local_desk_steps(s->desk, steps);
}

void health_service_stop(struct health_service *s)
{
	if (!s)
		return;
	if (s->speaking) {
		save(s, false); /* after a goodbye the balancers know no rows of ours */
		health_host_goodbye(&s->host);
		health_host_fini(&s->host);
	}
	if (s->health)
		agent_health_hook(s->health, NULL, NULL);
	watch_free(s->watch);
	local_socket_free(s->socket);
	group_link_free(s->group);
	balancers_free(s->balancers);
	loop_timer_del(s->loop, &s->work);
	loop_timer_del(s->loop, &s->save);
	teller_free(s->teller);
	local_desk_free(s->desk);
	agent_health_free(s->health);
	free(s->saved);
	free(s);
}
