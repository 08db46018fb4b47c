/* heap.c - allocation inside an object (heap.h, docs/format/heap.md). */
#include "core/heap.h"
#include "core/pmem.h"
#include "core/ptr.h"
#include "core/sum.h"

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

/* ---- looking at a heap that anyone may have written to ---------------------------------------- */

/* The object's heap, or null if there is none that makes sense. */
static struct twz_heap *heap_of(const void *addr)
{
	uint64_t off = obj_meta(addr)->heap;
	struct twz_heap *heap = (struct twz_heap *)(obj_base(addr) + off);

	if (off - TWZ_OBJ_DATA >= BYTES_MAX - sizeof(*heap) || off % GRANULE)
		return NULL;
	if (STEP("check", "heap: magic") && heap->magic != TWZ_HEAP_MAGIC)
		return NULL;
	if (heap->version != 1 || heap->end > TWZ_SLOT_SIZE || heap->start % GRANULE ||
	    heap->start < off + sizeof(*heap))
		return NULL;
	return heap;
}

static uint64_t read_word(const struct twz_tx *tx, const uint64_t *word)
{
	return tx ? *(const uint64_t *)twz_tx_read(tx, word, sizeof(*word)) : *word;
}

/* Is there a block whose payload begins at this offset? */
static bool is_block(const struct twz_tx *tx, const struct twz_heap *heap, uint64_t payload)
{
	return payload % GRANULE == 0 && payload >= heap->start + HEAD &&
	       payload < read_word(tx, &heap->top);
}

/* ---- allocation ------------------------------------------------------------------------------ */

/* Takes the first free block of the class; 0 if there is none, ~0 if the list is damaged. */
static uint64_t take_free(struct twz_tx *tx, struct twz_heap *heap, unsigned size_class)
{
	uint64_t payload = read_word(tx, &heap->free[size_class]);
	struct twz_block_head *head, *staged;

	if (!payload)
		return 0;
	head = head_of(obj_base(heap) + payload);
	if (STEP("check", "heap: free list") && !is_block(tx, heap, payload))
		return ~0ull;
	staged = twz_tx_write(tx, head, sizeof(*head));
	if (!staged)
		return ~0ull;
	if (STEP("check", "heap: free block") &&
	    (staged->magic != TWZ_BLOCK_FREE || staged->size_class != size_class))
		return ~0ull;
	/* Freed in this very transaction: its content has an owner until the commit. */
	if (head->magic != TWZ_BLOCK_FREE)
		return 0;
	twz_tx_set(tx, &heap->free[size_class], staged->next);
	pmem_store64((uint64_t *)staged, TWZ_BLOCK_USED | (uint64_t)size_class << 32);
	pmem_store64(&staged->next, 0);
	return payload;
}

/* Cuts a new block off the rest; 0 if it does not fit. */
static uint64_t cut(struct twz_tx *tx, struct twz_heap *heap, unsigned size_class)
{
	uint64_t top = read_word(tx, &heap->top), next = top + HEAD + class_bytes(size_class);
	struct twz_block_head *staged;

	if (STEP("check", "heap: top") && (top < heap->start || top % GRANULE || next > heap->end))
		return 0;
	staged = twz_tx_write(tx, obj_base(heap) + top, HEAD);
	if (!staged)
		return 0;
	twz_tx_set(tx, &heap->top, next);
	pmem_store64((uint64_t *)staged, TWZ_BLOCK_USED | (uint64_t)size_class << 32);
	pmem_store64(&staged->next, 0);
	return top + HEAD;
}

