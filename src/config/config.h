/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * batond's configuration as read and checked: one device file, one file per
 * VIP. Immutable after config_load(); control thread only.
 */
#ifndef BATON_BATOND_CONFIG_H
#define BATON_BATOND_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/addr.h"
#include "baton/application.h"
#include "baton/proto.h"

#define CONFIG_MAX_PORTS 8
#define CONFIG_MAX_ADDRS 16
#define CONFIG_MAX_LCORES 64
#define CONFIG_MAX_SNAT 8
#define CONFIG_MAX_TUNNELS 8              /* of one family on an lcore */
#define CONFIG_ROUTES_PER_TUNNEL 12500000 /* routes that flow ids tell apart, for each tunnel address */
#define CONFIG_MAX_ENDPOINTS 256
#define CONFIG_POOL_DEFAULT "default" /* what rules call the VIP's own endpoints */

struct config_port {
	char *name;   /* "net0" */
	char *device; /* PCI address "0000:01:00.0", or vdev "net_af_packet0,iface=x" */
	int mtu;      /* L3 bytes, 1280-9000 (default 1500) */
	int queues;   /* receive queues; 0: one per forwarder lcore */
	int rx_descriptors, tx_descriptors;
	struct baton_prefix addrs[CONFIG_MAX_ADDRS]; /* the interface's own */
	unsigned n_addrs;
	struct baton_addr gateway4, gateway6; /* family 0: none */
	bool replies;                         /* hosts on it answer clients through the device */
	char *exception;                      /* name of the tap for traffic to the device itself; NULL: off */
};

/* Tunnel addresses F of one family. */
struct config_tunnels {
	struct baton_addr addrs[CONFIG_MAX_TUNNELS];
	unsigned n;
};

struct config_lcore {
	int cpu;
	bool forwarder, classifier;
	bool busy_poll; /* "busy"; else "adaptive": sleeps up to 100 us when idle */
	struct config_tunnels tunnel4, tunnel6;
	struct baton_addr snat[CONFIG_MAX_SNAT];
	unsigned n_snat;
};

struct config_endpoint {
	struct baton_addr host; /* H */
	uint16_t port;          /* host order */
	int capacity;           /* 0-99; 0 gets no new connections */
	char *name;             /* for people; NULL: none */
};

/* Strings of a list. */
struct config_texts {
	char **text;
	unsigned n;
};

/* Conditions of a rule that are lists of texts; each has a key of that name and one with not_ before it. X(token, key)
 */
#define CONFIG_CONDITIONS(X)        \
	X(METHOD, method)           \
	X(HOST, host)               \
	X(HOST_REGEX, host_regex)   \
	X(PATH, path)               \
	X(PATH_PREFIX, path_prefix) \
	X(PATH_SUFFIX, path_suffix) \
	X(PATH_REGEX, path_regex)   \
	X(QUERY, query)             \
	X(QUERY_REGEX, query_regex) \
	X(SNI, sni)                 \
	X(SNI_REGEX, sni_regex)     \
	X(ALPN, alpn)               \
	X(PROTOCOL, protocol)

enum config_condition {
#define X(token, key) CONFIG_CONDITION_##token,
	CONFIG_CONDITIONS(X)
#undef X
		CONFIG_N_CONDITIONS
};

/* Things with a name that conditions are about, and how their value is compared: a list of texts each. */
enum config_field_kind { CONFIG_FIELD_HEADER, CONFIG_FIELD_COOKIE, CONFIG_FIELD_PARAMETER, CONFIG_N_FIELDS };
enum config_value { CONFIG_VALUE_EXACT, CONFIG_VALUE_PREFIX, CONFIG_VALUE_SUFFIX, CONFIG_VALUE_REGEX, CONFIG_N_VALUES };

/* All lists empty: that it is there. */
struct config_field {
	char *name;
	struct config_texts values[CONFIG_N_VALUES];
};

struct config_fields {
	struct config_field *field;
	unsigned n;
};

struct config_clients {
	struct baton_prefix *prefix;
	unsigned n;
};

/* Short HTTP answer; status 0: none. */
struct config_answer {
	int status;
	char *reason, *content_type, *location, *body; /* NULL: none */
};

enum config_refuse { CONFIG_REFUSE_NOT, CONFIG_REFUSE_RESET, CONFIG_REFUSE_DROP };

/* The second index: 0 as it stands, 1 negated. */
struct config_rule {
	char *name; /* NULL: none */
	struct config_texts texts[CONFIG_N_CONDITIONS][2];
	struct config_fields fields[CONFIG_N_FIELDS][2];
	struct config_clients clients[2];
	char *pool;     /* NULL: none; "default": the VIP's own endpoints */
	uint8_t refuse; /* enum config_refuse */
	struct config_answer answer;
};

