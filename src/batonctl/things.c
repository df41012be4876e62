/* SPDX-License-Identifier: BSD-3-Clause */
#include "batonctl/show.h"

#include <string.h>

static const struct column ports[] = { { "name", "NAME", COLUMN_TEXT },
				       { "device", "DEVICE", COLUMN_TEXT },
				       { "mac", "MAC", COLUMN_TEXT },
				       { "link", "LINK", COLUMN_TEXT },
				       { "mtu", "MTU", COLUMN_NUMBER },
				       { "queues", "QUEUES", COLUMN_NUMBER },
				       { "rx_packets", "RX-PACKETS", COLUMN_COUNTER },
				       { "tx_packets", "TX-PACKETS", COLUMN_COUNTER },
				       { "rx_bytes", "RX-BYTES", COLUMN_COUNTER },
				       { "tx_bytes", "TX-BYTES", COLUMN_COUNTER },
				       { "rx_missed", "MISSED", COLUMN_COUNTER },
				       { "rx_errors", "RX-ERRORS", COLUMN_COUNTER },
				       { "tx_errors", "TX-ERRORS", COLUMN_COUNTER },
				       { "rx_no_buffer", "NO-BUFFER", COLUMN_COUNTER },
				       { 0 } };

static const struct column lcores[] = { { "index", "LCORE", COLUMN_NUMBER },
					{ "cpu", "CPU", COLUMN_NUMBER },
					{ "roles", "ROLES", COLUMN_TEXT },
					{ "poll", "POLL", COLUMN_TEXT },
					{ "loops", "LOOPS", COLUMN_COUNTER },
					{ "idle_loops", "IDLE", COLUMN_COUNTER },
					{ "sleeps", "SLEEPS", COLUMN_COUNTER },
					{ "rx_packets", "RX-PACKETS", COLUMN_COUNTER },
					{ "tx_packets", "TX-PACKETS", COLUMN_COUNTER },
					{ "misses", "MISSES", COLUMN_COUNTER },
					{ 0 } };

static const struct column vips[] = { { "name", "NAME", COLUMN_TEXT },
				      { "address", "ADDRESS", COLUMN_TEXT },
				      { "port", "PORT", COLUMN_NUMBER },
				      { "protocol", "PROTOCOL", COLUMN_TEXT },
				      { "mode", "MODE", COLUMN_TEXT },
				      { "consume", "CONSUME", COLUMN_TEXT },
				      { "endpoints", "ENDPOINTS", COLUMN_NUMBER },
				      { "usable", "USABLE", COLUMN_NUMBER },
				      { "connections", "CONNECTIONS", COLUMN_NUMBER },
				      { "total", "TOTAL", COLUMN_COUNTER },
				      { 0 } };

static const struct column rules[] = { { "vip", "VIP", COLUMN_TEXT },
				       { "number", "NUMBER", COLUMN_NUMBER },
				       { "rule", "RULE", COLUMN_TEXT },
				       { "action", "ACTION", COLUMN_TEXT },
				       { "pool", "POOL", COLUMN_TEXT },
				       { "hits", "HITS", COLUMN_COUNTER },
				       { "undecided", "UNDECIDED", COLUMN_NUMBER },
				       { 0 } };

static const struct column endpoints[] = { { "vip", "VIP", COLUMN_TEXT },
					   { "name", "NAME", COLUMN_TEXT },
					   { "host", "HOST", COLUMN_TEXT },
					   { "port", "PORT", COLUMN_NUMBER },
					   { "capacity", "CAPACITY", COLUMN_NUMBER },
					   { "connections", "CONNECTIONS", COLUMN_NUMBER },
					   { "total", "TOTAL", COLUMN_COUNTER },
					   { "state", "STATE", COLUMN_TEXT },
					   { "why", "WHY", COLUMN_TEXT },
					   { 0 } };

static const struct column hosts[] = {
	{ "host", "HOST", COLUMN_TEXT },
	{ "presence", "PRESENCE", COLUMN_TEXT },
	{ "table", "TABLE", COLUMN_TEXT },
	{ "applications", "APPS", COLUMN_NUMBER },
	{ "heard_ms", "HEARD-MS", COLUMN_NUMBER },
	{ "interval_ms", "INTERVAL-MS", COLUMN_NUMBER },
	{ "seq", "CHANGES", COLUMN_NUMBER },
	{ "leader", "LEADER", COLUMN_TEXT },
	{ 0 },
};

