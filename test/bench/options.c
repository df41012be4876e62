/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "baton/addr.h"

#define MILLION 1000000
#define MAX_FLOWS 100000000 /* of one lcore's table */

enum kind {
	SWITCH,
	WORD,   /* one of .words */
	NUMBER, /* from .min to .max */
	SHARE,  /* percent up to .max, kept in millionths */
	REST,   /* the same, kept as what is missing to 100 % */
	SIZE,   /* number or imix */
	LIST,   /* numbers from .min to .max, and at .count how many */
	TEXT,
	MANY,  /* further arguments for the EAL */
	SHORT, /* another option's value: .words[0] is its name, .words[1] the value */
};

struct word {
	const char *name;
	int64_t value;
};

struct option {
	const char *name;
	uint8_t kind;
	bool at_start; /* only the command line can say it */
	uint16_t at, width, count;
	int64_t min, max;
	const struct word *words;
	const char *value, *help;
};

static const struct word families[] = { { "ipv4", BATON_IPV4 }, { "ipv6", BATON_IPV6 }, { 0 } };
static const struct word protos[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { 0 } };
static const struct word modes[] = { { "tunnel", BENCH_TUNNEL },           { "half-nat", BENCH_HALF_NAT },
				     { "full-nat", BENCH_FULL_NAT },       { "return", BENCH_RETURN },
				     { "full-return", BENCH_FULL_RETURN }, { 0 } };
static const struct word tasks[] = { { "forward", BENCH_FORWARD }, { "table", BENCH_TABLE },
				     { "memory", BENCH_MEMORY },   { "connect", BENCH_CONNECT },
				     { "flood", BENCH_FLOOD },     { "expire", BENCH_EXPIRE },
				     { "scale", BENCH_SCALE },     { 0 } };
static const struct word udp[] = { { "proto", 0 }, { "udp", 0 } }, ipv6[] = { { "family", 0 }, { "ipv6", 0 } };

#define COUNT(field) .count = offsetof(struct bench_options, field)
#define AT(field) .at = offsetof(struct bench_options, field), .width = sizeof(((struct bench_options *)0)->field)

