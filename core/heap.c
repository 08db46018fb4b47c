/*
 * heap.c - allocation inside an object (heap.h, docs/format/heap.md).
 *
 * A block comes from the list of its class or from the top; either way three words change: that
 * list or the top, the block's head, the owner. If both have nothing it is cut off a larger free one.
 */
#include "core/heap_int.h"
#include "core/sum.h"

/* The functions below are expanded twice, for use with a transaction and without. */
#define INLINE static inline __attribute__((always_inline))

uint64_t heap_size(const void *payload)
{
	uint32_t size_class = head_of(payload)->size_class;

	return size_class < TWZ_HEAP_CLASSES ? class_bytes(size_class) : 0;
}

/* ---- allocation ------------------------------------------------------------------------------ */

/* A block that can be had: where from, and what that word becomes. */
struct block {
	uint64_t payload; /* 0: none */
	uint64_t *from;
	uint64_t rest;
	unsigned size_class;
	uint64_t more; /* bytes of free memory behind it, which become blocks of their own */
};

/* The first free block of the class. */
INLINE int look_free(const struct twz_tx *tx, const uint8_t *base, struct twz_heap *heap,
		     unsigned size_class, struct block *block)
{
	uint64_t payload = edit_get(tx, &heap->free[size_class]), word;
	const uint64_t *head = (const uint64_t *)head_of(base + payload);

	if (!payload)
		return 0;
	if (STEP("check", "heap: free list") && !is_place(payload))
		return TWZ_E_DAMAGED;
	word = edit_get(tx, head);
	if (STEP("check", "heap: free block") && !is_free_word(word, size_class))
		return TWZ_E_DAMAGED;
	/*
	 * Freed in this very transaction: its content has an owner until the commit. Or allocated in it
	 * before: what was staged in it then would be stored over the content that it gets now. One that
	 * was cut off in it is neither.
	 */
	if (STEP("check", "heap: freed here") && tx && (uint16_t)word != TWZ_BLOCK_CUT &&
	    twz_tx_read(tx, head, sizeof(*head)) != head)
		return 0;
	*block = (struct block){payload, &heap->free[size_class], (word >> 32) * GRANULE,
				size_class, 0};
	return 0;
}

/* A new block, cut off the rest. */
INLINE int look_top(const struct twz_tx *tx, struct twz_heap *heap, unsigned size_class,
		    struct block *block)
{
	uint64_t top = edit_get(tx, &heap->top), next = top + HEAD + class_bytes(size_class);

	if (STEP("check", "heap: top") &&
	    (top - TWZ_OBJ_DATA > BYTES_MAX || top % GRANULE || heap->end > TWZ_SLOT_SIZE))
		return TWZ_E_DAMAGED;
	if (next <= heap->end)
		*block = (struct block){top + HEAD, &heap->top, next, size_class, 0};
	return 0;
}

/* Nothing is left to cut from: a part of a larger free block. */
static __attribute__((noinline)) int look_larger(const struct twz_tx *tx, struct twz_heap *heap,
						 unsigned size_class, struct block *block)
{
	unsigned larger = size_class;
	int error = 0;

	while (!error && !block->payload && ++larger < TWZ_HEAP_CLASSES)
		error = look_free(tx, obj_base(heap), heap, larger, block);
	if (error || !block->payload)
		return error ? error : TWZ_E_HEAPFULL;
	if (STEP("check", "heap: larger block") &&
	    block->payload + class_bytes(larger) > edit_get(tx, &heap->top))
		return TWZ_E_DAMAGED;
	block->more = class_bytes(larger) - class_bytes(size_class);
	if (block->more < BLOCK_MIN)
		block->more = 0;
	else
		block->size_class = size_class;
	return 0;
}

/* The rest of a larger block becomes free blocks, each of another class, all of smaller ones. */
static __attribute__((noinline)) void cut_rest(struct edit *e, struct twz_tx *tx,
					       struct twz_heap *heap, const struct block *block)
{
	uint64_t at = block->payload + class_bytes(block->size_class), end = at + block->more;

	while (at < end) {
		unsigned size_class = class_within(end - at);
		uint64_t *list = &heap->free[size_class];

		edit_set(e, tx, (uint64_t *)(e->part.base + at),
			 free_word(TWZ_BLOCK_CUT, size_class, edit_get(tx, list)));
		edit_set(e, tx, list, at + HEAD);
		at += block_bytes(size_class);
	}
}

