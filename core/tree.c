/*
 * tree.c - where an object's pages lie (store_int.h, docs/format/store.md).
 *
 * A small object's pages stand in its record as runs. Others have a tree of nodes, 512 entries each;
 * its lowest nodes (level 1) hold data frames. A node with refs > 1 belongs to several trees and
 * does not change: whoever wants to change it makes a copy of the node first, whose entries then
 * have one holder more (a count in the child node, or in the share byte of a data frame).
 */
#include "core/small.h"
#include "core/store_int.h"
#include "core/sum.h"

#define LEAF_PAGES 512u

static bool meta_tree(const struct twz_record *rec)
{
	return rec->state == TWZ_STATE_INTERNAL;
}

static enum frame_kind kind_of(const struct twz_record *rec)
{
	return meta_tree(rec) ? FRAME_META : FRAME_DATA;
}

static unsigned slot_of(uint64_t page, unsigned level)
{
	return page >> 9 * (level - 1) & (TWZ_NODE_FANOUT - 1);
}

static inline struct twz_node *node_get(const struct store *s, uint64_t frame, unsigned level)
{
	struct twz_node *node = frame_at(s, frame);

	if (STEP("check", "node: frame") && frame >= s->nframes)
		return NULL;
	if (STEP("check", "node: magic") && node->magic != TWZ_NODE_MAGIC)
		return NULL;
	if (STEP("check", "node: level") && node->level != level)
		return NULL;
	return node;
}

struct twz_node *node_at(const struct store *s, uint64_t frame, unsigned level)
{
	return node_get(s, frame, level);
}

uint64_t node_sum(const struct twz_node *node)
{
	const uint64_t *word = (const uint64_t *)node;
	const uint64_t *refs = (const uint64_t *)&node->refs;
	uint64_t sum = 0;

	for (unsigned i = 0; i < sizeof(*node) / 8; i++)
		if (&word[i] != refs && &word[i] != &node->sum)
			sum += twz_sum_at(i, word[i]);
	return sum;
}

/* Does something stand there? A hole's limit does too. */
static inline bool entry_there(const struct twz_node *node, unsigned i)
{
	return node->frame[i] || node->limit[i];
}

/* How many entries from i on, before `end`, are consecutive frames; eight at a time. */
static unsigned stretch(const struct twz_node *node, unsigned i, unsigned end)
{
	typedef uint64_t __attribute__((may_alias, aligned(4))) pair;
	const uint64_t two = 2ull << 32 | 2;
	const uint32_t *at = &node->frame[i], *last = &node->frame[end];
	uint32_t first = *at;
	uint64_t want = (uint64_t)(first + 1) << 32 | first;

	for (; at + 8 <= last; at += 8, want += 4 * two) {
		const pair *p = (const pair *)at;

		if ((p[0] ^ want) | (p[1] ^ (want + two)) | (p[2] ^ (want + 2 * two)) |
		    (p[3] ^ (want + 3 * two)))
			break;
	}
	while (at < last && *at == first + (uint32_t)(at - &node->frame[i]))
		at++;
	return (unsigned)(at - &node->frame[i]);
}

/* Looking up, in place. */

uint64_t tree_frame(const struct store *s, const struct twz_record *rec, uint64_t page)
{
	uint64_t frame = 0;

	if (rec->level > TWZ_LEVEL_MAX)
		return 0;
	for (int i = 0; !rec->level && i < TWZ_RUNS; i++) {
		uint64_t run = rec->map.run[i];

		if (page - run_page(run) < run_pages(run))
			frame = run_frame(run) + page - run_page(run);
	}
	if (rec->level && page < tree_span(rec->level))
		frame = rec->map.tree.root;
	for (unsigned level = rec->level; level && frame; level--) {
		const struct twz_node *node = node_at(s, frame, level);

		frame = node ? node->frame[slot_of(page, level)] : 0;
	}
	return STEP("check", "tree: frame") && !frame_is(s, frame, FRAME_META) ? 0 : frame;
}

