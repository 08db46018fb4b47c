/*
 * trim.c - heaps that shrink: neighbouring free blocks become one, pages inside of large ones are
 * given back, the top sinks (heap.h, docs/format/heap.md).
 *
 * In passes, each in pieces that are a transaction of a few words: others use the heap between
 * them, and after a crash anywhere the heap is sound and trimmed to here. Whoever has the object's
 * lock is alone with the heap, so what is free stays free until it is given back.
 *
 * Nothing in the heap is trusted: each walk over blocks ends at the top, each over lists after as
 * many blocks as that walk found.
 */
#include "core/heap_int.h"

/* Free memory between two used blocks, of more than one block; in granules. */
struct run {
	uint32_t start, end;
};

#define RUNS_MAX 1024u    /* 8 KiB of the stack */
#define BLOCKS_MAX 16384u /* in the runs of one piece: their words fit into the log */

/* Smaller pieces are not worth a change of the page tables. */
#define BARE_MIN (16 * TWZ_PAGE)
#define BARE_BLOCKS 64u /* in one piece */

/* One piece of a pass. */
struct piece {
	uint8_t *base;
	struct twz_heap *heap;
	uint64_t at, next; /* where it begins; where the next one does */
	bool more;         /* there is a next one */
	uint64_t blocks;   /* free ones in its runs */
	uint64_t nfree;    /* in all the heap */
	unsigned nruns;
	struct run run[RUNS_MAX]; /* by address */
};

/* ---- walking ---------------------------------------------------------------------------------- */

static uint64_t *head_at(const struct piece *piece, uint64_t at)
{
	return (uint64_t *)(piece->base + at);
}

/* The block at this offset; its bytes, or 0 if the heap is damaged there. */
static uint64_t block_at(const struct piece *piece, uint64_t at, bool *free)
{
	uint64_t word = *head_at(piece, at), bytes;
	uint32_t size_class = (uint32_t)word >> 16;

	*free = is_free((uint16_t)word);
	if (STEP("check", "trim: class") && size_class >= TWZ_HEAP_CLASSES)
		return 0;
	if (STEP("check", "trim: head") && !*free && (uint16_t)word != TWZ_BLOCK_USED)
		return 0;
	bytes = block_bytes(size_class);
	if (STEP("check", "trim: block fits") && bytes > piece->heap->top - at)
		return 0;
	return bytes;
}

/* Is the run cut already as cut_run would do it? */
static bool is_cut(const struct piece *piece, struct run run)
{
	uint64_t at = run.start * (uint64_t)GRANULE, end = run.end * (uint64_t)GRANULE;

	while (at < end) {
		unsigned size_class = class_within(end - at);

		if ((uint32_t)*head_at(piece, at) >> 16 != size_class)
			return false;
		at += block_bytes(size_class);
	}
	return true;
}

static void add_run(struct piece *piece, uint64_t start, uint64_t end, uint64_t blocks)
{
	struct run run = {(uint32_t)(start / GRANULE), (uint32_t)(end / GRANULE)};

	if (blocks < 2 || is_cut(piece, run))
		return;
	piece->run[piece->nruns++] = run;
	piece->blocks += blocks;
}

/*
 * Collects the runs from piece->at on, as many as fit, and counts all free blocks. A run that is too
 * long is taken in part: as part of the next piece it has fewer blocks.
 */
static int look_runs(struct piece *piece)
{
	uint64_t at = piece->heap->start, top = piece->heap->top, start = 0, blocks = 0, bytes;
	bool free;

	for (; at < top; at += bytes) {
		bytes = block_at(piece, at, &free);
		if (!bytes)
			return TWZ_E_DAMAGED;
		piece->nfree += free;
		if (at < piece->at || piece->more)
			continue;
		if (free && !blocks++)
			start = at;
		if (!free || piece->blocks + blocks == BLOCKS_MAX) {
			add_run(piece, start, free ? at + bytes : at, blocks);
			piece->more = free || piece->nruns == RUNS_MAX;
			piece->next = free ? start : at;
			blocks = 0;
		}
	}
	add_run(piece, start, top, blocks);
	return 0;
}

/* The run that ends at the top, if there is one. */
static int look_last(struct piece *piece)
{
	uint64_t at = piece->heap->start, top = piece->heap->top, start = 0, blocks = 0, bytes;
	bool free;

	for (; at < top; at += bytes) {
		bytes = block_at(piece, at, &free);
		if (!bytes)
			return TWZ_E_DAMAGED;
		piece->nfree += free;
		if (free && !blocks++)
			start = at;
		if (!free)
			blocks = 0;
	}
	if (blocks && blocks <= BLOCKS_MAX)
		piece->run[piece->nruns++] =
			(struct run){(uint32_t)(start / GRANULE), (uint32_t)(top / GRANULE)};
	return 0;
}

/* ---- lists ------------------------------------------------------------------------------------ */

static bool in_runs(const struct piece *piece, uint64_t payload)
{
	unsigned low = 0, high = piece->nruns;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (payload / GRANULE >= piece->run[middle].end)
			low = middle + 1;
		else
			high = middle;
	}
	return low < piece->nruns && payload / GRANULE >= piece->run[low].start;
}

static void set(struct edit *e, uint64_t *p, uint64_t value)
{
	edit_more(e, NULL);
	if (!e->error)
		edit_set(e, NULL, p, value);
}

