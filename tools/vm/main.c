/*
 * main.c - vm: runs the machine with a store as its NVDIMM. docs/running.md.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/vm/vm.h"

static void vsay(const char *format, va_list args)
{
	fputs("vm: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsay(format, args);
	va_end(args);
}

void fail(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsay(format, args);
	va_end(args);
	exit(status);
}

char *text(const char *format, ...)
{
	va_list args;
	char *made;

	va_start(args, format);
	if (vasprintf(&made, format, args) < 0)
		abort();
	va_end(args);
	return made;
}

/* By the descriptors that run.c gives to QEMU: no path can be misread, or mean another file by now. */
static const struct qemu_files inherited = {
	.store = "/proc/self/fd/3", .log = "/proc/self/fd/4", .words = "/proc/self/fd/5"};

int main(int argc, char **argv)
{
	static struct options o;
	uint64_t bytes;
	int fd, status;

	options_read(&o, argc, argv);
	fd = store_hold(o.store, &bytes);
	if (o.dry_run) {
		const struct qemu_files named = {
			.store = o.store, .log = "/dev/stderr", .words = "/dev/null"};

		qemu_print(qemu_command(&o, &named, bytes));
		return 0;
	}
	log_open(o.log);
	status = vm_run(&o, qemu_command(&o, &inherited, bytes), fd);
	store_release();
	return status;
}