/* The owner is a word that a transaction can set. */
static bool is_owner(const uint8_t *base, const uint64_t *owner)
{
	return (uintptr_t)owner % sizeof(*owner) == 0 &&
	       (const uint8_t *)owner - base >= (ptrdiff_t)TWZ_OBJ_FOT;
}

/* It was made without one, or what says where it is makes no sense. */
static int no_heap(const uint8_t *base)
{
	return obj_meta(base)->heap ? TWZ_E_DAMAGED : TWZ_E_TYPE;
}

INLINE int alloc(struct edit *e, struct twz_tx *tx, uint64_t bytes, uint64_t *owner, void **out)
{
	struct twz_heap *heap = heap_of(e->part.base);
	struct block block;
	unsigned size_class = class_of(bytes);
	uint8_t *p;
	int error;

	if (!heap)
		return no_heap(e->part.base);
	block.payload = 0;
	error = look_free(tx, e->part.base, heap, size_class, &block);
	if (!error && !block.payload)
		error = look_top(tx, heap, size_class, &block);
	if (!error && !block.payload)
		error = look_larger(tx, heap, size_class, &block);
	if (error)
		return error;

	/* Its pages are made now, not when it is filled; to ask for those of a small one takes longer. */
	p = e->part.base + block.payload;
	if ((block.payload - HEAD) / TWZ_PAGE != (block.payload + bytes - 1) / TWZ_PAGE &&
	    (bytes > TWZ_PAGE || !probe_store(p - HEAD, HEAD + bytes)))
		error = tx_env.touch(p - HEAD, HEAD + bytes);
	if (error)
		return error;
	edit_set(e, tx, block.from, block.rest);
	edit_set(e, tx, (uint64_t *)head_of(p), head_word(TWZ_BLOCK_USED, block.size_class));
	edit_set(e, tx, owner, block.payload);
	if (__builtin_expect(block.more, 0))
		cut_rest(e, tx, heap, &block);
	*out = p;
	return 0;
}

INLINE int alloc_in(struct twz_tx *tx, uint8_t *base, uint64_t bytes, uint64_t *owner, void **out)
{
	struct edit e;
	int error = edit_begin(&e, tx, base);

	return error ? error : edit_end(&e, tx, alloc(&e, tx, bytes, owner, out));
}

static __attribute__((noinline)) int alloc_tx(struct twz_tx *tx, uint8_t *base, uint64_t bytes,
					      uint64_t *owner, void **out)
{
	return alloc_in(tx, base, bytes, owner, out);
}

int heap_alloc(struct twz_tx *tx, uint64_t bytes, uint64_t *owner, void **out)
{
	uint8_t *base = obj_base(owner);

	if (bytes - 1 >= BYTES_MAX || !is_owner(base, owner))
		return TWZ_E_ARG;
	return tx ? alloc_tx(tx, base, bytes, owner, out) : alloc_in(NULL, base, bytes, owner, out);
}

INLINE int give(struct edit *e, struct twz_tx *tx, uint64_t *owner)
{
	struct twz_heap *heap = heap_of(e->part.base);
	uint64_t payload = edit_get(tx, owner), word, *head, *list;
	uint32_t size_class;

	if (!heap)
		return no_heap(e->part.base);
	if (STEP("check", "heap: freed pointer") && !is_place(payload))
		return TWZ_E_ARG;
	head = (uint64_t *)head_of(e->part.base + payload);
	word = edit_get(tx, head);
	size_class = (uint32_t)word >> 16;
	if (STEP("check", "heap: freed block") &&
	    ((uint16_t)word != TWZ_BLOCK_USED || size_class >= TWZ_HEAP_CLASSES))
		return TWZ_E_ARG;
	list = &heap->free[size_class];
	edit_set(e, tx, head, free_word(TWZ_BLOCK_FREE, size_class, edit_get(tx, list)));
	edit_set(e, tx, list, payload);
	edit_set(e, tx, owner, 0);
	return 0;
}

INLINE int give_in(struct twz_tx *tx, uint8_t *base, uint64_t *owner)
{
	struct edit e;
	int error = edit_begin(&e, tx, base);

	return error ? error : edit_end(&e, tx, give(&e, tx, owner));
}

static __attribute__((noinline)) int give_tx(struct twz_tx *tx, uint8_t *base, uint64_t *owner)
{
	return give_in(tx, base, owner);
}

