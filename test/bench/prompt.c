/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The prompt, in the manner of testpmd: commands from standard input, a line
 * each, while the device forwards between two looks at it. A script is a file of
 * the same lines; "wait" lets time pass in it.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "bench.h"
#include "forwarder/route_table.h"
#include "forwarder/worker.h"
#include "plumb/channel.h"

#define LINE_MAX_BYTES 512
#define SLICE_PACKETS 100000 /* between two looks at the input */

struct prompt {
	struct bench_options *o;
	struct bench_source *source;
	struct rte_mempool *pool;
	struct bench_report *report;
	struct channel channel;
	struct bench_device *device;  /* NULL: none yet, or other traffic than this was asked for since */
	struct bench_traffic traffic; /* of the device */
	uint32_t n_flows;
	struct bench_row *row; /* of the run */
	bool running, ended, refused;
	uint64_t packets, cycles;                       /* of the run, while it was at work */
	uint64_t shown_packets, shown_cycles, shown_at; /* at the last line of rates */
	uint64_t start_tsc;
	uint64_t wait_until_tsc, wait_until_packets; /* 0: not waiting */
	char line[LINE_MAX_BYTES];
	size_t n;
	bool end_of_input;
};

static struct turns turns;

struct command {
	const char *name, *arguments, *help;
	int (*run)(struct prompt *p, char *arguments);
};

static int refuse(struct prompt *p, const char *what, const char *word)
{
	p->refused = true;
	fprintf(stderr, "baton-bench: %s%s%s%s\n", what, word ? " \"" : "", word ? word : "", word ? "\"" : "");
	return -EINVAL;
}

static void forget_device(struct prompt *p)
{
	device_free(p->device);
	p->device = NULL;
}

/* One whose routes are for the traffic that is wanted now. */
static int find_device(struct prompt *p)
{
	uint32_t n = p->o->flows[0];
	int err;

	if (p->device && p->n_flows == n && !memcmp(&p->traffic, &p->o->traffic, sizeof p->traffic))
		return 0;
	forget_device(p);
	source_init(p->source, &p->o->traffic, 0);
	err = device_new(
		&(struct device_params){
			.n_flows = n, .source = p->source, .pool = p->pool, .channel = &p->channel, .plumbed = true },
		&p->device);
	if (!err) {
		p->traffic = p->o->traffic;
		p->n_flows = n;
	}
	return err;
}

static int command_start(struct prompt *p, char *arguments)
{
	int err;

	if (p->running)
		return refuse(p, "already running", NULL);
	err = find_device(p);
	if (err)
		return refuse(p, "not started", NULL);
	p->row = rows_device(p->o, p->report, p->n_flows);
	p->row->turns = (struct bench_turns){ 0 };
	p->row->stages = (struct bench_stages){ 0 };
	device_select(p->device);
	turns_clear(&turns);
	p->packets = p->cycles = p->shown_packets = p->shown_cycles = 0;
	p->start_tsc = p->shown_at = rte_rdtsc();
	p->running = true;
	return 0;
}

static double rate(const struct prompt *p, uint64_t packets, uint64_t cycles)
{
	return cycles ? (double)packets * (double)p->report->tsc_hz / (double)cycles / 1e6 : 0;
}

static void print_rates(const struct prompt *p, uint64_t packets, uint64_t cycles)
{
	struct forwarder_counters c;

	device_counted(p->device, &c);
	printf("%8.1f s %10.2f M/s %8.1f cycles/packet %12llu packets %llu dropped\n",
	       (double)(rte_rdtsc() - p->start_tsc) / (double)p->report->tsc_hz, rate(p, packets, cycles),
	       packets ? (double)cycles / (double)packets : 0, (unsigned long long)p->packets,
	       (unsigned long long)report_n_dropped(&c));
	fflush(stdout);
}

static int command_stop(struct prompt *p, char *arguments)
{
	int err;

	if (!p->running)
		return refuse(p, "nothing is running", NULL);
	p->running = false;
	if (p->o->stages && p->packets)
		stages_measure(p->device, p->o->packets, (double)p->cycles / (double)p->packets, &p->row->stages);
	err = device_check(p->device);
	device_counted(p->device, &p->row->counted);
	turns_summarise(&turns, &p->row->turns);
	if (p->packets)
		report_sample(p->row, (double)p->cycles / (double)p->packets);
	print_rates(p, p->packets, p->cycles);
	if (!err)
		return 0;
	forget_device(p);
	return refuse(p, "this run does not count", NULL);
}

