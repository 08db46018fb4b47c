/* console.c - streams and the end of a program. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt/linux/home.h"

/*
 * The host does not resolve faults in what it is given: pages of objects that were not touched before
 * are an error to it. So they are touched, some at a time.
 */
#define CHUNK (1ul << 16)

static void touch(const uint8_t *data, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i += TWZ_PAGE)
		(void)*(const volatile uint8_t *)(data + i);
	(void)*(const volatile uint8_t *)(data + bytes - 1);
}

int64_t twz_rt_write(int stream, const void *data, uint64_t bytes)
{
	const uint8_t *p = data;
	uint64_t left = bytes;

	if (stream != 1 && stream != 2)
		return TWZ_E_ARG;
	while (left) {
		uint64_t n = left < CHUNK ? left : CHUNK;
		ssize_t done = write(stream, p, n);

		if (done < 0 && errno == EFAULT)
			touch(p, n);
		else if (done < 0 && errno != EINTR)
			return TWZ_E_IO;
		if (done > 0) {
			p += done;
			left -= (uint64_t)done;
		}
	}
	return (int64_t)bytes;
}

int64_t twz_rt_read(int stream, void *data, uint64_t bytes)
{
	uint8_t text[4096];
	ssize_t n;

	if (stream)
		return TWZ_E_ARG;
	do
		n = read(stream, text, bytes < sizeof(text) ? bytes : sizeof(text));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return TWZ_E_IO;
	memcpy(data, text, (size_t)n);
	return n;
}

bool twz_rt_terminal(int stream)
{
	return isatty(stream);
}

void twz_rt_exit(int status)
{
	exit(status);
}
