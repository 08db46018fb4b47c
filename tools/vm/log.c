/*
 * log.c - the kernel's log: written where it was asked for, its end kept.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/vm/vm.h"

#define KEPT 16384u

static struct {
	FILE *file; /* null: only kept */
	char kept[KEPT];
	uint64_t bytes; /* all that there were; byte i is kept[i % KEPT] */
} kernel_log;

void log_open(const char *where)
{
	if (!where)
		return;
	kernel_log.file = strcmp(where, "-") ? fopen(where, "we") : stderr;
	if (!kernel_log.file)
		fail(STATUS_USAGE, "the log %s: %s", where, strerror(errno));
}

void log_put(const char *data, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		kernel_log.kept[kernel_log.bytes++ % KEPT] = data[i];
	if (kernel_log.file) {
		fwrite(data, 1, bytes, kernel_log.file);
		fflush(kernel_log.file);
	}
}

void log_show(void)
{
	uint64_t at = kernel_log.bytes > KEPT ? kernel_log.bytes - KEPT : 0;

	if (kernel_log.file == stderr || !kernel_log.bytes)
		return;
	if (at) /* begins in a line */
		while (at < kernel_log.bytes && kernel_log.kept[at++ % KEPT] != '\n')
			;
	say(at ? "the end of the kernel's log:" : "the kernel's log:");
	while (at < kernel_log.bytes)
		fputc(kernel_log.kept[at++ % KEPT], stderr);
	if (kernel_log.kept[(kernel_log.bytes - 1) % KEPT] != '\n')
		fputc('\n', stderr);
}
