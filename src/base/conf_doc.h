/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of src/base/conf*.c: the parsed text. */
#ifndef BATON_BASE_CONF_DOC_H
#define BATON_BASE_CONF_DOC_H

#include <stdarg.h>
#include <libconfig.h>

#include "base/conf.h"

struct conf_doc {
	config_t tree;
	char *name;
};

/* One finding at a line (0: none) and path (NULL: none). */
void conf_finding_add(struct conf_findings *f, bool warning, const char *name, unsigned line, const char *path,
		      const char *format, va_list args);

#endif
