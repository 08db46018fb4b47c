/*
 * step.c - the list of all steps of a test binary (core/step.h): printing it, switching off one.
 *
 * It works in every binary that has simulated code, whatever its main: the arguments and the
 * environment are looked at before main starts. sim.h names the variables.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/step.h"

/* By the linker. Weak: a program without any step has no such section. */
extern struct step __start_twz_steps[] __attribute__((weak));
extern struct step __stop_twz_steps[] __attribute__((weak));

const struct step *step_at;

/* Another use of the same source line, or of the same name, stands before this one. */
static int repeated(const struct step *step)
{
	for (const struct step *s = __start_twz_steps; s < step; s++)
		if (s->line == step->line && !strcmp(s->file, step->file) &&
		    !strcmp(s->kind, step->kind) && !strcmp(s->name, step->name))
			return 1;
	return 0;
}

static int is_named(const struct step *step, const char *kind_name)
{
	size_t kind = strlen(step->kind);

	return !strncmp(kind_name, step->kind, kind) && kind_name[kind] == ':' &&
	       !strcmp(kind_name + kind + 1, step->name);
}

/* "kind:name<TAB>file:line", one a line. */
static void print(FILE *out, int reached_only)
{
	for (struct step *s = __start_twz_steps; s < __stop_twz_steps; s++) {
		if (reached_only ? s->reached : !repeated(s))
			fprintf(out, "%s:%s\t%s:%d\n", s->kind, s->name, s->file, s->line);
	}
}

static void write_reached(void)
{
	FILE *out = fopen(getenv("TWZ_STEP_REACHED"), "w");

	if (!out)
		return;
	print(out, 1);
	fclose(out);
}

static void __attribute__((constructor)) start(int argc, char **argv)
{
	const char *off = getenv("TWZ_STEP_OFF");
	int found = 0;

	if (argc == 2 && !strcmp(argv[1], "--steps")) {
		print(stdout, 0);
		exit(0);
	}
	if (getenv("TWZ_STEP_REACHED"))
		atexit(write_reached);
	if (!off)
		return;
	for (struct step *s = __start_twz_steps; s < __stop_twz_steps; s++)
		if (is_named(s, off))
			s->off = found = 1;
	if (!found) {
		fprintf(stderr, "TWZ_STEP_OFF: no step is called '%s' here (--steps)\n", off);
		exit(2);
	}
}