static const struct option options[] = {
	{ "flows", LIST, AT(flows), COUNT(n_flows), .min = 1, .max = MAX_FLOWS, .value = "N,...",
	  .help = "numbers of resident flows; the prompt takes the first" },
	{ "mode", WORD, AT(traffic.mode), .words = modes, .value = "MODE",
	  .help = "tunnel, half-nat, full-nat; replies: return, full-return" },
	{ "family", WORD, AT(traffic.family), .words = families, .value = "FAMILY", .help = "ipv4, ipv6" },
	{ "proto", WORD, AT(traffic.proto), .words = protos, .value = "PROTO", .help = "tcp, udp" },
	{ "size", SIZE, AT(traffic.size), .min = 64, .max = 1518, .value = "N",
	  .help = "bytes on the wire, at least 78 for IPv6; imix: 64, 594 and 1518 as 7 : 4 : 1" },
	{ "burst", NUMBER, AT(traffic.burst), .min = 1, .max = 32, .value = "N", .help = "packets of one receive" },
	{ "zipf", SWITCH, AT(traffic.zipf), .help = "some flows more often than others, flow n as 1 / n" },
	{ "churn", SHARE, AT(traffic.churn), .max = 10, .value = "PERCENT",
	  .help = "that many of the packets open a connection, each in place of the oldest" },
	{ "misses", SHARE, AT(traffic.misses), .max = 100, .value = "PERCENT",
	  .help = "that many of the packets belong to no connection and go to a classifier" },
	{ "hits", REST, AT(traffic.misses), .max = 100, .value = "PERCENT",
	  .help = "the same: what misses leaves of 100" },
	{ "latency", SWITCH, AT(latency), .help = "time each turn of the loop as well" },
	{ "stages", SWITCH, AT(stages), .help = "time the parts of a turn as well" },
	{ "packets", NUMBER, AT(packets), .min = 1000, .max = 1ll << 40, .value = "N",
	  .help = "packets or lookups of one repetition" },
	{ "repetitions", NUMBER, AT(repetitions), .min = 1, .max = BENCH_MAX_SAMPLES, .value = "N",
	  .help = "interleaved repetitions of each row" },
	{ "loss", SHARE, AT(loss), .max = 100, .value = "PERCENT",
	  .help = "packets that ports may lose in a good run" },
	{ "json", TEXT, AT(json), .value = "FILE", .help = "write every sample there" },
	{ "csv", TEXT, AT(csv), .value = "FILE", .help = "write the summary there" },
	{ "testpmd", SWITCH, .at_start = true, AT(testpmd), .help = "run dpdk-testpmd too" },
	{ "hugepages", SWITCH, .at_start = true, AT(hugepages), .help = "reserve 2 MB pages for the time of the run" },
	{ "memory", NUMBER, .at_start = true, AT(memory_mb), .max = 1 << 20, .value = "MB",
	  .help = "memory to take; 0: what the flows need" },
	{ "cpu", NUMBER, .at_start = true, AT(cpu), .max = 1023, .value = "N", .help = "core of the device" },
	{ "generator-cpu", NUMBER, .at_start = true, AT(generator_cpu), .min = -1, .max = 1023, .value = "N",
	  .help = "core of generator and sink if ports are given; -1: the device's" },
	{ "classifier-cpu", NUMBER, .at_start = true, AT(classifier_cpu), .min = -1, .max = 1023, .value = "N",
	  .help = "core of the classifier, for connect; -1: the forwarder's, in turns with it" },
	{ "cpus", LIST, .at_start = true, AT(cpus), COUNT(n_cpus), .max = 1023, .value = "N,...",
	  .help = "cores of the lcores, for scale" },
	{ "rings", SWITCH, .at_start = true, AT(rings), .help = "device and generator are two ports joined by rings" },
	{ "vdev", MANY, .at_start = true, AT(vdevs), .value = "ARG",
	  .help = "the ports: the device's, then the generator's" },
	{ "allow", MANY, .at_start = true, AT(pci), .value = "ADDRESS", .help = "-a: the same, by PCI address" },
	{ "interactive", SWITCH, .at_start = true, AT(prompt),
	  .help = "-i: a prompt; it reads commands from standard input" },
	{ "help", SWITCH, .at_start = true, AT(help), .help = "this text" },
	{ "ipv6", SHORT, .words = ipv6, .help = "short for --family ipv6" },
	{ "udp", SHORT, .words = udp, .help = "short for --proto udp" },
};

#define N_OPTIONS (sizeof options / sizeof *options)

void options_init(struct bench_options *o)
{
	uint32_t last = (uint32_t)(sysconf(_SC_NPROCESSORS_ONLN) - 1);

	*o = (struct bench_options){
		.testpmd = true,
		.hugepages = true,
		.traffic = { .family = BATON_IPV4, .proto = IPPROTO_TCP, .size = 64, .burst = 32 },
		.cpu = (int16_t)last,
		.generator_cpu = -1,
		.classifier_cpu = -1,
		.cpus = { last, last ? last - 1 : last },
		.n_cpus = 2,
		.repetitions = 7,
		.packets = 10000000,
		.flows = { 1000, 1000000, 10000000 },
		.n_flows = 3,
	};
}

static const char *word_of(const struct word *words, int64_t value)
{
	for (; words->name; words++)
		if (words->value == value)
			return words->name;
	return "?";
}

const char *options_mode(uint8_t mode)
{
	return word_of(modes, mode);
}

static void store(struct bench_options *o, const struct option *p, int64_t n)
{
	uint8_t *at = (uint8_t *)o + p->at;

	/* little or big end first: through a number of the field's own width */
	switch (p->width) {
	case 1:
		*at = (uint8_t)n;
		break;
	case 2:
		memcpy(at, &(int16_t){ (int16_t)n }, 2);
		break;
	case 4:
		memcpy(at, &(int32_t){ (int32_t)n }, 4);
		break;
	default:
		memcpy(at, &n, 8);
	}
}

