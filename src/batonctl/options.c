/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/number.h"
#include "baton/addr.h"
#include "baton/health.h"
#include "batonctl/batonctl.h"
#include "config/schema.h"

#define DEFAULT_CONFIG "/etc/baton/device.conf"
#define DEFAULT_RUN_DIR "/run/baton"
#define DEFAULT_LIMIT 1000
#define INTERVAL_MAX_S 3600
#define SECONDS_MAX 86400

enum {
	OPTION_JSON = 256,
	OPTION_COUNT,
	OPTION_ALL,
	OPTION_CLIENT,
	OPTION_VIP,
	OPTION_HOST,
	OPTION_VERSION,
	OPTION_REASON,
	OPTION_CAPACITY,
	OPTION_LOAD,
	OPTION_INACTIVE,
	OPTION_SECONDS
};

static const struct option long_options[] = {
	{ "run-dir", required_argument, NULL, 'r' },
	{ "config", required_argument, NULL, 'c' },
	{ "limit", required_argument, NULL, 'l' },
	{ "interval", required_argument, NULL, 'n' },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "count", no_argument, NULL, OPTION_COUNT },
	{ "all", no_argument, NULL, OPTION_ALL },
	{ "client", required_argument, NULL, OPTION_CLIENT },
	{ "vip", required_argument, NULL, OPTION_VIP },
	{ "host", required_argument, NULL, OPTION_HOST },
	{ "reason", required_argument, NULL, OPTION_REASON },
	{ "capacity", required_argument, NULL, OPTION_CAPACITY },
	{ "load", required_argument, NULL, OPTION_LOAD },
	{ "inactive", no_argument, NULL, OPTION_INACTIVE },
	{ "seconds", required_argument, NULL, OPTION_SECONDS },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ 0 },
};

static int count_parse(const char *name, const char *text, unsigned long min, unsigned long max, unsigned *ret,
		       char *why)
{
	uint64_t n;

	if (number_parse(text, min, max, &n)) {
		snprintf(why, BATONCTL_WHY_SIZE, "%s: \"%.64s\" is not a number from %lu to %lu", name, text, min, max);
		return -EINVAL;
	}
	*ret = (unsigned)n;
	return 0;
}

static int addr_check(const char *name, const char *text, char *why)
{
	struct baton_addr a;

	if (baton_addr_parse(text, &a) == 0)
		return 0;
	snprintf(why, BATONCTL_WHY_SIZE, "%s: \"%.64s\" is not an IPv4 or IPv6 address", name, text);
	return -EINVAL;
}

static bool is_name(const char *text, size_t n)
{
	char reason[CONF_WHY_SIZE], name[64], *p = name;

	if (!n || n >= sizeof name)
		return false;
	memcpy(name, text, n);
	name[n] = 0;
	return conf_check_name(&p, reason, sizeof reason) == 0;
}

/* "VIP" or "VIP/POOL" */
static int vip_check(const char *text, char *why)
{
	size_t n = strcspn(text, "/");

	if (is_name(text, n) && (!text[n] || is_name(text + n + 1, strlen(text + n + 1))))
		return 0;
	snprintf(why, BATONCTL_WHY_SIZE, "--vip: \"%.64s\" can't be a VIP's name", text);
	return -EINVAL;
}

static int signed_parse(const char *name, const char *text, unsigned long max, int *ret, char *why)
{
	unsigned n;
	int err = count_parse(name, text, 0, max, &n, why);

	if (!err)
		*ret = (int)n;
	return err;
}

/* What a host is told. */
static int host_option_take(struct options *o, int c, char *why)
{
	switch (c) {
	case OPTION_REASON:
		o->reason = optarg;
		return 0;
	case OPTION_CAPACITY:
		return signed_parse("--capacity", optarg, 99, &o->capacity, why);
	case OPTION_LOAD:
		return signed_parse("--load", optarg, HEALTH_LOAD_MAX / 100, &o->load, why);
	default:
		o->inactive = true;
		return 0;
	}
}

