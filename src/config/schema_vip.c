/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys of a VIP file but for rules. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "config/schema.h"

static const struct conf_name protocols[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { 0 } };
#define MODE_APPLICATION                                                                            \
	BATON_N_MODES /* not a way for packets: they take the tunnel once a host has the connection \
		       */

static const struct conf_name modes[] = { { "tunnel", BATON_MODE_TUNNEL },
					  { "half-nat", BATON_MODE_HALF_NAT },
					  { "full-nat", BATON_MODE_FULL_NAT },
					  { "application", MODE_APPLICATION },
					  { 0 } };

static const struct conf_name consumes[] = { { "round-robin", BATON_CONSUME_ROUND_ROBIN },
					     { "linear", BATON_CONSUME_LINEAR },
					     { "greatest", BATON_CONSUME_GREATEST },
					     { 0 } };

static const struct conf_name unknowns[] = {
	{ "reset", BATON_UNKNOWN_RESET }, { "drop", BATON_UNKNOWN_DROP }, { "hash", BATON_UNKNOWN_HASH }, { 0 }
};

static const struct conf_name healths[] = { { "static", BATON_HEALTH_STATIC }, { "agent", BATON_HEALTH_AGENT }, { 0 } };
static const struct conf_name inactives[] = { { "hold", BATON_INACTIVE_HOLD }, { "stop", BATON_INACTIVE_STOP }, { 0 } };
static const struct conf_name allotments[] = { { "tokens", false }, { "percent", true }, { 0 } };

static const struct conf_name unreachables[] = { { "avoid", BATON_UNREACHABLE_AVOID },
						 { "keep", BATON_UNREACHABLE_KEEP },
						 { 0 } };

static const struct conf_name application_protocols[] = {
	{ "http", APPLICATION_HTTP }, { "tls", APPLICATION_TLS }, { "any", APPLICATION_ANY }, { 0 }
};

static const struct conf_name otherwises[] = { { "default", APPLICATION_OTHERWISE_DEFAULT },
					       { "reset", APPLICATION_OTHERWISE_RESET },
					       { "drop", APPLICATION_OTHERWISE_DROP },
					       { 0 } };

static const struct conf_name affinities[] = { { "client", BATON_AFFINITY_CLIENT },
					       { "cookie", BATON_AFFINITY_COOKIE },
					       { "header", BATON_AFFINITY_HEADER },
					       { "tls-session", BATON_AFFINITY_TLS_SESSION },
					       { "sni", BATON_AFFINITY_SNI },
					       { "server", BATON_AFFINITY_SERVER },
					       { 0 } };

const char *config_affinity_name(uint8_t by)
{
	return affinities[by].name;
}

static int mode_parse(const char *text, void *object, char *why, size_t size)
{
	struct config_vip *v = object;
	int mode = config_word_find(modes, text, why, size);

	if (mode < 0)
		return mode;
	v->by_application = mode == MODE_APPLICATION;
	v->mode = v->by_application ? BATON_MODE_TUNNEL : (enum baton_mode)mode;
	return 0;
}

/* 536: RFC 9293, section 3.7.1; hosts' kernels take no less. */
static int mss_check(const void *value, char *why, size_t size)
{
	int mss = *(const int *)value;

	if (!mss || mss >= 536)
		return 0;
	snprintf(why, size, "%d is less than 536", mss);
	return -EINVAL;
}

static int pool_name_check(const void *value, char *why, size_t size)
{
	const char *text = *(char *const *)value;

	if (strcmp(text, CONFIG_POOL_DEFAULT))
		return conf_check_name(value, why, size);
	snprintf(why, size, "\"%s\" means the VIP's own endpoints; take another name", text);
	return -EINVAL;
}

#define TIMEOUT(state) CONF_FIELD(struct config_vip, timeout_s[state]), .min = 1, .max = CONFIG_TIMEOUT_MAX_S

static const struct conf_key timeouts_keys[] = {
	{ "syn", CONF_INT, TIMEOUT(BATON_CONN_SYN), .def = "30", .help = "TCP, until the client's handshake is done." },
	{ "established", CONF_INT, TIMEOUT(BATON_CONN_ESTABLISHED), .def = "8100", .help = "TCP, established." },
	{ "fin", CONF_INT, TIMEOUT(BATON_CONN_FIN), .def = "120", .help = "TCP, one side has finished." },
	{ "closed", CONF_INT, TIMEOUT(BATON_CONN_CLOSED), .def = "10", .help = "TCP, both have finished, or a reset." },
	{ "udp", CONF_INT, TIMEOUT(BATON_CONN_UDP), .def = "60", .help = "UDP." },
	{ 0 },
};

