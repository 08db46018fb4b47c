/*
 * kill.c - ends threads, suspends them, signals them, sets their priority.
 */
#include "abi/syscall.h"
#include "bin/common/program.h"

static const char help[] =
	"usage: kill [--suspend | --continue | --signal N | --priority LEVEL] THREAD...\n"
	"\n"
	"Ends each THREAD, a number as ps shows it or an ID, with the status 137; with an option:\n"
	"\n"
	"    --suspend         it does not run any more, until it is continued or ended\n"
	"    --continue        it goes on\n"
	"    --signal N        sends it the signal N, from 1 to 63: to its program's handler, or "
	"it "
	"ends with\n"
	"                      the status 128 + N\n"
	"    --priority LEVEL  low, normal, high or urgent: before which others it runs\n"
	"\n"
	"It takes the right to use THREAD; to rise above normal, that to use the machine. Hosted "
	"on "
	"Linux\n"
	"threads are the host's, which has a kill of its own.\n"
	"\n"
	"exit status: 0, 1 if something could not be done, 2 usage error\n";

#define STATUS_KILLED (128 + 9)

static const char *const levels[] = {[TWZ_PRIORITY_LOW] = "low",
				     [TWZ_PRIORITY_NORMAL] = "normal",
				     [TWZ_PRIORITY_HIGH] = "high",
				     [TWZ_PRIORITY_URGENT] = "urgent"};

static bool suspend, go_on;
static uint32_t signal, priority = TWZ_PRIORITIES;

static int do_to(struct twz_id thread)
{
	if (suspend || go_on)
		return twz_rt_thread_suspend(thread, suspend);
	if (signal)
		return twz_rt_thread_signal(thread, signal);
	if (priority < TWZ_PRIORITIES)
		return twz_rt_thread_priority(thread, priority);
	return twz_rt_thread_end(thread, STATUS_KILLED);
}

static int find(const char *text, struct twz_id *id)
{
	struct twz_rt_thread thread = {0};
	int64_t number = parse_number(text, 1ll << 32);
	int error;

	if (!twz_id_parse(text, id))
		return 0;
	if (number < 0)
		fail_usage("a thread is a number or an ID, not ", text);
	while (!(error = twz_rt_thread_next(&thread)))
		if (thread.number == (uint32_t)number) {
			*id = thread.id;
			return 0;
		}
	return error;
}

static void set_options(const char *signal_text, const char *priority_text)
{
	int64_t number = signal_text ? parse_number(signal_text, TWZ_SIGNALS) : 0;

	if (suspend + go_on + !!signal_text + !!priority_text > 1)
		fail_usage("one option at a time", "");
	if (signal_text && number < 1)
		fail_usage("a signal is a number from 1 to 63, not ", signal_text);
	signal = (uint32_t)number;
	if (!priority_text)
		return;
	for (priority = 0; priority < TWZ_PRIORITIES; priority++)
		if (!strcmp(priority_text, levels[priority]))
			return;
	fail_usage("a priority is low, normal, high or urgent, not ", priority_text);
}

int main(int argc, char **argv)
{
	const char *signal_text = NULL, *priority_text = NULL;
	const struct option options[] = {{.name = "--suspend", .flag = &suspend},
					 {.name = "--continue", .flag = &go_on},
					 {.name = "--signal", .value = &signal_text},
					 {.name = "--priority", .value = &priority_text},
					 {0}};
	int status = STATUS_OK;

	program_begin(help, options, 1, 1 << 20, &argc, argv);
	set_options(signal_text, priority_text);
	for (int i = 0; i < argc; i++) {
		struct twz_id id;
		int error = find(argv[i], &id);

		if (!error)
			error = do_to(id);
		if (error == TWZ_E_NOTFOUND)
			status = fail(argv[i], "there is no such thread");
		else if (error)
			status = fail_error(argv[i], error);
	}
	program_end(status);
}
