/* home.c - opening the store, its lock, the process table (home.h). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
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
#include "rt/linux/slots.h"
#include "rt/linux/sync.h"

struct home home;

static bool opened;           /* set last, atomically */
static uint32_t inner;        /* lock among this process's threads; it orders opening too */
static __thread bool holding; /* home_lock */

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

static bool swap(uint64_t *word, uint64_t *seen, uint64_t value)
{
	return __atomic_compare_exchange_n(word, seen, value, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/* ---- processes -------------------------------------------------------------------------------- */

/*
 * Start time of a process as the host reports it; 0 if there is none that could still do anything.
 * No stream and no memory of the C library: a fault handler may be waiting for the store's lock.
 */
static uint64_t start_of(pid_t pid)
{
	char path[32], text[1024], state = 0, *after;
	unsigned long long start = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	after = strrchr(text, ')'); /* behind the name, which may hold anything */
	if (!after ||
	    sscanf(after + 1,
		   " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
		   "%*d %llu",
		   &state, &start) != 2)
		return 0;
	return state == 'Z' || state == 'X' ? 0 : start + 1; /* never 0 */
}

/*
 * While an entry is being filled in, its `pid` is bit 63, the low 31 bits of the start time, and the
 * process: so who dies there is found out too.
 */
#define CLAIMED (1ull << 63)

static uint64_t claim(uint64_t pid, uint64_t start)
{
	return CLAIMED | (start & (LOCK_WAITERS - 1)) << 32 | pid;
}

/* May the entry be taken? `pid` as it was loaded. */
static bool entry_free(const struct twz_process *entry, uint64_t pid)
{
	uint64_t start = pid ? start_of((pid_t)pid) : 0;

	if (pid & CLAIMED)
		return claim((uint32_t)pid, start) != pid;
	return !pid || start != entry->start;
}

bool process_gone(const struct twz_process *entry)
{
	uint64_t pid = __atomic_load_n(&entry->pid, __ATOMIC_ACQUIRE);

	return pid & CLAIMED || entry_free(entry, pid);
}

static struct twz_process *process_find(pid_t pid)
{
	struct twz_process *table = home.runtime->process;

	for (unsigned i = 0; i < sizeof(home.runtime->process) / sizeof(*table); i++)
		if (__atomic_load_n(&table[i].pid, __ATOMIC_ACQUIRE) == (uint64_t)pid)
			return &table[i];
	return NULL;
}

struct twz_process *process_own(void)
{
	return process_find(getpid());
}

bool owner_alive(uint64_t word)
{
	pid_t pid = (pid_t)(word & (LOCK_WAITERS - 1));
	const struct twz_process *process;

	if (word >> 32 != home.owner >> 32)
		return false;
	process = process_find(pid);
	return process && start_of(pid) == process->start;
}

/*
 * Enters this process in the table, without the store's lock: who holds that is in the table. An
 * entry is taken over as a whole by the claim, then filled in.
 */
static int process_register(void)
{
	struct twz_process *table = home.runtime->process;
	uint64_t pid = (uint64_t)getpid(), start = start_of(getpid()), seen;

	for (unsigned i = 0; i < sizeof(home.runtime->process) / sizeof(*table); i++) {
		seen = __atomic_load_n(&table[i].pid, __ATOMIC_ACQUIRE);
		if (!entry_free(&table[i], seen) || !swap(&table[i].pid, &seen, claim(pid, start)))
			continue;
		table[i].start = start;
		__atomic_store_n(&table[i].pid, pid, __ATOMIC_RELEASE);
		return 0;
	}
	return TWZ_E_LIMIT;
}

/* ---- the store's lock ------------------------------------------------------------------------- */

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

/* Returns true if the lock was taken from a dead owner. */
static bool outer_lock(void)
{
	uint64_t *lock = &home.runtime->lock, seen = 0, mine = home.owner, look = LOOK_FIRST_NS;

	while (!swap(lock, &seen, mine)) {
		if (!seen)
			continue;
		if (seen >> 32 != mine >> 32) { /* of an epoch that ended: mounting recovered */
			if (swap(lock, &seen, mine))
				return true;
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
			if (!owner_alive(seen) && swap(lock, &seen, mine))
				return true;
			look = look_next(look);
		}
		seen = 0;
	}
	return false;
}

static void outer_unlock(void)
{
	uint64_t *lock = &home.runtime->lock;

	if (__atomic_exchange_n(lock, 0, __ATOMIC_RELEASE) & LOCK_WAITERS)
		futex_wake((const uint32_t *)lock, 1);
}

void home_lock(void)
{
	int error;

	if (holding)
		die(125, "internal error: a slot was touched under the store's lock");
	home_need();
	inner_lock();
	holding = true;
	if (!outer_lock())
		return;
	error = store_recover(&home.store);
	if (error)
		die(125, "after the death of a process: %s", error_text(error));
	self_bury(0, 0);
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

/* The host must have room for what the store always uses. */
static int reserve_areas(void)
{
	const struct twz_super_fixed *fixed = home.store.fixed;
	uint64_t share = fixed->share.frame * TWZ_PAGE, log = fixed->log.frame * TWZ_PAGE;
	uint64_t end = log + (fixed->log.frames + fixed->runtime.frames) * TWZ_PAGE;
	int error = image_reserve(0, share);

	return error ? error : image_reserve(log, end - log);
}

/*
 * Attaching applies the update log, which another process may be writing: so its lock comes first,
 * and the words that say where that is are only taken for granted as far as they lie in the image.
 */
static int attach(void)
{
	const struct twz_super_fixed *fixed = (const struct twz_super_fixed *)home.image.base;
	const struct twz_super *super = (const struct twz_super *)(home.image.base + TWZ_SUPER_AT);
	uint64_t at = fixed->runtime.frame * TWZ_PAGE;
	int error;

	if (fixed->magic != TWZ_STORE_MAGIC)
		return TWZ_E_NOTSTORE;
	if (at + sizeof(struct twz_runtime) > home.image.bytes)
		return TWZ_E_DAMAGED;
	home.runtime = (struct twz_runtime *)(home.image.base + at);
	home.owner = super->epoch << 32 | (uint64_t)getpid(); /* only a mount changes the epoch */
	error = process_register();
	if (error)
		return error;
	outer_lock();
	error = store_attach(&home.store, home.image.base, home.image.bytes, fill_random);
	if (error)
		outer_unlock();
	else
		self_bury(0, 0); /* also of who had this entry of the table before */
	return error;
}

static int mount(void)
{
	int error = store_mount(&home.store, home.image.base, home.image.bytes, fill_random);

	if (error)
		return error;
	home.runtime = (struct twz_runtime *)(home.image.base +
					      home.store.fixed->runtime.frame * TWZ_PAGE);
	home.owner = home.store.super->epoch << 32 | (uint64_t)getpid();
	/* Nobody else has the image: whoever was in the table or held the lock is gone. */
	memset(home.runtime, 0, sizeof(*home.runtime));
	home.runtime->epoch = home.store.super->epoch;
	home.runtime->lock = home.owner;
	return process_register();
}

/* Before an object goes with its last tie: as with twz_rt_delete, this process's mappings end with it. */
static enum store_held end_mappings(struct twz_id id)
{
	slots_reset_object(id);
	return STORE_FREE;
}

/* Opens the file, or the inherited descriptor if path is null. `inner` held. */
static int open_store(const char *path, int fd)
{
	int error = path ? image_open(&home.image, path, false) : image_attach(&home.image, fd);

	if (error)
		return error;
	error = path ? mount() : attach();
	if (error)
		goto close;
	home.info.epoch = home.store.super->epoch;
	home.info.owner = (uint32_t)getpid();
	home.info.root = home.store.super->root;
	home.info.key = home.store.super->key;
	home.info.context = home.store.super->boot;
	error = reserve_areas();
	home.store.reserve = image_reserve;
	home.store.held = end_mappings;
	outer_unlock();
	if (error)
		goto close;
	slots_init();
	fault_init();
	sync_init();
	__atomic_store_n(&opened, true, __ATOMIC_RELEASE);
	return 0;
close:
	image_close(&home.image);
	return error;
}

int twz_rt_open(const char *where)
{
	int error = TWZ_E_EXISTS;
	char text[512];

	inner_lock();
	if (!opened)
		error = open_store(where, -1);
	inner_unlock();
	if (error == TWZ_E_BUSY || error == TWZ_E_IO)
		message("%s", image_error(&home.image, error, where, text, sizeof(text)));
	return error;
}

/* What the environment names. `inner` held. */
static void open_named(void)
{
	const char *fd = getenv("TWZ_STORE_FD"), *path = getenv("TWZ_STORE");
	char text[512];
	int error;

	if (!fd && !path)
		die(125, "which store? Set TWZ_STORE=FILE, or start from the prompt");
	error = fd ? open_store(NULL, atoi(fd)) : open_store(path, -1);
	if (error)
		die(125, "%s",
		    image_error(&home.image, error, fd ? "the store" : path, text, sizeof(text)));
}

void home_need(void)
{
	if (__builtin_expect(__atomic_load_n(&opened, __ATOMIC_ACQUIRE), 1))
		return;
	inner_lock();
	if (!opened)
		open_named();
	inner_unlock();
}

const struct twz_rt_info *twz_rt_info(void)
{
	home_need();
	return &home.info;
}

int home_find(struct twz_id id, uint64_t *ref)
{
	int error = store_find(&home.store, id, ref);

	if (!error && store_unsettled(&home.store, *ref))
		error = store_settle(&home.store, *ref);
	return error;
}