static int run_in_record(const struct store *s, const struct twz_record *rec, uint64_t page,
			 uint64_t max, struct store_run *run)
{
	uint64_t next = page + max;

	for (int i = 0; i < TWZ_RUNS; i++) {
		uint64_t r = rec->map.run[i], first = run_page(r), n = run_pages(r);
		uint64_t frame;

		if (!r)
			continue;
		if (page < first && first < next)
			next = first;
		if (page < first || page >= first + n)
			continue;
		frame = run_frame(r) + (page - first);
		run->frame = (uint32_t)frame;
		run->shared = frame < s->nframes && frame_shared(s, frame);
		for (run->pages = 0; run->pages < max && page + run->pages < first + n;) {
			if (STEP("check", "run: frame") &&
			    !frame_is(s, frame + run->pages, kind_of(rec)))
				return TWZ_E_DAMAGED;
			if (!!frame_shared(s, frame + run->pages) != run->shared)
				break;
			run->pages++;
		}
		return 0;
	}
	run->pages = next - page;
	return 0;
}

int tree_run(const struct store *s, const struct twz_record *rec, uint64_t page, uint64_t max,
	     struct store_run *run)
{
	const struct twz_node *node;
	uint64_t frame, span;
	unsigned i;

	*run = (struct store_run){.page = page, .pages = max};
	if (rec->level == 0)
		return run_in_record(s, rec, page, max, run);
	if (rec->level > TWZ_LEVEL_MAX)
		return TWZ_E_DAMAGED;
	if (page >= tree_span(rec->level))
		return 0;
	frame = rec->map.tree.root;
	for (unsigned level = rec->level; level; level--) {
		node = node_at(s, frame, level);
		if (!node)
			return TWZ_E_DAMAGED;
		run->shared |= node->refs > 1;
		i = slot_of(page, level);
		frame = node->frame[i];
		if (frame)
			continue;
		/* A hole: to the next entry of this node, or another limit. */
		span = tree_span(level - 1);
		run->limit = node->limit[i];
		run->pages = span - page % span;
		while (++i < TWZ_NODE_FANOUT && !node->frame[i] && run->pages < max &&
		       node->limit[i] == run->limit)
			run->pages += span;
		if (run->pages > max)
			run->pages = max;
		run->shared = false;
		return 0;
	}
	if (STEP("check", "leaf: frame") && !frame_is(s, frame, kind_of(rec)))
		return TWZ_E_DAMAGED;
	run->frame = (uint32_t)frame;
	i = slot_of(page, 1);
	run->limit = node->limit[i];
	run->shared |= frame_shared(s, frame) > 0;
	for (run->pages = 1; run->pages < max && i + run->pages < TWZ_NODE_FANOUT; run->pages++) {
		uint64_t next = frame + run->pages;

		if (node->frame[i + run->pages] != next ||
		    node->limit[i + run->pages] != run->limit || !frame_is(s, next, kind_of(rec)) ||
		    (node->refs == 1 && !!frame_shared(s, next) != run->shared))
			break;
	}
	return 0;
}

/* Nodes. */

/* What a new node holds: entries from `first` on. */
struct content {
	const uint32_t *frame;
	unsigned first, n, present;
	uint32_t pages;
};
static const struct content nothing;

static int node_new(struct store *s, unsigned level, const struct content *c, uint32_t *frame)
{
	struct twz_node *node;
	uint64_t *word, got, sum;
	int error = frame_take(s, FRAME_META, 1, 0, frame, &got);

	if (error)
		return error;
	node = frame_at(s, *frame);
	word = (uint64_t *)node;
	pmem_zero(node, sizeof(*node));
	if (c->n)
		pmem_copy(&node->frame[c->first], c->frame, c->n * sizeof(c->frame[0]));
	pmem_store64(&word[0], TWZ_NODE_MAGIC | (uint64_t)level << 32 | (uint64_t)c->present << 48);
	pmem_store64(&word[1], 1);
	pmem_store64(&word[3], c->pages);
	sum = twz_sum_at(0, word[0]) + twz_sum_at(3, word[3]);
	for (uint64_t i = 8 + c->first / 2; i < 8 + (c->first + c->n + 1) / 2; i++)
		sum += twz_sum_at(i, word[i]);
	pmem_store64(&node->sum, sum);
	pmem_flush("node: new", node, sizeof(*node));
	return 0;
}

