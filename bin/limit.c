/*
 * limit.c - shows what is used under keys, and sets what may be.
 */
#include "bin/common/right.h"

static const char help[] =
	"usage: limit [--pages N] [--frames N] KEY...\n"
	"\n"
	"Shows what is used under each KEY (a PATH or an ID of a public key): memory in frames of "
	"4 "
	"KiB,\n"
	"pages of 4 KiB in the store, objects there, and the limits. With an option, sets limits; "
	"that takes\n"
	"the right to use the machine. What is over a limit stays, and cannot grow.\n"
	"\n"
	"    --pages N   pages in the store at most; none: no limit\n"
	"    --frames N  frames of memory at most; none: no limit. Hosted on Linux it is kept, and "
	"holds on\n"
	"                the machine\n"
	"\n"
	"exit status: 0, 1 if something could not be done, 2 usage error\n";

#define LIMIT_MAX ((int64_t)1 << 40)

static void print_use(const char *what, uint64_t used, uint64_t limit)
{
	if (limit)
		twz_print("%-8s %12llu of %llu\n", what, (unsigned long long)used,
			  (unsigned long long)limit);
	else
		twz_print("%-8s %12llu\n", what, (unsigned long long)used);
}

static void print(struct twz_id key, const struct twz_rt_account *a)
{
	char id[TWZ_ID_TEXT];

	twz_id_text(key, id);
	twz_print("key      %s\n", id);
	print_use("frames", a->frames, a->frame_limit);
	print_use("pages", a->pages, a->page_limit);
	print_use("objects", a->objects, 0);
}

/* Null or none: 0. */
static uint64_t limit_of(const char *text)
{
	int64_t n;

	if (!text || !strcmp(text, "none"))
		return 0;
	n = parse_number(text, LIMIT_MAX);
	if (n < 1)
		fail_usage("a limit is a number from 1 on, or none, not ", text);
	return (uint64_t)n;
}

int main(int argc, char **argv)
{
	const char *pages_text = NULL, *frames_text = NULL;
	const struct option options[] = {{.name = "--pages", .value = &pages_text},
					 {.name = "--frames", .value = &frames_text},
					 {0}};
	uint64_t pages, frames;
	int status = STATUS_OK;

	program_begin(help, options, 1, 1 << 20, &argc, argv);
	pages = limit_of(pages_text);
	frames = limit_of(frames_text);
	for (int i = 0; i < argc; i++) {
		struct twz_rt_account a;
		struct twz_id key;
		int error;

		if (named(argv[i], &key)) {
			status = STATUS_FAILED;
			continue;
		}
		error = twz_rt_account(key, &a);
		if (!error && !pages_text && !frames_text)
			print(key, &a);
		else if (!error)
			error = twz_rt_limit_key(key, pages_text ? pages : a.page_limit,
						 frames_text ? frames : a.frame_limit);
		if (error)
			status = fail_error(argv[i], error);
	}
	program_end(status);
}
