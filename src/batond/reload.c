/* SPDX-License-Identifier: BSD-3-Clause */
/* Reload: read all, check all, then change over at once; or change nothing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "batond/batond.h"
#include "batond/hosts.h"

static int reload_finding(struct config_error *errors, unsigned max, unsigned *n, const char *what, int err)
{
	if (*n < max)
		snprintf(errors[(*n)++].text, sizeof errors[0].text, "%s: %s", what, strerror(-err));
	return err;
}

/* One key in 256 meets the other's id by chance. */
static int reload_secret_finding(struct config_error *errors, unsigned max, unsigned *n, const char *path, int err)
{
	if (err != -EEXIST)
		return reload_finding(errors, max, n, path, err);
	if (*n < max)
		snprintf(errors[(*n)++].text, sizeof errors[0].text,
			 "%.300s: the two keys are equal or have the same number by chance; replace the new one by "
			 "another",
			 path);
	return err;
}

/* Whatever goes wrong, nothing but errors has been written. */
static int reload_take(struct batond *b, struct config *config, struct config_error *errors, unsigned max, unsigned *n)
{
	struct shim_keyring keys;
	int err = config_reload_check(b->config, config, errors, max, n);

	if (err < 0)
		return err;
	err = shim_keyring_load(config->secret_file, &keys);
	if (err < 0)
		return reload_secret_finding(errors, max, n, config->secret_file, err);
	err = hosts_set_keys(b, config->secret_file);
	if (err < 0)
		return reload_secret_finding(errors, max, n, config->secret_file, err);
	err = publish_view(b, config, &keys);
	if (err < 0)
		return reload_finding(errors, max, n, "cannot build the new tables", err);
	*b->keys = keys;
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