/* What goes takes its limit along. */
static void node_set(struct store *s, struct twz_node *node, unsigned i, uint32_t frame)
{
	uint32_t before = UPDATE_GET(&s->update, node->frame[i]);
	uint16_t present = UPDATE_GET(&s->update, node->npresent);
	bool limited = !(before && frame) && UPDATE_GET(&s->update, node->limit[i]);

	UPDATE_PUT(&s->update, node, frame[i], frame);
	if (!(before || limited) != !frame)
		UPDATE_PUT(&s->update, node, npresent, frame ? present + 1u : present - 1u);
	if (limited && !frame)
		UPDATE_PUT(&s->update, node, limit[i], 0);
}

/* Adds `delta` pages to the record and its nodes on the way to `page`, down to level `lowest`. */
static void account(struct store *s, struct twz_record *rec, uint64_t page, unsigned lowest,
		    uint32_t delta)
{
	uint32_t frame = UPDATE_GET(&s->update, rec->map.tree.root);

	for (unsigned level = UPDATE_GET(&s->update, rec->level); level >= lowest; level--) {
		struct twz_node *node = frame_at(s, frame);

		UPDATE_PUT(&s->update, node, pages, UPDATE_GET(&s->update, node->pages) + delta);
		frame = UPDATE_GET(&s->update, node->frame[slot_of(page, level)]);
	}
	UPDATE_PUT(&s->update, rec, npages, UPDATE_GET(&s->update, rec->npages) + delta);
}

/*
 * The node of `level` on the way to the page, in a tree whose path is unshared; missing nodes, and
 * a higher root, are made.
 */
static int node_make(struct store *s, struct twz_record *rec, uint64_t page, unsigned level,
		     struct twz_node **out)
{
	struct update *u = &s->update;
	unsigned top = UPDATE_GET(u, rec->level);
	struct twz_node *node;
	uint32_t frame;
	int error;

	while (!top || page >= tree_span(top) || top < level) {
		uint32_t root = top ? UPDATE_GET(u, rec->map.tree.root) : 0;

		if (top == TWZ_LEVEL_MAX)
			return TWZ_E_RANGE;
		top++;
		if (!root && (page >= tree_span(top) || top < level))
			continue; /* an empty map begins with the height that it needs */
		error = node_new(s, top, &nothing, &frame);
		if (error)
			return error;
		node = frame_at(s, frame);
		if (root) {
			node_set(s, node, 0, root);
			UPDATE_PUT(u, node, pages, UPDATE_GET(u, rec->npages));
		}
		UPDATE_PUT(u, rec, map.tree.root, frame);
		UPDATE_PUT(u, rec, level, top);
	}
	frame = UPDATE_GET(u, rec->map.tree.root);
	for (;; top--) {
		uint32_t child;

		node = node_at(s, frame, top);
		if (!node)
			return TWZ_E_DAMAGED;
		if (top == level)
			break;
		child = UPDATE_GET(u, node->frame[slot_of(page, top)]);
		if (!child) {
			error = node_new(s, top - 1, &nothing, &child);
			if (error)
				return error;
			node_set(s, node, slot_of(page, top), child);
		}
		frame = child;
	}
	*out = node;
	return 0;
}

/* One holder more for the frame: a data frame that has too many is copied instead. */
static int data_share(struct store *s, uint32_t *frame)
{
	uint64_t got;
	uint32_t copy;
	int error;

	if (frame_share(s, *frame))
		return 0;
	error = frame_take(s, FRAME_DATA, 1, 0, &copy, &got);
	if (error)
		return error;
	pmem_copy(frame_at(s, copy), frame_at(s, *frame), TWZ_PAGE);
	pmem_flush("share: page copied", frame_at(s, copy), TWZ_PAGE);
	*frame = copy;
	return 0;
}

