/* SPDX-License-Identifier: BSD-3-Clause */
/* baton-agent: the host's end of the port-field tunnel. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "agent/config.h"
#include "agent/health_service.h"
#include "agent/loop.h"
#include "agent/service.h"
#include "agent/status.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/number.h"

#define CONFIG_DEFAULT "/etc/baton/agent.conf"
#define FINDINGS_MAX 32
#define FLOWS_LISTED_DEFAULT 1000

enum command { COMMAND_RUN, COMMAND_CHECK, COMMAND_STATUS, COMMAND_REMOVE, COMMAND_HELP_CONFIG };

struct options {
	enum command command;
	const char *file;
	bool json, verbose;
	unsigned max_flows;
};

static void usage(FILE *out)
{
	fprintf(out, "usage: baton-agent [-c FILE] [-v]           run (configuration: " CONFIG_DEFAULT ")\n"
		     "       baton-agent [-c FILE] --check        check the configuration\n"
		     "       baton-agent [-c FILE] --status [--json] [--flows N]\n"
		     "                                            show counters and up to N flows\n"
		     "       baton-agent [-c FILE] --remove       undo everything on this machine\n"
		     "       baton-agent --help-config            describe every key of the configuration\n");
}

static int flows_parse(const char *text, unsigned *ret)
{
	uint64_t n;

	if (number_parse(text, 0, 100000000, &n)) {
		fprintf(stderr, "baton-agent: --flows wants a number, not \"%s\"\n", text);
		return -EINVAL;
	}
	*ret = (unsigned)n;
	return 0;
}

/* 0; -EINVAL: usage error, reported; 1: help was asked for. */
static int options_parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 'C' },
		{ "status", no_argument, NULL, 'S' },       { "remove", no_argument, NULL, 'R' },
		{ "json", no_argument, NULL, 'j' },         { "flows", required_argument, NULL, 'n' },
		{ "verbose", no_argument, NULL, 'v' },      { "help", no_argument, NULL, 'h' },
		{ "help-config", no_argument, NULL, 'H' },  { 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:vh", longs, NULL)) != -1) {
		if (c == 'c')
			o->file = optarg;
		else if (c == 'C')
			o->command = COMMAND_CHECK;
		else if (c == 'S')
			o->command = COMMAND_STATUS;
		else if (c == 'R')
			o->command = COMMAND_REMOVE;
		else if (c == 'H')
			o->command = COMMAND_HELP_CONFIG;
		else if (c == 'j')
			o->json = true;
		else if (c == 'v')
			o->verbose = true;
		else if (c == 'h')
			return 1;
		else if (c != 'n' || flows_parse(optarg, &o->max_flows) < 0)
			return -EINVAL;
	}
	if (optind < argc) {
		fprintf(stderr, "baton-agent: \"%s\" is not understood\n", argv[optind]);
		return -EINVAL;
	}
	return 0;
}

/* Load the file, log its findings. NULL if it can't be used. */
static struct agent_config *config_read(const char *path, const struct agent_config *running)
{
	static char texts[FINDINGS_MAX][CONF_FINDING_MAX];
	struct conf_findings f = { .text = texts, .max = FINDINGS_MAX };
	struct agent_config *c = NULL;
	int err = agent_config_load(path, &f, &c);

	if (!err && running) {
		err = agent_config_reload_check(running, c, &f);
		if (err) {
			agent_config_free(c);
			c = NULL;
		}
	}
	for (unsigned i = 0; i < f.n; i++)
		if (err)
			log_error("%s", texts[i]);
		else
			log_warning("%s", texts[i]);
	if (err && !f.n)
		log_error("%s: %s", path, strerror(-err));
	return err ? NULL : c;
}

/* All of a running agent. */
struct program {
	struct loop_watch signals; /* first */
	struct loop_timer tick;
	struct loop *loop;
	struct service *service;
	struct health_service *health;
	const char *path;
	int err;
};

static void reload(struct program *p)
{
	struct agent_config *c = config_read(p->path, service_config(p->service));
	int err, err2;

	sd_notify(0, "RELOADING=1");
	err = c ? service_reload(p->service, c) : -EINVAL;
	/* even where something is left over, the new configuration may be in use, and the old one gone */
	err2 = health_service_reload(p->health, service_config(p->service));
	err = err ? err : err2;
	if (err)
		log_error("configuration is not reloaded, the old one stays file=%s", p->path);
	else
		log_info("configuration reloaded file=%s", p->path);
	sd_notify(0, "READY=1");
}

static void signal_ready(struct loop_watch *w, uint32_t events)
{
	struct program *p = (struct program *)w;
	struct signalfd_siginfo info;

	if (read(w->fd, &info, sizeof info) != sizeof info) {
		p->err = -EIO;
		loop_stop(p->loop);
	} else if (info.ssi_signo == SIGHUP) {
		reload(p);
	} else {
		loop_stop(p->loop);
	}
}

static void tick_due(struct loop_timer *t, uint64_t now_ns)
{
	struct program *p = (struct program *)((char *)t - offsetof(struct program, tick));
	int wait_ms = service_tick(p->service, now_ns);

	loop_timer_set(p->loop, t, now_ns + (uint64_t)wait_ms * CLOCK_NS_PER_MS);
}

/* Until SIGTERM or SIGINT. */
static int program_run(struct program *p)
{
	int err = loop_watch(p->loop, &p->signals, EPOLLIN);

	if (err)
		return err;
	p->tick.due = tick_due;
	loop_timer_set(p->loop, &p->tick, clock_monotonic_ns());
	log_info("ready flows_max=%d", service_config(p->service)->max_flows);
	sd_notify(0, "READY=1");
	err = loop_run(p->loop);
	sd_notify(0, "STOPPING=1");
	return err ? err : p->err;
}

/* Signals wait from here on, so that none is lost while starting. */
static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int run(struct agent_config *c, const char *path)
{
	struct program p = { .path = path, .signals = { .fd = signals_open(), .ready = signal_ready } };
	int err = p.signals.fd < 0 ? p.signals.fd : loop_new(&p.loop);

	if (err) {
		agent_config_free(c);
		return err;
	}
	err = service_start(p.loop, c, &p.service);
	if (!err)
		err = health_service_start(p.loop, c, &p.health);
	if (!err)
		health_service_steps(p.health, service_steps(p.service));
	if (!err)
		err = program_run(&p);
	health_service_stop(p.health);
	if (p.service)
		log_info("stopped; the datapath stays (baton-agent --remove takes it away)");
	service_stop(p.service);
	loop_free(p.loop);
	close(p.signals.fd);
	return err;
}

int main(int argc, char **argv)
{
	struct options o = { .file = CONFIG_DEFAULT, .max_flows = FLOWS_LISTED_DEFAULT };
	int err = options_parse(argc, argv, &o);
	struct agent_config *c;

	if (err) {
		usage(err < 0 ? stderr : stdout);
		return err < 0 ? 2 : 0;
	}
	if (o.command == COMMAND_HELP_CONFIG) {
		conf_print(stdout, agent_config_keys, CONF_PRINT_TEXT);
		return 0;
	}
	log_open("baton-agent", o.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	c = config_read(o.file, NULL);
	if (!c)
		return 1;
	if (o.command == COMMAND_RUN)
		return run(c, o.file) ? 1 : 0;
	if (o.command == COMMAND_CHECK)
		printf("%s: ok\n", o.file);
	else if (o.command == COMMAND_STATUS)
		err = status_print(c, stdout, o.json, o.max_flows);
	else
		err = service_remove(c);
	agent_config_free(c);
	return err ? 1 : 0;
}
