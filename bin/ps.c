/*
 * ps.c - lists what runs.
 */
#include "abi/syscall.h"
#include "bin/common/program.h"

static const char help[] =
	"usage: ps [-l]\n"
	"\n"
	"Lists the threads of the system: number, the owner that its locks name (threads of one "
	"program\n"
	"have the same), state, priority, seconds since its start, seconds that it ran, name. "
	"Hosted "
	"on\n"
	"Linux these are the processes that have the store.\n"
	"\n"
	"    -l  with the IDs of the thread and of its view\n"
	"\n"
	"exit status: 0, 1 if they could not be listed, 2 usage error\n";

#define SECOND 1000000000ull

#define THREADS_MAX 4096u

static bool details;

static struct twz_rt_thread threads[THREADS_MAX];
static uint32_t nthreads;

/* At its place by number. */
static void add(const struct twz_rt_thread *thread)
{
	uint32_t at = nthreads++;

	for (; at && threads[at - 1].number > thread->number; at--)
		threads[at] = threads[at - 1];
	threads[at] = *thread;
}

static void print_id(struct twz_id id)
{
	char text[TWZ_ID_TEXT];

	twz_id_text(id, text);
	twz_print("  %-32s", twz_id_none(id) ? "-" : text);
}

static void print(const struct twz_rt_thread *thread)
{
	static const char *const states[] = {[TWZ_THREAD_READY] = "ready",
					     [TWZ_THREAD_SLEEPS] = "sleeps",
					     [TWZ_THREAD_ENDED] = "ended",
					     [TWZ_THREAD_SUSPENDED] = "suspended"};
	static const char *const levels[] = {[TWZ_PRIORITY_LOW] = "low",
					     [TWZ_PRIORITY_NORMAL] = "normal",
					     [TWZ_PRIORITY_HIGH] = "high",
					     [TWZ_PRIORITY_URGENT] = "urgent"};
	uint64_t now = twz_rt_time_ns(), age = 0;

	if (now > thread->start_ns)
		age = (now - thread->start_ns) / SECOND;
	twz_print("%8u %8u  %-9s  %-8s %8llu %6llu.%03llu", thread->number, thread->owner,
		  thread->state < sizeof(states) / sizeof(states[0]) && states[thread->state]
			  ? states[thread->state]
			  : "?",
		  thread->priority < TWZ_PRIORITIES ? levels[thread->priority] : "?",
		  (unsigned long long)age, (unsigned long long)(thread->run_ns / SECOND),
		  (unsigned long long)(thread->run_ns % SECOND / (SECOND / 1000)));
	if (details) {
		print_id(thread->id);
		print_id(thread->view);
	}
	twz_print("  %s\n", thread->name);
}

int main(int argc, char **argv)
{
	const struct option options[] = {{.name = "-l", .flag = &details}, {0}};
	struct twz_rt_thread thread = {0};
	int error;

	program_begin(help, options, 0, 0, &argc, argv);
	while (!(error = twz_rt_thread_next(&thread)) && nthreads < THREADS_MAX)
		add(&thread);
	twz_print("%8s %8s  %-9s  %-8s %8s %10s", "number", "owner", "state", "priority", "age",
		  "ran");
	if (details)
		twz_print("  %-32s  %-32s", "thread", "view");
	twz_print("  name\n");
	for (uint32_t i = 0; i < nthreads; i++)
		print(&threads[i]);
	if (!error)
		error = TWZ_E_LIMIT;
	program_end(error == TWZ_E_NOTFOUND ? STATUS_OK : fail_error("further threads", error));
}