static int alloc(struct twz_tx *tx, uint64_t bytes, uint64_t *owner, void **out)
{
	struct twz_heap *heap = heap_of(owner);
	unsigned size_class;
	uint64_t payload;
	uint8_t *p;

	if (!heap)
		return TWZ_E_DAMAGED;
	if (bytes - 1 >= BYTES_MAX)
		return TWZ_E_ARG;
	size_class = class_of(bytes);
	payload = take_free(tx, heap, size_class);
	if (!payload)
		payload = cut(tx, heap, size_class);
	/* Nothing is left to cut from: a larger free block. */
	while (!payload && !tx->error && ++size_class < TWZ_HEAP_CLASSES)
		payload = take_free(tx, heap, size_class);
	if (tx->error)
		return tx->error;
	if (!payload || payload == ~0ull)
		return payload ? TWZ_E_DAMAGED : TWZ_E_HEAPFULL;
	p = obj_base(heap) + payload;
	*out = p;
	twz_tx_set(tx, owner, payload);
	/* The head's page is there; the others are made now, not when the block is filled. */
	if ((uintptr_t)(p - 1) / TWZ_PAGE == (uintptr_t)(p + bytes - 1) / TWZ_PAGE)
		return tx->error;
	return tx->error ? tx->error : tx_env.touch(p, bytes);
}

/* What failed inside a transaction fails it; one of our own ends here. */
static int end(struct twz_tx *own, struct twz_tx *tx, int error)
{
	if (tx != own)
		return error;
	if (!error)
		return twz_tx_commit(own);
	twz_tx_abort(own);
	return error;
}

int heap_alloc(struct twz_tx *tx, uint64_t bytes, uint64_t *owner, void **out)
{
	struct twz_tx own;

	if (!tx) {
		tx = &own;
		twz_tx_begin(tx);
	}
	return end(&own, tx, alloc(tx, bytes, owner, out));
}

static int give(struct twz_tx *tx, uint64_t *owner)
{
	struct twz_heap *heap = heap_of(owner);
	uint64_t payload = read_word(tx, owner), *list;
	struct twz_block_head *staged;

	if (!heap)
		return TWZ_E_DAMAGED;
	if (STEP("check", "heap: freed pointer") && !is_block(tx, heap, payload))
		return TWZ_E_ARG;
	staged = twz_tx_write(tx, head_of(obj_base(heap) + payload), HEAD);
	if (!staged)
		return tx->error;
	if (STEP("check", "heap: freed block") &&
	    (staged->magic != TWZ_BLOCK_USED || staged->size_class >= TWZ_HEAP_CLASSES))
		return TWZ_E_ARG;
	list = &heap->free[staged->size_class];
	pmem_store64(&staged->next, read_word(tx, list));
	pmem_store64((uint64_t *)staged, TWZ_BLOCK_FREE | (uint64_t)staged->size_class << 32);
	twz_tx_set(tx, list, payload);
	return twz_tx_set(tx, owner, 0);
}

int heap_free(struct twz_tx *tx, uint64_t *owner)
{
	struct twz_tx own;

	if (!tx) {
		tx = &own;
		twz_tx_begin(tx);
	}
	return end(&own, tx, give(tx, owner));
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

int heap_check(const void *obj, uint64_t *where)
{
	const struct twz_heap *heap = heap_of(obj);
	const uint8_t *base = obj_base(obj);
	const struct twz_block_head *head;
	uint64_t nfree = 0, at;

	*where = obj_meta(obj)->heap;
	if (!heap || heap->top < heap->start || heap->top > heap->end)
		return TWZ_E_DAMAGED;
	for (at = heap->start; at < heap->top; at += HEAD + class_bytes(head->size_class)) {
		head = (const struct twz_block_head *)(base + at);
		*where = at;
		if ((head->magic != TWZ_BLOCK_USED && head->magic != TWZ_BLOCK_FREE) ||
		    head->size_class >= TWZ_HEAP_CLASSES ||
		    heap->top - at < HEAD + class_bytes(head->size_class))
			return TWZ_E_DAMAGED;
		nfree += head->magic == TWZ_BLOCK_FREE;
	}
	/* Each list holds free blocks of its class; all lists together, each free block once. */
	for (unsigned i = 0; i < TWZ_HEAP_CLASSES; i++)
		for (at = heap->free[i]; at; at = head->next) {
			head = head_of(base + at);
			*where = at;
			if (!is_block(NULL, heap, at) || head->magic != TWZ_BLOCK_FREE ||
			    head->size_class != i || !nfree--)
				return TWZ_E_DAMAGED;
		}
	return nfree ? TWZ_E_DAMAGED : 0;
}
