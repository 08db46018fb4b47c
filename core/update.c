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
static inline uint32_t find(const struct update *u, uint64_t off)
{
	uint32_t i = (uint32_t)((off >> 3) * TWZ_SUM_K >> 51), slot;

	for (;; i = (i + 1) % UPDATE_SLOTS) {
		slot = u->slot[i];
		if (slot >> 12 != u->stamp || u->word[slot & 4095].off == off)
			return i;
	}
}

static inline uint64_t offset_of(const struct update *u, const void *p)
{
	return (uint64_t)((const uint8_t *)p - u->base);
}

/* The staged value of the word at p, which is staged with its present value if it was not. */
static inline uint64_t *staged(struct update *u, void *p)
{
	uint64_t off = offset_of(u, p);
	uint32_t i = find(u, off), slot = u->slot[i];

	if (slot >> 12 == u->stamp)
		return &u->word[slot & 4095].value;
	if (u->count == TWZ_UPDATE_WORDS) {
		update_fail(u, TWZ_E_LIMIT);
		u->count--; /* the update cannot be committed any more */
	}
	u->slot[i] = u->stamp << 12 | u->count;
	u->word[u->count] = (struct twz_update_word){off, *(const uint64_t *)p};
	return &u->word[u->count++].value;
}

uint64_t update_get(const struct update *u, const void *p)
{
	uint32_t slot;

	if (!u->count)
		return *(const uint64_t *)p;
	slot = u->slot[find(u, offset_of(u, p))];
	return slot >> 12 == u->stamp ? u->word[slot & 4095].value : *(const uint64_t *)p;
}

void update_put(struct update *u, void *p, uint64_t value)
{
	if (update_get(u, p) != value)
		*staged(u, p) = value;
}

static inline void *word_of(const void *field)
{
	return (void *)((uintptr_t)field & ~(uintptr_t)7);
}

static inline uint64_t mask_of(unsigned bytes)
{
	return bytes == 8 ? ~0ull : (1ull << bytes * 8) - 1;
}

uint64_t update_get_field(const struct update *u, const void *field, unsigned bytes)
{
	return update_get(u, word_of(field)) >> ((uintptr_t)field & 7) * 8 & mask_of(bytes);
}

/* The word with the field replaced. */
static inline uint64_t merged(uint64_t word, const void *field, unsigned bytes, uint64_t value)
{
	unsigned shift = ((uintptr_t)field & 7) * 8;

	return (word & ~(mask_of(bytes) << shift)) | (value & mask_of(bytes)) << shift;
}

void update_put_field(struct update *u, void *field, unsigned bytes, uint64_t value)
{
	uint64_t *word = staged(u, word_of(field));

	*word = merged(*word, field, bytes, value);
}

void update_put_summed(struct update *u, void *structure, uint64_t *sum, void *field,
		       unsigned bytes, uint64_t value)
{
	uint64_t *word = staged(u, word_of(field)), before = *word;
	uint64_t index = ((uintptr_t)word_of(field) - (uintptr_t)structure) / 8;

	*word = merged(before, field, bytes, value);
	if (*word != before)
		*staged(u, sum) += twz_sum_at(index, *word) - twz_sum_at(index, before);
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
	for (uint64_t i = 0; i < count; i++) {
		uint64_t off = words[i].off;

		pmem_store64((uint64_t *)(u->base + off), words[i].value);
		if (i + 1 == count || off / TWZ_LINE != words[i + 1].off / TWZ_LINE)
			pmem_flush("update: in place", u->base + off, 8);
	}
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