static const struct column apps[] = { { "host", "HOST", COLUMN_TEXT },
				      { "address", "ADDRESS", COLUMN_TEXT },
				      { "port", "PORT", COLUMN_NUMBER },
				      { "protocol", "PROTOCOL", COLUMN_TEXT },
				      { "specific", "SPECIFIC", COLUMN_TEXT },
				      { "state", "STATE", COLUMN_TEXT },
				      { "load_percent", "LOAD%", COLUMN_NUMBER },
				      { "capacity", "CAPACITY", COLUMN_NUMBER },
				      { "target", "TARGET", COLUMN_TEXT },
				      { "current", "CURRENT", COLUMN_TEXT },
				      { "heard_ms", "HEARD-MS", COLUMN_NUMBER },
				      { "why", "WHY", COLUMN_TEXT },
				      { 0 } };

static const struct column allotments[] = { { "vip", "VIP", COLUMN_TEXT },       { "host", "HOST", COLUMN_TEXT },
					    { "port", "PORT", COLUMN_NUMBER },   { "kind", "KIND", COLUMN_TEXT },
					    { "share", "SHARE", COLUMN_NUMBER }, { "age_ms", "AGE-MS", COLUMN_NUMBER },
					    { "panic", "PANIC", COLUMN_TEXT },   { 0 } };

static const struct column events[] = { { "time_ms", "TIME-MS", COLUMN_NUMBER },
					{ "host", "HOST", COLUMN_TEXT },
					{ "event", "EVENT", COLUMN_TEXT },
					{ "cause", "CAUSE", COLUMN_TEXT },
					{ "address", "ADDRESS", COLUMN_TEXT },
					{ "port", "PORT", COLUMN_NUMBER },
					{ "state", "STATE", COLUMN_TEXT },
					{ "target", "TARGET", COLUMN_TEXT },
					{ "current", "CURRENT", COLUMN_TEXT },
					{ "why", "WHY", COLUMN_TEXT },
					{ 0 } };

static const struct column routes[] = { { "client", "CLIENT", COLUMN_TEXT },
					{ "client_port", "PORT", COLUMN_NUMBER },
					{ "address", "TO", COLUMN_TEXT },
					{ "port", "PORT", COLUMN_NUMBER },
					{ "protocol", "PROTOCOL", COLUMN_TEXT },
					{ "vip", "VIP", COLUMN_TEXT },
					{ "host", "HOST", COLUMN_TEXT },
					{ "host_port", "PORT", COLUMN_NUMBER },
					{ "action", "ACTION", COLUMN_TEXT },
					{ "state", "STATE", COLUMN_TEXT },
					{ "idle_s", "IDLE", COLUMN_NUMBER },
					{ "packets", "PACKETS", COLUMN_COUNTER },
					{ "forwarder", "FORWARDER", COLUMN_NUMBER },
					{ "flow", "FLOW", COLUMN_NUMBER },
					{ "bank", "BANK", COLUMN_NUMBER },
					{ 0 } };

static const struct column routes_count[] = { { "forwarder", "FORWARDER", COLUMN_NUMBER },
					      { "family", "FAMILY", COLUMN_NUMBER },
					      { "routes", "ROUTES", COLUMN_NUMBER },
					      { "capacity", "CAPACITY", COLUMN_NUMBER },
					      { "bytes", "BYTES", COLUMN_NUMBER },
					      { "buckets", "BUCKETS", COLUMN_NUMBER },
					      { "overflowed", "OVERFLOWED", COLUMN_NUMBER },
					      { "longest_search", "SEARCH", COLUMN_NUMBER },
					      { 0 } };

static const struct column neighbours[] = { { "port", "PORT", COLUMN_TEXT },
					    { "address", "ADDRESS", COLUMN_TEXT },
					    { "mac", "MAC", COLUMN_TEXT },
					    { "state", "STATE", COLUMN_TEXT },
					    { "confirmed_s", "CONFIRMED", COLUMN_NUMBER },
					    { "moves", "MOVES", COLUMN_NUMBER },
					    { 0 } };

