/*
 * share_test.c - one store in many processes: unrelated ones, that open it by its path, and children of
 * fork. What image_test.c shows of the locks, this shows of the store behind them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "core/tx.h"
#include "rt/linux/home.h"
#include "tests/home/moment.h"
#include "tests/home/sound.h"

#define BYTES (64ull << 20)
#define COUNTS 100
#define PROCESSES 63

extern char **environ;

struct counters {
	uint64_t count, epoch, owner;
};

static struct counters *counters(void)
{
	struct twz_obj obj;

	MUST(twz_name_open("counters", &obj));
	return twz_obj_data(&obj);
}

static void count(struct counters *c, uint64_t n)
{
	struct twz_tx tx;

	while (n--) {
		twz_tx_begin(&tx);
		MUST(twz_tx_add(&tx, c));
		twz_tx_set(&tx, &c->count, c->count + 1);
		MUST(twz_tx_commit(&tx));
	}
}

/* ---- roles ---------------------------------------------------------------------------------------- */

/* The epoch that the store was in. */
static int role_count(void)
{
	count(counters(), COUNTS);
	return (int)(twz_rt_info()->epoch % 100);
}

static int role_look(const char *name)
{
	struct twz_obj obj;

	return twz_name_open(name, &obj);
}

static int role_name(const char *name)
{
	struct twz_obj obj;

	MUST(twz_obj_new(&(struct twz_new){.bytes = 4096}, &obj));
	MUST(twz_name_publish(name, obj.id, 0));
	return 0;
}

/* Holds locks until it is killed: the store's, or an object's, or as a process whose first thread ended. */
static void *hold(void *arg)
{
	struct counters *c = arg;

	c->owner = (uint64_t)getpid();
	pause();
	return NULL;
}

/* Has a lock and mappings, and becomes another program: one that has the store, too, or none. */
static int role_become(const char *what)
{
	struct counters *c = counters();
	struct twz_tx tx;

	twz_tx_begin(&tx);
	MUST(twz_tx_add(&tx, c));
	c->owner = (uint64_t)getpid();
	if (!strcmp(what, "count"))
		execl("/proc/self/exe", program_invocation_short_name, "count", "", NULL);
	execlp("sleep", "sleep", "600", NULL);
	return 1;
}

static int role_hold(const char *what)
{
	struct counters *c = counters();
	struct twz_tx tx;
	pthread_t thread;

	if (!strcmp(what, "store")) {
		c->owner = 0; /* no fault under the lock */
		home_lock();
		hold(c);
	}
	twz_tx_begin(&tx);
	MUST(twz_tx_add(&tx, c));
	if (!strcmp(what, "thread") && !pthread_create(&thread, NULL, hold, c))
		pthread_exit(NULL);
	hold(c);
	return 0;
}

/* ---- starting them --------------------------------------------------------------------------------- */

/* Unrelated: it gets the path only. */
static pid_t start(const char *path, const char *role, const char *arg)
{
	pid_t pid = fork();

	if (!pid) {
		unsetenv("TWZ_STORE_FD");
		setenv("TWZ_STORE", path, 1);
		execl("/proc/self/exe", program_invocation_short_name, role, arg, NULL);
		_exit(127);
	}
	return pid;
}

static int end_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void await_owner(struct counters *c, pid_t pid)
{
	while (load(&c->owner) != (uint64_t)pid)
		usleep(1000);
}

static void kill_it(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(end_of(pid), 128 + SIGKILL);
}

/* By another process: the medium of this one stays what it is. */
static void make_store(const char *path)
{
	pid_t pid = fork();

	if (!pid) {
		home_make(path, 16 << 20);
		_exit(0);
	}
	assert_int_equal(end_of(pid), 0);
}

/* ---- unrelated processes --------------------------------------------------------------------------- */

static void unrelated_processes_share_an_epoch(void **state)
{
	struct counters *c = counters();
	uint64_t before = c->count;
	pid_t pid[8];

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		pid[i] = start(home_path(), "count", "");
	count(c, COUNTS);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(end_of(pid[i]), twz_rt_info()->epoch % 100);
	assert_int_equal(c->count - before, 9 * COUNTS);
	store_is_sound();
}

