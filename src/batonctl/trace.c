/* SPDX-License-Identifier: BSD-3-Clause */
#include "batonctl/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "batonctl/client.h"

#define INTERVAL_NS (100 * CLOCK_NS_PER_MS)
#define PAGES_MAX 1000 /* of one look */

static atomic_bool ended; /* by a signal */

static void on_signal(int n)
{
	(void)n;
	ended = true;
}

int trace_client(const struct options *o, unsigned i, struct trace_filter *ret)
{
	if (o->n_words != i + 1) {
		fprintf(stderr, "batonctl: trace wants one client: ADDRESS, ADDRESS:PORT or PREFIX\n");
		return BATONCTL_USAGE;
	}
	if (trace_filter_parse(o->words[i], ret) == 0)
		return BATONCTL_OK;
	fprintf(stderr, "batonctl: \"%.64s\" is no client; write ADDRESS, ADDRESS:PORT, [IPV6]:PORT or PREFIX\n",
		o->words[i]);
	return BATONCTL_USAGE;
}

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static uint64_t number_of(const json_t *row, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(row, key));
}

static void time_print(uint64_t time_ns)
{
	time_t s = (time_t)(time_ns / CLOCK_NS_PER_S);
	char text[16];
	struct tm tm;

	strftime(text, sizeof text, "%H:%M:%S", localtime_r(&s, &tm));
	printf("%s.%06u", text, (unsigned)(time_ns % CLOCK_NS_PER_S / 1000));
}

/* "addr:port" into buf. */
static const char *endpoint(const json_t *row, const char *key, const char *port_key, char buf[BATON_ADDR_TEXT_MAX])
{
	const char *addr = text_of(row, key);
	uint64_t port = number_of(row, port_key);

	if (!port)
		snprintf(buf, BATON_ADDR_TEXT_MAX, "%.45s", addr);
	else
		snprintf(buf, BATON_ADDR_TEXT_MAX, strchr(addr, ':') ? "[%.45s]:%u" : "%.45s:%u", addr, (unsigned)port);
	return buf;
}

/* What comes from elsewhere shows as it is, but moves no cursor. */
static void clean_print(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

static void row_print(const json_t *row)
{
	char client[BATON_ADDR_TEXT_MAX], to[BATON_ADDR_TEXT_MAX], host[BATON_ADDR_TEXT_MAX];

	time_print(number_of(row, "time_ns"));
	printf("  %-12.20s  %s", text_of(row, "who"), endpoint(row, "client", "client_port", client));
	if (*text_of(row, "address"))
		printf(" > %s", endpoint(row, "address", "port", to));
	printf("  ");
	clean_print(text_of(row, "text"));
	if (*text_of(row, "host"))
		printf("  %s", endpoint(row, "host", "host_port", host));
	if (*text_of(row, "device"))
		printf("  %s", text_of(row, "device"));
	putchar('\n');
}

/* All that is there. An exit code. */
static int look(const struct options *o, trace_fetch_fn fetch, void *arg, uint64_t since_ns, uint64_t *seq)
{
	for (unsigned page = 0; page < PAGES_MAX; page++) {
		json_t *rows = json_array(), *row;
		int code = fetch(arg, *seq, since_ns, rows);
		size_t i, n = json_array_size(rows);

		json_array_foreach(rows, i, row)
		{
			*seq = number_of(row, "seq") + 1;
			if (!o->json) {
				row_print(row);
				continue;
			}
			json_dumpf(row, stdout, JSON_COMPACT);
			putchar('\n');
		}
		json_decref(rows);
		fflush(stdout);
		if (code || !n)
			return code;
	}
	return BATONCTL_OK;
}

static void signals_set(void)
{
	struct sigaction a = { .sa_handler = on_signal };

	ended = false;
	sigaction(SIGINT, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
}

int trace_follow(const struct options *o, trace_fetch_fn fetch, void *arg)
{
	uint64_t since_ns = clock_wall_ns(), begin_ns = clock_monotonic_ns(), seq = 0;
	const struct timespec wait = { .tv_nsec = INTERVAL_NS };
	int code;

	signals_set();
	do {
		code = look(o, fetch, arg, since_ns, &seq);
		seq = seq ? seq : 1; /* 0 stands for the first request of all */
		if (code || ferror(stdout) || ended)
			break;
		nanosleep(&wait, NULL);
	} while (!o->seconds || clock_monotonic_ns() - begin_ns < o->seconds * CLOCK_NS_PER_S);
	return code ? code : look(o, fetch, arg, since_ns, &seq);
}

struct device_trace {
	int fd;
	const char *client;
};

static int device_fetch(void *arg, uint64_t seq, uint64_t since_ns, json_t *rows)
{
	const struct device_trace *d = arg;
	char why[BATONCTL_WHY_SIZE] = "", request[256];
	const char *name;
	json_t *page, *row;
	int err;

	snprintf(request, sizeof request, "/baton/trace,%" PRIu64 ",client=%.80s,seconds=%d,since=%" PRIu64, seq,
		 d->client, TRACE_LINGERS_S, since_ns);
	err = client_telemetry_request(d->fd, request, &page, why);
	if (err < 0) {
		fprintf(stderr, "batonctl: %s\n",
			err == -ENOENT ? "batond refuses: it knows no traces, or too many clients are traced at once"
				       : why);
		return err == -ENOENT ? BATONCTL_NEGATIVE : BATONCTL_UNREACHABLE;
	}
	json_object_foreach(json_object_get(page, "rows"), name, row) json_array_append(rows, row);
	json_decref(page);
	return BATONCTL_OK;
}

int trace_command(const struct options *o)
{
	char why[BATONCTL_WHY_SIZE] = "", *run_dir = NULL;
	struct device_trace d = { .fd = -1 };
	struct trace_filter client;
	int code = trace_client(o, 0, &client);

	if (code)
		return code;
	d.client = o->words[0];
	if (!options_run_dir(o, &run_dir, why))
		d.fd = client_telemetry_open(run_dir, why);
	free(run_dir);
	if (d.fd < 0) {
		fprintf(stderr, "batonctl: %s\n", why);
		return BATONCTL_UNREACHABLE;
	}
	code = trace_follow(o, device_fetch, &d);
	close(d.fd);
	return code;
}