/* The word with the references is no part of the sum: the upper half stays zero. */
static uint64_t *refs_of(struct store *s, struct twz_node *node)
{
	return update_word(&s->update, &node->refs);
}

/* The nodes get one holder more each; *present counts them, *pages what is below them. */
static int children_share(struct store *s, const uint32_t *frame, unsigned n, unsigned level,
			  unsigned *present, uint32_t *pages)
{
	const uint32_t *end = frame + n;
	unsigned nodes = 0;
	uint32_t below = 0;

	for (; frame < end; frame++) {
		struct twz_node *child;
		uint64_t *refs;

		if (!*frame)
			continue;
		child = node_get(s, *frame, level);
		if (!child)
			return TWZ_E_DAMAGED;
		refs = refs_of(s, child);
		if (++*refs > UINT32_MAX)
			return TWZ_E_LIMIT;
		nodes++;
		below += child->pages;
	}
	*present = nodes;
	*pages = below;
	return 0;
}

/* All entries of a leaf get one holder more: a block in order at once, others one by one. */
static int leaf_share(struct store *s, const struct twz_node *leaf, struct twz_node *copy)
{
	uint32_t first = leaf->frame[0];

	if (first && first % TWZ_BLOCK_FRAMES == 0 && first < s->nframes &&
	    stretch(leaf, 0, TWZ_NODE_FANOUT) == TWZ_NODE_FANOUT && frame_share_block(s, first))
		return 0;
	for (unsigned i = 0; i < TWZ_NODE_FANOUT; i++) {
		uint32_t frame = leaf->frame[i];
		int error;

		if (!frame)
			continue;
		if (STEP("check", "share: frame") && frame >= s->nframes)
			return TWZ_E_DAMAGED;
		error = data_share(s, &frame);
		if (error)
			return error;
		if (frame == leaf->frame[i])
			continue;
		node_set(s, copy, i, frame);
		s->moved = true;
	}
	return 0;
}

/* Stages the copy of a shared node, in the frame *frame. */
static int node_unshare(struct store *s, struct twz_node *node, unsigned level, uint32_t *frame)
{
	struct twz_node *copy;
	unsigned present;
	uint32_t pages;
	uint64_t got;
	int error = frame_take(s, FRAME_META, 1, 0, frame, &got);

	if (error)
		return error;
	copy = frame_at(s, *frame);
	pmem_copy(copy, node, sizeof(*node));
	pmem_store64((uint64_t *)&copy->refs, 1);
	pmem_flush("node: unshared", copy, sizeof(*copy));
	--*refs_of(s, node);
	if (level == 1)
		return leaf_share(s, node, copy);
	return children_share(s, node->frame, TWZ_NODE_FANOUT, level - 1, &present, &pages);
}

int tree_unshare(struct store *s, struct twz_record *rec, uint64_t page)
{
	struct twz_node *parent = NULL, *node;
	uint32_t frame = rec->map.tree.root, copy;
	int error;

	if (!rec->level || page >= tree_span(rec->level))
		return 0;
	for (unsigned level = rec->level; level && frame; level--) {
		node = node_at(s, frame, level);
		if (!node)
			return TWZ_E_DAMAGED;
		if (node->refs > 1) {
			error = node_unshare(s, node, level, &copy);
			if (!error && parent)
				UPDATE_PUT(&s->update, parent, frame[slot_of(page, level + 1)],
					   copy);
			else if (!error)
				UPDATE_PUT(&s->update, rec, map.tree.root, copy);
			error = update_end(&s->update, error);
			if (error)
				return error;
			node = frame_at(s, copy);
		}
		parent = node;
		frame = node->frame[slot_of(page, level)];
	}
	return 0;
}

/* The record gets a tree that holds these pages; none: an empty map, ready for node_make. */
static int small_to_tree(struct store *s, struct twz_record *rec, const struct small *small)
{
	struct twz_node *leaf;
	int error;

	for (int i = 0; i < TWZ_RUNS; i++)
		UPDATE_PUT(&s->update, rec, map.run[i], 0);
	UPDATE_PUT(&s->update, rec, npages, 0);
	for (unsigned i = 0; i < small->n; i++) {
		error = node_make(s, rec, small->page[i], 1, &leaf);
		if (error)
			return error;
		node_set(s, leaf, slot_of(small->page[i], 1), small->frame[i]);
		account(s, rec, small->page[i], 1, 1);
	}
	return 0;
}

