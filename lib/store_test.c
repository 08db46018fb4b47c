/*
 * store_test.c - stores opened and made by a program that uses libtwz as a library. A program has one store, so each
 * case is a process of its own.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/home/home.h"
#include "tests/home/moment.h"

#include <twz/store.h>

#define BYTES (16ull << 20)

/* Runs the case in a child without a store; false statements end it. */
static void alone(void (*run)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		run();
		exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define HOLDS(what)                                                                        \
	do {                                                                               \
		if (!(what)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
			_exit(1);                                                          \
		}                                                                          \
	} while (0)

static bool says(int error, const char *text)
{
	if (strstr(twz_store_error_text(error), text))
		return true;
	fprintf(stderr, "it says: %s\n", twz_store_error_text(error));
	return false;
}

/* How many files there are beside the store that begin as it does. */
static unsigned files_beside(void)
{
	const char *file = strrchr(home_path(), '/') + 1;
	char folder[512];
	struct dirent *entry;
	unsigned n = 0;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%.*s", (int)(file - home_path()), home_path());
	dir = opendir(folder);
	HOLDS(dir);
	while ((entry = readdir(dir)))
		n += !strncmp(entry->d_name, file, strlen(file)) && strcmp(entry->d_name, file);
	closedir(dir);
	return n;
}

/* ---- made and opened ------------------------------------------------------------------------------- */

static void make_one(void)
{
	struct twz_obj obj;
	struct twz_id root;

	HOLDS(!twz_store_make(home_path(), BYTES));
	HOLDS(!*twz_rt_open_text());
	HOLDS(!twz_id_none(twz_rt_info()->root));
	HOLDS(!twz_name_root(&root));
	HOLDS(!twz_obj_new(&(struct twz_new){.bytes = 4096}, &obj));
	HOLDS(!twz_name_publish("thing", obj.id, 0));
	*(uint64_t *)twz_obj_data(&obj) = 42;
	twz_persist(twz_obj_data(&obj), 8);
	HOLDS(!files_beside());
}

static void open_it(void)
{
	struct twz_obj obj;

	HOLDS(!twz_store_open(home_path()));
	HOLDS(!twz_name_open("thing", &obj));
	HOLDS(*(uint64_t *)twz_obj_data(&obj) == 42);
	HOLDS(twz_store_open(home_path()) == TWZ_E_EXISTS);
	HOLDS(says(TWZ_E_EXISTS, "this program has a store open already"));
	HOLDS(twz_store_make("another", BYTES) == TWZ_E_EXISTS);
	HOLDS(says(TWZ_E_EXISTS, "another: this program has a store open already"));
}

static void make_it_again(void)
{
	HOLDS(twz_store_make(home_path(), BYTES) == TWZ_E_EXISTS);
	HOLDS(says(TWZ_E_EXISTS, home_path()));
	open_it(); /* after an error it can be tried again */
}

static void what_is_made_is_opened_by_others(void **state)
{
	(void)state;
	unlink(home_path());
	alone(make_one);
	alone(open_it);
	alone(make_it_again);
}

/* ---- errors ------------------------------------------------------------------------------------------ */

static void fail_in_all_ways(void)
{
	char path[600];

	HOLDS(twz_store_make(home_path(), BYTES - 1) == TWZ_E_ARG);
	HOLDS(says(TWZ_E_ARG, home_path()));
	HOLDS(twz_store_make(home_path(), ~0ull) == TWZ_E_ARG);
	HOLDS(twz_store_make(home_path(), 32ull << 40) == TWZ_E_ARG);
	HOLDS(!files_beside());
	HOLDS(twz_store_open(home_path()) == TWZ_E_NOTFOUND);
	HOLDS(says(TWZ_E_NOTFOUND, "No such file"));
	snprintf(path, sizeof(path), "%s/no/folder", home_path());
	HOLDS(twz_store_make(path, BYTES) == TWZ_E_NOTFOUND);
	HOLDS(twz_store_open("/dev/null") == TWZ_E_NOTSTORE);
	HOLDS(says(TWZ_E_NOTSTORE, "/dev/null: this is not a Twizzler store"));
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	HOLDS(twz_store_make(path, BYTES) < 0);
	HOLDS(twz_store_open_or_make(path, BYTES) < 0);
	HOLDS(!twz_store_open_or_make(home_path(), BYTES));
}

static void errors_are_returned_with_a_sentence(void **state)
{
	(void)state;
	unlink(home_path());
	alone(fail_in_all_ways);
}

/* It is the library's user who decides what to do about it: nothing ends. */
static void open_without_room(void)
{
	/* In a slot, in a large place, and where a null pointer read outside of objects leads. */
	const uint64_t taken[] = {0x200040000000, 0x400000000000, 0x10000};
	void *at;

	for (unsigned i = 0; i < 3; i++) {
		at = mmap((void *)taken[i], 4096, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		HOLDS(at == (void *)taken[i]);
		HOLDS(twz_store_open(home_path()) == TWZ_E_NOMEM);
		HOLDS(says(TWZ_E_NOMEM, "is not free"));
		munmap(at, 4096);
	}
	HOLDS(!twz_store_open(home_path()));
}

static void addresses_that_are_taken_are_an_error(void **state)
{
	(void)state;
	alone(open_without_room);
}

static void open_what_is_held(void)
{
	char wanted[64];
	int fd = open(home_path(), O_RDWR);

	HOLDS(!flock(fd, LOCK_EX));
	HOLDS(twz_store_open(home_path()) == TWZ_E_BUSY);
	snprintf(wanted, sizeof(wanted), "the machine runs on it (process %d)", (int)getpid());
	HOLDS(says(TWZ_E_BUSY, wanted));
	HOLDS(twz_store_open_or_make(home_path(), BYTES) == TWZ_E_BUSY);
	close(fd);
	HOLDS(!twz_store_open_or_make(home_path(), BYTES));
}

static void who_has_it_is_told(void **state)
{
	(void)state;
	alone(open_what_is_held);
}

/* ---- limits of the host ------------------------------------------------------------------------------ */

static void set_limit(int what, uint64_t value)
{
	struct rlimit limit;

	HOLDS(!getrlimit(what, &limit));
	limit.rlim_cur = value;
	HOLDS(!setrlimit(what, &limit));
}

/* Descriptors are needed for the file, and to look into /proc: who has none left is told so, at either. */
static void open_without_descriptors(void)
{
	char wanted[80];

	for (unsigned free = 0; free < 2; free++) {
		int next = open("/", O_PATH);

		close(next);
		set_limit(RLIMIT_NOFILE, (uint64_t)next + free);
		HOLDS(twz_store_open(home_path()) == TWZ_E_LIMIT);
		snprintf(wanted, sizeof(wanted), "no descriptor is left: this program may have %u ",
			 (unsigned)next + free);
		HOLDS(says(TWZ_E_LIMIT, wanted));
		HOLDS(says(TWZ_E_LIMIT, "ulimit -n"));
		set_limit(RLIMIT_NOFILE, 100);
	}
	HOLDS(!twz_store_open(home_path()));
}

/* The host would send a signal, whose default is to end the program. */
static void make_a_file_too_large(void)
{
	char path[600];

	snprintf(path, sizeof(path), "%s.large", home_path());
	set_limit(RLIMIT_FSIZE, BYTES - 1);
	HOLDS(twz_store_make(path, BYTES) == TWZ_E_FULL);
	HOLDS(says(TWZ_E_FULL, "larger than this process may make files (ulimit -f)"));
	HOLDS(access(path, F_OK) && !files_beside());
	HOLDS(!twz_store_open(home_path())); /* one that is there does not grow */
}

static void limits_of_the_host_are_errors(void **state)
{
	(void)state;
	unlink(home_path());
	alone(make_one);
	alone(open_without_descriptors);
	alone(make_a_file_too_large);
}

/* Ends with 77 where nobody may mount anything. */
static void small_disk(const char *bytes)
{
	char options[40];

	snprintf(options, sizeof(options), "size=%s", bytes);
	if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/mnt", "tmpfs", 0, options) || chdir("/mnt"))
		_exit(77);
}

static void make_without_room(void)
{
	static const char *const sizes[] = {"4k", "1m", "2m"};
	const struct rlimit none = {0};

	for (unsigned i = 0; i < 3; i++) {
		small_disk(sizes[i]);
		HOLDS(twz_store_make("store", i < 2 ? BYTES : 8ull << 30) == TWZ_E_FULL);
		HOLDS(says(TWZ_E_FULL, "store: No space left on device"));
		HOLDS(rmdir("store") && errno == ENOENT);
	}
	/* What is always used was allocated: there is never a SIGBUS, but an error when the rest is not there. */
	small_disk("3m");
	HOLDS(!setrlimit(RLIMIT_CORE, &none));
	HOLDS(!twz_store_make("store", 64 << 20));
	for (;;) {
		struct twz_obj obj;
		int error = twz_obj_new(&(struct twz_new){.bytes = 65536}, &obj);

		if (!error)
			error = twz_rt_touch(twz_obj_data(&obj), 65536);
		if (!error)
			continue;
		HOLDS(error == TWZ_E_FULL);
		break;
	}
}

/* A store that was made elsewhere, sparse, on a disk that other things have filled. */
static void open_on_a_full_disk(void)
{
	char other[4096] = "";
	int fd;

	small_disk("1m");
	home_make("store", BYTES);
	fd = open("other", O_CREAT | O_WRONLY, 0600);
	while (write(fd, other, sizeof(other)) > 0)
		;
	close(fd);
	HOLDS(twz_store_open("store") == TWZ_E_FULL);
	HOLDS(says(TWZ_E_FULL, "store: the disk has no room for what the store always uses"));
	HOLDS(!unlink("other"));
	HOLDS(!twz_store_open("store"));
}

static void full_disks_are_errors(void **state)
{
	int status;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (!pid) {
			(i ? open_on_a_full_disk : make_without_room)();
			exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			skip(); /* nobody may mount anything here */
		assert_int_equal(status, 0);
	}
}

/* ---- descriptors that others closed ------------------------------------------------------------------- */

/* What is there goes on; what would need the descriptor is an error, and no other file is ever taken for it. */
static void close_all(void)
{
	struct twz_obj obj, more;
	uint64_t before, after;
	char path[600], text[400] = "";
	int fd, says_why[2];
	struct stat st;

	snprintf(path, sizeof(path), "%s.own", home_path());
	HOLDS(!twz_store_open(home_path()));
	HOLDS(!twz_name_open("thing", &obj));
	before = *(uint64_t *)twz_obj_data(&obj);
	HOLDS(!pipe2(says_why, O_CLOEXEC) && dup2(says_why[1], STDERR_FILENO) == STDERR_FILENO);
	for (fd = 3; fd < 100; fd++)
		if (fd != says_why[0])
			close(fd);
	for (unsigned i = 0; i < 8; i++) { /* one has the number that was the store's */
		fd = open(path, O_CREAT | O_RDWR, 0600);
		HOLDS(!ftruncate(fd, BYTES));
	}
	*(uint64_t *)twz_obj_data(&obj) = before + 1;
	twz_persist(twz_obj_data(&obj), 8);
	HOLDS(twz_obj_new(&(struct twz_new){.heap = true}, &more) == TWZ_E_IO ||
	      twz_rt_touch(twz_obj_data(&more), 1 << 20) == TWZ_E_IO);
	HOLDS(!stat(path, &st) && !st.st_blocks);
	HOLDS(!unlink(path));
	after = *(uint64_t *)twz_obj_data(&obj);
	HOLDS(after == before + 1);
	HOLDS(read(says_why[0], text, sizeof(text) - 1) > 0);
	HOLDS(strstr(text, "this program has closed descriptor"));
}

/* The locks of the file stay as long as the program does. */
static void closed_descriptors_are_errors(void **state)
{
	(void)state;
	unlink(home_path());
	alone(make_one);
	alone(close_all);
}

/* ---- at the same time ------------------------------------------------------------------------------- */

/* Of many that open or make it one makes it, and all have the same one. */
static void many_make_one(void **state)
{
	enum { N = 8 };

	(void)state;
	for (unsigned round = 0; round < 10; round++) {
		int go[2], status;
		char byte;

		unlink(home_path());
		assert_int_equal(pipe(go), 0);
		for (unsigned i = 0; i < N; i++)
			if (!fork()) {
				struct twz_obj obj;
				char name[16];

				snprintf(name, sizeof(name), "n%u", i);
				close(go[1]);
				HOLDS(!read(go[0], &byte, 1));
				HOLDS(!twz_store_open_or_make(home_path(), BYTES));
				HOLDS(!twz_obj_new(&(struct twz_new){.bytes = 8}, &obj));
				HOLDS(!twz_name_publish(name, obj.id, 0));
				exit(0);
			}
		close(go[0]);
		close(go[1]);
		for (unsigned i = 0; i < N; i++) {
			assert_true(wait(&status) > 0);
			assert_int_equal(status, 0);
		}
		if (!fork()) {
			HOLDS(!twz_store_open(home_path()));
			for (unsigned i = 0; i < N; i++) {
				struct twz_obj obj;
				char name[16];

				snprintf(name, sizeof(name), "n%u", i);
				HOLDS(!twz_name_open(name, &obj));
			}
			HOLDS(!files_beside());
			exit(0);
		}
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
}

/* Whoever is killed while it makes one leaves none, or a whole one. */
static void killed_while_making(void **state)
{
	unsigned rounds = getenv("TWZ_LONG") ? 2000 : 100, whole = 0;
	struct rusage used = {0};
	char command[600];
	int status;
	pid_t pid;

	(void)state;
	for (unsigned i = 0; i < rounds; i++) {
		unlink(home_path());
		pid = fork();
		if (!pid) {
			HOLDS(!twz_store_open_or_make(home_path(), BYTES));
			_exit(0);
		}
		if (i) { /* the first one shows how many pages are touched */
			await_faults(pid, (uint64_t)used.ru_minflt * (i % 50) / 50);
			kill(pid, SIGKILL);
		}
		assert_int_equal(wait4(pid, &status, 0, i ? NULL : &used), pid);
		if (access(home_path(), F_OK))
			continue;
		whole++;
		pid = fork();
		if (!pid) {
			HOLDS(!twz_store_open(home_path()));
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	printf("%u of %u were there\n", whole, rounds);
	snprintf(command, sizeof(command), "rm -f '%s'.making.*", home_path());
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_is_opened_by_others),
		cmocka_unit_test(errors_are_returned_with_a_sentence),
		cmocka_unit_test(addresses_that_are_taken_are_an_error),
		cmocka_unit_test(who_has_it_is_told),
		cmocka_unit_test(limits_of_the_host_are_errors),
		cmocka_unit_test(full_disks_are_errors),
		cmocka_unit_test(closed_descriptors_are_errors),
		cmocka_unit_test(many_make_one),
		cmocka_unit_test(killed_while_making),
	};

	unsetenv("TWZ_STORE");
	unsetenv("TWZ_STORE_FD");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
