/* run_test.c - programs: run, crashed, timed out; several processes in one store; epochs. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "abi/syscall.h"
#include "core/tx.h"
#include "rt/linux/home.h"
#include "rt/linux/slots.h"
#include "tests/home/moment.h"
#include "tests/home/sound.h"

#define BYTES (64ull << 20)

struct counters {
	uint64_t lock, count[8];
};

static struct counters *counters(void)
{
	struct twz_obj obj;

	MUST(twz_name_open("counters", &obj));
	return twz_obj_data(&obj);
}

/* ---- roles: what this executable does when it is run as a program ------------------------------ */

static bool quiet(const struct twz_fault *fault, void *arg)
{
	(void)fault, (void)arg;
	close(2); /* the message would be taken for a failure */
	return false;
}

static int role_crash(const char *arg)
{
	struct twz_obj obj;

	MUST(twz_obj_new(&(struct twz_new){.ending = true}, &obj));
	if (strcmp(arg, "loud"))
		twz_rt_on_fault(quiet, NULL);
	put(obj.base + 8, 1); /* page 0 */
	return 0;
}

static int role_count(const char *arg)
{
	struct counters *c = counters();

	for (int i = 0; i < 100; i++) {
		struct twz_tx tx;

		twz_tx_begin(&tx);
		MUST(twz_tx_add(&tx, c));
		twz_tx_set(&tx, &c->count[0], c->count[0] + 1);
		MUST(twz_tx_commit(&tx));
	}
	return atoi(arg);
}

/* Holds a lock and is killed: `arg` says which. */
static int role_die(const char *arg)
{
	struct counters *c = counters();
	struct twz_tx tx;

	if (!strcmp(arg, "store"))
		home_lock();
	twz_tx_begin(&tx);
	if (!strcmp(arg, "object")) {
		twz_tx_add(&tx, c);
		twz_tx_set(&tx, &c->count[0], 1000000);
	}
	kill(getpid(), SIGKILL);
	return 0;
}

static int role_sleep(void)
{
	pause();
	return 0;
}

static int role_parent(const char *arg)
{
	(void)arg;
	program_run("sleep", NULL);
	return 0;
}

static int role_bus(void)
{
	struct twz_obj obj;

	MUST(twz_obj_new(&(struct twz_new){.bytes = 4096}, &obj));
	if (truncate(getenv("TWZ_STORE"), 4096))
		return 1;
	return (int)load(twz_obj_data(&obj));
}

/* A signal that no instruction did. */
static int role_sent(void)
{
	sigaction(SIGSEGV, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
	twz_rt_info();
	raise(SIGSEGV);
	return 0;
}

static int role_jump(void)
{
	struct twz_obj obj;
	void (*code)(void);

	MUST(twz_obj_new(&(struct twz_new){.bytes = 4096}, &obj));
	obj.base += TWZ_OBJ_DATA;
	*obj.base = 0xc3; /* ret */
	memcpy(&code, &obj.base, sizeof(code));
	code();
	return 0;
}

static int role_store(void)
{
	/* By hand, with the environment: a store of its own epoch. */
	return (int)twz_rt_info()->epoch;
}

/* Is killed when its object is made and nobody knows of it yet. */
static int role_making(void)
{
	struct store_new new = {.type = TWZ_TYPE_THREAD, .ending = true};
	uint64_t ref;

	home_lock();
	home.process->making = 1;
	MUST(store_create(&home.store, &new, &ref));
	kill(getpid(), SIGKILL);
	return 0;
}

/* Both are reckoned from clocks that were read one after the other, whatever came between. */
static bool about_the_same(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) < 60ull * 1000 * 1000 * 1000;
}

/* Says in the counters which object it is, and ends in one of several ways. */
static int role_self(const char *how)
{
	struct counters *c = counters();
	struct twz_rt_thread seen = {.number = 0};
	struct twz_thread *data;
	struct twz_rt_stat stat;
	struct twz_id id, again;
	struct twz_obj obj;

	MUST(twz_rt_self(&id));
	MUST(twz_rt_self(&again));
	MUST(twz_obj_stat(id, &stat));
	MUST(twz_obj_open(id, &obj));
	data = twz_obj_data(&obj);
	do
		MUST(twz_rt_thread_next(&seen));
	while (seen.number != (uint32_t)getpid());
	if (!twz_id_equal(id, again) || !twz_id_equal(id, seen.id) ||
	    stat.identity.type != TWZ_TYPE_THREAD || stat.end_epoch != twz_rt_info()->epoch ||
	    data->state != TWZ_THREAD_READY || data->number != seen.number ||
	    data->owner != seen.number || strcmp(data->name, seen.name) ||
	    !about_the_same(data->start_ns, seen.start_ns))
		return 1;
	c->count[6] = id.lo;
	c->count[7] = id.hi;
	if (strstr(how, "kept")) {
		MUST(twz_obj_at(c, &obj));
		MUST(twz_tie(id, obj.id, 0));
	}
	if (strstr(how, "killed"))
		kill(getpid(), SIGKILL);
	if (!strcmp(how, "at once"))
		_exit(3);
	if (!strcmp(how, "locked"))
		return role_die("store");
	if (!strcmp(how, "deleted")) {
		MUST(twz_obj_delete(id));
		MUST(twz_rt_self(&again)); /* another one */
		return twz_id_equal(id, again) ? 1 : 3;
	}
	return 3;
}