static int64_t load(const struct bench_options *o, const struct option *p)
{
	const uint8_t *at = (const uint8_t *)o + p->at;
	int64_t n = 0;
	int32_t n4;
	int16_t n2;

	if (p->width == 1)
		return *at;
	if (p->width == 2) {
		memcpy(&n2, at, 2);
		return n2;
	}
	if (p->width == 4) {
		memcpy(&n4, at, 4);
		return n4;
	}
	memcpy(&n, at, 8);
	return n;
}

static int parse_number(const char *name, const char *text, int64_t min, int64_t max, int64_t *ret)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || end == text || *end || n < min || n > max) {
		fprintf(stderr, "baton-bench: %s: \"%s\" is not a number from %lld to %lld\n", name, text,
			(long long)min, (long long)max);
		return -EINVAL;
	}
	*ret = n;
	return 0;
}

static int set_number(struct bench_options *o, const struct option *p, const char *text)
{
	int64_t n;

	if (p->kind == SIZE && !strcmp(text, "imix")) {
		store(o, p, 0);
		return 0;
	}
	if (parse_number(p->name, text, p->min, p->max, &n) < 0)
		return -EINVAL;
	store(o, p, n);
	return 0;
}

static int set_list(struct bench_options *o, const struct option *p, const char *text)
{
	unsigned n_numbers = 0, most = p->width / sizeof(uint32_t);
	uint32_t *numbers = (uint32_t *)((uint8_t *)o + p->at), read[BENCH_MAX_FLOWS + BENCH_MAX_LCORES];
	char list[200], *word, *rest = list;
	int64_t n;

	if ((size_t)snprintf(list, sizeof list, "%s", text) >= sizeof list)
		return -EINVAL;
	while ((word = strsep(&rest, ",")) != NULL) {
		if (n_numbers == most) {
			fprintf(stderr, "baton-bench: %s: at most %u numbers\n", p->name, most);
			return -EINVAL;
		}
		if (parse_number(p->name, word, p->min, p->max, &n) < 0)
			return -EINVAL;
		read[n_numbers++] = (uint32_t)n;
	}
	memcpy(numbers, read, n_numbers * sizeof *numbers);
	*(unsigned *)((uint8_t *)o + p->count) = n_numbers;
	return 0;
}

static int set_word(struct bench_options *o, const struct option *p, const char *text)
{
	for (const struct word *w = p->words; w->name; w++) {
		if (!strcmp(text, w->name)) {
			store(o, p, w->value);
			return 0;
		}
	}
	fprintf(stderr, "baton-bench: %s: no \"%s\"; there is", p->name, text);
	for (const struct word *w = p->words; w->name; w++)
		fprintf(stderr, " %s", w->name);
	fputc('\n', stderr);
	return -EINVAL;
}

static int set_share(struct bench_options *o, const struct option *p, const char *text)
{
	char *end;
	double percent = strtod(text, &end);
	int64_t n = (int64_t)(percent * (MILLION / 100) + 0.5);

	if (end == text || *end || !(percent >= 0 && percent <= (double)p->max)) {
		fprintf(stderr, "baton-bench: %s: \"%s\" is not a share from 0 to %lld %%\n", p->name, text,
			(long long)p->max);
		return -EINVAL;
	}
	store(o, p, p->kind == REST ? MILLION - n : n);
	return 0;
}

static int set_switch(struct bench_options *o, const struct option *p, const char *text)
{
	bool on = !*text || !strcmp(text, "on");

	if (!on && strcmp(text, "off") != 0) {
		fprintf(stderr, "baton-bench: %s: \"%s\" is neither on nor off\n", p->name, text);
		return -EINVAL;
	}
	store(o, p, on);
	return 0;
}