/* Gives a small object the tree form. */
static int tree_form(struct store *s, struct twz_record *rec)
{
	struct small small;

	if (UPDATE_GET(&s->update, rec->level))
		return 0;
	small_load(&s->update, rec, &small);
	return small_to_tree(s, rec, &small);
}

int tree_set(struct store *s, struct twz_record *rec, uint64_t page, uint32_t frame)
{
	struct small small;
	struct twz_node *leaf;
	unsigned i;
	int error;

	if (!UPDATE_GET(&s->update, rec->level)) {
		small_load(&s->update, rec, &small);
		if (small_set(&small, page, frame) && small_store(s, rec, &small))
			return 0;
	}
	error = tree_form(s, rec);
	if (error)
		return error;
	error = node_make(s, rec, page, 1, &leaf);
	if (error)
		return error;
	i = slot_of(page, 1);
	if (!UPDATE_GET(&s->update, leaf->frame[i]) != !frame)
		account(s, rec, page, 1, frame ? 1 : -1u);
	node_set(s, leaf, i, frame);
	return 0;
}

/* The frame of a page, staged or in place; 0 for a hole. */
static int frame_of(struct store *s, const struct twz_record *rec, uint64_t page, uint32_t *frame)
{
	unsigned level = UPDATE_GET(&s->update, rec->level);

	if (!level) {
		struct small small;
		unsigned i;

		small_load(&s->update, rec, &small);
		i = small_find(&small, page);
		*frame = i < small.n && small.page[i] == page ? small.frame[i] : 0;
	} else {
		*frame = UPDATE_GET(&s->update, rec->map.tree.root);
		if (page >= tree_span(level))
			*frame = 0;
		for (; level && *frame; level--) {
			struct twz_node *node = node_at(s, *frame, level);

			if (!node)
				return TWZ_E_DAMAGED;
			*frame = UPDATE_GET(&s->update, node->frame[slot_of(page, level)]);
		}
	}
	return *frame && !frame_is(s, *frame, kind_of(rec)) ? TWZ_E_DAMAGED : 0;
}

/* Fills a fresh frame: with the content of the shared one, which is given up, or with zeros. */
static int page_fresh(struct store *s, const struct twz_record *rec, uint32_t frame, uint32_t old)
{
	if (!old) {
		pmem_zero(frame_at(s, frame), TWZ_PAGE);
		pmem_flush("page: zeroed", frame_at(s, frame), TWZ_PAGE);
		return 0;
	}
	pmem_copy(frame_at(s, frame), frame_at(s, old), TWZ_PAGE);
	pmem_flush("page: copied", frame_at(s, frame), TWZ_PAGE);
	return frame_give(s, kind_of(rec), old, 1);
}

/* Is the page to get a frame of its own? */
static bool page_lacks(struct store *s, uint32_t frame)
{
	return !frame || frame_shared(s, frame);
}

static int leaf_make(struct store *s, struct twz_record *rec, uint64_t page, uint64_t pages)
{
	struct twz_node *leaf;
	unsigned i = slot_of(page, 1), end = i + (unsigned)pages;
	uint64_t need = 0, got = 0, fresh = 0;
	uint32_t old, frame, added = 0;
	int error = node_make(s, rec, page, 1, &leaf);

	if (error)
		return error;
	for (unsigned k = i; k < end; k++) {
		old = UPDATE_GET(&s->update, leaf->frame[k]);
		if (old && !frame_is(s, old, kind_of(rec)))
			return TWZ_E_DAMAGED;
		if (!page_lacks(s, old))
			continue;
		if (STEP("check", "make: limit") && leaf->limit[k] & TWZ_WRITE)
			return TWZ_E_RIGHT;
		need++;
	}
	for (; need; i++) {
		old = UPDATE_GET(&s->update, leaf->frame[i]);
		if (!page_lacks(s, old))
			continue;
		if (!got) {
			uint32_t before = i ? UPDATE_GET(&s->update, leaf->frame[i - 1]) : 0;

			error = frame_take(s, kind_of(rec), need, before ? before + 1ull : 0,
					   &frame, &got);
			if (error)
				return error;
			fresh = frame;
		}
		added += !old;
		error = page_fresh(s, rec, (uint32_t)fresh, old);
		if (error)
			return error;
		node_set(s, leaf, i, (uint32_t)fresh++);
		got--;
		need--;
	}
	if (added)
		account(s, rec, page, 1, added);
	return 0;
}