/* ---- tests ---------------------------------------------------------------------------------------- */

static void programs_run_in_the_same_store(void **state)
{
	struct counters *c = counters();
	uint64_t before = c->count[0];

	(void)state;
	assert_int_equal(program_run("count", "7"), 7);
	assert_int_equal(c->count[0], before + 100);
}

static void a_crash_ends_only_the_program(void **state)
{
	(void)state;
	assert_int_equal(program_run("crash", NULL), 128 + SIGSEGV);
	assert_int_equal(program_run("count", "3"), 3);
}

static void there_is_a_time_limit(void **state)
{
	const char *argv[] = {program_invocation_short_name, "sleep", NULL};
	const char *none[] = {"no-such-program", NULL};
	const char *path[] = {"../test/x", NULL};
	int status;

	(void)state;
	MUST(twz_rt_run(argv, 50 * 1000 * 1000, &status));
	assert_int_equal(status, 124);
	assert_int_equal(twz_rt_run(none, ~0ull, &status), TWZ_E_NOTFOUND);
	assert_int_equal(twz_rt_run(path, ~0ull, &status), TWZ_E_NOTFOUND);
}

static void programs_are_those_beside(void **state)
{
	const char *const *names = twz_rt_programs();
	bool found = false;

	(void)state;
	for (; *names; names++)
		found |= !strcmp(*names, program_invocation_short_name);
	assert_true(found);
}

static void a_dead_owner_holds_nobody_up(void **state)
{
	struct counters *c = counters();
	uint64_t before = c->count[0];

	(void)state;
	assert_int_equal(program_run("die", "store"), 128 + SIGKILL);
	assert_int_equal(program_run("count", "0"), 0);
	assert_int_equal(c->count[0], before + 100);
	assert_int_equal(program_run("die", "object"), 128 + SIGKILL);
	assert_int_equal(program_run("count", "0"), 0);
	assert_int_equal(c->count[0], before + 200);
	/* And this process too. */
	assert_int_equal(program_run("die", "object"), 128 + SIGKILL);
	role_count("0");
	assert_int_equal(c->count[0], before + 300);
}

/* Two at once must not harm the store: each makes, fills and deletes objects. */
static int role_churn(const char *arg)
{
	unsigned seed = (unsigned)atoi(arg);

	for (int i = 0; i < 200; i++) {
		struct twz_obj obj;
		uint64_t pages = 1 + (seed = seed * 1103515245 + 12345) % 40;

		MUST(twz_obj_new(&(struct twz_new){.ending = i % 2, .heap = i % 3 == 0}, &obj));
		for (uint64_t p = 0; p < pages; p++)
			put(obj.base + (600ull << 20) + p * 4096, p + seed);
		for (uint64_t p = 0; p < pages; p++)
			if (load(obj.base + (600ull << 20) + p * 4096) != p + seed)
				return 1;
		MUST(twz_obj_delete(obj.id));
		MUST(twz_obj_recycle(&obj));
	}
	return 0;
}

static pid_t start(const char *role, const char *arg);

static bool is_there(const struct counters *c)
{
	struct twz_rt_stat stat;
	int error = twz_obj_stat((struct twz_id){c->count[6], c->count[7]}, &stat);

	assert_true(!error || error == TWZ_E_NOTFOUND);
	return !error;
}

/* A process's object is gone with it, whoever sees to that. */
static void a_process_is_an_object_while_it_lives(void **state)
{
	static const struct {
		const char *how;
		int status;
	} ends[] = {{"regular", 3}, {"at once", 3}, {"killed", 128 + SIGKILL}, {"deleted", 3}};
	struct counters *c = counters();
	struct twz_rt_usage before, after;
	int status;
	pid_t pid;

	(void)state;
	MUST(twz_rt_usage(&before));
	for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		assert_int_equal(program_run("self", ends[i].how), ends[i].status);
		assert_false(is_there(c)); /* it ended itself, or who waited for it saw to it */
	}
	pid = start("self", "regular");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_false(is_there(c)); /* by itself */
	pid = start("self", "killed");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(is_there(c));
	assert_int_equal(program_run("count", "3"), 3); /* attaches */
	assert_false(is_there(c));
	pid = start("self", "locked");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_false(is_there(c)); /* looking took the lock from it */
	assert_int_equal(program_run("making", NULL), 128 + SIGKILL);
	MUST(twz_rt_usage(&after));
	assert_int_equal(after.objects, before.objects);
	store_is_sound();
}

