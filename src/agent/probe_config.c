/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/probe_config.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct conf_name types[] = {
	{ "tcp", PROBE_TCP }, { "http", PROBE_HTTP }, { "tls", PROBE_TLS }, { "command", PROBE_COMMAND }, { 0 }
};
static const struct conf_name methods[] = { { "GET", PROBE_GET }, { "HEAD", PROBE_HEAD }, { 0 } };

const char *probe_type_name(int type)
{
	return types[type].name;
}

/* Three digits. -EINVAL if text begins otherwise. */
static int code_parse(const char *text)
{
	int code = 0;

	for (int i = 0; i < 3; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		code = code * 10 + text[i] - '0';
	}
	return code >= 100 && code <= 599 ? code : -EINVAL;
}

int probe_status_parse(const char *text, struct probe_status_range *ret)
{
	int low = code_parse(text), high = low;

	if (low < 0)
		return low;
	if (text[3] == '-') {
		high = code_parse(text + 4);
		if (high < low || text[7])
			return -EINVAL;
	} else if (text[3]) {
		return -EINVAL;
	}
	*ret = (struct probe_status_range){ .low = (uint16_t)low, .high = (uint16_t)high };
	return 0;
}

static int status_store(const char *text, void *object, char *why, size_t size)
{
	struct probe_config *p = object;

	if (p->n_status < PROBE_MAX_STATUS_RANGES && !probe_status_parse(text, &p->status[p->n_status])) {
		p->n_status++;
		return 0;
	}
	snprintf(why, size, "\"%.32s\" is neither a status such as 200 nor a range such as 200-299", text);
	return -EINVAL;
}

bool probe_status_wanted(const struct probe_config *p, long status)
{
	for (unsigned i = 0; i < p->n_status; i++)
		if (status >= p->status[i].low && status <= p->status[i].high)
			return true;
	return !p->n_status && status == 200;
}

char *probe_status_format(const struct probe_config *p, char *buf, size_t size)
{
	size_t n = 0;

	snprintf(buf, size, "200");
	for (unsigned i = 0; i < p->n_status && n < size; i++) {
		const struct probe_status_range *r = &p->status[i];

		n += (size_t)snprintf(buf + n, size - n, "%s%u", i ? "," : "", r->low);
		if (r->high != r->low && n < size)
			n += (size_t)snprintf(buf + n, size - n, "-%u", r->high);
	}
	return buf;
}