static int small_make(struct store *s, struct twz_record *rec, uint64_t page)
{
	uint32_t before, old = 0, frame;
	uint64_t got;
	int error = frame_of(s, rec, page - 1, &before);

	if (!error)
		error = frame_of(s, rec, page, &old);
	if (error || !page_lacks(s, old))
		return error;
	error = frame_take(s, kind_of(rec), 1, before ? before + 1ull : 0, &frame, &got);
	if (!error)
		error = page_fresh(s, rec, frame, old);
	return error ? error : tree_set(s, rec, page, frame);
}

int tree_make(struct store *s, struct twz_record *rec, uint64_t page, uint64_t pages)
{
	int error = 0;

	if (rec->npages + pages > SMALL_PAGES_MAX)
		error = tree_form(s, rec);
	for (; !error && pages && !UPDATE_GET(&s->update, rec->level) &&
	       rec->npages + pages <= SMALL_PAGES_MAX;
	     page++, pages--)
		error = small_make(s, rec, page);
	return error || !pages ? error : leaf_make(s, rec, page, pages);
}

int tree_limit(struct store *s, struct twz_record *rec, uint64_t page, uint64_t pages,
	       uint32_t limit)
{
	struct twz_node *leaf;
	unsigned i = slot_of(page, 1), end = i + (unsigned)pages;
	int error = tree_form(s, rec);

	if (!error)
		error = node_make(s, rec, page, 1, &leaf);
	for (; !error && i < end; i++) {
		uint8_t before = UPDATE_GET(&s->update, leaf->limit[i]);

		if (!before && !UPDATE_GET(&s->update, leaf->frame[i]))
			UPDATE_PUT(&s->update, leaf, npresent,
				   UPDATE_GET(&s->update, leaf->npresent) + 1u);
		UPDATE_PUT(&s->update, leaf, limit[i], before | limit);
	}
	return error;
}

/* Freeing. */

static int small_free(struct store *s, struct twz_record *rec, uint64_t page, uint64_t end)
{
	struct small small, rest;
	int error = 0;

	small_load(&s->update, rec, &small);
	rest = small;
	if (small_find(&small, page) == small_find(&small, end))
		return 0;
	for (unsigned i = 0; !error && i < small.n; i++) {
		if (small.page[i] < page || small.page[i] >= end)
			continue;
		error = frame_give(s, kind_of(rec), small.frame[i], 1);
		small_set(&rest, small.page[i], 0);
	}
	if (!error && !small_store(s, rec, &rest))
		error = small_to_tree(s, rec, &rest); /* a hole cut one run too many */
	return error;
}

/* The whole map is gone. */
static void map_clear(struct store *s, struct twz_record *rec)
{
	UPDATE_PUT(&s->update, rec, map.run[0], 0);
	UPDATE_PUT(&s->update, rec, level, 0);
	UPDATE_PUT(&s->update, rec, npages, 0);
}

/*
 * path[level].. holds `cleared` entries, with `pages` pages below, that go. A node that would be
 * left empty is not written to but freed itself (U3), and so on upwards.
 */