/* Tied to something that stays, it stays too, and says how the process ended. */
static void a_process_that_is_tied_says_how_it_ended(void **state)
{
	static const struct {
		const char *how;
		int status;
	} ends[] = {{"kept", 3}, {"kept, killed", 128 + SIGKILL}};
	struct counters *c = counters();
	const struct twz_thread *data;
	struct twz_obj holder, obj;
	struct twz_id id;

	(void)state;
	MUST(twz_obj_at(c, &holder));
	for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		assert_int_equal(program_run("self", ends[i].how), ends[i].status);
		id = (struct twz_id){c->count[6], c->count[7]};
		MUST(twz_obj_open(id, &obj));
		data = twz_obj_data(&obj);
		assert_int_equal(data->state, TWZ_THREAD_ENDED);
		assert_int_equal(data->status, ends[i].status);
		MUST(twz_untie(id, holder.id, 0));
		assert_false(is_there(c));
		MUST(twz_obj_recycle(&obj));
	}
}

static pid_t start(const char *role, const char *arg)
{
	char fd[32];
	pid_t pid;

	snprintf(fd, sizeof(fd), "%d", home.image.fd);
	pid = fork();
	if (!pid) {
		fcntl(home.image.fd, F_SETFD, 0);
		setenv("TWZ_STORE_FD", fd, 1);
		execl("/proc/self/exe", program_invocation_short_name, role, arg, NULL);
		_exit(127);
	}
	return pid;
}

static void two_at_once_keep_the_store_sound(void **state)
{
	pid_t pid[3] = {start("churn", "1"), start("churn", "2"), start("churn", "3")};
	int status;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	store_is_sound();
}

/* A child of the process, as soon as it has one. */
static pid_t child_of(pid_t pid)
{
	char command[64];
	int child = 0;

	snprintf(command, sizeof(command), "pgrep -P %d", (int)pid);
	while (!child) {
		FILE *found = popen(command, "r");

		assert_non_null(found);
		if (fscanf(found, "%d", &child) != 1)
			usleep(1000);
		pclose(found);
	}
	return child;
}

/* Killing the first process pulls the plug: nothing that it runs lives on. */
static void programs_die_with_their_parent(void **state)
{
	char path[600];
	struct image image;
	pid_t pid, child;

	(void)state;
	snprintf(path, sizeof(path), "%s.second", home_path());
	home_make(path, 16 << 20);
	pid = fork();
	if (!pid) {
		setenv("TWZ_STORE", path, 1);
		execl("/proc/self/exe", program_invocation_short_name, "parent", "", NULL);
		_exit(127);
	}
	child = child_of(pid);
	assert_int_equal(image_open(&image, path, IMAGE_ALONE), TWZ_E_BUSY);
	assert_int_equal(image.holder, pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	await_gone(child);
	assert_int_equal(image_open(&image, path, IMAGE_ALONE), 0);
	image_close(&image);
	unlink(path);
}

/* Runs this executable in a role, in a store of its own; what it ended with, and its messages. */
static int run_alone(const char *role, const char *medium, char *text, size_t room)
{
	char path[600];
	int out[2], status;
	size_t at = 0;
	ssize_t n;
	pid_t pid;

	snprintf(path, sizeof(path), "%s.alone", home_path());
	if (access(path, F_OK))
		home_make(path, 16 << 20);
	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (!pid) {
		dup2(out[1], 2);
		setenv("TWZ_STORE", path, 1);
		if (medium)
			setenv("TWZ_MEDIUM", medium, 1);
		execl("/proc/self/exe", program_invocation_short_name, role, "", NULL);
		_exit(127);
	}
	close(out[1]);
	while ((n = read(out[0], text + at, room - 1 - at)) > 0)
		at += (size_t)n;
	text[at] = 0;
	close(out[0]);
	waitpid(pid, &status, 0);
	return status;
}

static void remove_alone(void)
{
	char path[600];

	snprintf(path, sizeof(path), "%s.alone", home_path());
	unlink(path);
}

static void each_mount_is_an_epoch(void **state)
{
	int status, last = 0;
	char text[512];

	(void)state;
	for (int i = 0; i < 3; i++) {
		status = run_alone("store", NULL, text, sizeof(text));
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) > last);
		last = WEXITSTATUS(status);
	}
	remove_alone();
}

