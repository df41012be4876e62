/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/status.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "agent/attach.h"
#include "agent/conn_sweep.h"
#include "agent/counter.h"
#include "agent/datapath.h"
#include "agent/kernel.h"
#include "agent/service.h"
#include "agent/sweep.h"
#include "base/clock.h"
#include "base/log.h"
#include "baton/abi/flow_id.h"

struct listing {
	uint64_t now_ns, n_flows;
	unsigned max;
	json_t *flows;
};

static const char *state_name(uint8_t state)
{
	static const char *const names[BATON_N_CONN_STATES] = {
		[BATON_CONN_SYN] = "syn", [BATON_CONN_ESTABLISHED] = "established",
		[BATON_CONN_FIN] = "fin", [BATON_CONN_CLOSED] = "closed",
		[BATON_CONN_UDP] = "udp",
	};

	return state < BATON_N_CONN_STATES ? names[state] : "?";
}

static json_t *flow_json(const struct agent_flow_key *key, const struct agent_flow *f, uint64_t now_ns)
{
	char device[BATON_ADDR_TEXT_MAX], client[BATON_ADDR_TEXT_MAX], vip[BATON_ADDR_TEXT_MAX], id[16];
	struct baton_addr a = { .family = key->family };
	uint64_t idle_ns = now_ns > f->last_used_ns ? now_ns - f->last_used_ns : 0;

	memcpy(a.b, key->device, sizeof a.b);
	baton_addr_format(&a, device, sizeof device);
	baton_endpoint_format(f->saddr, key->family, f->sport, client, sizeof client);
	baton_endpoint_format(f->daddr, key->family, f->dport, vip, sizeof vip);
	snprintf(id, sizeof id, "%08x", baton_flow_id(f->generation, key->index));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "forwarder", device, "flow_id", id, "proto",
			 f->proto == IPPROTO_TCP ? "tcp" : "udp", "client", client, "vip", vip, "state",
			 state_name(f->state), "idle_s", (json_int_t)(idle_ns / CLOCK_NS_PER_S), "packets",
			 (json_int_t)f->packets, "bytes", (json_int_t)f->bytes);
}

static bool flow_list(const struct agent_flow_key *key, const struct agent_flow *f, void *arg)
{
	struct listing *l = arg;

	if (l->n_flows++ < l->max)
		json_array_append_new(l->flows, flow_json(key, f, l->now_ns));
	return true;
}

static json_t *counters_json(const uint64_t counters[AGENT_N_COUNTERS])
{
	json_t *o = json_object();

	for (int i = 0; i < AGENT_N_COUNTERS; i++)
		json_object_set_new(o, agent_counter_name((enum agent_counter)i),
				    json_integer((json_int_t)counters[i]));
	return o;
}

static void own_add(json_t *counters, const struct datapath *d)
{
	struct agent_own own;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(d->map_fd[AGENT_MAP_OWN], &zero, &own))
		return;
	for (int i = 0; i < AGENT_N_OWN_COUNTERS; i++)
		json_object_set_new(counters, agent_own_name((enum agent_own_counter)i),
				    json_integer((json_int_t)own.n[i]));
}

static bool conn_count(const struct agent_conn_key *key, const struct agent_conn *c, void *arg)
{
	uint64_t *n = arg;

	(void)key;
	n[c->state <= AGENT_CONN_LINGERS ? c->state : AGENT_CONN_ENDED]++;
	return true;
}

/* Whether connections can be created on this machine, and how many the table has. */
static json_t *connections_json(const struct datapath *d)
{
	uint64_t n[AGENT_CONN_LINGERS + 1] = { 0 };
	struct agent_kernel k = { 0 };
	const char *obstacle;
	uint32_t zero = 0;

	bpf_map_lookup_elem(d->map_fd[AGENT_MAP_KERNEL], &zero, &k);
	conn_walk(d->map_fd[AGENT_MAP_CONNECTIONS], conn_count, n);
	obstacle = agent_kernel_obstacle(&k);
	return json_pack("{s:b, s:s, s:b, s:b, s:b, s:b, s:I, s:I, s:I, s:I}", "taken", !obstacle, "obstacle",
			 obstacle ? obstacle : "", "ends_traced", k.netns_cookie != 0, "window_scaling",
			 !(k.options_off & BATON_TCP_WSCALE), "sack", !(k.options_off & BATON_TCP_SACK), "timestamps",
			 !(k.options_off & BATON_TCP_TIMESTAMPS), "new", (json_int_t)n[AGENT_CONN_NEW], "open",
			 (json_int_t)n[AGENT_CONN_OPEN], "ended", (json_int_t)n[AGENT_CONN_ENDED], "lingering",
			 (json_int_t)n[AGENT_CONN_LINGERS]);
}

static json_t *status_make(const struct agent_config *c, const struct datapath *d, unsigned max_flows, int *ret_err)
{
	struct listing l = { .now_ns = clock_monotonic_ns(), .max = max_flows, .flows = json_array() };
	uint64_t counters[AGENT_N_COUNTERS] = { 0 };
	unsigned ifindex = if_nametoindex(c->device);
	json_t *words;
	int err = agent_counters_read(d->map_fd[AGENT_MAP_COUNTERS], counters);

	if (!err)
		err = flow_walk(d->map_fd[AGENT_MAP_FLOWS], flow_list, &l);
	*ret_err = err;
	words = counters_json(counters);
	own_add(words, d);
	return json_pack("{s:s, s:b, s:b, s:o, s:o, s:I, s:i, s:o}", "device", c->device, "attached",
			 ifindex && attach_program_id(ifindex), "agent_running", service_is_running(c), "counters",
			 words, "connections", connections_json(d), "n_flows", (json_int_t)l.n_flows, "max_flows",
			 c->max_flows, "flows", l.flows);
}