struct config_pool {
	char *name;
	struct config_endpoint *endpoints;
	unsigned n_endpoints;
};

struct config_affinity {
	uint8_t by; /* enum baton_affinity_kind */
	char *name; /* NULL: none */
	int timeout_s;
};

/* Mode application: how the first bytes are read. */
struct config_application {
	uint8_t protocol, otherwise; /* enum application_protocol, enum application_otherwise */
	bool sack, timestamps, window_scaling;
	int mss; /* 0: by the port's MTU */
	int head_max;
	int timeout_ms;
	int attempts;
};

struct rules; /* peek/rules.h */

struct config_vip {
	char *file;
	char *name;
	struct baton_addr addr;
	uint16_t port;        /* host order */
	uint8_t proto;        /* IPPROTO_TCP or IPPROTO_UDP */
	enum baton_mode mode; /* how packets travel once the host has the connection */
	bool by_application;  /* mode application; .mode is TUNNEL then */
	enum baton_consume consume;
	enum baton_unknown unknown;
	enum baton_unreachable unreachable;
	enum baton_health_source health;
	enum baton_inactive inactive;
	bool percent; /* allotments as percentages with a timer rather than as tokens */
	int warm_up_s;
	int service_ms; /* how long a connection occupies its host, about; 0: not known */
	int timeout_s[BATON_N_CONN_STATES];
	struct config_endpoint *endpoints;
	unsigned n_endpoints;
	struct config_application
		application; /* means something by_application only, as all that follows but affinities */
	struct config_pool *pools;
	unsigned n_pools;
	struct config_rule *rules;
	unsigned n_rules;
	struct config_affinity affinities[BATON_MAX_AFFINITIES];
	unsigned n_affinities;
	struct rules *compiled; /* of .rules; NULL: none */
	char *compiled_from;    /* all that went into them, to be compared; NULL: none */
	size_t compiled_from_len;
};

struct config {
	char *file;
	char *name;                             /* of the device */
	char *run_dir;                          /* default /run/baton */
	char *vip_dir;                          /* default: "vips" beside the device file; every *.conf in it */
	char *secret_file;                      /* cluster secret */
	int shim_port;                          /* default BATON_SHIM_PORT_DEFAULT */
	int control_cpu;                        /* -1: any */
	bool hugepages;                         /* "auto" reserves at run time and falls back; "off": no-huge */
	bool hugepages_required;                /* "on": refuse to start without */
	int memory_mb;                          /* DPDK memory; default 512 */
	int packet_buffers;                     /* mbufs; default 32768 */
	int routes_ipv4, routes_ipv6;           /* capacity per forwarder lcore; default 65536 each */
	int connections;                        /* inventory capacity per classifier; default 262144 */
	int snat_port_first, snat_port_last;    /* default 1024-65535 */
	int snat_quarantine_s;                  /* default 60 */
	struct baton_addr health_listen;        /* control address where agents connect; family 0: off */
	int health_port;                        /* host order */
	int health_balancers;                   /* devices that share the hosts */
	int health_refresh_ms;                  /* how long an allotment is good */
	int health_stale_s;                     /* information older than this is not trusted */
	int pending, large_heads, held_packets; /* connections before their hand-over, per classifier */
	int sessions;                           /* remembered, on the whole device */
	struct config_port ports[CONFIG_MAX_PORTS];
	unsigned n_ports;
	struct config_lcore lcores[CONFIG_MAX_LCORES];
	unsigned n_lcores;
	struct config_vip *vips;
	unsigned n_vips;
};

/* One finding: "vips/web.conf:12: vip.endpoints[1].capacity: 120 is out of range 0-99". */
struct config_error {
	char text[512];
};

/*
 * Read and check the device file and all VIP files. 0 and *ret (to be freed by
 * config_free), or -errno with every finding in errors (up to max, *ret_n of
 * them), nothing else touched. On success the findings are warnings, none of
 * which stops anything.
 */
int config_load(const char *device_file, struct config **ret, struct config_error *errors, unsigned max,
		unsigned *ret_n);
/* Takes NULL. */
void config_free(struct config *c);

/*
 * What can't change while running (ports, lcores, memory, …): -EBUSY with one
 * finding for each difference; 0 if only what a reload may change differs.
 */
int config_reload_check(const struct config *old, const struct config *new, struct config_error *errors, unsigned max,
			unsigned *ret_n);

/*
 * VIPs that are the same service with the same rules in both exchange their
 * compiled rules, so that what those counted goes on in the other one. A second
 * call undoes the first. For a reload, after the check.
 */
void config_rules_exchange(struct config *a, struct config *b);

#endif