static void messages_say_what_to_do(void **state)
{
	char text[512];
	int status;

	(void)state;
	status = run_alone("bus", NULL, text, sizeof(text));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	assert_non_null(strstr(text, "the store's file became shorter"));
	status = run_alone("store", NULL, text, sizeof(text));
	assert_int_equal(WEXITSTATUS(status), 125);
	assert_non_null(strstr(text, "this is not a Twizzler store"));
	remove_alone();
	status = run_alone("null", NULL, text, sizeof(text));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	assert_non_null(strstr(text, "a store at 0x"));
	assert_non_null(strstr(text, "offset 0x8 of object "));
	assert_non_null(strstr(text, "the first page of an object is never there"));
	status = run_alone("jump", NULL, text, sizeof(text));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	assert_non_null(strstr(text, "a jump to 0x"));
	assert_non_null(strstr(text, "offset 0x400000 of object "));
	remove_alone();
}

static void a_signal_that_was_sent_ends_the_program(void **state)
{
	char text[512];
	int status;

	(void)state;
	status = run_alone("sent", NULL, text, sizeof(text));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	remove_alone();
}

/* All places of the process table are taken by processes that died while they filled them in. */
static void who_dies_while_it_registers_blocks_nobody(void **state)
{
	struct twz_process *table = home.runtime->process;
	unsigned n = sizeof(home.runtime->process) / sizeof(*table), mine = 0;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (unsigned i = 0; i < n; i++) {
		mine += table[i].pid == (uint64_t)getpid();
		if (table[i].pid != (uint64_t)getpid())
			table[i].pid = 1ull << 63 | 12345ull << 32 | (uint64_t)pid;
	}
	assert_int_equal(mine, 1);
	assert_int_equal(program_run("count", "5"), 5);
	/* And by one that lives. */
	for (unsigned i = 0; i < n; i++)
		if (table[i].pid != (uint64_t)getpid())
			table[i].pid = 1ull << 63 | (table[0].start & 0x7fffffff) << 32 |
				       (uint64_t)getpid();
	assert_int_equal(program_run("quiet-count", "5"), 125);
	for (unsigned i = 0; i < n; i++)
		if (table[i].pid != (uint64_t)getpid())
			table[i].pid = 0;
}

/* The same work on a file that a fence writes back. */
static void ordinary_files_work(void **state)
{
	char text[512];
	int status;

	(void)state;
	status = run_alone("churn", "file", text, sizeof(text));
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
	remove_alone();
}

static int setup(void **state)
{
	struct twz_obj obj;

	(void)state;
	home_start(BYTES);
	MUST(twz_obj_new(&(struct twz_new){.ending = true, .bytes = 4096}, &obj));
	MUST(twz_name_publish("counters", obj.id, 0));
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		home_test(programs_run_in_the_same_store),
		home_test(a_crash_ends_only_the_program),
		home_test(there_is_a_time_limit),
		home_test(programs_are_those_beside),
		home_test(a_dead_owner_holds_nobody_up),
		home_test(a_process_is_an_object_while_it_lives),
		home_test(a_process_that_is_tied_says_how_it_ended),
		home_test(two_at_once_keep_the_store_sound),
		home_test(programs_die_with_their_parent),
		home_test(each_mount_is_an_epoch),
		home_test(messages_say_what_to_do),
		home_test(ordinary_files_work),
		home_test(a_signal_that_was_sent_ends_the_program),
		home_test(who_dies_while_it_registers_blocks_nobody),
	};
	const char *role = argc > 1 ? argv[1] : "", *arg = argc > 2 ? argv[2] : "";

	if (!strcmp(role, "crash"))
		return role_crash(arg);
	if (!strcmp(role, "null"))
		return role_crash("loud");
	if (!strcmp(role, "bus"))
		return role_bus();
	if (!strcmp(role, "count"))
		return role_count(arg);
	if (!strcmp(role, "sent"))
		return role_sent();
	if (!strcmp(role, "jump"))
		return role_jump();
	if (!strcmp(role, "quiet-count"))
		close(2); /* the message would be taken for a failure */
	if (!strcmp(role, "quiet-count"))
		return role_count(arg);
	if (!strcmp(role, "self"))
		return role_self(arg);
	if (!strcmp(role, "making"))
		return role_making();
	if (!strcmp(role, "die"))
		return role_die(arg);
	if (!strcmp(role, "sleep"))
		return role_sleep();
	if (!strcmp(role, "parent"))
		return role_parent(arg);
	if (!strcmp(role, "store"))
		return role_store();
	if (!strcmp(role, "churn"))
		return role_churn(arg);
	return cmocka_run_group_tests(tests, setup, NULL);
}