static int set_text(struct bench_options *o, const struct option *p, const char *text)
{
	if ((size_t)snprintf((char *)o + p->at, p->width, "%s", text) < p->width)
		return 0;
	*((char *)o + p->at) = 0;
	fprintf(stderr, "baton-bench: %s: longer than %u characters\n", p->name, p->width - 1u);
	return -EINVAL;
}

/* The text is the command line's own and stays. */
static int set_many(struct bench_options *o, const struct option *p, const char *text)
{
	bool pci = p->at == offsetof(struct bench_options, pci);
	unsigned *n = pci ? &o->n_pci : &o->n_vdevs;

	if (*n == BENCH_MAX_DEVICES) {
		fprintf(stderr, "baton-bench: %s: at most %u\n", p->name, BENCH_MAX_DEVICES);
		return -EINVAL;
	}
	(pci ? o->pci : o->vdevs)[(*n)++] = text;
	return 0;
}

static int set(struct bench_options *o, const struct option *p, const char *text)
{
	switch (p->kind) {
	case SWITCH:
		return set_switch(o, p, text);
	case WORD:
		return set_word(o, p, text);
	case SHARE:
	case REST:
		return set_share(o, p, text);
	case LIST:
		return set_list(o, p, text);
	case TEXT:
		return set_text(o, p, text);
	case MANY:
		return set_many(o, p, text);
	case SHORT:
		return options_set(o, p->words[0].name, p->words[1].name);
	default:
		return set_number(o, p, text);
	}
}

static const struct option *find(const char *name)
{
	for (unsigned i = 0; i < N_OPTIONS; i++)
		if (!strcmp(options[i].name, name))
			return &options[i];
	return NULL;
}

int options_set(struct bench_options *o, const char *name, const char *value)
{
	const struct option *p = find(name);

	if (!p) {
		fprintf(stderr, "baton-bench: no option \"%s\"\n", name);
		return -ENOENT;
	}
	if (p->at_start) {
		fprintf(stderr, "baton-bench: %s: only the command line can say that\n", name);
		return -EPERM;
	}
	if (!*value && p->kind != SWITCH && p->kind != SHORT && p->kind != TEXT) {
		fprintf(stderr, "baton-bench: %s needs a value: %s\n", name, p->value);
		return -EINVAL;
	}
	return set(o, p, value);
}

/* Its option, with the value if it stands in the same word; NULL with a line on standard error. */
static const struct option *argument(const char *word, const char **ret_value)
{
	const char *name = !strcmp(word, "-i") ? "interactive" : !strcmp(word, "-a") ? "allow" : word + 2;
	const char *equals = strchr(name, '=');
	const struct option *p = NULL;
	char text[64];

	*ret_value = NULL;
	snprintf(text, sizeof text, "%.*s", (int)(equals ? (size_t)(equals - name) : strlen(name)), name);
	p = find(text);
	if (p && equals) {
		*ret_value = equals + 1;
	} else if (!p && !strncmp(text, "no-", 3) && !equals) {
		p = find(text + 3);
		p = p && p->kind == SWITCH ? p : NULL;
		*ret_value = "off";
	}
	if (!p)
		fprintf(stderr, "baton-bench: no option \"%s\"\n", word);
	return p;
}

int options_parse(struct bench_options *o, int argc, char **argv)
{
	static const struct option task = { "task", WORD, AT(task), .words = tasks };

	for (int i = 1; i < argc; i++) {
		const struct option *p = &task;
		const char *value = argv[i];

		if (argv[i][0] == '-') {
			p = argument(argv[i], &value);
			if (!p)
				return -EINVAL;
			if (!value && (p->kind == SWITCH || p->kind == SHORT))
				value = "";
			else if (!value && i + 1 < argc)
				value = argv[++i];
		}
		if (!value) {
			fprintf(stderr, "baton-bench: %s needs a value: %s\n", p->name, p->value);
			return -EINVAL;
		}
		if (set(o, p, value) < 0)
			return -EINVAL;
	}
	o->traffic.opening = o->task == BENCH_CONNECT;
	o->traffic.flood = o->task == BENCH_FLOOD;
	return options_check(o);
}

