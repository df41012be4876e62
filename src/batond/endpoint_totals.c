/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an endpoint has had so far. Forwarders and classifiers count by id and
 * never reset; an id that goes to another endpoint begins again at 0 here.
 */
#include "batond/batond.h"

static struct endpoint_totals endpoint_totals_counted(const struct batond *b, uint16_t id)
{
	struct endpoint_totals t = { 0 };

	for (unsigned i = 0; i < b->n_classifiers; i++)
		t.connections += classifier_endpoint_total(b->classifiers[i].classifier, id);
	for (unsigned i = 0; i < b->n_forwarders; i++) {
		const struct forwarder_endpoint_counters *c = &b->forwarders[i]->endpoints[id];

		t.packets += c->packets;
		t.bytes += c->bytes;
		t.return_packets += c->return_packets;
		t.return_bytes += c->return_bytes;
	}
	return t;
}

struct endpoint_totals endpoint_totals_get(const struct batond *b, uint16_t id)
{
	const struct endpoint_totals *before = &b->before[id];
	struct endpoint_totals t = endpoint_totals_counted(b, id);

	t.connections -= before->connections;
	t.packets -= before->packets;
	t.bytes -= before->bytes;
	t.return_packets -= before->return_packets;
	t.return_bytes -= before->return_bytes;
	return t;
}

void endpoint_totals_begin(struct batond *b, uint16_t id)
{
	b->before[id] = endpoint_totals_counted(b, id);
}
