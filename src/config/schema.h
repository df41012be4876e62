/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of src/config, its tests and the printed reference. */
#ifndef BATON_CONFIG_SCHEMA_H
#define BATON_CONFIG_SCHEMA_H

#include "base/conf.h"
#include "config/config.h"

#define CONFIG_MAX_VIPS 1024
#define CONFIG_MAX_ALL_ENDPOINTS 8192
#define CONFIG_MAX_FORWARDERS 32   /* as many as a view holds */
#define CONFIG_TIMEOUT_MAX_S 32000 /* the route's 16-bit clock of seconds must not wrap within one */

/* The device file; object is struct config. */
extern const struct conf_key config_device_keys[];
/* A VIP file; object is struct config_vip. */
extern const struct conf_key config_vip_keys[];

/* A configuration on its way from text to struct config. */
struct config_source {
	struct conf_doc *device;
	struct conf_doc **vips; /* NULL where a file could not be parsed */
	unsigned n_vips;
};

/*
 * Judge parsed texts. 0 and *ret (findings are warnings then), or -errno. The
 * source stays the caller's.
 */
int config_assemble(const struct config_source *s, const char *file, struct conf_findings *f, struct config **ret);

/* Checks across keys of the device file. */
void config_check_device(const struct config *c, const struct conf_doc *doc, struct conf_findings *f);
/* Checks across VIPs and between them and the device. VIPs with address family 0 were not parsed and are left out. */
void config_check_vips(const struct config *c, const struct config_source *s, struct conf_findings *f);
/* NULL, or the reason why the address can't be one machine's on a network. */
const char *config_addr_unfit(const struct baton_addr *a);

#endif
