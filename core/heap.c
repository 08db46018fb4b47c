/*
 * heap.c - allocation inside an object (heap.h, docs/format/heap.md).
 *
 * A block comes from the list of its class or from the top; either way three words change: that
 * list or the top, the block's head, the owner.
 */
#include "core/edit.h"
#include "core/heap.h"
#include "core/ptr.h"
#include "core/sum.h"

/* The functions below are expanded twice, for use with a transaction and without. */
#define INLINE static inline __attribute__((always_inline))

#define GRANULE 16u
#define HEAD sizeof(struct twz_block_head)
#define BYTES_MAX (TWZ_SLOT_SIZE - TWZ_OBJ_DATA)

/* ---- size classes: 1 to 4 granules, then four for each power of two --------------------------- */

static unsigned class_of(uint64_t bytes)
{
	uint64_t last = (bytes - 1) / GRANULE; /* granules - 1 */
	unsigned k;

	if (last < 4)
		return (unsigned)last;
	k = 61 - (unsigned)__builtin_clzll(last);
	return 4 * k + (unsigned)(last >> k); /* 4 + 4 k + (last >> k) - 4 */
}

static uint64_t class_bytes(unsigned size_class)
{
	unsigned k = size_class / 4;

	if (!k)
		return (uint64_t)(size_class + 1) * GRANULE;
	return (uint64_t)(size_class % 4 + 5) << (k - 1) << 4;
}

static struct twz_block_head *head_of(const void *payload)
{
	return (struct twz_block_head *)payload - 1;
}

uint64_t heap_size(const void *payload)
{
	uint32_t size_class = head_of(payload)->size_class;

	return size_class < TWZ_HEAP_CLASSES ? class_bytes(size_class) : 0;
}

/* The head's first word: a free one's also has the next free payload / 16 in its upper half. */
static uint64_t head_word(uint32_t magic, uint32_t size_class)
{
	return magic | size_class << 16;
}

/* ---- looking at a heap that anyone may have written to ---------------------------------------- */

/* The heap of the object at base, or null if there is none that makes sense. */
static inline struct twz_heap *heap_of(const uint8_t *base)
{
	uint64_t off = ((const struct twz_meta *)(base + TWZ_OBJ_META))->heap;
	struct twz_heap *heap = (struct twz_heap *)(base + off);

	if (STEP("check", "heap: place") &&
	    (off - TWZ_OBJ_DATA >= BYTES_MAX - sizeof(*heap) || off % GRANULE))
		return NULL;
	if (STEP("check", "heap: magic") && (heap->magic != TWZ_HEAP_MAGIC || heap->version != 1))
		return NULL;
	return heap;
}

/* Can a block's payload begin at this offset? Its head can be read then, and its start stored. */
static bool is_place(uint64_t payload)
{
	return payload - (TWZ_OBJ_DATA + HEAD) < BYTES_MAX - HEAD && payload % GRANULE == 0;
}

/* ---- allocation ------------------------------------------------------------------------------ */

/* A block that can be had: where from, and what that word becomes. */
struct block {
	uint64_t payload; /* 0: none */
	uint64_t *from;
	uint64_t rest;
	unsigned size_class;
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
	if (STEP("check", "heap: free block") &&
	    (uint32_t)word != head_word(TWZ_BLOCK_FREE, size_class))
		return TWZ_E_DAMAGED;
	/*
	 * Freed in this very transaction: its content has an owner until the commit. Or allocated in it
	 * before: what was staged in it then would be stored over the content that it gets now.
	 */
	if (STEP("check", "heap: freed here") && tx && twz_tx_read(tx, head, sizeof(*head)) != head)
		return 0;
	*block = (struct block){payload, &heap->free[size_class], (word >> 32) * GRANULE,
				size_class};
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
		*block = (struct block){top + HEAD, &heap->top, next, size_class};
	return 0;
}

/* Nothing is left to cut from: a larger free block. */
static __attribute__((noinline)) int look_larger(const struct twz_tx *tx, struct twz_heap *heap,
						 unsigned size_class, struct block *block)
{
	int error = 0;

	while (!error && !block->payload && ++size_class < TWZ_HEAP_CLASSES)
		error = look_free(tx, obj_base(heap), heap, size_class, block);
	return error || block->payload ? error : TWZ_E_HEAPFULL;
}

/* The owner is a word that a transaction can set. */
static bool is_owner(const uint8_t *base, const uint64_t *owner)
{
	return (uintptr_t)owner % sizeof(*owner) == 0 &&
	       (const uint8_t *)owner - base >= (ptrdiff_t)TWZ_OBJ_FOT;
}

INLINE int alloc(struct edit *e, struct twz_tx *tx, uint64_t bytes, uint64_t *owner, void **out)
{
	struct twz_heap *heap = heap_of(e->part.base);
	struct block block;
	unsigned size_class = class_of(bytes);
	uint8_t *p;
	int error;

	if (!heap)
		return TWZ_E_DAMAGED;
	block.payload = 0;
	error = look_free(tx, e->part.base, heap, size_class, &block);
	if (!error && !block.payload)
		error = look_top(tx, heap, size_class, &block);
	if (!error && !block.payload)
		error = look_larger(tx, heap, size_class, &block);
	if (error)
		return error;

	/* Its pages are made now, not when it is filled. */
	p = e->part.base + block.payload;
	if ((block.payload - HEAD) / TWZ_PAGE != (block.payload + bytes - 1) / TWZ_PAGE)
		error = tx_env.touch(p - HEAD, HEAD + bytes);
	if (error)
		return error;
	edit_set(e, tx, block.from, block.rest);
	edit_set(e, tx, (uint64_t *)head_of(p), head_word(TWZ_BLOCK_USED, block.size_class));
	edit_set(e, tx, owner, block.payload);
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
		return TWZ_E_DAMAGED;
	if (STEP("check", "heap: freed pointer") && !is_place(payload))
		return TWZ_E_ARG;
	head = (uint64_t *)head_of(e->part.base + payload);
	word = edit_get(tx, head);
	size_class = (uint32_t)word >> 16;
	if (STEP("check", "heap: freed block") &&
	    ((uint16_t)word != TWZ_BLOCK_USED || size_class >= TWZ_HEAP_CLASSES))
		return TWZ_E_ARG;
	list = &heap->free[size_class];
	edit_set(e, tx, head,
		 head_word(TWZ_BLOCK_FREE, size_class) | edit_get(tx, list) / GRANULE << 32);
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
	if (!heap || heap->start < *where + sizeof(*heap) || heap->start % GRANULE ||
	    heap->top < heap->start || heap->top > heap->end || heap->end > TWZ_SLOT_SIZE)
		return TWZ_E_DAMAGED;
	for (uint64_t at = heap->start; at < heap->top; at += bytes) {
		head = (const struct twz_block_head *)(base + at);
		*where = at;
		if ((head->magic != TWZ_BLOCK_USED && head->magic != TWZ_BLOCK_FREE) ||
		    head->size_class >= TWZ_HEAP_CLASSES)
			return TWZ_E_DAMAGED;
		bytes = HEAD + class_bytes(head->size_class);
		if (heap->top - at < bytes)
			return TWZ_E_DAMAGED;
		contents->nfree += head->magic == TWZ_BLOCK_FREE;
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
			if (head->magic != TWZ_BLOCK_FREE || head->size_class != i ||
			    !contents.nfree--)
				return TWZ_E_DAMAGED;
		}
	return error || !contents.nfree ? error : TWZ_E_DAMAGED;
}