static void show_table(const struct prompt *p)
{
	const struct forwarder_worker *w = device_worker(p->device);
	const struct route_table *t = p->traffic.family == BATON_IPV6 ? w->routes6 : w->routes4;

	printf("routes %u of %u, buckets %u, bytes %zu, with a cold half %u, form %s\n", route_table_count(t),
	       route_table_capacity(t), route_table_buckets(t), route_table_bytes(t), t->n_cold, route_table_form(t));
}

static void show_latency(struct prompt *p)
{
	turns_summarise(&turns, &p->row->turns);
	if (p->row->turns.longest > 0)
		report_turns(p->row, stdout);
	else
		puts("no turns timed: \"set latency on\" before the start");
}

static void show_device(struct prompt *p, const char *what)
{
	struct forwarder_counters c;

	device_counted(p->device, &c);
	if (!strcmp(what, "rates"))
		print_rates(p, p->packets, p->cycles);
	else if (!strcmp(what, "drops"))
		report_drops(&c, stdout);
	else if (!strcmp(what, "latency"))
		show_latency(p);
	else if (!strcmp(what, "table"))
		show_table(p);
	else if (p->row->stages.total > 0)
		report_stages(p->row, stdout);
	else
		puts("no stages timed: \"set stages on\", they are measured at the stop");
}

static int command_show(struct prompt *p, char *arguments)
{
	static const char *const words[] = { "config", "rates", "stages", "drops", "latency", "table", "report", NULL };
	unsigned i = 0;

	while (words[i] && strcmp(words[i], arguments) != 0)
		i++;
	if (!words[i])
		return refuse(p, "show: config, rates, stages, drops, latency, table or report, not", arguments);
	if (!strcmp(arguments, "config"))
		options_show(p->o, stdout);
	else if (!strcmp(arguments, "report"))
		report_text(p->report, stdout);
	else if (!p->device || !p->row)
		return refuse(p, "nothing has been started for that", NULL);
	else
		show_device(p, arguments);
	return 0;
}

static int command_set(struct prompt *p, char *arguments)
{
	struct bench_options o = *p->o;
	char *value = arguments, *name = strsep(&value, " ");

	if (!*name)
		return refuse(p, "set what? \"show config\" lists the names", NULL);
	if (p->running)
		return refuse(p, "set: stop first", NULL);
	if (options_set(&o, name, value ? value : "") < 0 || options_check(&o) < 0) {
		p->refused = true;
		return -EINVAL;
	}
	*p->o = o;
	return 0;
}

static int command_clear(struct prompt *p, char *arguments)
{
	if (p->running)
		return refuse(p, "clear: stop first", NULL);
	forget_device(p);
	p->row = NULL;
	p->report->n_rows = 0;
	return 0;
}

/* "2.5": seconds; "1000000 packets" */
static int command_wait(struct prompt *p, char *arguments)
{
	char *end;
	double n = strtod(arguments, &end);

	if (!p->running)
		return refuse(p, "wait: nothing is running", NULL);
	if (end != arguments && n > 0 && n < 1e12 && !*end)
		p->wait_until_tsc = rte_rdtsc() + (uint64_t)(n * (double)p->report->tsc_hz);
	else if (end != arguments && n >= 1 && n < 1e15 && !strcmp(end, " packets"))
		p->wait_until_packets = p->packets + (uint64_t)n;
	else
		return refuse(p, "wait: seconds, or a number and \"packets\", not", arguments);
	return 0;
}

static int command_quit(struct prompt *p, char *arguments)
{
	int err = p->running ? command_stop(p, arguments) : 0;

	p->ended = true;
	return err;
}

static int command_help(struct prompt *p, char *arguments);

static const struct command commands[] = {
	{ "start", "", "routes for all flows, then forward", command_start },
	{ "stop", "", "end the run and check that each packet went where it should", command_stop },
	{ "wait", "SECONDS | N packets", "read the next command later", command_wait },
	{ "show", "config | rates | stages | drops | latency | table | report", "print it", command_show },
	{ "set", "NAME VALUE", "an option, as \"show config\" names them", command_set },
	{ "clear", "", "forget what was measured, and the routes", command_clear },
	{ "help", "", "this list", command_help },
	{ "quit", "", "stop and end", command_quit },
};

