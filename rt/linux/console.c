/* console.c - streams and the end of a program. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "rt/linux/home.h"

int64_t twz_rt_write(int stream, const void *data, uint64_t bytes)
{
	const char *p = data;
	uint64_t left = bytes;

	if (stream != 1 && stream != 2)
		return TWZ_E_ARG;
	while (left) {
		ssize_t n = write(stream, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return TWZ_E_IO;
		p += n;
		left -= (uint64_t)n;
	}
	return (int64_t)bytes;
}

int64_t twz_rt_read(int stream, void *data, uint64_t bytes)
{
	ssize_t n;

	if (stream)
		return TWZ_E_ARG;
	do
		n = read(stream, data, bytes);
	while (n < 0 && errno == EINTR);
	return n < 0 ? TWZ_E_IO : n;
}

void twz_rt_exit(int status)
{
	exit(status);
}
