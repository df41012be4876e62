/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarder/counters.h"

static const struct {
	const char *name, *text;
} drop_names[FORWARDER_N_DROPS] = {
#define X(token, name, text) [DROP_##token] = { name, text },
	FORWARDER_DROP_REASONS(X)
#undef X
};

const char *forwarder_drop_name(enum forwarder_drop d)
{
	return drop_names[d].name;
}

const char *forwarder_drop_text(enum forwarder_drop d)
{
	return drop_names[d].text;
}
