/* SPDX-License-Identifier: BSD-3-Clause */
/* What to measure, from the command line. */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

const char *const options_modes[BENCH_N_MODES] = { "tunnel", "half-nat", "full-nat", "return", "full-return" };

const char options_help[] =
	"usage: baton-bench [OPTION...] [forward | table | connect]\n"
	"forward: packets per second and cycles per packet on one core, beside io and macswap\n"
	"table:   lookups in the route table alone\n"
	"connect: new connections, from the first packet to the host, with the classifier on the same core\n"
	"  --flows N,...      numbers of resident flows (1000,1000000,10000000)\n"
	"  --mode MODE        tunnel, half-nat, full-nat; replies: return, full-return (tunnel)\n"
	"  --ipv6             IPv6 instead of IPv4\n"
	"  --udp              UDP instead of TCP\n"
	"  --size N           bytes on the wire (64; IPv6: 78), or imix: 64, 594 and 1518 as 7 : 4 : 1\n"
	"  --zipf             some flows more often than others, flow n as 1 / n\n"
	"  --churn PERCENT    that many of the packets open a connection, each in place of the oldest (0)\n"
	"  --misses PERCENT   that many of the packets belong to no connection and go to a classifier (0)\n"
	"  --latency          time each turn of the loop as well\n"
	"  --repetitions N    interleaved repetitions of each row (7)\n"
	"  --packets N        packets or lookups of one repetition (10000000)\n"
	"  --cpu N            core to run on (the last one)\n"
	"  --no-testpmd       leave the runs of dpdk-testpmd out\n"
	"  --no-hugepages     do with ordinary pages\n"
	"  --json FILE, --csv FILE\n";

static int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || n < min || n > max) {
		fprintf(stderr, "baton-bench: \"%s\" is not a number from %llu to %llu\n", text,
			(unsigned long long)min, (unsigned long long)max);
		return -EINVAL;
	}
	*ret = n;
	return 0;
}

static int parse_flows(struct bench_options *o, char *text)
{
	char *word, *rest = text;
	uint64_t n;

	o->n_flows = 0;
	while ((word = strsep(&rest, ",")) != NULL) {
		if (o->n_flows == BENCH_MAX_FLOWS || parse_number(word, 1, 12000000, &n) < 0)
			return -EINVAL;
		o->flows[o->n_flows++] = (uint32_t)n;
	}
	return 0;
}

static int parse_mode(struct bench_options *o, const char *text)
{
	for (uint8_t i = 0; i < BENCH_N_MODES; i++) {
		if (!strcmp(text, options_modes[i])) {
			o->traffic.mode = i;
			return 0;
		}
	}
	fprintf(stderr, "baton-bench: no mode \"%s\"\n", text);
	return -EINVAL;
}

/* Percent, with a fraction perhaps, as parts in a million. */
static int parse_share(const char *text, double max, uint32_t *ret)
{
	char *end;
	double percent = strtod(text, &end);

	if (end == text || *end || !(percent >= 0 && percent <= max)) {
		fprintf(stderr, "baton-bench: \"%s\" is not a share from 0 to %g %%\n", text, max);
		return -EINVAL;
	}
	*ret = (uint32_t)(percent * 10000 + 0.5);
	return 0;
}

enum option_id {
	OPT_FLOWS = 256,
	OPT_IPV6,
	OPT_UDP,
	OPT_MODE,
	OPT_SIZE,
	OPT_ZIPF,
	OPT_CHURN,
	OPT_MISSES,
	OPT_LATENCY,
	OPT_REPETITIONS,
	OPT_PACKETS,
	OPT_CPU,
	OPT_NO_TESTPMD,
	OPT_NO_HUGEPAGES,
	OPT_JSON,
	OPT_CSV,
	OPT_HELP
};

static int parse_option(struct bench_options *o, int id, char *arg)
{
	uint64_t n = 0;
	int err = 0;

	switch (id) {
	case OPT_FLOWS:
		return parse_flows(o, arg);
	case OPT_IPV6:
		o->traffic.family = BATON_IPV6;
		break;
	case OPT_UDP:
		o->traffic.proto = IPPROTO_UDP;
		break;
	case OPT_MODE:
		return parse_mode(o, arg);
	case OPT_SIZE:
		if (!strcmp(arg, "imix")) {
			o->traffic.size = 0;
			break;
		}
		err = parse_number(arg, 64, 1518, &n);
		o->traffic.size = (uint16_t)n;
		break;
	case OPT_ZIPF:
		o->traffic.zipf = true;
		break;
	case OPT_CHURN:
		return parse_share(arg, 10, &o->traffic.churn);
	case OPT_MISSES:
		return parse_share(arg, 100, &o->traffic.misses);
	case OPT_LATENCY:
		o->latency = true;
		break;
	case OPT_REPETITIONS:
		err = parse_number(arg, 1, BENCH_MAX_SAMPLES, &n);
		o->repetitions = (unsigned)n;
		break;
	case OPT_PACKETS:
		err = parse_number(arg, 1000, 1ull << 40, &o->packets);
		break;
	case OPT_CPU:
		err = parse_number(arg, 0, 1023, &n);
		o->cpu = (int)n;
		break;
	case OPT_NO_TESTPMD:
		o->testpmd = false;
		break;
	case OPT_NO_HUGEPAGES:
		o->hugepages = false;
		break;
	case OPT_JSON:
		o->json = arg;
		break;
	case OPT_CSV:
		o->csv = arg;
		break;
	case OPT_HELP:
		o->help = true;
		break;
	default:
		return -EINVAL;
	}
	return err;
}

int options_parse(struct bench_options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "flows", required_argument, NULL, OPT_FLOWS },
		{ "ipv6", no_argument, NULL, OPT_IPV6 },
		{ "udp", no_argument, NULL, OPT_UDP },
		{ "mode", required_argument, NULL, OPT_MODE },
		{ "size", required_argument, NULL, OPT_SIZE },
		{ "zipf", no_argument, NULL, OPT_ZIPF },
		{ "churn", required_argument, NULL, OPT_CHURN },
		{ "misses", required_argument, NULL, OPT_MISSES },
		{ "latency", no_argument, NULL, OPT_LATENCY },
		{ "repetitions", required_argument, NULL, OPT_REPETITIONS },
		{ "packets", required_argument, NULL, OPT_PACKETS },
		{ "cpu", required_argument, NULL, OPT_CPU },
		{ "no-testpmd", no_argument, NULL, OPT_NO_TESTPMD },
		{ "no-hugepages", no_argument, NULL, OPT_NO_HUGEPAGES },
		{ "json", required_argument, NULL, OPT_JSON },
		{ "csv", required_argument, NULL, OPT_CSV },
		{ "help", no_argument, NULL, OPT_HELP },
		{ 0 },
	};
	int id;

	while ((id = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (parse_option(o, id, optarg) < 0)
			return -EINVAL;
	for (; optind < argc; optind++) {
		if (!strcmp(argv[optind], "table"))
			o->table = true;
		else if (!strcmp(argv[optind], "connect"))
			o->connect = o->traffic.opening = true;
		else if (strcmp(argv[optind], "forward"))
			return -EINVAL;
	}
	return 0;
}