static const struct column drops[] = { { "name", "REASON", COLUMN_TEXT },
				       { "count", "PACKETS", COLUMN_COUNTER },
				       { "text", "MEANING", COLUMN_TEXT },
				       { 0 } };

static const struct column counters[] = { { "group", "GROUP", COLUMN_TEXT },
					  { "name", "NAME", COLUMN_TEXT },
					  { "count", "COUNT", COLUMN_COUNTER },
					  { "text", "MEANING", COLUMN_TEXT },
					  { 0 } };

static const struct column classifiers[] = { { "classifier", "CLASSIFIER", COLUMN_NUMBER },
					     { "connections", "CONNECTIONS", COLUMN_NUMBER },
					     { "capacity", "CAPACITY", COLUMN_NUMBER },
					     { "pending", "PENDING", COLUMN_NUMBER },
					     { "new_connections", "NEW", COLUMN_COUNTER },
					     { "handed_over", "HANDED-OVER", COLUMN_COUNTER },
					     { "replumbed", "REPLUMBED", COLUMN_COUNTER },
					     { "ended_final", "ENDED", COLUMN_COUNTER },
					     { "ended_idle", "IDLE", COLUMN_COUNTER },
					     { "refused_no_endpoint", "NO-ENDPOINT", COLUMN_COUNTER },
					     { "refused_inventory_full", "FULL", COLUMN_COUNTER },
					     { "refused_ports_exhausted", "NO-PORT", COLUMN_COUNTER },
					     { "refused_table_full", "TABLE-FULL", COLUMN_COUNTER },
					     { "unknown_reset", "RESET", COLUMN_COUNTER },
					     { "unknown_dropped", "DROPPED", COLUMN_COUNTER },
					     { 0 } };

const struct show_thing show_things[] = {
	{ "ports", "/baton/ports", ports, .help = "network ports and their counters" },
	{ "lcores", "/baton/lcores", lcores, .help = "threads of the data plane and what they do" },
	{ "vips", "/baton/vips", vips, .help = "services, their pools (VIP/POOL), and their connections" },
	{ "rules", "/baton/rules", rules, .by_vip = true,
	  .help = "rules that choose among pools, and how often each did; filter: --vip" },
	{ "endpoints", "/baton/endpoints", endpoints, .by_vip = true, .by_host = true,
	  .help = "servers behind the VIPs; filters: --vip, --host" },
	{ "routes", "/baton/routes", routes, .keyed = true, .by_client = true, .by_vip = true, .by_host = true,
	  .help = "routes of connections; filters: --client, --vip, --host; --count: how many" },
	{ "neighbours", "/baton/neighbours", neighbours, .help = "next hops and their link addresses" },
	{ "hosts", "/baton/hosts", hosts, .help = "hosts whose agents are heard" },
	{ "apps", "/baton/apps", apps, .help = "applications as their hosts tell of them" },
	{ "allotments", "/baton/allotments", allotments, .by_vip = true,
	  .help = "shares of new connections, last answer for each VIP" },
	{ "events", "/baton/events", events, .help = "what happened to hosts and applications, newest first" },
	{ "drops", "/baton/drops", drops, .zero_key = "count",
	  .help = "dropped packets by reason; --all: also those with 0" },
	{ "counters", "/baton/counters", counters, .zero_key = "count",
	  .help = "everything else that is counted; --all: also those with 0" },
	{ "classifiers", "/baton/classifiers", classifiers, .help = "what the classifiers decided" },
	{ 0 },
};

static const struct show_thing count_thing = { "routes", "/baton/routes_count", routes_count, .help = "" };

const struct show_thing *show_find(const char *name, bool count)
{
	for (const struct show_thing *t = show_things; t->name; t++)
		if (!strcmp(t->name, name))
			return count && t->keyed ? &count_thing : t;
	return NULL;
}

const char *const *show_names(void)
{
	static const char *names[sizeof show_things / sizeof *show_things];

	for (unsigned i = 0; show_things[i].name; i++)
		names[i] = show_things[i].name;
	return names;
}
