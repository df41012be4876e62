/* SPDX-License-Identifier: BSD-3-Clause */
/* Reload: read all, check all, then change over at once; or change nothing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "batond/batond.h"
#include "batond/hosts.h"
#include "batond/publish.h"
#include "tunnel/secret.h"
#include "wire/seal.h"

static int reload_finding(struct config_error *errors, unsigned max, unsigned *n, const char *what, int err)
{
	if (*n < max)
		snprintf(errors[(*n)++].text, sizeof errors[0].text, "%.300s: %s", what, secret_strerror(err));
	return err;
}

/* Whatever goes wrong, nothing but errors has been written. */
static int reload_take(struct batond *b, struct config *config, struct config_error *errors, unsigned max, unsigned *n)
{
	struct seal_keyring sealing;
	struct publish_keys keys;
	int err = config_reload_check(b->config, config, errors, max, n);

	if (err < 0)
		return err;
	err = publish_keys_load(config, &keys);
	if (err == 0)
		err = seal_keyring_load(config->secret_file, SEAL_PURPOSE_HEALTH, &sealing);
	if (err < 0)
		return reload_finding(errors, max, n, config->secret_file, err);
	config_rules_exchange(b->config, config); /* those that did not change go on counting */
	err = publish_view(b, config, &keys);
	if (err < 0) {
		config_rules_exchange(b->config, config);
		return reload_finding(errors, max, n, "cannot build the new tables", err);
	}
	*b->keys = keys;
	hosts_set_keys(b, &sealing);
	for (unsigned i = 0; i < b->n_ports; i++)
		b->ports[i].config = &config->ports[i];
	config_free(b->config);
	b->config = config;
	return 0;
}

int reload_apply(struct batond *b, struct config_error *errors, unsigned max, unsigned *ret_n)
{
	struct config *config = NULL;
	unsigned n = 0;
	int err = config_load(b->device_file, &config, errors, max, &n);

	if (err == 0)
		err = reload_take(b, config, errors, max, &n);
	for (unsigned i = 0; i < n; i++)
		log_warning("%s", errors[i].text);
	if (err < 0) {
		b->counters.reloads_refused++;
		log_error("reload refused, the old configuration stays in force findings=%u", n);
		if (config != b->config)
			config_free(config);
	} else {
		b->counters.reloads++;
		log_info("configuration reloaded vips=%u", b->config->n_vips);
	}
	*ret_n = n;
	return err;
}