static uint64_t epoch_of(const char *path)
{
	struct twz_super super;
	int fd = open(path, O_RDONLY);

	assert_int_equal(pread(fd, &super, sizeof(super), TWZ_SUPER_AT), sizeof(super));
	close(fd);
	return super.epoch;
}

/* Of those that come to a store that nobody has, one mounts; and what they made is not lost, with the root. */
static void one_of_many_mounts(void **state)
{
	char path[600], name[32];

	(void)state;
	snprintf(path, sizeof(path), "%s.second", home_path());
	for (unsigned round = 0; round < 5; round++) {
		uint64_t before;
		pid_t pid[6];

		make_store(path);
		before = epoch_of(path);
		for (unsigned i = 0; i < 6; i++) {
			snprintf(name, sizeof(name), "n%u", i);
			pid[i] = start(path, "name", name);
		}
		for (unsigned i = 0; i < 6; i++)
			assert_int_equal(end_of(pid[i]), 0);
		/* The last one may have come when all others were gone. */
		assert_in_range(epoch_of(path) - before, 1, 6);
		for (unsigned i = 0; i < 6; i++) {
			snprintf(name, sizeof(name), "n%u", i);
			assert_int_equal(end_of(start(path, "look", name)), 0);
		}
	}
	unlink(path);
}

/* How many pages one that is not killed touches for the first time. */
static uint64_t faults_of(pid_t pid)
{
	struct rusage used;
	int status;

	assert_int_equal(wait4(pid, &status, 0, &used), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 125);
	return (uint64_t)used.ru_minflt;
}

/* Killed at any instant of that: the next one has it, and it is whole. */
static void killed_while_opening(void **state)
{
	unsigned rounds = getenv("TWZ_LONG") ? 1000 : 50, killed = 0;
	uint64_t whole;
	char path[600];

	(void)state;
	snprintf(path, sizeof(path), "%s.second", home_path());
	make_store(path);
	assert_int_equal(end_of(start(path, "name", "counters")), 0);
	whole = faults_of(start(path, "count", ""));
	for (unsigned i = 0; i < rounds || !killed; i++) {
		pid_t pid[2];

		for (unsigned j = 0; j < 2; j++)
			pid[j] = start(path, "count", "");
		await_faults(pid[i / 10 % 2], whole * (i % 10) / 10);
		for (unsigned j = 0; j < 2; j++) {
			kill(pid[j], SIGKILL);
			killed += end_of(pid[j]) == 128 + SIGKILL;
		}
		if (i % 10 == 9)
			assert_in_range(end_of(start(path, "count", "")), 0, 124);
	}
	printf("%u of %u were killed\n", killed, 2 * rounds);
	unlink(path);
}

static void the_living_keep_their_locks(void **state)
{
	struct counters *c = counters();
	struct rlimit limit, none;
	uint64_t lock;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		pid_t pid = start(home_path(), "hold", i ? "thread" : "object");

		await_owner(c, pid);
		if (i)
			await_state(pid, pid, 'Z'); /* its first thread has ended */
		lock = obj_meta(c)->log.lock;
		assert_true(lock && (uint32_t)lock != (uint32_t)home.owner);
		assert_true(owner_alive(lock));
		/* Also if nothing can be asked of the host. */
		getrlimit(RLIMIT_NOFILE, &limit);
		none = limit;
		none.rlim_cur = 0;
		setrlimit(RLIMIT_NOFILE, &none);
		assert_true(owner_alive(lock));
		setrlimit(RLIMIT_NOFILE, &limit);
		kill_it(pid);
		assert_false(owner_alive(lock));
		count(c, 1);
	}
}

static unsigned registered(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PROCESSES; i++)
		n += home.runtime->process[i].pid && !process_gone(&home.runtime->process[i]);
	return n;
}

