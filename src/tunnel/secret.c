/* SPDX-License-Identifier: BSD-3-Clause */
#include "tunnel/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_HEX_LEN (2 * SECRET_LEN)
/* Two lines with CR LF and some empty ones after them; more is not a secret file. */
#define SECRET_FILE_MAX 256

_Static_assert(SECRET_LEN == crypto_generichash_KEYBYTES, "a secret is a hash's key");

/* The whole file into buf, size bytes of room; bytes read or -errno. */
static ssize_t secret_read(const char *path, char *buf, size_t size)
{
	/* not blocking: the path may name a FIFO */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = 0, got = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		got = -errno;
	else if (!S_ISREG(st.st_mode))
		got = -EINVAL;
	else if (st.st_mode & (S_IRWXG | S_IRWXO))
		got = -EACCES;
	while (got >= 0 && (size_t)got < size) {
		n = read(fd, buf + got, size - (size_t)got);
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		got = n < 0 ? -errno : got + n;
	}
	close(fd);
	return got;
}

/* Take a line's secret from *at. False if the text there is not one. */
static bool secret_parse_line(const char **at, const char *end, unsigned char ret[SECRET_LEN])
{
	const char *p = *at;
	size_t n;

	if ((size_t)(end - p) < SECRET_HEX_LEN)
		return false;
	if (sodium_hex2bin(ret, SECRET_LEN, p, SECRET_HEX_LEN, NULL, &n, NULL) < 0 || n != SECRET_LEN)
		return false;
	p += SECRET_HEX_LEN;
	if (p < end && *p != '\r' && *p != '\n')
		return false;
	while (p < end && (*p == '\r' || *p == '\n'))
		p++;
	*at = p;
	return true;
}

static int secrets_parse(const char *text, size_t len, struct secrets *ret)
{
	const char *at = text, *end = text + len;

	do {
		if (ret->n == SECRETS_MAX || !secret_parse_line(&at, end, ret->secret[ret->n]))
			return -EINVAL;
		ret->n++;
	} while (at < end);
	return 0;
}

int secrets_load(const char *path, struct secrets *ret)
{
	struct secrets secrets = { .n = 0 };
	char text[SECRET_FILE_MAX];
	ssize_t n;
	int err;

	if (sodium_init() < 0)
		return -ENOSYS;
	n = secret_read(path, text, sizeof text);
	if (n < 0)
		err = (int)n;
	else if (n == sizeof text)
		err = -EINVAL;
	else
		err = secrets_parse(text, (size_t)n, &secrets);
	if (!err)
		*ret = secrets;
	sodium_memzero(text, sizeof text);
	secrets_wipe(&secrets);
	return err;
}

void secrets_wipe(struct secrets *s)
{
	sodium_memzero(s, sizeof *s);
}

void secret_derive(const unsigned char secret[SECRET_LEN], const char *purpose, unsigned char *out, size_t len)
{
	crypto_generichash(out, len, (const unsigned char *)purpose, strlen(purpose), secret, SECRET_LEN);
}

const char *secret_strerror(int err)
{
	switch (err) {
	case -EACCES:
		return "must be readable by its owner alone, and by us";
	case -EINVAL:
		return "must hold one or two lines of 64 hexadecimal digits";
	case -EEXIST: /* one pair in 256 by chance */
		return "the two keys are equal or have the same number by chance; replace the new one by another";
	default:
		return strerror(-err);
	}
}