static int unlink_entries(struct store *s, struct twz_record *rec, struct twz_node **path,
			  unsigned level, uint64_t page, unsigned cleared, uint32_t pages)
{
	unsigned i = slot_of(page, level);

	while (STEP("log", "tree: empty node freed") && path[level]->npresent == cleared) {
		uint64_t frame = (uint64_t)((uint8_t *)path[level] - s->base) / TWZ_PAGE;
		int error = frame_give(s, FRAME_META, frame, 1);

		if (error)
			return error;
		if (level == rec->level) {
			map_clear(s, rec);
			return 0;
		}
		i = slot_of(page, ++level);
		cleared = 1;
	}
	for (; cleared; i++) {
		cleared -= entry_there(path[level], i);
		node_set(s, path[level], i, 0);
	}
	account(s, rec, page, level, -pages);
	return 0;
}

/* Gives up the frames of entries [i, i + n) of a leaf; *present counts the entries, *pages those. */
static int leaf_give(struct store *s, const struct twz_record *rec, const struct twz_node *leaf,
		     unsigned i, unsigned n, unsigned *present, uint32_t *pages)
{
	unsigned end = i + n, run;
	int error = 0;

	for (*present = *pages = 0; !error && i < end; i += run) {
		run = leaf->frame[i] ? stretch(leaf, i, end) : 1;
		*present += leaf->frame[i] ? run : leaf->limit[i] != 0;
		if (!leaf->frame[i])
			continue;
		*pages += run;
		error = frame_give(s, kind_of(rec), leaf->frame[i], run);
	}
	return error;
}

int tree_free_step(struct store *s, struct twz_record *rec, uint64_t page, uint64_t end,
		   uint64_t *next)
{
	struct twz_node *path[TWZ_LEVEL_MAX + 1], *node;
	unsigned top = rec->level, present;
	uint64_t frame = rec->map.tree.root, span;
	uint32_t pages;
	int error;

	*next = end;
	if (!top)
		return small_free(s, rec, page, end);
	if (top > TWZ_LEVEL_MAX)
		return TWZ_E_DAMAGED;
	if (page >= tree_span(top))
		return 0;
	for (unsigned level = top;; level--) {
		node = node_at(s, frame, level);
		if (!node)
			return TWZ_E_DAMAGED;
		span = tree_span(level);
		if (node->refs > 1) {
			if (page % span || end - page < span) {
				*next = page; /* the caller unshares the path to here */
				return 0;
			}
			--*refs_of(s, node);
			if (level == top) {
				map_clear(s, rec);
				return 0;
			}
			*next = page + span;
			return unlink_entries(s, rec, path, level + 1, page, 1, node->pages);
		}
		path[level] = node;
		span = tree_span(level - 1);
		while (!entry_there(node, slot_of(page, level))) {
			page = (page / span + 1) * span;
			*next = page < end ? page : end;
			if (page >= end || !slot_of(page, level))
				return 0; /* no more in this node, or in the range */
		}
		if (level == 1)
			break;
		frame = node->frame[slot_of(page, level)];
	}
	span = TWZ_NODE_FANOUT - slot_of(page, 1);
	if (span > end - page)
		span = end - page;
	*next = page + span;
	error = leaf_give(s, rec, node, slot_of(page, 1), (unsigned)span, &present, &pages);
	if (error)
		return error;
	return unlink_entries(s, rec, path, 1, page, present, pages);
}

/* Sharing. */

/* Pages one by one: a stretch of src, holes that have a limit among them. */
static int share_pages(struct store *s, struct twz_record *dst, uint64_t dst_page,
		       const struct store_run *run)
{
	for (uint64_t i = 0; run->frame && i < run->pages; i++) {
		uint32_t frame = (uint32_t)(run->frame + i);
		int error = data_share(s, &frame);

		if (!error)
			error = tree_set(s, dst, dst_page + i, frame);
		if (error)
			return error;
	}
	return run->limit ? tree_limit(s, dst, dst_page, run->pages, run->limit) : 0;
}

