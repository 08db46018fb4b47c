/*
 * wait.c - waits until something happens to one of several objects.
 */
#include "bin/common/program.h"

static const char help[] =
	"usage: wait [--timeout SECONDS] EVENT PATH [EVENT PATH]...\n"
	"\n"
	"Waits until one of these happens, and says which:\n"
	"\n"
	"    more     the object's data has become longer\n"
	"    message  there is a message in the queue\n"
	"    room     there is room in the queue\n"
	"    name     a name in the namespace has come, gone or changed\n"
	"    end      the thread has ended\n"
	"    input    the console has input; PATH is -\n"
	"\n"
	"    --timeout SECONDS  at most so long\n"
	"\n"
	"exit status: 0, 1 if something cannot be waited for or nothing happened, 2 usage error\n";

static const struct {
	const char *name;
	uint32_t what;
} kinds[] = {{"more", TWZ_EVENT_READ},    {"message", TWZ_EVENT_READ}, {"room", TWZ_EVENT_WRITE},
	     {"name", TWZ_EVENT_CHANGED}, {"end", TWZ_EVENT_ENDED},    {"input", TWZ_EVENT_READ}};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static uint32_t what_of(const char *name)
{
	for (unsigned i = 0; i < KINDS; i++)
		if (!strcmp(kinds[i].name, name))
			return kinds[i].what;
	fail_usage("no such event: ", name);
}

/* A status. */
static int prepare(const char *name, const char *path, struct twz_event *event)
{
	uint32_t what = what_of(name);
	struct twz_obj obj;
	int error;

	if (!strcmp(path, "-"))
		error = twz_event_of_console(what, event);
	else
		error = twz_name_open(path, &obj);
	if (!error && strcmp(path, "-"))
		error = twz_event_of(&obj, what, event);
	if (error == TWZ_E_ARG)
		return fail(path, "that does not happen to it");
	return error ? fail_error(path, error) : STATUS_OK;
}

int main(int argc, char **argv)
{
	struct twz_event events[TWZ_EVENTS_MAX];
	const char *timeout = NULL;
	const struct option options[] = {{.name = "--timeout", .value = &timeout}, {0}};
	int64_t seconds;
	int n, ready, status = STATUS_OK;

	program_begin(help, options, 2, 2 * TWZ_EVENTS_MAX, &argc, argv);
	if (argc % 2)
		fail_usage("no path for ", argv[argc - 1]);
	n = argc / 2;
	seconds = timeout ? parse_number(timeout, INT32_MAX) : 0;
	if (seconds < 0)
		fail_usage("not a number of seconds: ", timeout);
	for (int i = 0; i < n; i++)
		status |= prepare(argv[2 * i], argv[2 * i + 1], &events[i]);
	if (status)
		program_end(status);
	ready = twz_event_wait(events, (uint32_t)n,
			       timeout ? (uint64_t)seconds * 1000000000u : ~0ull);
	if (ready < 0)
		program_end(fail(NULL, twz_error_text(ready)));
	for (int i = 0; i < n; i++)
		if (events[i].ready)
			twz_print("%s %s\n", argv[2 * i], argv[2 * i + 1]);
	program_end(STATUS_OK);
}
