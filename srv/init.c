/*
 * init.c - the first program of the machine. The kernel starts it, in a view of its own, without
 * arguments; all other programs are started by it or by what it started, and end with it.
 *
 *   1. Without a store there is nothing to do: power off with status 125.
 *   2. Brings back the views that are registered.
 *   3. Starts the services: of each context with a name in /srv the program of that name, if there is one.
 *   4. Runs the prompt: with the commands of the command line, then powers off with its status; or for
 *      a person, anew after a crash, and powers off when it is left.
 *
 * It stands on the inside of rt/minimal, unlike other programs: twz_rt_run would end the prompt at a
 * Ctrl-C that comes while that does work of its own.
 */
#include <string.h>
#include <twz/gate.h>
#include <twz/io.h>
#include <twz/name.h>
#include <twz/user.h>

#include "rt/minimal/minimal.h"
#include "rt/minimal/program.h"
#include "rt/minimal/sys.h"
#include "rt/minimal/view.h"

enum { STATUS_STORE = 125, STATUS_START = 126, STATUS_SIGNAL = 128, STATUS_KILLED = 137 };

#define SECOND_NS 1000000000ull
#define MIB ((uint64_t)1 << 20)
#define VIEWS_MAX 4096u /* that are brought back */

static _Noreturn void power_off(int status)
{
	int error = twz_rt_power(TWZ_POWER_OFF, (uint32_t)status);

	twz_warn("init: the machine does not switch off: %s\n", twz_error_text(error));
	exit_now(status);
}

/* ---- the machine -------------------------------------------------------------------------------- */

static void describe(void)
{
	struct twz_rt_memory memory;
	struct twz_rt_usage store;

	if (twz_rt_memory(&memory) || twz_rt_usage(&store))
		return; /* whoever wants to know will ask and be told why not */
	twz_warn("Twizzler, system calls %u.%u. %u processor%s, memory %llu MiB, store %llu MiB, "
		 "boot %llu.\n",
		 minimal.sys.version >> 16, minimal.sys.version & 0xffff, minimal.sys.processors,
		 minimal.sys.processors == 1 ? "" : "s",
		 (unsigned long long)(memory.pages * TWZ_PAGE / MIB),
		 (unsigned long long)(store.pages * TWZ_PAGE / MIB),
		 (unsigned long long)minimal.sys.epoch);
}

/* ---- views -------------------------------------------------------------------------------------- */

/* Its thread's object stays when it has ended: ps shows it. */
static void recover(struct twz_id view)
{
	char text[TWZ_ID_TEXT];
	struct twz_id thread;
	int error = program_recover(view, &thread);

	if (!error)
		return;
	twz_id_text(view, text);
	twz_warn("init: view %s is not brought back: %s\n", text, twz_error_text(error));
}

/*
 * All that are registered now: the list is read before the first of them runs, which may take itself
 * off or register anew.
 */
static void recover_all(void)
{
	static struct twz_id views[VIEWS_MAX];
	struct twz_id id = {0, 0};
	uint32_t n = 0;
	int error;

	while (!(error = twz_rt_view_next(&id)) && n < VIEWS_MAX)
		views[n++] = id;
	for (uint32_t i = 0; i < n; i++)
		recover(views[i]);
	if (!error)
		error = TWZ_E_LIMIT;
	if (error != TWZ_E_NOTFOUND)
		twz_warn("init: further views are not brought back: %s\n", twz_error_text(error));
}

/* ---- services ----------------------------------------------------------------------------------- */

#define SERVICE_NS (10 * SECOND_NS) /* till it serves; the prompt comes then, at the latest */
#define LOOK_NS 1000000ull
#define SERVICES_MAX 16u
#define STARTS_MAX 4u /* of one that crashes again and again */

static struct service {
	char name[TWZ_NAME_MAX + 1];
	struct twz_id context;
	struct twz_id thread; /* zero: it is left so */
	uint32_t starts;
} services[SERVICES_MAX];
static uint32_t nservices;

/* Copied from the front: the status stands once the state says that it has ended. False: it is gone. */
static bool look(struct twz_id thread, struct twz_thread *seen)
{
	return !window_read(thread, 0, seen, sizeof(*seen)) && seen->state != TWZ_THREAD_ENDED;
}

/* Till it can be entered, or has ended. */
static void await_service(const struct service *s)
{
	const uint64_t end = twz_rt_time_ns() + SERVICE_NS;
	const uint32_t never = 0;
	struct twz_thread seen;
	struct twz_service service;

	while (twz_service_at(s->context, 0, &service) == TWZ_E_NOTFOUND &&
	       twz_rt_time_ns() < end && look(s->thread, &seen))
		twz_rt_wait(&never, 0, LOOK_NS);
}