/* Whatever a process becomes, what it was is gone: nothing that it had holds anybody up. */
static void another_program_has_nothing(void **state)
{
	struct counters *c = counters();
	uint64_t before = c->count;
	struct twz_id copy;
	struct twz_obj obj;
	pid_t pid;

	(void)state;
	MUST(twz_name_open("counters", &obj));
	c->owner = 0;
	pid = start(home_path(), "become", "count");
	assert_int_equal(end_of(pid), twz_rt_info()->epoch % 100);
	assert_int_equal(c->count - before, COUNTS);

	pid = start(home_path(), "become", "sleep");
	await_owner(c, pid);
	count(c, 1);                             /* TWZ_E_TIMEOUT, if it had the lock still */
	MUST(twz_obj_copy(obj.id, true, &copy)); /* TWZ_E_BUSY, if it were asked for a page */
	MUST(twz_obj_delete(copy));
	assert_int_equal(registered(), 1);
	kill_it(pid);
}

/* What others set in the superblock is told at the next call. */
static void what_is_known_follows(void **state)
{
	const struct twz_rt_info *info = twz_rt_info();
	struct twz_id none = {0}, some = {.lo = 1, .hi = 2}, key = info->key,
		      context = info->context;
	struct twz_id known = {.lo = 7, .hi = 7};
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		home_lock();
		MUST(store_set_name(&home.store, STORE_KEY, some));
		MUST(store_set_name(&home.store, STORE_BOOT, known));
		home_unlock();
		_exit(0);
	}
	assert_int_equal(end_of(pid), 0);
	assert_memory_equal(&twz_rt_info()->key, &some, sizeof(some));
	assert_memory_equal(&twz_rt_info()->context, &known, sizeof(known));
	home_lock();
	MUST(store_set_name(&home.store, STORE_KEY, key));
	MUST(store_set_name(&home.store, STORE_BOOT, context));
	home_unlock();
	assert_memory_equal(&twz_rt_info()->key, &none, sizeof(none));
}

/* ---- refusals --------------------------------------------------------------------------------------- */

/* To its end. */
static void read_all(int from, char *text, size_t room)
{
	for (ssize_t n, at = 0; (n = read(from, text + at, room - 1 - (size_t)at)) > 0;)
		at += n;
	close(from);
}

/* What a program says that cannot have the store; it ends with 125. */
static void refusal(const char *path, const char *wanted)
{
	char text[1024] = "";
	int out[2];
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (!pid) {
		dup2(out[1], 2);
		unsetenv("TWZ_STORE_FD");
		setenv("TWZ_STORE", path, 1);
		execl("/proc/self/exe", program_invocation_short_name, "count", "", NULL);
		_exit(127);
	}
	close(out[1]);
	read_all(out[0], text, sizeof(text));
	if (end_of(pid) != 125 || !strstr(text, wanted))
		fail_msg("not %s, but %s", wanted, text);
}

/* Processes that do not agree on what the words mean, or on who is who, cannot share. */
static void others_cannot_attach(void **state)
{
	struct twz_runtime *runtime = home.runtime;

	(void)state;
	runtime->rules++;
	refusal(home_path(), "in use by programs of another version of libtwz");
	runtime->rules--;
	runtime->numbers++;
	refusal(home_path(), "in use by processes of another container");
	runtime->numbers--;
	assert_int_equal(end_of(start(home_path(), "count", "")), twz_rt_info()->epoch % 100);
}

/* All other places are this process's. */
static void fill_table(bool fill)
{
	struct twz_process *table = home.runtime->process;
	const struct twz_process *mine = home.process;

	for (unsigned i = 0; i < PROCESSES; i++)
		if (&table[i] != mine)
			table[i].pid = !fill ? 0
					     : 1ull << 63 | (mine->start & 0x7fffffff) << 32 |
						       (uint64_t)getpid();
}

/* A process that opens the store; its messages come from *out. */
static pid_t open_aloud(int *out)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		dup2(ends[1], 2);
		counters();
		_exit(0);
	}
	close(ends[1]);
	*out = ends[0];
	return pid;
}

static void a_full_table_is_said(void **state)
{
	char text[1024] = "";
	pid_t pid;
	int out;

	(void)state;
	fill_table(true);
	refusal(home_path(), "as many processes have it open as can (63)");
	pid = open_aloud(&out);
	read_all(out, text, sizeof(text));
	assert_int_equal(end_of(pid), 125);
	assert_non_null(strstr(text, "as many processes have it open as can (63)"));
	fill_table(false);
}

