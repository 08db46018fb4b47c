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
	u->frames = false;
	u->stamp += UPDATE_STAMP;
	if (!u->stamp) {
		memset(u->slot, 0, sizeof(u->slot));
		u->stamp = UPDATE_STAMP;
	}
}

void update_init(struct update *u, void *base, uint64_t bytes, struct twz_update_log *log)
{
	u->base = base;
	u->bytes = bytes;
	u->log = log;
	forget(u);
}

void update_fail(struct update *u, int error)
{
	if (!u->error)
		u->error = error;
}

/* The slot of the word at `off`: the one that holds it, or the empty one where it belongs. */
static uint32_t find(const struct update *u, uint64_t off, uint32_t i)
{
	uint32_t index;

	for (;; i = (i + 1) % UPDATE_SLOTS) {
		index = update_index(u, i);
		if (index >= TWZ_UPDATE_WORDS || u->word[index].off == off)
			return i;
	}
}

/* What is not in its first slot, or does not fit. */
uint64_t *update_word_slow(struct update *u, uint64_t off, uint32_t i)
{
	uint32_t index;

	i = find(u, off, i);
	index = update_index(u, i);
	if (index < TWZ_UPDATE_WORDS)
		return &u->word[index].value;
	if (u->count == TWZ_UPDATE_WORDS) {
		update_fail(u, TWZ_E_LIMIT);
		u->count--; /* the update cannot be committed any more */
	}
	u->slot[i] = u->stamp | u->count;
	u->word[u->count] = (struct twz_update_word){off, *(const uint64_t *)(u->base + off)};
	return &u->word[u->count++].value;
}

/* The slot where the word belongs is taken, by it or by another. */
uint64_t update_get_slow(const struct update *u, const void *p)
{
	uint64_t off = (uint64_t)((const uint8_t *)p - u->base);
	uint32_t index = update_index(u, find(u, off, update_slot(off)));

	return index < TWZ_UPDATE_WORDS ? u->word[index].value : *(const uint64_t *)p;
}

/* The same, or there is no room. */
void update_set_slow(struct update *u, uint64_t *p, uint64_t value)
{
	if (update_get(u, p) != value)
		*update_word(u, p) = value;
}

void update_put_bits(struct update *u, void *structure, uint64_t *sum, uint64_t index,
		     uint64_t mask, uint64_t bits)
{
	uint64_t *word = update_word(u, (uint64_t *)structure + index), before = *word;
	uint64_t after = (before & ~mask) | bits;

	if (after == before)
		return;
	*word = after;
	*update_word(u, sum) += twz_sum_at(index, after) - twz_sum_at(index, before);
}

/* Sum of the log as its header says, the sum field as zero. */
static uint64_t log_sum(const struct twz_update_log *log, const struct twz_update_word *words)
{
	const struct twz_update_word *end = words + log->count;
	struct twz_update_log head = *log;
	uint64_t sum;

	head.sum = 0;
	sum = twz_sum(0, &head, sizeof(head)) ^ TWZ_SUM_B; /* a twz_sum over the words */
#pragma GCC unroll 4
	for (const struct twz_update_word *word = words; word < end; word++)
		sum = twz_sum_step(sum, word->off, word->value);
	return sum;
}

static void apply(struct update *u, const struct twz_update_word *words, uint64_t count)
{
	const struct twz_update_word *word = words, *end = words + count;
	const enum pmem_kind kind = pmem.kind;
	uint8_t *base = u->base;

	for (; word < end; word++) {
		pmem_store64((uint64_t *)(base + word->off), word->value);
		if (word + 1 == end || (word->off ^ word[1].off) >= TWZ_LINE)
			pmem_flush_as(kind, "update: in place", base + word->off, 8);
	}
	pmem_fence("update: in place");
	/* Not flushed: later it does no harm, and in this epoch nobody applies the log again. */
	if (STEP("log", "update: applied"))
		pmem_store64(&u->log->count, 0);
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
	if (!log->count)
		return 0;
	/* Whoever wrote the log may have died before its fence, and the power fail while we apply. */
	pmem_flush("update: log again", log, sizeof(*log) + log->count * sizeof(log->word[0]));
	pmem_fence("update: log again");
	if (STEP("log", "update: replay"))
		apply(u, log->word, log->count);
	return 0;
}