static const char *text_of(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void flows_print(FILE *out, json_t *status)
{
	json_t *flows = json_object_get(status, "flows"), *f;
	json_int_t n = json_integer_value(json_object_get(status, "n_flows"));
	size_t i;

	fprintf(out, "\nflows: %" PRId64 " of at most %" PRId64 "\n", (int64_t)n,
		(int64_t)json_integer_value(json_object_get(status, "max_flows")));
	if (json_array_size(flows))
		fprintf(out, "%-16s %-8s %-5s %-24s %-24s %-11s %7s %10s %12s\n", "forwarder", "flow id", "proto",
			"client", "virtual address", "state", "idle s", "packets", "bytes");
	json_array_foreach(flows, i, f) fprintf(
		out, "%-16s %-8s %-5s %-24s %-24s %-11s %7" PRId64 " %10" PRId64 " %12" PRId64 "\n",
		text_of(f, "forwarder"), text_of(f, "flow_id"), text_of(f, "proto"), text_of(f, "client"),
		text_of(f, "vip"), text_of(f, "state"), (int64_t)json_integer_value(json_object_get(f, "idle_s")),
		(int64_t)json_integer_value(json_object_get(f, "packets")),
		(int64_t)json_integer_value(json_object_get(f, "bytes")));
	if ((size_t)n > json_array_size(flows))
		fprintf(out, "… and %zu more (--flows N lists more)\n", (size_t)n - json_array_size(flows));
}

static const char *on_off(json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key)) ? "on" : "OFF";
}

static void connections_print(FILE *out, json_t *status)
{
	json_t *c = json_object_get(status, "connections");

	if (json_is_true(json_object_get(c, "taken")))
		fprintf(out, "\nconnections that devices have accepted: taken");
	else
		fprintf(out, "\nconnections that devices have accepted: REFUSED, %s", text_of(c, "obstacle"));
	fprintf(out, "; window scaling %s, sack %s, timestamps %s; ends %s\n", on_off(c, "window_scaling"),
		on_off(c, "sack"), on_off(c, "timestamps"),
		json_is_true(json_object_get(c, "ends_traced")) ? "traced" : "NOT traced");
	fprintf(out,
		"connections: %" PRId64 " being made, %" PRId64 " open, %" PRId64 " ended, %" PRId64
		" in TIME_WAIT (remembered for two minutes)\n",
		(int64_t)json_integer_value(json_object_get(c, "new")),
		(int64_t)json_integer_value(json_object_get(c, "open")),
		(int64_t)json_integer_value(json_object_get(c, "ended")),
		(int64_t)json_integer_value(json_object_get(c, "lingering")));
}

static void counter_print(FILE *out, json_t *counters, const char *name, const char *text)
{
	fprintf(out, "%-22s %12" PRId64 "  %s\n", name, (int64_t)json_integer_value(json_object_get(counters, name)),
		text);
}

static void status_text(FILE *out, json_t *status)
{
	json_t *counters = json_object_get(status, "counters");

	fprintf(out, "interface %s: program %s; agent %s\n\n", text_of(status, "device"),
		json_is_true(json_object_get(status, "attached")) ? "attached" : "NOT attached",
		json_is_true(json_object_get(status, "agent_running")) ? "running" : "not running");
	for (int i = 0; i < AGENT_N_COUNTERS; i++)
		counter_print(out, counters, agent_counter_name((enum agent_counter)i),
			      agent_counter_text((enum agent_counter)i));
	for (int i = 0; i < AGENT_N_OWN_COUNTERS; i++)
		counter_print(out, counters, agent_own_name((enum agent_own_counter)i),
			      agent_own_text((enum agent_own_counter)i));
	connections_print(out, status);
	flows_print(out, status);
}

int status_print(const struct agent_config *c, FILE *out, bool json, unsigned max_flows)
{
	char pins[PATH_MAX];
	struct datapath d;
	json_t *status;
	int err;

	if (!c->device) {
		log_error("this agent has no device, so it has no datapath; batonctl host list tells what it watches");
		return -ENODEV;
	}
	snprintf(pins, sizeof pins, "%s/bpf", c->run_dir);
	err = datapath_open(&d, pins);
	if (err) {
		log_error("no datapath of this version is loaded run_dir=%s reason=\"%s\"", c->run_dir, strerror(-err));
		return err;
	}
	status = status_make(c, &d, max_flows, &err);
	datapath_close(&d);
	if (!status)
		err = -ENOMEM;
	if (err)
		log_error("can't read the maps reason=\"%s\"", strerror(-err));
	else if (json)
		err = json_dumpf(status, out, JSON_INDENT(2)) || fputc('\n', out) == EOF ? -EIO : 0;
	else
		status_text(out, status);
	json_decref(status);
	return err;
}