/* Who has the store's lock and is stopped is waited for, but not in silence, and not by who opens the store. */
static void the_lock_of_who_is_stopped(void **state)
{
	struct counters *c = counters();
	char text[1024] = "", wanted[128];
	pid_t stopped = start(home_path(), "hold", "store"), waits;
	int out;

	(void)state;
	await_owner(c, stopped);
	kill(stopped, SIGSTOP);
	snprintf(wanted, sizeof(wanted), "in use by process %d, which has its lock", (int)stopped);
	refusal(home_path(), wanted);

	waits = open_aloud(&out);
	assert_true(read(out, text, sizeof(text) - 1) > 0);
	close(out);
	snprintf(wanted, sizeof(wanted), "waiting for process %d, which has the store's lock",
		 (int)stopped);
	assert_non_null(strstr(text, wanted));
	kill_it(stopped);
	assert_int_equal(end_of(waits), 0);
	store_is_sound();
}

/* Changes 8 bytes of both copies of the superblock, or of the one. */
static void spoil(const char *path, size_t at, uint64_t value, int copies)
{
	int fd = open(path, O_RDWR);

	for (int i = 0; i < copies; i++)
		assert_int_equal(pwrite(fd, &value, 8, i * 4096 + (off_t)at), 8);
	close(fd);
}

static void stores_that_cannot_be_had(void **state)
{
	char path[600];

	(void)state;
	snprintf(path, sizeof(path), "%s.second", home_path());
	make_store(path);
	spoil(path, offsetof(struct twz_super_fixed, nframes), 4096, 1);
	assert_int_equal(end_of(start(path, "name", "x")), 0); /* one copy is enough */
	spoil(path, offsetof(struct twz_super_fixed, nframes), 4000, 2);
	refusal(path, "the store is damaged here; run `twz check`");
	make_store(path);
	spoil(path, offsetof(struct twz_super_fixed, version), 77, 2);
	refusal(path, "the store's format is version 77, and this program knows version 1");
	make_store(path);
	assert_int_equal(truncate(path, 8 << 20), 0);
	refusal(path, "the file was cut short");
	spoil(path, 0, 0, 2);
	refusal(path, "this is not a Twizzler store");
	unlink(path);
	refusal(path, "No such file");
}

/* ---- fork ------------------------------------------------------------------------------------------- */

/* In the child, which has what the parent had mapped, and is somebody else. */
static void as_a_child(uint64_t parent_owner, struct counters *c, const struct twz_thread *parent,
		       struct twz_id id)
{
	struct twz_id self;
	struct twz_obj obj;

	count(c, 10);
	MUST(twz_rt_self(&self));
	if (home.owner == parent_owner || tx_env.owner != home.owner ||
	    (uint32_t)home.owner != twz_rt_info()->owner || !memcmp(&self, &id, sizeof(id)))
		exit(1);
	MUST(twz_obj_open(self, &obj));
	if (((struct twz_thread *)twz_obj_data(&obj))->owner != (uint32_t)getpid() ||
	    parent->owner == (uint32_t)getpid())
		exit(2);
	exit(0); /* by way of at_exit */
}

static void a_child_is_a_process_of_its_own(void **state)
{
	unsigned rounds = getenv("TWZ_LONG") ? 5000 : 200;
	struct counters *c = counters();
	uint64_t before = c->count, owner = home.owner;
	struct twz_obj obj;
	struct twz_id id;

	(void)state;
	MUST(twz_rt_self(&id));
	MUST(twz_obj_open(id, &obj));
	for (unsigned i = 0; i < rounds; i += 4) {
		pid_t pid[4];

		for (unsigned j = 0; j < 4; j++) {
			pid[j] = fork();
			if (!pid[j])
				as_a_child(owner, c, twz_obj_data(&obj), id);
		}
		count(c, 10);
		for (unsigned j = 0; j < 4; j++)
			assert_int_equal(end_of(pid[j]), 0);
	}
	assert_int_equal(c->count - before, rounds / 4 * 50);
	assert_int_equal(registered(), 1);
	store_is_sound();
}

