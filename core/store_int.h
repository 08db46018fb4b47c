/*
 * store_int.h - what the files of the store share: frames, trees, indices, records, lists.
 *
 * Functions that change something stage it in s->update; whoever called them ends the update with
 * update_end, which commits or, after an error, abandons. Outside of those nothing is staged.
 */
#ifndef TWZ_CORE_STORE_INT_H
#define TWZ_CORE_STORE_INT_H

#include "core/pmem.h"
#include "core/store.h"

static inline void *frame_at(const struct store *s, uint64_t frame)
{
	return s->base + (frame << TWZ_PAGE_SHIFT);
}

static inline struct twz_block *block_of(const struct store *s, uint64_t frame)
{
	return (struct twz_block *)frame_at(s, s->fixed->block.frame) + frame / TWZ_BLOCK_FRAMES;
}

static inline int8_t *share_of(const struct store *s, uint64_t frame)
{
	return (int8_t *)frame_at(s, s->fixed->share.frame) + frame;
}

static inline bool id_equal(struct twz_id a, struct twz_id b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

static inline bool id_none(struct twz_id id)
{
	return !(id.lo | id.hi);
}

/* frame.c */

enum frame_kind { FRAME_DATA, FRAME_META };

/* The same by the words of its block that hold its bits. */
static inline bool frame_bits(uint64_t used, uint64_t meta, uint64_t frame, enum frame_kind kind)
{
	return used >> frame % 64 & 1 && (meta >> frame % 64 & 1) == (kind == FRAME_META);
}
bool frame_is_staged(const struct store *s, uint64_t frame, enum frame_kind kind);

/* Is the frame in use, for this? Inline: whatever is followed in the image asks, many times. */
static inline bool frame_is(const struct store *s, uint64_t frame, enum frame_kind kind)
{
	const struct twz_block *block;
	unsigned word = frame % TWZ_BLOCK_FRAMES / 64;

	if (frame >= s->nframes)
		return false;
	if (__builtin_expect(s->update.frames, 0))
		return frame_is_staged(s, frame, kind);
	block = block_of(s, frame);
	return frame_bits(block->used[word], block->meta[word], frame, kind);
}

/*
 * Takes 1 to `want` consecutive free frames, beginning at `near` if that is free (0: anywhere).
 * Their content is undefined. TWZ_E_FULL.
 */
int frame_take(struct store *s, enum frame_kind kind, uint64_t want, uint64_t near, uint32_t *frame,
	       uint64_t *got);

/* Gives up one holding of each of the frames; those without another holder become free. */
int frame_give(struct store *s, enum frame_kind kind, uint64_t frame, uint64_t n);

/* The frame's holders beyond the first. */
unsigned frame_shared(const struct store *s, uint64_t frame);

/* Adds a holder to every frame of the block that begins here; false if some have too many. */
bool frame_share_block(struct store *s, uint64_t frame);

/* Adds a holder to the frame; false if it has too many already. */
bool frame_share(struct store *s, uint64_t frame);

/* tree.c: a record's pages. `rec` lies in the image: a slab's or an internal one. */

int tree_run(const struct store *s, const struct twz_record *rec, uint64_t page, uint64_t max,
	     struct store_run *run);

/* The frame of a page of a tree of the store's own; 0 for a hole and for what is damaged. */
uint64_t tree_frame(const struct store *s, const struct twz_record *rec, uint64_t page);

/* Commits updates until no node on the way to the page is shared with another tree. */
int tree_unshare(struct store *s, struct twz_record *rec, uint64_t page);

/* The sum of a node, all but the word with the references. */
uint64_t node_sum(const struct twz_node *node);

/*
 * Within one update, pages of one node of 512, whose path is unshared: frames for the holes, copies
 * of the shared ones. Data frames are zeroed and flushed; meta frames (of internal trees) are the
 * caller's to fill. TWZ_E_RIGHT where a limit forbids to write.
 */
int tree_make(struct store *s, struct twz_record *rec, uint64_t page, uint64_t pages);

/* Page `page` gets this frame (already taken, or shared); it was a hole or the caller gave it up. */
int tree_set(struct store *s, struct twz_record *rec, uint64_t page, uint32_t frame);

/*
 * Within one update, pages of one node of 512, whose path is unshared: they and holes among them can
 * have none of these rights (not 0). Gives a small object the tree form.
 */
int tree_limit(struct store *s, struct twz_record *rec, uint64_t page, uint64_t pages,
	       uint32_t limit);

/*
 * One bounded step of freeing pages [page, end): stages it; *next is where to go on, `end` when
 * nothing is left. The path to `page` is unshared, or the whole tree goes (page 0, end ~0), for
 * which no free frame is needed; then the last step leaves an empty map.
 */
int tree_free_step(struct store *s, struct twz_record *rec, uint64_t page, uint64_t end,
		   uint64_t *next);

/* Stages one step of sharing src's pages with dst; *done counts the pages that it did. */
int tree_share_step(struct store *s, struct twz_record *dst, uint64_t dst_page,
		    const struct twz_record *src, uint64_t src_page, uint64_t pages,
		    uint64_t *done);

/* Pages that a tree of this height can hold. */
static inline uint64_t tree_span(unsigned level)
{
	return (uint64_t)1 << 9 * level;
}

/* The node, or null if that is no node of this level. */
struct twz_node *node_at(const struct store *s, uint64_t frame, unsigned level);

/* Run encoding of small objects. */
static inline uint64_t run_make(uint64_t page, uint64_t frame, uint64_t pages)
{
	return page | frame << 28 | (pages - 1) << 60;
}
static inline uint64_t run_page(uint64_t run)
{
	return run & ((1ull << 28) - 1);
}
static inline uint64_t run_frame(uint64_t run)
{
	return run >> 28 & 0xffffffff;
}
static inline uint64_t run_pages(uint64_t run)
{
	return run ? (run >> 60) + 1 : 0;
}

/* index.c */

uint64_t index_tag(const struct store *s, struct twz_id key);

/*
 * Next slot with this tag; *at 0 starts, and is kept between calls. The reference, 0 when there is
 * no further one, 1 (no reference) when the index is damaged.
 */
uint64_t index_next(const struct store *s, const struct twz_index *index, uint64_t tag,
		    uint64_t *at);

/* Makes room for one more slot if the index is due to grow: commits an update of its own. */
/* Walks all references, in no order: *cursor 0 starts. As store_next. */
int index_walk(const struct store *s, const struct twz_index *index, uint64_t *cursor,
	       uint64_t *ref);

int index_reserve(struct store *s, struct twz_index *index);
int index_add(struct store *s, struct twz_index *index, uint64_t tag, uint64_t ref);
int index_remove(struct store *s, struct twz_index *index, uint64_t tag, uint64_t ref);
const struct twz_bucket *index_bucket(const struct store *s, const struct twz_index *index,
				      uint64_t bucket);
uint64_t index_home(uint64_t tag); /* slot in its page where probing for the tag starts */
uint64_t index_bucket_of(const struct twz_index *index, uint64_t tag);

/* slab.c: places of equal small structures, the last word of each its sum. */

struct slab_type {
	uint32_t kind;   /* enum twz_slab_kind */
	uint16_t places; /* in a frame */
	uint16_t bytes;  /* of a place */
	uint16_t link;   /* offset in it of what links free places */
	uint16_t super;  /* offset of the struct twz_slab in the superblock */
};
static const struct slab_type slab_records = {
	TWZ_SLAB_RECORD, TWZ_SLAB_RECORDS, sizeof(struct twz_record),
	offsetof(struct twz_record, list_next), offsetof(struct twz_super, records)};
static const struct slab_type slab_accounts = {
	TWZ_SLAB_ACCOUNT, TWZ_SLAB_SMALL, sizeof(struct twz_account),
	offsetof(struct twz_account, reserved), offsetof(struct twz_super, accounts)};

static const struct slab_type slab_ties = {TWZ_SLAB_TIE, TWZ_SLAB_SMALL, sizeof(struct twz_tie),
					   offsetof(struct twz_tie, a_next),
					   offsetof(struct twz_super, ties)};

/* The place that the reference leads to, which is known to be one. */
static inline void *slab_place(const struct store *s, const struct slab_type *type, uint64_t ref)
{
	return (uint8_t *)frame_at(s, ref >> 6) + sizeof(struct twz_slab_head) +
	       (ref & 63) * type->bytes;
}

/* The same, or null if the reference leads to none of this type. */
static inline void *slab_at(const struct store *s, const struct slab_type *type, uint64_t ref)
{
	uint64_t frame = ref >> 6, slot = ref & 63;
	struct twz_slab_head *head;

	if (STEP("check", "slab: frame") &&
	    (slot >= type->places || !frame_is(s, frame, FRAME_META)))
		return NULL;
	head = frame_at(s, frame);
	if (STEP("check", "slab: kind") &&
	    (head->magic != TWZ_SLAB_MAGIC || head->kind != type->kind))
		return NULL;
	return slab_place(s, type, ref);
}

/* Takes a free place; fills a new frame if there is none. Who takes it writes all its words. */
int slab_take(struct store *s, const struct slab_type *type, uint64_t *ref, void **place);
void slab_give(struct store *s, const struct slab_type *type, uint64_t ref);

/* Stages the words of the place that are not as they are to be. */
void place_put(struct store *s, void *place, const void *content, uint64_t bytes);

/* record.c */

/* The record, or null if the reference leads to none. */
struct twz_record *record_at(const struct store *s, uint64_t ref);
uint64_t record_sum(const struct twz_record *rec);

int record_take(struct store *s, uint64_t *ref, struct twz_record **rec);

/* Writes all words of a record, with the sum. */
void record_put(struct store *s, struct twz_record *rec, struct twz_record *content);

int list_add(struct store *s, struct twz_list *list, uint64_t ref);
int list_remove(struct store *s, struct twz_list *list, uint64_t ref);

/* What sums up a record's pages and ties out, as an account counts them. */
static inline uint64_t record_charge(uint32_t npages, uint32_t nties)
{
	return npages + ((uint64_t)nties + TWZ_TIES_CHARGED - 1) / TWZ_TIES_CHARGED;
}

/* tie.c */

/* The tie, or null if the reference leads to none. */
struct twz_tie *tie_at(const struct store *s, uint64_t ref);
uint64_t tie_sum(const struct twz_tie *tie);
uint64_t tie_tag(const struct store *s, uint64_t a, uint64_t b);

/* Can the one be tied to the other, so? The errors of store_tie, but for those of want of room. */
int tie_check(const struct store *s, const struct twz_record *a, const struct twz_record *b,
	      uint32_t flags);

/* Can it be kept? TWZ_E_ARG if it would last and is tied to one that ends, unasked. */
int tie_check_keep(const struct store *s, uint64_t ref);

/* Makes room for one more in the index, in an update of its own if it is due to grow. */
int tie_reserve(struct store *s);

/* An end of a tie: a record and the reference to it. */
struct tie_end {
	uint64_t ref;
	struct twz_record *rec;
};

/* Stages a tie that is not there. */
int tie_add(struct store *s, struct tie_end a, struct tie_end b, uint32_t flags);

/* Stages that the tie, which is that of a to b, is cut. */
int tie_cut(struct store *s, uint64_t at, struct twz_record *a, struct twz_record *b);

/* lifetime.c */

/* Is it found, in this epoch? */
bool record_alive(const struct store *s, const struct twz_record *rec);

/*
 * Is it there still? What an operation works on can go while it makes room: it was tied to something
 * that is dying.
 */
static inline int record_there(const struct twz_record *rec)
{
	return rec->state == TWZ_STATE_FREE || rec->state == TWZ_STATE_DYING ? TWZ_E_NOTFOUND : 0;
}

/* Is it one of the superblock's well-known objects? */
bool record_named(const struct store *s, const struct twz_record *rec);

/* The end of the epoch: stages that the list of what ends goes before the dying one. */
int lifetime_end_epoch(struct store *s);

/* Stages what becomes of an object whose last tie is staged to be cut, and that goes with it. */
int lifetime_untied(struct store *s, uint64_t ref);

/* One that is to go, or has ended and is still found by its ID, lasts again. In one update. */
int lifetime_revive(struct store *s, uint64_t ref);

/* account.c: a record's `account` is 0 for one that is not charged. */

/* Does this store have accounts? In one made before there were any, objects are not charged. */
bool account_known(const struct store *s);
struct twz_account *account_at(const struct store *s, uint64_t ref);
uint64_t account_sum(const struct twz_account *a);

/*
 * Has the key room for so many pages more? Its account is made if there is none; nothing else is staged
 * before. TWZ_E_LIMIT. *ref is the account, 0 in a store without them.
 */
int account_open(struct store *s, struct twz_id key, uint64_t pages, uint64_t *ref);

/* Stages that an account that was opened has one object more, with so many pages. */
void account_enter(struct store *s, uint64_t ref, uint64_t pages);

/* Stages that the object is gone, whose pages are; the account goes with the last, but for a limit. */
int account_leave(struct store *s, const struct twz_record *rec);

/* Can the charged object have so many more pages? TWZ_E_LIMIT. Before anything changes. */
int account_room(const struct store *s, const struct twz_record *rec, uint64_t more);

/* Pages of [page, end) that are present; what cannot be read has none. */
uint64_t account_present(const struct store *s, const struct twz_record *rec, uint64_t page,
			 uint64_t end);

/* Stages in its account what the update, which is about to end, changes in npages and nties. */
int account_charge_pages(struct store *s, const struct twz_record *rec);
static inline int account_charge(struct store *s, const struct twz_record *rec)
{
	return rec->account ? account_charge_pages(s, rec) : 0;
}

/* store.c */

/* Finds the record by its ID, also if it is not alive any more but not freed yet. As store_find. */
int record_find(struct store *s, struct twz_id id, uint64_t *ref);

/* lifetime.c */

/*
 * After an operation failed for want of room (TWZ_E_FULL, TWZ_E_LIMIT), or met what is still to be
 * freed (TWZ_E_BUSY): frees something of what is dying. False: there was nothing, the error holds.
 */
bool store_make_room(struct store *s, int error);

uint64_t super_sum(const struct twz_super *super);

/* Before pages of the object change: see struct store. */
static inline int recall(struct store *s, uint64_t ref, uint32_t kinds)
{
	return s->recall ? s->recall(ref, kinds) : 0;
}

/* A super field, summed. */
#define SUPER_PUT(s, field, value) UPDATE_PUT(&(s)->update, (s)->super, field, value)
#define SUPER_GET(s, field) UPDATE_GET(&(s)->update, (s)->super->field)

#endif