/* Takes the blocks in runs out of the list of a class; *first is the first that stays, or 0. */
static int unlink_class(struct edit *e, struct piece *piece, unsigned size_class, uint64_t *first)
{
	uint64_t at = piece->heap->free[size_class], word = 0, *last = NULL;
	bool gap = false;

	*first = 0;
	for (; at; at = (word >> 32) * GRANULE) {
		if (STEP("check", "trim: list place") && (!is_place(at) || at >= piece->heap->top))
			return TWZ_E_DAMAGED;
		word = *(uint64_t *)head_of(piece->base + at);
		if (STEP("check", "trim: list block") && !is_free_word(word, size_class))
			return TWZ_E_DAMAGED;
		if (STEP("check", "trim: list ends") && !piece->nfree--)
			return TWZ_E_DAMAGED;
		if (in_runs(piece, at)) {
			gap = true;
			continue;
		}
		if (!last)
			*first = at;
		else if (gap)
			set(e, last, free_word((uint16_t)*last, size_class, at));
		last = (uint64_t *)head_of(piece->base + at);
		gap = false;
	}
	if (last && gap)
		set(e, last, free_word((uint16_t)*last, size_class, 0));
	return 0;
}

/* Cuts a run into blocks, which go to the front of their lists. */
static void cut_run(struct edit *e, const struct piece *piece, struct run run, uint64_t *first)
{
	uint64_t at = run.start * (uint64_t)GRANULE, end = run.end * (uint64_t)GRANULE;

	while (at < end) {
		unsigned size_class = class_within(end - at);

		set(e, head_at(piece, at),
		    free_word(TWZ_BLOCK_FREE, size_class, first[size_class]));
		first[size_class] = at + HEAD;
		at += block_bytes(size_class);
	}
}

/* Takes the runs' blocks out of all lists; their memory becomes other blocks, or is cut off the top. */
static int remake(struct edit *e, struct piece *piece, bool sink)
{
	uint64_t first[TWZ_HEAP_CLASSES];
	int error = 0;

	for (unsigned i = 0; i < TWZ_HEAP_CLASSES && !error; i++)
		error = unlink_class(e, piece, i, &first[i]);
	if (error)
		return error;
	for (unsigned i = 0; i < piece->nruns && !sink; i++)
		cut_run(e, piece, piece->run[i], first);
	for (unsigned i = 0; i < TWZ_HEAP_CLASSES; i++)
		if (first[i] != piece->heap->free[i])
			set(e, &piece->heap->free[i], first[i]);
	if (sink)
		set(e, &piece->heap->top, piece->run[0].start * (uint64_t)GRANULE);
	return 0;
}

/* ---- the passes: each does one piece, with the object locked ----------------------------------- */

static int merge(struct edit *e, struct piece *piece)
{
	int error = look_runs(piece);

	return error || !piece->nruns ? error : remake(e, piece, false);
}

static int sink(struct edit *e, struct piece *piece)
{
	int error = look_last(piece);

	return error || !piece->nruns ? error : remake(e, piece, true);
}

/* Gives back what lies behind the top: nobody cuts a block off there meanwhile. */
static int clear(struct edit *e, struct piece *piece)
{
	uint64_t from = (piece->heap->top + TWZ_PAGE - 1) / TWZ_PAGE * TWZ_PAGE;
	uint64_t end = piece->heap->end / TWZ_PAGE * TWZ_PAGE;

	(void)e; /* locked, and that is all */
	return from < end ? tx_env.drop(piece->base + from, end - from) : 0;
}

/* Gives back the whole pages of large free blocks. */
static int bare(struct edit *e, struct piece *piece)
{
	uint64_t top = piece->heap->top, at = piece->heap->start, bytes, first, end;
	unsigned n = 0;
	bool free;

	for (; at < top && n < BARE_BLOCKS; at += bytes) {
		uint64_t word = *head_at(piece, at);
		int error;

		bytes = block_at(piece, at, &free);
		if (!bytes)
			return TWZ_E_DAMAGED;
		first = (at + HEAD + TWZ_PAGE - 1) / TWZ_PAGE * TWZ_PAGE;
		end = (at + bytes) / TWZ_PAGE * TWZ_PAGE;
		if (at < piece->at || !free || (uint16_t)word == TWZ_BLOCK_BARE ||
		    end < first + BARE_MIN)
			continue;
		error = tx_env.drop(piece->base + first, end - first);
		if (error)
			return error;
		set(e, head_at(piece, at),
		    free_word(TWZ_BLOCK_BARE, (uint32_t)word >> 16, (word >> 32) * GRANULE));
		n++;
	}
	piece->next = at;
	piece->more = at < top;
	return 0;
}

static int in_pieces(void *obj, int (*pass)(struct edit *e, struct piece *piece))
{
	struct piece piece = {.base = obj_base(obj)};
	struct edit e;
	int error;

	do {
		error = edit_begin(&e, NULL, piece.base);
		if (error)
			return error;
		piece.heap = heap_of(piece.base);
		piece.at = piece.next;
		piece.blocks = piece.nfree = piece.nruns = 0;
		piece.more = false;
		if (!piece.heap || !heap_bounds_ok(piece.base, piece.heap))
			error = TWZ_E_DAMAGED;
		else
			error = pass(&e, &piece);
		error = edit_end(&e, NULL, error);
	} while (!error && piece.more);
	return error;
}

int heap_trim(void *obj)
{
	int error = in_pieces(obj, merge);

	if (!error)
		error = in_pieces(obj, sink);
	if (!error)
		error = in_pieces(obj, clear);
	return error ? error : in_pieces(obj, bare);
}