static int option_take(struct options *o, int c, char *why)
{
	switch (c) {
	case 'r':
		o->run_dir = optarg;
		return 0;
	case 'c':
		o->config = optarg;
		return 0;
	case 'l':
		return count_parse("--limit", optarg, 0, 1000000000, &o->limit, why);
	case 'n':
		return count_parse("--interval", optarg, 1, INTERVAL_MAX_S, &o->interval_s, why);
	case 'h':
		o->help = true;
		return 0;
	case OPTION_JSON:
		o->json = true;
		return 0;
	case OPTION_COUNT:
		o->count = true;
		return 0;
	case OPTION_ALL:
		o->all = true;
		return 0;
	case OPTION_VERSION:
		o->version = true;
		return 0;
	case OPTION_CLIENT:
		o->client = optarg;
		return addr_check("--client", optarg, why);
	case OPTION_HOST:
		o->host = optarg;
		return addr_check("--host", optarg, why);
	case OPTION_SECONDS:
		return count_parse("--seconds", optarg, 1, SECONDS_MAX, &o->seconds, why);
	case OPTION_VIP:
		o->vip = optarg;
		return vip_check(optarg, why);
	default:
		return host_option_take(o, c, why);
	}
}

static int option_refuse(int c, char **argv, char *why)
{
	const char *names[sizeof long_options / sizeof *long_options] = { 0 };
	const char *word = argv[optind - 1], *near;

	for (unsigned i = 0; long_options[i].name; i++)
		names[i] = long_options[i].name;
	near = !strncmp(word, "--", 2) ? conf_nearest(word + 2, names) : NULL;
	if (c == ':')
		snprintf(why, BATONCTL_WHY_SIZE, "option \"%.64s\" needs a value", word);
	else if (near)
		snprintf(why, BATONCTL_WHY_SIZE, "unknown option \"%.64s\"; did you mean \"--%s\"?", word, near);
	else
		snprintf(why, BATONCTL_WHY_SIZE, "unknown option \"%.64s\"", word);
	return -EINVAL;
}

static int words_take(struct options *o, int argc, char **argv, char *why)
{
	if (optind < argc)
		o->command = argv[optind++];
	for (; optind < argc; optind++) {
		if (o->n_words == BATONCTL_MAX_WATCHED) {
			snprintf(why, BATONCTL_WHY_SIZE, "too many words, from \"%.64s\" on", argv[optind]);
			return -EINVAL;
		}
		o->words[o->n_words++] = argv[optind];
	}
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret, char *why)
{
	struct options o = { .limit = DEFAULT_LIMIT, .interval_s = 1, .capacity = -1, .load = -1 };
	int c, err;

	optind = 0; /* GNU: start afresh */
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":r:c:l:n:h", long_options, NULL)) != -1) {
		if (c == '?' || c == ':')
			return option_refuse(c, argv, why);
		err = option_take(&o, c, why);
		if (err < 0)
			return err;
	}
	err = words_take(&o, argc, argv, why);
	if (err < 0)
		return err;
	*ret = o;
	return 0;
}

const char *options_config(const struct options *o)
{
	return o->config ? o->config : DEFAULT_CONFIG;
}

/* The run directory that a device file names, whatever else may be wrong with it. */
static int config_run_dir(const char *file, char **ret, char *why)
{
	char text[1][CONF_FINDING_MAX] = { "" };
	struct conf_findings f = { .text = text, .max = 1 }, ignored = { 0 };
	struct config *c = calloc(1, sizeof *c);
	struct conf_doc *doc = NULL;
	int err = c ? conf_doc_read_file(file, file, &f, &doc) : -ENOMEM;

	if (!err && (conf_parse(doc, config_device_keys, c, &ignored) == -ENOMEM || !c->run_dir))
		err = -EINVAL;
	if (!err) {
		*ret = c->run_dir;
		c->run_dir = NULL;
	} else {
		snprintf(why, BATONCTL_WHY_SIZE, "%s", f.n ? text[0] : "device.run_dir can't be read");
	}
	if (c)
		conf_free(config_device_keys, c);
	free(c);
	conf_doc_free(doc);
	return err;
}

int options_run_dir(const struct options *o, char **ret, char *why)
{
	if (!o->run_dir && (o->config || access(DEFAULT_CONFIG, R_OK) == 0))
		return config_run_dir(options_config(o), ret, why);
	*ret = strdup(o->run_dir ? o->run_dir : DEFAULT_RUN_DIR);
	if (*ret)
		return 0;
	snprintf(why, BATONCTL_WHY_SIZE, "%s", strerror(ENOMEM));
	return -ENOMEM;
}