static const struct conf_key endpoint_keys[] = {
	{ "host", CONF_ADDR, CONF_FIELD(struct config_endpoint, host), .required = true,
	  .help = "Address of the host, of the VIP's family; not the VIP's own." },
	{ "port", CONF_INT, CONF_FIELD(struct config_endpoint, port), .min = 1, .max = 65535,
	  .help = "Port of the server. Without it the VIP's port; tunnel mode allows no other." },
	{ "capacity", CONF_INT, CONF_FIELD(struct config_endpoint, capacity), .min = 0, .max = 99, .def = "50",
	  .help = "Share of new connections in proportion to the others'; 0: none." },
	{ "name", CONF_STRING, CONF_FIELD(struct config_endpoint, name), .min = 1, .max = 63, .check = conf_check_name,
	  .help = "Name of the host, for people." },
	{ 0 },
};

static const struct conf_key application_keys[] = {
	{ "protocol", CONF_ENUM, CONF_FIELD(struct config_application, protocol), .names = application_protocols,
	  .def = "http", .help = "What the client's first bytes are read as; any: TLS or HTTP, as it begins." },
	{ "otherwise", CONF_ENUM, CONF_FIELD(struct config_application, otherwise), .names = otherwises,
	  .def = "default",
	  .help = "What becomes of a connection whose first bytes are not understood, too long or too late: default "
		  "sends it to the VIP's own endpoints." },
	{ "head_max", CONF_INT, CONF_FIELD(struct config_application, head_max), .min = 256, .max = 65535,
	  .def = "8192", .help = "Bytes of a request's head or ClientHello that are waited for at most." },
	{ "timeout_ms", CONF_INT, CONF_FIELD(struct config_application, timeout_ms), .min = 100, .max = 60000,
	  .def = "5000", .help = "From the first byte to the last of the head, in milliseconds." },
	{ "attempts", CONF_INT, CONF_FIELD(struct config_application, attempts), .min = 1, .max = 8, .def = "3",
	  .help = "Hosts that are tried for a connection when one refuses it." },
	{ "mss", CONF_INT, CONF_FIELD(struct config_application, mss), .min = 0, .max = 8960, .def = "0",
	  .check = mss_check, .help = "Largest segment announced to clients; 0: what the port's mtu allows." },
	{ "sack", CONF_BOOL, CONF_FIELD(struct config_application, sack), .def = "true",
	  .help = "Whether selective acknowledgements are agreed to; every host must have them on "
		  "(net.ipv4.tcp_sack)." },
	{ "timestamps", CONF_BOOL, CONF_FIELD(struct config_application, timestamps), .def = "true",
	  .help = "Likewise time stamps (net.ipv4.tcp_timestamps)." },
	{ "window_scaling", CONF_BOOL, CONF_FIELD(struct config_application, window_scaling), .def = "true",
	  .help = "Likewise window scaling (net.ipv4.tcp_window_scaling)." },
	{ 0 },
};

static const struct conf_key pool_keys[] = {
	{ "name", CONF_STRING, CONF_FIELD(struct config_pool, name), .required = true, .min = 1,
	  .max = CONFIG_POOL_NAME_MAX, .check = pool_name_check,
	  .help = "Name of the pool, unique in the VIP; not \"default\", which means the VIP's own endpoints." },
	{ "endpoints", CONF_LIST, CONF_HEAP(struct config_pool, endpoints, n_endpoints, CONFIG_MAX_ENDPOINTS),
	  .keys = endpoint_keys, .required = true, .list_min = 1, .help = "The pool's servers." },
	{ 0 },
};

static const struct conf_key affinity_keys[] = {
	{ "by", CONF_ENUM, CONF_FIELD(struct config_affinity, by), .names = affinities, .required = true,
	  .help = "What connections have in common that go to one endpoint. client: the client's address; cookie, "
		  "header: the value of the HTTP cookie or header of that name; tls-session: TLS session id or ticket; "
		  "sni: TLS server name; server: the cookie's value is an endpoint's name, or ends in a dot and it." },
	{ "name", CONF_STRING, CONF_FIELD(struct config_affinity, name), .min = 1, .max = BATON_AFFINITY_NAME_MAX - 1,
	  .check = config_check_token, .help = "Name of the cookie or header." },
	{ "timeout_s", CONF_INT, CONF_FIELD(struct config_affinity, timeout_s), .min = 1, .max = 2592000, .def = "3600",
	  .help = "Seconds after its last use until it is forgotten; nothing for server." },
	{ 0 },
};

