/* update.c - the atomic update (update.h, docs/format/store.md). */
#include "core/update.h"
#include "core/pmem.h"
#include "core/sum.h"

/* What is staged is staged no longer. */
static void forget(struct update *u)
{
	u->error = 0;
	u->count = 0;
	u->fresh = false;
	if (++u->stamp == 1u << 20) {
		memset(u->slot, 0, sizeof(u->slot));
		u->stamp = 1;
	}
}

void update_init(struct update *u, void *base, uint64_t bytes, struct twz_update_log *log)
{
	u->base = base;
	u->bytes = bytes;
	u->log = log;
	u->stamp = 0;
	memset(u->slot, 0, sizeof(u->slot));
	forget(u);
}

void update_fail(struct update *u, int error)
{
	if (!u->error)
		u->error = error;
}

/* The slot of the word at `off`: the one that holds it, or the empty one where it belongs. */
static uint32_t find(const struct update *u, uint64_t off, bool *staged)
{
	uint32_t i = (uint32_t)((off >> 3) * TWZ_SUM_K >> 51);

	for (;; i = (i + 1) % UPDATE_SLOTS) {
		uint32_t slot = u->slot[i];

		if (slot >> 12 != u->stamp) {
			*staged = false;
			return i;
		}
		if (u->word[slot & 4095].off == off) {
			*staged = true;
			return i;
		}
	}
}

uint64_t update_get(const struct update *u, const void *p)
{
	bool staged;
	uint32_t i;

	if (!u->count)
		return *(const uint64_t *)p;
	i = find(u, (uint64_t)((const uint8_t *)p - u->base), &staged);
	return staged ? u->word[u->slot[i] & 4095].value : *(const uint64_t *)p;
}

void update_put(struct update *u, void *p, uint64_t value)
{
	uint64_t off = (uint64_t)((uint8_t *)p - u->base);
	bool staged;
	uint32_t i = find(u, off, &staged);

	if (staged) {
		u->word[u->slot[i] & 4095].value = value;
		return;
	}
	if (u->count == TWZ_UPDATE_WORDS) {
		update_fail(u, TWZ_E_LIMIT);
		return;
	}
	u->slot[i] = u->stamp << 12 | u->count;
	u->word[u->count++] = (struct twz_update_word){off, value};
}

uint64_t update_get_field(const struct update *u, const void *field, unsigned bytes)
{
	uintptr_t at = (uintptr_t)field;
	uint64_t word = update_get(u, (const void *)(at & ~(uintptr_t)7));

	return bytes == 8 ? word : word >> (at & 7) * 8 & ((1ull << bytes * 8) - 1);
}

static uint64_t merged(uint64_t word, uintptr_t at, unsigned bytes, uint64_t value)
{
	uint64_t mask;

	if (bytes == 8)
		return value;
	mask = ((1ull << bytes * 8) - 1) << (at & 7) * 8;
	return (word & ~mask) | (value << (at & 7) * 8 & mask);
}

void update_put_field(struct update *u, void *field, unsigned bytes, uint64_t value)
{
	uintptr_t at = (uintptr_t)field;
	void *p = (void *)(at & ~(uintptr_t)7);

	update_put(u, p, merged(update_get(u, p), at, bytes, value));
}

void update_put_summed(struct update *u, void *structure, uint64_t *sum, void *field,
		       unsigned bytes, uint64_t value)
{
	uintptr_t at = (uintptr_t)field;
	void *p = (void *)(at & ~(uintptr_t)7);
	uint64_t index = ((uintptr_t)p - (uintptr_t)structure) / 8;
	uint64_t before = update_get(u, p);
	uint64_t after = merged(before, at, bytes, value);

	if (after == before)
		return;
	update_put(u, p, after);
	update_put(u, sum,
		   update_get(u, sum) + twz_sum_at(index, after) - twz_sum_at(index, before));
}

/* Sum of the log as its header says, the sum field as zero. */
static uint64_t log_sum(const struct twz_update_log *log, const struct twz_update_word *words)
{
	struct twz_update_log head = *log;

	head.sum = 0;
	return twz_sum(twz_sum(0, &head, sizeof(head)), words, log->count * sizeof(*words));
}

static void apply(struct update *u, const struct twz_update_word *words, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		pmem_store64((uint64_t *)(u->base + words[i].off), words[i].value);
	for (uint64_t i = 0; i < count; i++)
		if (!i || words[i].off / TWZ_LINE != words[i - 1].off / TWZ_LINE)
			pmem_flush("update: in place", u->base + words[i].off, 8);
	pmem_fence("update: in place");
}

static void commit(struct update *u)
{
	struct twz_update_log *log = u->log;
	struct twz_update_log head = {
		.magic = TWZ_UPDATE_MAGIC, .seq = log->seq + 1, .count = u->count};

	head.sum = log_sum(&head, u->word);
	if (u->fresh)
		pmem_fence("update: fresh frames");
	pmem_copy(log, &head, sizeof(head));
	pmem_copy(log->word, u->word, u->count * sizeof(u->word[0]));
	pmem_flush("update: log", log, sizeof(head) + u->count * sizeof(u->word[0]));
	pmem_fence("update: committed"); /* the commit point */
	apply(u, u->word, u->count);
}

int update_end(struct update *u, int error)
{
	update_fail(u, error);
	error = u->error;
	if (!error && u->count)
		commit(u);
	forget(u);
	return error;
}

int update_recover(struct update *u)
{
	const struct twz_update_log *log = u->log;

	if (STEP("check", "update log: magic") && log->magic != TWZ_UPDATE_MAGIC)
		return 0;
	if (STEP("check", "update log: count") && log->count > TWZ_UPDATE_WORDS)
		return 0;
	if (STEP("sum", "update log") && log->sum != log_sum(log, log->word))
		return 0;
	for (uint64_t i = 0; i < log->count; i++) {
		uint64_t off = log->word[i].off;

		if (STEP("check", "update log: word") && (off % 8 || off >= u->bytes))
			return TWZ_E_DAMAGED;
	}
	if (STEP("log", "update: replay"))
		apply(u, log->word, log->count);
	return 0;
}
