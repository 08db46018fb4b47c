/*
 * objects.c - objects without a store (objects.h).
 */
#include <stdio.h>
#include <string.h>

#include "tests/sim/objects.h"

struct twz_id object_id(unsigned n)
{
	return (struct twz_id){.lo = 0x1d0 + n, .hi = 0x0bec7};
}

/* ---- what the runtime supplies --------------------------------------------------------------- */

static int env_contended(void *base, uint64_t *lock, uint64_t seen)
{
	(void)base;
	(void)lock;
	(void)seen;
	return TWZ_E_TIMEOUT; /* nobody else is there who could free it */
}

static void env_wake(uint64_t *lock)
{
	(void)lock;
}

static int env_stored(const void *base, const struct twz_log_head *head, uint64_t seq)
{
	(void)base;
	(void)head;
	(void)seq;
	return TWZ_E_TIMEOUT;
}

static int env_touch(void *addr, uint64_t bytes)
{
	return obj_offset(addr) + bytes <= OBJECTS_SPAN ? 0 : TWZ_E_FULL;
}

/* The pages are there for good: what is in them goes. */
static int env_drop(void *addr, uint64_t bytes)
{
	uint64_t *word = addr;

	pmem_flush("test: log head of drop", &obj_meta(addr)->log, TWZ_LINE);
	for (; bytes; bytes -= 8, word++)
		if (*word) {
			pmem_store64(word, 0);
			pmem_flush("test: drop", word, 8);
		}
	pmem_fence("test: drop");
	return 0;
}

static struct twz_id env_id(const void *base)
{
	return object_id((unsigned)(((const uint8_t *)base - object(0)) >> TWZ_SLOT_SHIFT));
}

/* Any that is newer than the locks which are left. */
static void new_epoch(void)
{
	uint64_t epoch = 0;

	for (unsigned n = 0; n < NOBJECTS; n++)
		if (obj_meta(object(n))->log.lock >> 32 > epoch)
			epoch = obj_meta(object(n))->log.lock >> 32;
	tx_env = (struct tx_env){
		.owner = (epoch + 1) << 32 | 1,
		.contended = env_contended,
		.wake = env_wake,
		.stored = env_stored,
		.touch = env_touch,
		.drop = env_drop,
		.id = env_id,
	};
}

void objects_setup(void)
{
	for (unsigned n = 0; n < NOBJECTS; n++)
		sim_alias(object(n), OBJECTS_SPAN, n * OBJECTS_SPAN);
	new_epoch();
}

/* ---- settling -------------------------------------------------------------------------------- */

static int io_find(void *arg, struct twz_id id, uint64_t *handle)
{
	(void)arg;
	for (*handle = 0; *handle < NOBJECTS; ++*handle) {
		struct twz_id one = object_id((unsigned)*handle);

		if (one.lo == id.lo && one.hi == id.hi)
			return 0;
	}
	return TWZ_E_NOTFOUND;
}

static void *io_page(void *arg, uint64_t handle, uint64_t page, bool write, int *error)
{
	(void)arg;
	(void)write;
	*error = 0;
	if (page < OBJECTS_SPAN / TWZ_PAGE)
		return object((unsigned)handle) + page * TWZ_PAGE;
	*error = write ? TWZ_E_FULL : 0;
	return NULL;
}

static bool io_writable(void *arg, uint64_t handle)
{
	(void)arg;
	(void)handle;
	return true;
}

const char *objects_settle(unsigned first)
{
	static const struct settle_io io = {
		.find = io_find, .page = io_page, .writable = io_writable};
	static uint8_t settled[TWZ_PAGE];
	static char text[80];

	new_epoch();
	for (unsigned n = 0; n < NOBJECTS; n++) {
		int error = tx_settle(&io, object_id((first + n) % NOBJECTS));

		if (error) {
			snprintf(text, sizeof(text), "object %u does not settle: error %d",
				 (first + n) % NOBJECTS, error);
			return text;
		}
		/* Whoever opened the first one has seen its content. */
		if (!n)
			memcpy(settled, object(first) + TWZ_OBJ_DATA, sizeof(settled));
	}
	if (memcmp(settled, object(first) + TWZ_OBJ_DATA, sizeof(settled)))
		return "settling another object changed one that was settled";
	return NULL;
}

const char *objects_check(void)
{
	static char text[80];

	for (unsigned n = 0; n < NOBJECTS; n++) {
		const struct twz_log_head *head = &obj_meta(object(n))->log;

		if (!head->lock)
			continue;
		snprintf(text, sizeof(text), "object %u is left locked by %llx", n,
			 (unsigned long long)head->lock);
		return text;
	}
	return NULL;
}

void objects_where(const void *arg, uint64_t offset, char *text, size_t size)
{
	static const struct {
		const char *name;
		uint64_t start;
	} areas[] = {
		{"data", TWZ_OBJ_DATA}, {"fot", TWZ_OBJ_FOT},
		{"log", TWZ_OBJ_LOG},   {"log head", TWZ_OBJ_META + offsetof(struct twz_meta, log)},
		{"meta", TWZ_OBJ_META}, {"", 0},
	};
	uint64_t in = offset % OBJECTS_SPAN;
	unsigned i = 0;

	(void)arg;
	while (in < areas[i].start)
		i++;
	snprintf(text, size, "object %u: %s + 0x%llx", (unsigned)(offset / OBJECTS_SPAN),
		 areas[i].name, (unsigned long long)(in - areas[i].start));
}