/* Entries [i, i + n) get these frames: two stand in a word. */
static void node_fill(struct store *s, struct twz_node *node, unsigned i, const uint32_t *frame,
		      unsigned n)
{
	uint64_t delta = 0, before, after;

	for (unsigned end = i + n; i < end;) {
		uint64_t *place = (uint64_t *)update_aligned(&node->frame[i]);
		uint64_t *word = update_word(&s->update, place);

		before = *word;
		if (i % 2 || i + 1 == end) {
			unsigned shift = i++ % 2 * 32;

			after = (before & ~(0xffffffffull << shift)) | (uint64_t)*frame++ << shift;
		} else {
			after = frame[0] | (uint64_t)frame[1] << 32;
			frame += 2;
			i += 2;
		}
		*word = after;
		delta += twz_sum_at((uint64_t)(place - (uint64_t *)node), after) -
			 twz_sum_at((uint64_t)(place - (uint64_t *)node), before);
	}
	*update_word(&s->update, &node->sum) += delta;
}

/* Whole subtrees of height `level`: entries of one node of each tree, as many as the range has. */
static int share_nodes(struct store *s, struct twz_record *dst, uint64_t dst_page,
		       const struct twz_record *src, uint64_t src_page, unsigned level,
		       uint64_t pages, uint64_t *done)
{
	const struct twz_node *from;
	struct twz_node *to;
	uint64_t frame = src->map.tree.root, n = pages / tree_span(level);
	unsigned i = slot_of(src_page, level + 1), k = slot_of(dst_page, level + 1);
	struct content c = {.first = k};
	uint32_t root;
	int error;

	for (unsigned l = src->level; l > level + 1; l--) {
		from = node_at(s, frame, l);
		if (!from)
			return TWZ_E_DAMAGED;
		frame = from->frame[slot_of(src_page, l)];
	}
	from = node_at(s, frame, level + 1);
	if (!from)
		return TWZ_E_DAMAGED;
	if (n > TWZ_NODE_FANOUT - i)
		n = TWZ_NODE_FANOUT - i;
	if (n > TWZ_NODE_FANOUT - k)
		n = TWZ_NODE_FANOUT - k;
	*done = n * tree_span(level);
	while (n && !from->frame[i + n - 1])
		n--;
	c.frame = from->frame + i;
	c.n = (unsigned)n;
	error = children_share(s, c.frame, c.n, level, &c.present, &c.pages);
	if (error)
		return error;

	/* Mostly nothing is there yet, and all is in the first node: it is made with its entries. */
	if (!UPDATE_GET(&s->update, dst->level) && !UPDATE_GET(&s->update, dst->npages) &&
	    dst_page < tree_span(level + 1)) {
		error = node_new(s, level + 1, &c, &root);
		UPDATE_PUT(&s->update, dst, map.run[0], root);
		UPDATE_PUT(&s->update, dst, level, level + 1);
		UPDATE_PUT(&s->update, dst, npages, c.pages);
		return error;
	}
	error = tree_form(s, dst);
	if (!error)
		error = node_make(s, dst, dst_page, level + 1, &to);
	if (error)
		return error;
	node_fill(s, to, k, c.frame, c.n);
	UPDATE_PUT(&s->update, to, npresent, UPDATE_GET(&s->update, to->npresent) + c.present);
	account(s, dst, dst_page, level + 1, c.pages);
	return 0;
}

int tree_share_step(struct store *s, struct twz_record *dst, uint64_t dst_page,
		    const struct twz_record *src, uint64_t src_page, uint64_t pages, uint64_t *done)
{
	struct store_run run;
	unsigned level = 0;
	int error = tree_run(s, src, src_page, 1, &run);
	bool nothing_there = !run.frame && !run.limit;

	if (!error && nothing_there)
		error = tree_run(s, src, src_page, pages, &run);
	*done = run.pages;
	if (error || nothing_there)
		return error;
	while (level + 1u < src->level && pages >= tree_span(level + 1) &&
	       !((src_page | dst_page) % tree_span(level + 1)))
		level++;
	if (level)
		return share_nodes(s, dst, dst_page, src, src_page, level, pages, done);
	if (pages > LEAF_PAGES - dst_page % LEAF_PAGES) /* one leaf of dst in an update */
		pages = LEAF_PAGES - dst_page % LEAF_PAGES;
	error = tree_run(s, src, src_page, pages, &run);
	*done = run.pages;
	return error ? error : share_pages(s, dst, dst_page, &run);
}