static void start_service(struct service *s)
{
	const char *argv[] = {s->name, NULL};
	const struct twz_rt_program what = {.argv = argv};
	int error = program_start(program_find(s->name), &what, &s->thread);

	s->starts++;
	if (error) {
		s->thread = (struct twz_id){0, 0};
		twz_warn("init: the service %s is not started: %s\n", s->name,
			 twz_error_text(error));
		return;
	}
	await_service(s);
}

/* A name without a program is somebody's own service. */
static int add_service(const struct twz_name_entry *entry, void *arg)
{
	struct service *s = &services[nservices];

	(void)arg;
	if (!program_find(entry->name))
		return 0;
	if (nservices == SERVICES_MAX)
		return TWZ_E_LIMIT;
	memcpy(s->name, entry->name, sizeof(s->name));
	s->context = entry->id;
	nservices++;
	start_service(s);
	return 0;
}

static void start_services(void)
{
	int error = twz_name_list(TWZ_SERVICES, add_service, NULL);

	if (error && error != TWZ_E_NOTFOUND)
		twz_warn("init: " TWZ_SERVICES ": %s\n", twz_error_text(error));
}

/* One that has ended, which none should, is started again. */
static void look_after(struct service *s)
{
	struct twz_thread seen = {.status = STATUS_KILLED};
	const bool again = s->starts < STARTS_MAX;

	if (twz_id_none(s->thread) || look(s->thread, &seen))
		return;
	twz_warn("init: the service %s has ended (status %u)%s\n", s->name, (unsigned)seen.status,
		 again ? "; it is started again" : ", too often: it is left so");
	twz_rt_delete(s->thread);
	s->thread = (struct twz_id){0, 0};
	if (again)
		start_service(s);
}

/* ---- the prompt --------------------------------------------------------------------------------- */

/* The prompt's arguments, with each line of the command line but the first as a command. */
static const char *const *arguments(uint32_t *ncommands)
{
	static char text[TWZ_COMMAND_LINE_MAX + 1];
	static const char *argv[2 * TWZ_COMMAND_LINE_MAX + 2];
	uint32_t page = program_boot()->command_page, n = 0;
	char *line;

	memcpy(text, (const uint8_t *)program_boot() + page * TWZ_PAGE, TWZ_COMMAND_LINE_MAX);
	argv[n++] = "prompt";
	for (line = strchr(text, '\n'); line; line = strchr(line, '\n')) {
		*line++ = 0;
		if (!*line || *line == '\n')
			continue;
		argv[n++] = "--exec";
		argv[n++] = line;
	}
	*ncommands = n / 2;
	return argv;
}

/* The word of its object that says whether it has ended. */
static struct twz_sys_sync end_of(struct twz_id thread, uint32_t state)
{
	return (struct twz_sys_sync){.id = thread,
				     .address = TWZ_OBJ_DATA + offsetof(struct twz_thread, state),
				     .value = state};
}

/* Waits for the thread's end, and looks after the services meanwhile. Its status. */
static int await(struct twz_id thread)
{
	struct twz_thread seen = {.status = STATUS_KILLED}; /* if somebody deletes it */

	while (look(thread, &seen)) {
		struct twz_sys_sync ops[SERVICES_MAX + 1] = {end_of(thread, seen.state)};
		uint32_t n = 1;

		for (uint32_t i = 0; i < nservices; i++) {
			struct twz_thread service;

			look_after(&services[i]);
			if (!twz_id_none(services[i].thread) && look(services[i].thread, &service))
				ops[n++] = end_of(services[i].thread, service.state);
		}
		SYS(thread_sync, ops, n, ~0ull);
	}
	return (int)seen.status;
}

static int run_prompt(const char *const argv[])
{
	const struct twz_boot_entry *entry = program_find(argv[0]);
	struct twz_id thread;
	const struct twz_rt_program what = {.argv = argv};
	int error = entry ? program_start(entry, &what, &thread) : TWZ_E_NOTFOUND, status;

	if (error) {
		twz_warn("init: the prompt cannot be started: %s\n", twz_error_text(error));
		power_off(STATUS_START);
	}
	status = await(thread);
	twz_rt_delete(thread);
	return status;
}

int main(void)
{
	const char *const *argv;
	const uint32_t never = 0;
	uint32_t ncommands;
	int status;

	minimal.name = "init";
	if (!minimal.sys.epoch) {
		twz_warn("init: there is no store: the machine needs an NVDIMM that holds one\n");
		power_off(STATUS_STORE);
	}
	argv = arguments(&ncommands);
	if (!ncommands && twz_rt_terminal(2))
		describe();
	recover_all();
	start_services();
	while (status = run_prompt(argv), !ncommands && status > STATUS_SIGNAL) {
		twz_warn("init: the prompt crashed (status %d); here is another\n", status);
		twz_rt_wait(&never, 0, SECOND_NS); /* should it do so at once, again and again */
	}
	power_off(status);
}
