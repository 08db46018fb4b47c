/*
 * report.c - messages, options and how things are printed.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/twz/twz.h"

int fail(const char *where, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, where ? "twz: %s: " : "twz: ", where);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	va_start(args, format);
	json_failed(where, format, args);
	va_end(args);
	return STATUS_FAILED;
}

int usage(const char *command, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "twz: %s: ", command);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (twz %s --help)\n", command);
	return STATUS_USAGE;
}

int take_options(int argc, char **argv, const struct option_spec *spec, int min, int max,
		 int *nrest)
{
	const char *command = argv[0]; /* whose place the rest takes */
	int rest = 0;

	for (int i = 1; i < argc; i++) {
		char *arg = argv[i];
		const struct option_spec *o = spec;
		size_t name = strcspn(arg, "=");

		if (!strcmp(arg, "--")) {
			while (++i < argc)
				argv[rest++] = argv[i];
			break;
		}
		if (arg[0] != '-' || !arg[1]) {
			argv[rest++] = arg;
			continue;
		}
		while (o->name && (strlen(o->name) != name || memcmp(o->name, arg, name)))
			o++;
		if (!o->name || (o->flag && arg[name]))
			return usage(command, "there is no option %s", arg);
		if (o->flag)
			*o->flag = true;
		else if (arg[name])
			*o->value = arg + name + 1;
		else if (i + 1 < argc)
			*o->value = argv[++i];
		else
			return usage(command, "%s needs a value", arg);
	}
	if (rest < min)
		return usage(command, "an argument is missing");
	if (rest > max)
		return usage(command, "%s is one argument too many", argv[max]);
	*nrest = rest;
	return STATUS_OK;
}

const char *type_name(uint32_t type)
{
	static const char *const names[] = {"data",   "namespace", "view",  "context",
					    "thread", "key",       "device"};

	return type < sizeof(names) / sizeof(names[0]) ? names[type] : "unknown";
}

const char *printable(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (*c < ' ' || *c == 127)
			*c = '?';
	return text;
}