int heap_free(struct twz_tx *tx, uint64_t *owner)
{
	uint8_t *base = obj_base(owner);

	if (!is_owner(base, owner))
		return TWZ_E_ARG;
	return tx ? give_tx(tx, base, owner) : give_in(NULL, base, owner);
}

/* ---- making and checking ---------------------------------------------------------------------- */

/*
 * Where the header goes: 64 pages by 16 lines. With every heap at the same offset of its slot, 16
 * of them in turn cost three times as much (docs/format/heap.md).
 */
static uint64_t colour(struct twz_id id)
{
	uint64_t hash = twz_fold(id.lo ^ TWZ_SUM_A, id.hi ^ TWZ_SUM_B);

	return TWZ_OBJ_DATA + hash % 64 * TWZ_PAGE + (hash >> 6) % 16 * TWZ_LINE;
}

int heap_make(void *obj, struct twz_id id)
{
	uint64_t off = colour(id);
	struct twz_heap *heap = (struct twz_heap *)(obj_base(obj) + off);
	struct twz_heap fresh = {.magic = TWZ_HEAP_MAGIC,
				 .version = 1,
				 .start = off + sizeof(fresh),
				 .top = off + sizeof(fresh),
				 .end = TWZ_SLOT_SIZE};
	struct twz_meta *meta;
	struct twz_tx tx;
	int error;

	twz_tx_begin(&tx);
	meta = twz_tx_write(&tx, obj_meta(obj), offsetof(struct twz_meta, log));
	error = meta ? tx_env.touch(heap, sizeof(*heap)) : tx.error;
	if (!error && meta->heap)
		error = TWZ_E_EXISTS;
	if (error) {
		twz_tx_abort(&tx);
		return error;
	}
	pmem_copy(heap, &fresh, sizeof(fresh));
	twz_tx_fresh(&tx, heap, sizeof(fresh));
	pmem_store64(&meta->magic, TWZ_META_MAGIC);
	pmem_store64((uint64_t *)&meta->version, 1);
	pmem_store64(&meta->root, off);
	pmem_store64(&meta->heap, off);
	return twz_tx_commit(&tx);
}

/* What is in a heap from start to top. */
struct contents {
	uint64_t nfree; /* blocks */
	uint64_t used;  /* bytes of used ones, heads included */
};

/* H1 and H2. *where is the offset of what is wrong. */
static int walk_blocks(const void *obj, struct contents *contents, uint64_t *where)
{
	const uint8_t *base = obj_base(obj);
	const struct twz_heap *heap = heap_of(base);
	const struct twz_block_head *head;
	uint64_t bytes;

	*contents = (struct contents){0};
	*where = obj_meta(obj)->heap;
	if (!heap || !heap_bounds_ok(base, heap))
		return TWZ_E_DAMAGED;
	for (uint64_t at = heap->start; at < heap->top; at += bytes) {
		head = (const struct twz_block_head *)(base + at);
		*where = at;
		if ((head->magic != TWZ_BLOCK_USED && !is_free(head->magic)) ||
		    head->size_class >= TWZ_HEAP_CLASSES)
			return TWZ_E_DAMAGED;
		bytes = block_bytes(head->size_class);
		if (heap->top - at < bytes)
			return TWZ_E_DAMAGED;
		contents->nfree += head->magic != TWZ_BLOCK_USED;
		contents->used += head->magic == TWZ_BLOCK_USED ? bytes : 0;
	}
	return 0;
}

int heap_used(const void *obj, uint64_t *bytes)
{
	struct contents contents;
	int error = walk_blocks(obj, &contents, &(uint64_t){0});

	*bytes = contents.used;
	return error;
}

int heap_check(const void *obj, uint64_t *where)
{
	const uint8_t *base = obj_base(obj);
	const struct twz_heap *heap = heap_of(base);
	const struct twz_block_head *head;
	struct contents contents;
	int error = walk_blocks(obj, &contents, where);

	/* Each list holds free blocks of its class; all lists together, each free block once. */
	for (unsigned i = 0; i < TWZ_HEAP_CLASSES && !error; i++)
		for (uint64_t at = heap->free[i]; at; at = (uint64_t)head->next * GRANULE) {
			*where = at;
			if (!is_place(at) || at >= heap->top)
				return TWZ_E_DAMAGED;
			head = head_of(base + at);
			if (!is_free(head->magic) || head->size_class != i || !contents.nfree--)
				return TWZ_E_DAMAGED;
		}
	return error || !contents.nfree ? error : TWZ_E_DAMAGED;
}