static const struct conf_key vip_keys[] = {
	{ "name", CONF_STRING, CONF_FIELD(struct config_vip, name), .required = true, .min = 1, .max = 63,
	  .check = conf_check_name, .help = "Name of the VIP, unique on the device." },
	{ "address", CONF_ADDR, CONF_FIELD(struct config_vip, addr), .required = true,
	  .help = "Address that clients connect to." },
	{ "port", CONF_INT, CONF_FIELD(struct config_vip, port), .required = true, .min = 1, .max = 65535,
	  .help = "Port that clients connect to." },
	{ "protocol", CONF_ENUM, CONF_FIELD(struct config_vip, proto), .names = protocols, .def = "tcp",
	  .help = "Transport protocol." },
	{ "mode", CONF_TEXT, .parse = mode_parse, .names = modes, .def = "tunnel",
	  .help = "tunnel: to hosts with baton-agent, replies go straight to the client; half-nat: destination "
		  "rewritten, replies come back through the device; full-nat: source rewritten as well; application: "
		  "the "
		  "client's first bytes choose among pools (docs/applications.md), then as tunnel." },
	{ "consume", CONF_ENUM, CONF_FIELD(struct config_vip, consume), .names = consumes, .def = "round-robin",
	  .help = "Order in which tokens of the endpoints are used up: one of each in turn; all of one, then the next; "
		  "always of the one with most left." },
	{ "unknown", CONF_ENUM, CONF_FIELD(struct config_vip, unknown), .names = unknowns, .def = "reset",
	  .help = "Answer to a packet in mid-connection that nobody knows: reset, silence, or a guess by hashing." },
	{ "unreachable", CONF_ENUM, CONF_FIELD(struct config_vip, unreachable), .names = unreachables, .def = "avoid",
	  .help = "Whether new connections avoid a host whose next hop does not answer." },
	{ "health", CONF_ENUM, CONF_FIELD(struct config_vip, health), .names = healths, .def = "static",
	  .help = "static: the capacities below count; agent: what the hosts' agents say, and an endpoint of which no "
		  "agent speaks gets no new connections." },
	{ "inactive", CONF_ENUM, CONF_FIELD(struct config_vip, inactive), .names = inactives, .def = "hold",
	  .help = "Established connections of an application that turns inactive: hold lets them go on, stop ends "
		  "them." },
	{ "allotment", CONF_ENUM, CONF_FIELD(struct config_vip, percent), .names = allotments, .def = "tokens",
	  .help = "Shares of endpoints as tokens, each good for one connection, or as percentages with a timer." },
	{ "warm_up_s", CONF_INT, CONF_FIELD(struct config_vip, warm_up_s), .min = 0, .max = 3600, .def = "10",
	  .help = "Seconds over which an endpoint that turned active gets to its full share." },
	{ "service_ms", CONF_INT, CONF_FIELD(struct config_vip, service_ms), .min = 0, .max = 600000, .def = "0",
	  .help = "How long a connection occupies its host at full speed, about, in milliseconds; 0: not known." },
	{ "timeouts", CONF_GROUP, .keys = timeouts_keys,
	  .help = "Idle seconds after which a connection is forgotten." },
	{ "endpoints", CONF_LIST, CONF_HEAP(struct config_vip, endpoints, n_endpoints, CONFIG_MAX_ENDPOINTS),
	  .keys = endpoint_keys, .help = "The servers; in mode application those of connections that no rule takes." },
	{ "affinity", CONF_LIST, CONF_ARRAY(struct config_vip, affinities, n_affinities), .keys = affinity_keys,
	  .help = "By what a connection goes where an earlier one went, in the order in which they are asked; all but "
		  "client in mode application only." },
	{ "application", CONF_GROUP, CONF_FIELD(struct config_vip, application), .keys = application_keys,
	  .help = "Mode application: how the first bytes are read." },
	{ "pools", CONF_LIST, CONF_HEAP(struct config_vip, pools, n_pools, APPLICATION_MAX_POOLS), .keys = pool_keys,
	  .help = "Mode application: endpoints that rules choose." },
	{ "rules", CONF_LIST, CONF_HEAP(struct config_vip, rules, n_rules, APPLICATION_MAX_RULES),
	  .keys = config_rule_keys,
	  .help = "Mode application: the first rule all of whose conditions hold decides. A condition is a list, and "
		  "holds if one of its entries does." },
	{ 0 },
};

const struct conf_key config_vip_keys[] = {
	{ "vip", CONF_GROUP, .keys = vip_keys, .help = "One address, port and protocol that clients use." },
	{ 0 },
};