static void format_list(const struct bench_options *o, const struct option *p, char *text, size_t size)
{
	const uint32_t *numbers = (const uint32_t *)((const uint8_t *)o + p->at);
	unsigned count = *(const unsigned *)((const uint8_t *)o + p->count);
	size_t n = 0;

	for (unsigned i = 0; i < count && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%u", i ? "," : "", numbers[i]);
}

static void format_many(const struct bench_options *o, const struct option *p, char *text, size_t size)
{
	bool pci = p->at == offsetof(struct bench_options, pci);
	const char *const *list = pci ? o->pci : o->vdevs;
	size_t n = 0;

	for (unsigned i = 0; i < (pci ? o->n_pci : o->n_vdevs) && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", i ? " " : "", list[i]);
}

static void format(const struct bench_options *o, const struct option *p, char *text, size_t size)
{
	int64_t n = p->kind == TEXT || p->kind == LIST || p->kind == MANY ? 0 : load(o, p);

	*text = 0;
	if (p->kind == SWITCH)
		snprintf(text, size, "%s", n ? "on" : "off");
	else if (p->kind == WORD)
		snprintf(text, size, "%s", word_of(p->words, n));
	else if (p->kind == SHARE || p->kind == REST)
		snprintf(text, size, "%g", (double)(p->kind == REST ? MILLION - n : n) / (MILLION / 100));
	else if (p->kind == SIZE && !n)
		snprintf(text, size, "imix");
	else if (p->kind == LIST)
		format_list(o, p, text, size);
	else if (p->kind == TEXT)
		snprintf(text, size, "%s", (const char *)o + p->at);
	else if (p->kind == MANY)
		format_many(o, p, text, size);
	else
		snprintf(text, size, "%lld", (long long)n);
}

const char *options_value(const struct bench_options *o, unsigned i, char *text, size_t size)
{
	if (i >= N_OPTIONS || options[i].kind == SHORT)
		return NULL;
	format(o, &options[i], text, size);
	return options[i].name;
}

void options_show(const struct bench_options *o, FILE *f)
{
	char text[200];
	const char *name;

	for (unsigned i = 0; (name = options_value(o, i, text, sizeof text)) != NULL; i++)
		if (strcmp(name, "help") && strcmp(name, "interactive"))
			fprintf(f, "  %-14s %s\n", name, text);
}

void options_help(FILE *f)
{
	struct bench_options o;
	char text[200], head[40];

	options_init(&o);
	fputs("usage: baton-bench [OPTION...] [forward | table | memory | connect | flood | expire | scale]\n"
	      "forward: packets per second and cycles per packet on one core, beside io and macswap\n"
	      "table:   lookups in the route table alone\n"
	      "memory:  random lines of a table's memory alone, as a hit reads them\n"
	      "connect: new connections, from the first packet to the host, with the classifier on the same core or "
	      "another\n"
	      "flood:   packets of no connection beside those of connections, on a core that has no time left\n"
	      "expire:  turns while all routes but a few end at once\n"
	      "scale:   forwarding on several cores, each alone and all at once\n",
	      f);
	for (unsigned i = 0; i < N_OPTIONS; i++) {
		const struct option *p = &options[i];

		snprintf(head, sizeof head, "--%s%s%s", p->name, p->value ? " " : "", p->value ? p->value : "");
		fprintf(f, "  %-20s %s", head, p->help);
		text[0] = 0;
		if (p->kind != SHORT && p->kind != MANY && p->kind != TEXT)
			format(&o, p, text, sizeof text);
		if (*text)
			fprintf(f, " (%s)", text);
		fputc('\n', f);
	}
	fputs("A switch is turned off by --no-NAME. \"help\" at the prompt lists its commands.\n", f);
}
