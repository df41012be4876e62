/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "agent/local_internal.h"
#include "agent/steps.h"

void local_desk_steps(struct local_desk *d, struct steps *s)
{
	d->steps = s;
}

static int trace_begin(struct local_desk *d, const struct local_peer *p, const struct local_request *r, char *why)
{
	int err;

	if (!p->is_operator)
		return local_refuse(why, -EPERM, "user %u is no operator (agent.local.operator_users)", p->uid);
	if (!d->steps)
		return local_refuse(why, -ENODEV, "this agent has no datapath (agent.device)");
	err = steps_ask(d->steps, &r->client, r->seconds, !r->seq);
	return err ? local_refuse(why, err, "%d clients are traced already", TRACE_MAX_FILTERS) : 0;
}

size_t local_trace(struct local_desk *d, const struct local_peer *p, const struct local_request *r, uint8_t *reply)
{
	struct baton_agent_step *steps = (struct baton_agent_step *)(reply + sizeof(struct baton_agent_reply));
	struct baton_agent_reply *head = (struct baton_agent_reply *)reply;
	const struct trace_record *step = NULL;
	char why[BATON_AGENT_TEXT] = "";
	int err = trace_begin(d, p, r, why);
	uint64_t seq = r->seq;
	uint8_t n = 0;

	if (!err)
		step = steps_next(d->steps, seq, r->since_ns, &r->client);
	while (step && n < BATON_AGENT_MAX_STEPS) {
		local_step_encode(&steps[n++], step);
		seq = step->seq + 1;
		step = steps_next(d->steps, seq, r->since_ns, &r->client);
	}
	local_reply_begin(head, r, err, why);
	head->n_rows = n;
	head->more = step != NULL;
	return sizeof *head + n * sizeof steps[0];
}
