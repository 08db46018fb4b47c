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

/* frame.c */

enum frame_kind { FRAME_DATA, FRAME_META };

/* Is the frame in use, for this? */
bool frame_is(const struct store *s, uint64_t frame, enum frame_kind kind);

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
int index_reserve(struct store *s, struct twz_index *index);
int index_add(struct store *s, struct twz_index *index, uint64_t tag, uint64_t ref);
int index_remove(struct store *s, struct twz_index *index, uint64_t tag, uint64_t ref);
const struct twz_bucket *index_bucket(const struct store *s, const struct twz_index *index,
				      uint64_t bucket);
uint64_t index_home(uint64_t tag); /* slot in its page where probing for the tag starts */
uint64_t index_bucket_of(const struct twz_index *index, uint64_t tag);

/* record.c */

/* The record, or null if the reference leads to none. */
struct twz_record *record_at(const struct store *s, uint64_t ref);
uint64_t record_sum(const struct twz_record *rec);

/* Takes a free record; fills a new slab frame if there is none (plain stores, flushed). */
int record_take(struct store *s, uint64_t *ref);
int record_give(struct store *s, uint64_t ref);

/* Writes all words of a record, sum included. */
void record_put(struct store *s, uint64_t ref, const struct twz_record *content);

int list_add(struct store *s, struct twz_list *list, uint64_t ref);
int list_remove(struct store *s, struct twz_list *list, uint64_t ref);

/* store.c */

uint64_t super_sum(const struct twz_super *super);

/* A super field, summed. */
#define SUPER_PUT(s, field, value) UPDATE_PUT(&(s)->update, (s)->super, field, value)
#define SUPER_GET(s, field) UPDATE_GET(&(s)->update, (s)->super->field)

#endif