static int command_help(struct prompt *p, char *arguments)
{
	for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++)
		printf("  %-6s %-56s %s\n", commands[i].name, commands[i].arguments, commands[i].help);
	return 0;
}

/* One space between words, none around them. */
static void tidy(char *line)
{
	char *to = line;

	for (const char *at = line; *at; at++) {
		bool space = *at == ' ' || *at == '\t' || *at == '\r';

		if (!space)
			*to++ = *at;
		else if (to > line && to[-1] != ' ')
			*to++ = ' ';
	}
	while (to > line && to[-1] == ' ')
		to--;
	*to = 0;
}

static void execute(struct prompt *p, char *line)
{
	char *arguments = line, *name;
	static char none[1];

	tidy(line);
	if (!*line || *line == '#')
		return;
	name = strsep(&arguments, " ");
	for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++) {
		const struct command *c = &commands[i];

		if (strcmp(c->name, name) != 0)
			continue;
		if (!*c->arguments && arguments)
			refuse(p, "nothing may follow", name);
		else
			c->run(p, arguments ? arguments : none);
		return;
	}
	refuse(p, "no such command (try \"help\"):", name);
}

/* Take one line out of what has been read; without its end only when there is no more to come. */
static bool take_line(struct prompt *p, char *ret)
{
	char *end = memchr(p->line, '\n', p->n);
	size_t len = end ? (size_t)(end - p->line) : p->n, used = end ? len + 1 : len;

	if (!end && p->n < sizeof p->line && !(p->end_of_input && p->n))
		return false;
	memcpy(ret, p->line, len);
	ret[len] = 0;
	memmove(p->line, p->line + used, p->n - used);
	p->n -= used;
	return true;
}

static void read_input(struct prompt *p, int timeout_ms)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t got;

	if (p->n == sizeof p->line || poll(&input, 1, timeout_ms) <= 0)
		return;
	got = read(STDIN_FILENO, p->line + p->n, sizeof p->line - p->n);
	if (got <= 0)
		p->end_of_input = true;
	else
		p->n += (size_t)got;
}

static void slice(struct prompt *p)
{
	uint64_t done = 0, start = rte_rdtsc(), last = start, now;

	if (p->o->latency) {
		while (done < SLICE_PACKETS) {
			done += device_turn(p->device);
			now = rte_rdtsc();
			turns_add(&turns, now - last);
			last = now;
		}
	} else {
		while (done < SLICE_PACKETS)
			done += device_turn(p->device);
	}
	now = rte_rdtsc();
	p->packets += done;
	p->cycles += now - start;
	if (now - p->shown_at < p->report->tsc_hz)
		return;
	print_rates(p, p->packets - p->shown_packets, p->cycles - p->shown_cycles);
	p->shown_packets = p->packets;
	p->shown_cycles = p->cycles;
	p->shown_at = now;
}

static bool waiting(struct prompt *p)
{
	if (p->wait_until_packets ? p->packets < p->wait_until_packets
				  : p->wait_until_tsc && rte_rdtsc() < p->wait_until_tsc)
		return true;
	p->wait_until_tsc = p->wait_until_packets = 0;
	return false;
}

static void say_prompt(void)
{
	if (!isatty(STDIN_FILENO))
		return;
	fputs("baton-bench> ", stdout);
	fflush(stdout);
}

int prompt_run(struct bench_options *o, struct bench_source *s, struct rte_mempool *pool, struct bench_report *r)
{
	static struct prompt p;
	char line[LINE_MAX_BYTES + 1];
	int err;

	p = (struct prompt){ .o = o, .source = s, .pool = pool, .report = r };
	err = device_channel_init(&p.channel, 1);
	if (err)
		return err;
	say_prompt();
	while (!p.ended && !machine_interrupted()) {
		if (p.running)
			slice(&p);
		if (p.running && waiting(&p))
			continue;
		if (take_line(&p, line)) {
			execute(&p, line);
			say_prompt();
		} else if (p.end_of_input) {
			command_quit(&p, line);
		} else {
			read_input(&p, p.running ? 0 : 200);
		}
	}
	forget_device(&p);
	channel_fini(&p.channel);
	return p.refused ? -EINVAL : 0;
}
