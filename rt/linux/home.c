/* home.c - opening the store, its lock, the process table (home.h). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/pmem.h"
#include "core/tx.h"
#include "rt/linux/fault.h"
#include "rt/linux/home.h"
#include "rt/linux/lease.h"
#include "rt/linux/slots.h"
#include "rt/linux/sync.h"

struct home home;

static bool opened;           /* set last, atomically; and registered */
static bool inherited;        /* by fork: what was opened is here, and only to be joined */
static uint32_t inner;        /* lock among this process's threads; it orders opening too */
static __thread bool holding; /* home_lock */

/* What of home.info others may change, as it was when that was taken from the superblock. */
static struct twz_id known_root, known_key, known_boot;

static __thread char open_text[640]; /* why the thread's last twz_rt_open or twz_rt_make failed */

/* ---- messages --------------------------------------------------------------------------------- */

static void say(const char *format, va_list args)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "%s: ", program_invocation_short_name);

	n += vsnprintf(text + n, sizeof(text) - (size_t)n - 1, format, args);
	if (n > (int)sizeof(text) - 2)
		n = (int)sizeof(text) - 2;
	text[n++] = '\n';
	if (write(2, text, (size_t)n) < 0)
		return; /* nobody listens */
}

void message(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

void die(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	_exit(status);
}

/* ---- the store's lock ------------------------------------------------------------------------- */

/* Nobody has it for so long, but on a disk that hangs. */
#define STOPPED_NS (10 * 1000ull * 1000 * 1000)

static void inner_lock(void)
{
	uint32_t seen = 0;

	if (__atomic_compare_exchange_n(&inner, &seen, 1, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(&inner, 2, __ATOMIC_ACQUIRE)) /* 2: somebody waits */
		futex_wait(&inner, 2, ~0ull);
}

static void inner_unlock(void)
{
	if (__atomic_exchange_n(&inner, 0, __ATOMIC_RELEASE) == 2)
		futex_wake(&inner, 1);
}

static bool swap(uint64_t *word, uint64_t *seen, uint64_t value)
{
	return __atomic_compare_exchange_n(word, seen, value, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/*
 * 0; *dead: the lock was taken from a dead owner. Who has it and does not go on for so long is stopped, perhaps: who
 * opens the store is told so, TWZ_E_BUSY; everybody else waits, and says for whom.
 */
static int outer_lock(bool opening, bool *dead)
{
	uint64_t *lock = &home.runtime->lock, seen = 0, mine = home.owner, look = LOOK_FIRST_NS;
	uint64_t owner = 0, waited = 0;

	*dead = false;
	while (!swap(lock, &seen, mine)) {
		if (!seen)
			continue;
		if (seen >> 32 != mine >> 32) { /* of an epoch that ended: mounting recovered */
			*dead = swap(lock, &seen, mine);
			if (*dead)
				return 0;
			seen = 0;
			continue;
		}
		/* From here on the word may have a waiter: who unlocks wakes one. */
		mine |= LOCK_WAITERS;
		if (!(seen & LOCK_WAITERS) && !swap(lock, &seen, seen | LOCK_WAITERS)) {
			seen = 0;
			continue;
		}
		seen |= LOCK_WAITERS;
		if (!futex_wait((const uint32_t *)lock, (uint32_t)seen, look)) {
			*dead = !owner_alive(seen) && swap(lock, &seen, mine);
			if (*dead)
				return 0;
			waited = seen == owner ? waited + look : look;
			owner = seen;
			if (waited >= STOPPED_NS) {
				if (opening)
					return image_stopped(&home.image, owner_pid(owner));
				message("waiting for process %d, which has the store's lock: is it "
					"stopped?",
					(int)owner_pid(owner));
				waited = 0;
			}
			look = look_next(look);
		}
		seen = 0;
	}
	return 0;
}

static void outer_unlock(void)
{
	uint64_t *lock = &home.runtime->lock;

	if (__atomic_exchange_n(lock, 0, __ATOMIC_RELEASE) & LOCK_WAITERS)
		futex_wake((const uint32_t *)lock, 1);
}

/* The outer lock, with the store as it must be. */
static void outer_take(void)
{
	bool dead;
	int error;

	outer_lock(false, &dead); /* 0: it waits */
	lease_quiet();
	if (!dead)
		return;
	error = store_recover(&home.store);
	if (error)
		die(125, "after the death of a process: %s", error_text(error));
	self_bury(0, 0);
}

void home_lock(void)
{
	if (holding)
		die(125, "internal error: a slot was touched under the store's lock");
	home_need();
	inner_lock();
	holding = true;
	outer_take();
}

void home_unlock(void)
{
	outer_unlock();
	holding = false;
	inner_unlock();
}

/* ---- opening ---------------------------------------------------------------------------------- */

static void fill_random(void *out, uint64_t bytes)
{
	for (uint8_t *p = out; bytes;) {
		ssize_t n = getrandom(p, bytes, 0);

		if (n < 0 && errno != EINTR)
			die(125, "no random numbers: %s", strerror(errno));
		if (n < 0)
			continue;
		p += n;
		bytes -= (uint64_t)n;
	}
}

void twz_rt_random(void *out, uint64_t bytes)
{
	fill_random(out, bytes);
}

/* What this process is called from now on, by lock words. */
static void name_process(uint64_t epoch)
{
	home.info.owner = process_new_owner();
	home.owner = epoch << 32 | home.info.owner;
	home.pid = getpid();
	home.info.epoch = epoch;
}

/*
 * Attaching applies the update log, which another process may be writing: so its lock comes first. Until then
 * nothing but the superblock, which nobody changes, is taken for granted.
 */
static int attach(void)
{
	const struct twz_super *super = (const struct twz_super *)(home.image.base + TWZ_SUPER_AT);
	const struct twz_super_fixed *fixed;
	int error = store_look(home.image.base, home.image.bytes, &fixed);
	bool dead;

	if (error)
		return error;
	home.runtime = (struct twz_runtime *)(home.image.base + fixed->runtime.frame * TWZ_PAGE);
	if (home.runtime->rules != TWZ_RUNTIME_RULES) {
		home.image.why = "in use by programs of another version of libtwz: it is free when "
				 "they have ended";
		return TWZ_E_VERSION;
	}
	if (home.runtime->numbers != process_numbers()) {
		home.image.why = "in use by processes of another container (PID namespace): it is "
				 "free when they have ended";
		return TWZ_E_BUSY;
	}
	name_process(super->epoch); /* which only a mount changes */
	error = process_register();
	if (error)
		return error;
	error = outer_lock(true, &dead);
	if (!error) {
		error = store_attach(&home.store, home.image.base, home.image.bytes, fill_random);
		if (!error)
			return 0;
		outer_unlock();
	}
	process_leave();
	return error;
}

static int mount(void)
{
	int error = image_reserve_start(&home.image);

	if (error == TWZ_E_FULL)
		home.image.why = "the disk has no room for what the store always uses";
	if (!error)
		error = store_mount(&home.store, home.image.base, home.image.bytes, fill_random);
	if (error)
		return error;
	home.runtime = (struct twz_runtime *)(home.image.base +
					      home.store.fixed->runtime.frame * TWZ_PAGE);
	/*
	 * Nobody else has the image: whoever was in the table or held the lock is gone. What is behind the
	 * last lease nobody reads, and none of it need be in memory.
	 */
	memset(home.runtime, 0, offsetof(struct twz_runtime, lease));
	home.runtime->epoch = home.store.super->epoch;
	home.runtime->rules = TWZ_RUNTIME_RULES;
	home.runtime->numbers = process_numbers();
	name_process(home.store.super->epoch);
	home.runtime->lock = home.owner;
	return process_register();
}

static bool same(const struct twz_id *a, const struct twz_id *b)
{
	return __atomic_load_n(&a->lo, __ATOMIC_RELAXED) ==
		       __atomic_load_n(&b->lo, __ATOMIC_ACQUIRE) &&
	       __atomic_load_n(&a->hi, __ATOMIC_RELAXED) ==
		       __atomic_load_n(&b->hi, __ATOMIC_ACQUIRE);
}

/* Who sees that it is known sees what is told. */
static void follow_one(const struct twz_id *now, struct twz_id *known, struct twz_id *told)
{
	if (same(now, known))
		return;
	*told = *now;
	__atomic_store_n(&known->lo, now->lo, __ATOMIC_RELEASE);
	__atomic_store_n(&known->hi, now->hi, __ATOMIC_RELEASE);
}

/* What the superblock says now; the store's lock held. */
static void follow(void)
{
	const struct twz_super *super = home.store.super;

	follow_one(&super->root, &known_root, &home.info.root);
	follow_one(&super->key, &known_key, &home.info.key);
	follow_one(&super->boot, &known_boot, &home.info.context);
}

int home_descriptor(void)
{
	static bool told;

	if (image_there(&home.image))
		return 0;
	if (!told)
		message("this program has closed descriptor %d, which it did not open: it was the "
			"store's, of which nothing more can be mapped",
			home.image.fd);
	told = true;
	return TWZ_E_IO;
}

static int reserve(uint64_t offset, uint64_t bytes)
{
	int error = image_reserve(&home.image, offset, bytes);

	return error == TWZ_E_IO ? home_descriptor() : error;
}

/* Opens the file, or the inherited descriptor if path is null. `inner` held. */
static int open_store(const char *path, int fd)
{
	const char *why = NULL;
	int error = slots_init(&why);

	home.image = (struct image){.why = why};
	if (error)
		return error;
	error = path ? image_open(&home.image, path, IMAGE_SHARE) : image_attach(&home.image, fd);
	if (error)
		return error;
	error = home.image.first ? mount() : attach();
	if (error)
		goto close;
	image_mounted(&home.image);
	follow();
	home.store.reserve = reserve;
	error = fault_init();
	if (!error)
		error = lease_start();
	if (!error)
		self_bury(0, 0); /* also of who had this entry of the table before */
	outer_unlock();
	if (error)
		goto leave;
	sync_init();
	__atomic_store_n(&opened, true, __ATOMIC_RELEASE);
	return 0;
leave:
	process_leave();
close:
	image_close(&home.image);
	return error;
}

/* A process has one store. `inner` held. */
static int refuse_second(const char *path)
{
	if (!opened && !inherited)
		return 0;
	snprintf(open_text, sizeof(open_text), "%s: this program has a store open already", path);
	return TWZ_E_EXISTS;
}

static void tell_error(int error, const char *path)
{
	if (error)
		image_error(&home.image, error, path, open_text, sizeof(open_text));
}

int twz_rt_open(const char *where)
{
	int error;

	open_text[0] = 0;
	inner_lock();
	error = refuse_second(where);
	if (!error) {
		error = open_store(where, -1);
		tell_error(error, where);
	}
	inner_unlock();
	return error;
}

/* That the file has this name is durable, as far as the host can make it so. */
static void sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	int fd;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path + 1) : 1,
		 slash ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

/* Under another name first: half of a store is never at this one. `inner` held. */
static int make_at(const char *path, uint64_t bytes)
{
	char making[PATH_MAX];
	uint64_t tag;
	int error;

	fill_random(&tag, sizeof(tag));
	home.image = (struct image){0};
	if (snprintf(making, sizeof(making), "%s.making.%016llx", path, (unsigned long long)tag) >=
	    (int)sizeof(making))
		return TWZ_E_NAME;
	if (!access(path, F_OK))
		return TWZ_E_EXISTS;
	error = image_make(&home.image, making, bytes, fill_random);
	if (error)
		return error;
	if (!renameat2(AT_FDCWD, making, AT_FDCWD, path, RENAME_NOREPLACE)) {
		sync_folder(path);
		return 0;
	}
	home.image.host = errno;
	unlink(making);
	return home.image.host == EEXIST ? TWZ_E_EXISTS : TWZ_E_IO;
}

int twz_rt_make(const char *where, uint64_t bytes)
{
	int error;

	open_text[0] = 0;
	inner_lock();
	error = refuse_second(where);
	if (!error) {
		error = make_at(where, bytes);
		tell_error(error, where);
	}
	inner_unlock();
	return error;
}

const char *twz_rt_open_text(void)
{
	return open_text;
}

/* What the environment names. `inner` held. */
static void open_named(void)
{
	const char *fd = getenv("TWZ_STORE_FD"), *path = getenv("TWZ_STORE");
	int error;

	if (!fd && !path)
		die(125, "which store? Set TWZ_STORE=FILE, or start from the prompt");
	error = fd ? open_store(NULL, atoi(fd)) : open_store(path, -1);
	tell_error(error, fd ? "the store" : path);
	if (error)
		die(125, "%s", open_text);
}

/* What fork left: this process joins those that have the store. `inner` held. */
static void join(void)
{
	int error = process_register();

	if (!error) {
		outer_take();
		error = lease_start();
		self_bury(0, 0); /* also of who had this entry of the table before */
		outer_unlock();
	}
	tell_error(error, "the store");
	if (error)
		die(125, "%s", open_text);
	__atomic_store_n(&opened, true, __ATOMIC_RELEASE);
}

void home_need(void)
{
	if (__builtin_expect(__atomic_load_n(&opened, __ATOMIC_ACQUIRE), 1))
		return;
	inner_lock();
	if (!opened && inherited)
		join();
	else if (!opened)
		open_named();
	inner_unlock();
}

const struct twz_rt_info *twz_rt_info(void)
{
	const struct twz_super *super;

	home_need();
	super = home.store.super;
	/* Half of a change is none of the known ones: the lock tells the whole. */
	if (__builtin_expect(same(&super->root, &known_root) && same(&super->key, &known_key) &&
				     same(&super->boot, &known_boot),
			     1))
		return &home.info;
	home_lock();
	follow();
	home_unlock();
	return &home.info;
}

/* ---- fork ------------------------------------------------------------------------------------- */

/* No other thread is at work on the store meanwhile: the child would have half of that for ever. */
static void before_fork(void)
{
	inner_lock();
}

static void after_fork(void)
{
	inner_unlock();
}

/*
 * A process of its own: it has none of the parent's locks, and what it had mapped is not mapped any more.
 * Only what cannot fail, as nobody could be told: the rest at the first touch or call (join).
 */
static void in_child(void)
{
	inner = 0;
	if (!opened && !inherited)
		return;
	inherited = true;
	opened = false;
	home.process = NULL;
	name_process(home.info.epoch);
	sync_init();
	slots_forked();
	self_forked();
	threads_forked();
}

static __attribute__((constructor)) void watch_forks(void)
{
	if (pthread_atfork(before_fork, after_fork, in_child))
		die(125, "no memory");
}

int home_find(struct twz_id id, uint64_t *ref)
{
	int error = store_find(&home.store, id, ref);

	if (!error && store_unsettled(&home.store, *ref))
		error = store_settle(&home.store, *ref);
	return error;
}