/* Children of children; and one whose parent, which mounted, is gone. */
static void children_outlive_their_parents(void **state)
{
	struct counters *c = counters();
	uint64_t before = c->count;
	int wait_for[2];
	pid_t parent;
	char byte;

	(void)state;
	assert_int_equal(pipe(wait_for), 0);
	if (!fork()) {
		count(c, 1);
		parent = getpid();
		if (!fork()) {
			close(wait_for[0]);
			while (getppid() == parent)
				usleep(100);
			count(c, 1);
			_exit(0);
		}
		_exit(0);
	}
	close(wait_for[1]);
	assert_int_equal(read(wait_for[0], &byte, 1), 0);
	close(wait_for[0]);
	wait(NULL);
	assert_int_equal(c->count - before, 2);
}

/* The parent's transaction stays the parent's: a child waits for it like everybody. */
static void a_child_is_in_no_transaction(void **state)
{
	struct counters *c = counters();
	uint64_t before = c->count;
	struct twz_tx tx;
	int status;
	pid_t pid;

	(void)state;
	twz_tx_begin(&tx);
	MUST(twz_tx_add(&tx, c));
	twz_tx_set(&tx, &c->count, before + 100);
	pid = fork();
	if (!pid) {
		count(c, 1);
		_exit(0);
	}
	while (!(__atomic_load_n(&obj_meta(c)->log.lock, __ATOMIC_RELAXED) & LOCK_WAITERS))
		usleep(100);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(c->count, before);
	MUST(twz_tx_commit(&tx));
	assert_int_equal(end_of(pid), 0);
	assert_int_equal(c->count, before + 101);
}

/* Killed anywhere, it leaves nothing that holds the others up. */
static void children_that_are_killed(void **state)
{
	unsigned rounds = getenv("TWZ_LONG") ? 5000 : 200;
	struct counters *c = counters();

	(void)state;
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t before = c->count;
		pid_t pid = fork();

		if (!pid) {
			count(c, ~0ull);
			_exit(0);
		}
		while (load(&c->count) - before < i % 40)
			sched_yield();
		kill_it(pid);
		count(c, 1);
	}
	assert_int_equal(registered(), 1);
	store_is_sound();
}

/* What starts programs without fork's copy of memory is not disturbed. */
static void programs_are_spawned(void **state)
{
	char *const argv[] = {(char *)"true", NULL};
	struct counters *c = counters();
	pid_t pid;

	(void)state;
	assert_int_equal(posix_spawnp(&pid, "true", NULL, NULL, argv, environ), 0);
	assert_int_equal(end_of(pid), 0);
	assert_int_equal(system("exit 3") >> 8, 3);
	count(c, 1);
	assert_int_equal(home.pid, getpid());
	assert_int_equal(registered(), 1);
}

/* ---- the run ----------------------------------------------------------------------------------------- */

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
		home_test(unrelated_processes_share_an_epoch),
		home_test(one_of_many_mounts),
		home_test(killed_while_opening),
		home_test(the_living_keep_their_locks),
		home_test(another_program_has_nothing),
		home_test(what_is_known_follows),
		home_test(others_cannot_attach),
		home_test(a_full_table_is_said),
		home_test(the_lock_of_who_is_stopped),
		home_test(stores_that_cannot_be_had),
		home_test(a_child_is_a_process_of_its_own),
		home_test(children_outlive_their_parents),
		home_test(a_child_is_in_no_transaction),
		home_test(children_that_are_killed),
		home_test(programs_are_spawned),
	};
	const char *role = argc > 1 ? argv[1] : "", *arg = argc > 2 ? argv[2] : "";

	if (!strcmp(role, "count"))
		return role_count();
	if (!strcmp(role, "name"))
		return role_name(arg);
	if (!strcmp(role, "look"))
		return role_look(arg);
	if (!strcmp(role, "become"))
		return role_become(arg);
	if (!strcmp(role, "hold"))
		return role_hold(arg);
	return cmocka_run_group_tests(tests, setup, NULL);
}
