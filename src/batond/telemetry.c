/* SPDX-License-Identifier: BSD-3-Clause */
#include "batond/telemetry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

#include "base/log.h"
#include "batond/batond.h"

/* Most rows that may stand in a page of any command; rows of DPDK's dictionaries have names. */
#define TELEMETRY_ROWS_MAX 200

static const struct telemetry_command {
	const char *name;
	telemetry_fn fn;
	const char *help;
} telemetry_commands[] = {
	{ "/baton/ports", telemetry_ports, "Network ports. Parameter: cursor" },
	{ "/baton/lcores", telemetry_lcores, "Forwarder and classifier lcores. Parameter: cursor" },
	{ "/baton/vips", telemetry_vips, "Virtual addresses. Parameter: cursor" },
	{ "/baton/rules", telemetry_rules, "Rules of VIPs with mode application. Parameter: cursor" },
	{ "/baton/endpoints", telemetry_endpoints, "Applications behind the VIPs. Parameter: cursor" },
	{ "/baton/routes", telemetry_routes, "Routes. Parameters: cursor[,client=A][,vip=NAME][,host=A]" },
	{ "/baton/routes_count", telemetry_routes_count, "Routes by table. Parameter: cursor" },
	{ "/baton/neighbours", telemetry_neighbours, "Next hops and their link addresses. Parameter: cursor" },
	{ "/baton/drops", telemetry_drops, "Dropped packets by reason. Parameter: cursor" },
	{ "/baton/counters", telemetry_counters, "All other counters. Parameter: cursor" },
	{ "/baton/hosts", telemetry_hosts, "Hosts whose agents are heard. Parameter: cursor" },
	{ "/baton/apps", telemetry_apps, "Applications as the hosts tell of them. Parameter: cursor" },
	{ "/baton/allotments", telemetry_allotments, "Last allotment of each VIP. Parameter: cursor" },
	{ "/baton/events", telemetry_events, "Health events, newest first. Parameter: cursor" },
	{ "/baton/trace", telemetry_trace,
	  "Steps of traced clients. Parameters: cursor[,client=A[:PORT]][,seconds=N][,since=NS]" },
	{ "/baton/classifiers", telemetry_classifiers, "Classifiers and their counters. Parameter: cursor" },
};

#define TELEMETRY_N_COMMANDS (sizeof telemetry_commands / sizeof telemetry_commands[0])

/* DPDK's callbacks get no argument. Written once, before the first of them can run. */
static struct batond *telemetry_batond;
static bool telemetry_stopped; /* under the lock */

struct rte_tel_data *telemetry_row(struct telemetry_page *p)
{
	struct rte_tel_data *row;
	char name[16];

	if (p->n_rows == TELEMETRY_ROWS_MAX)
		return NULL;
	row = rte_tel_data_alloc();
	if (!row)
		return NULL;
	rte_tel_data_start_dict(row);
	snprintf(name, sizeof name, "%u", p->n_rows);
	if (rte_tel_data_add_dict_container(p->rows, name, row, 0) < 0) {
		rte_tel_data_free(row);
		return NULL;
	}
	p->n_rows++;
	return row;
}

void telemetry_text(struct rte_tel_data *row, const char *name, const char *value)
{
	rte_tel_data_add_dict_string(row, name, value);
}

void telemetry_number(struct rte_tel_data *row, const char *name, uint64_t value)
{
	rte_tel_data_add_dict_u64(row, name, value);
}

void telemetry_int(struct rte_tel_data *row, const char *name, int value)
{
	rte_tel_data_add_dict_int(row, name, value);
}

/* "CURSOR[,FILTER]"; nothing counts as 0. */
static int telemetry_parse(const char *params, uint64_t *ret_cursor, const char **ret_filter)
{
	char *end;

	*ret_cursor = 0;
	*ret_filter = "";
	if (!params || !*params)
		return 0;
	if (*params < '0' || *params > '9')
		return -EINVAL;
	*ret_cursor = strtoull(params, &end, 10);
	if (*end && *end != ',')
		return -EINVAL;
	*ret_filter = *end ? end + 1 : "";
	return 0;
}

static int telemetry_answer(const char *command, const char *params, struct rte_tel_data *d)
{
	struct batond *b = telemetry_batond;
	struct telemetry_page p = { 0 };
	uint64_t cursor, next = UINT64_MAX;

	if (telemetry_parse(params, &cursor, &p.filter) < 0)
		return -EINVAL;
	p.rows = rte_tel_data_alloc();
	if (!p.rows)
		return -ENOMEM;
	rte_tel_data_start_dict(p.rows);
	pthread_mutex_lock(&b->lock);
	for (unsigned i = 0; i < TELEMETRY_N_COMMANDS && !telemetry_stopped; i++)
		if (!strcmp(telemetry_commands[i].name, command))
			next = telemetry_commands[i].fn(b, &p, cursor);
	pthread_mutex_unlock(&b->lock);
	if (next == UINT64_MAX) { /* no rows yet; DPDK frees what hangs on a reply only if it sends it */
		rte_tel_data_free(p.rows);
		return -EINVAL;
	}
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_container(d, "rows", p.rows, 0);
	rte_tel_data_add_dict_u64(d, "next", next);
	return 0;
}

int telemetry_start(struct batond *b)
{
	telemetry_batond = b;
	for (unsigned i = 0; i < TELEMETRY_N_COMMANDS; i++) {
		int err = rte_telemetry_register_cmd(telemetry_commands[i].name, telemetry_answer,
						     telemetry_commands[i].help);

		if (err < 0) {
			log_error("cannot register telemetry command=%s error=\"%s\"", telemetry_commands[i].name,
				  strerror(-err));
			return err;
		}
	}
	return 0;
}

void telemetry_stop(struct batond *b)
{
	/* the commands stay registered until DPDK ends: wait for one that runs, refuse the rest */
	pthread_mutex_lock(&b->lock);
	telemetry_stopped = true;
	pthread_mutex_unlock(&b->lock);
}