/* What may stand in a request line or header: no spaces, no control characters, no quoting to get wrong. */
static bool is_visible(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static int path_check(const void *value, char *why, size_t size)
{
	const char *path = *(char *const *)value;

	if (path[0] == '/' && is_visible(path) && !strchr(path, '#'))
		return 0;
	snprintf(why, size, "must begin with / and hold neither spaces, control characters nor #");
	return -EINVAL;
}

static int header_check(const void *value, char *why, size_t size)
{
	if (is_visible(*(char *const *)value))
		return 0;
	snprintf(why, size, "must hold neither spaces nor control characters");
	return -EINVAL;
}

static int regex_check(const void *value, char *why, size_t size)
{
	regex_t compiled;
	int err = regcomp(&compiled, *(char *const *)value, REG_EXTENDED | REG_NOSUB | REG_NEWLINE);

	if (err) {
		regerror(err, &compiled, why, size);
		return -EINVAL;
	}
	regfree(&compiled);
	return 0;
}

const struct conf_key probe_keys[] = {
	{ "type", CONF_ENUM, CONF_FIELD(struct probe_config, type), .names = types, .required = true,
	  .help = "tcp: a connection comes about. http: a request is answered as wanted. tls: a handshake comes "
		  "about. command: a program ends with status 0." },
	{ "interval_ms", CONF_INT, CONF_FIELD(struct probe_config, interval_ms), .min = 50, .max = 3600000,
	  .def = "1000", .help = "From one attempt to the next; a tenth is added or taken away by chance." },
	{ "timeout_ms", CONF_INT, CONF_FIELD(struct probe_config, timeout_ms), .min = 10, .max = 600000, .def = "1000",
	  .help = "An attempt that takes longer has failed." },
	{ "rise", CONF_INT, CONF_FIELD(struct probe_config, rise), .min = 1, .max = 100, .def = "2",
	  .help = "So many good attempts in a row make a failing application healthy." },
	{ "fall", CONF_INT, CONF_FIELD(struct probe_config, fall), .min = 1, .max = 100, .def = "3",
	  .help = "So many bad attempts in a row make a healthy application failing." },
	{ "address", CONF_ADDR, CONF_FIELD(struct probe_config, target),
	  .help = "Where to connect to. Default: the application's host address." },
	{ "port", CONF_INT, CONF_FIELD(struct probe_config, port), .min = 1, .max = 65535,
	  .help = "Port to connect to. Default: the application's host port." },
	{ "method", CONF_ENUM, CONF_FIELD(struct probe_config, method), .names = methods, .def = "GET",
	  .help = "http: method of the request." },
	{ "https", CONF_BOOL, CONF_FIELD(struct probe_config, https), .def = "false",
	  .help = "http: speak TLS to the server." },
	{ "path", CONF_STRING, CONF_FIELD(struct probe_config, path), .min = 1, .max = 1024, .def = "/",
	  .check = path_check, .help = "http: path and query of the request." },
	{ "host_header", CONF_STRING, CONF_FIELD(struct probe_config, host_header), .check = header_check,
	  .help = "http: the Host header. Default: server_name, else the address." },
	{ "status", CONF_TEXT, .parse = status_store, .list_max = PROBE_MAX_STATUS_RANGES, .list_min = 1,
	  .help = "http: codes and ranges that are good, as strings (\"200\", \"300-399\"). Default: 200." },
	{ "body_contains", CONF_STRING, CONF_FIELD(struct probe_config, body_contains),
	  .help = "http: text that must stand in the body." },
	{ "body_matches", CONF_STRING, CONF_FIELD(struct probe_config, body_matches), .check = regex_check,
	  .help = "http: POSIX extended regular expression that must match a part of the body." },
	{ "body_bytes", CONF_INT, CONF_FIELD(struct probe_config, body_bytes), .min = 1, .max = PROBE_BODY_MAX,
	  .def = "16384", .help = "http: at most so many bytes of the body are read and looked at." },
	{ "server_name", CONF_STRING, CONF_FIELD(struct probe_config, server_name), .check = conf_check_name,
	  .help = "tls, https: name that is asked for (SNI), and that the certificate must be for if verify is set." },
	{ "verify", CONF_BOOL, CONF_FIELD(struct probe_config, verify), .def = "false",
	  .help = "tls, https: fail if the certificate is not trusted, not valid now or for another name." },
	{ "ca_file", CONF_STRING, CONF_FIELD(struct probe_config, ca_file), .min = 1, .max = 4095,
	  .check = conf_check_path, .help = "tls, https: certificates to trust, PEM. Default: the system's." },
	{ "command", CONF_STRING, CONF_ARRAY(struct probe_config, command, n_command), .list_min = 1, .min = 1,
	  .max = 4095,
	  .help = "command: program (absolute path) and its arguments; there is no shell. The last line that it "
		  "writes becomes the reason." },
	{ 0 },
};

static void wanted_by(struct conf_findings *f, const struct conf_doc *doc, const char *path, const char *key, bool set,
		      bool used)
{
	char where[256];

	if (!set || used)
		return;
	snprintf(where, sizeof where, "%s.%s", path, key);
	conf_error(f, doc, where, "has no meaning for a probe of this type");
}

void probe_config_check(struct conf_findings *f, const struct conf_doc *doc, const char *path,
			const struct probe_config *p)
{
	bool http = p->type == PROBE_HTTP, tls = p->type == PROBE_TLS || (http && p->https);
	bool command = p->type == PROBE_COMMAND;

	wanted_by(f, doc, path, "address", p->target.family, !command);
	wanted_by(f, doc, path, "port", p->port, !command);
	wanted_by(f, doc, path, "https", p->https, http);
	wanted_by(f, doc, path, "host_header", p->host_header, http);
	wanted_by(f, doc, path, "status", p->n_status, http);
	wanted_by(f, doc, path, "body_contains", p->body_contains, http && p->method == PROBE_GET);
	wanted_by(f, doc, path, "body_matches", p->body_matches, http && p->method == PROBE_GET);
	wanted_by(f, doc, path, "server_name", p->server_name, tls || http);
	wanted_by(f, doc, path, "verify", p->verify, tls);
	wanted_by(f, doc, path, "ca_file", p->ca_file, tls && p->verify);
	wanted_by(f, doc, path, "command", p->n_command, command);
	if (command && !p->n_command)
		conf_error(f, doc, path, "a probe of type command needs command = [ ... ]");
	else if (command && p->command[0] && p->command[0][0] != '/')
		conf_error(f, doc, path, "the program must be an absolute path, not \"%.64s\"", p->command[0]);
}
