/*
 * same.c - what two objects share: pages that are the same frames, or holes, on both sides (store.h).
 */
#include "core/store_int.h"

#define STEPS 64u /* of one call */

/* The nodes on the way to the page, by level; 0 where there is none. */
struct way {
	uint32_t node[TWZ_LEVEL_MAX + 1];
};

static struct way way_to(const struct store *s, const struct twz_record *rec, uint64_t page)
{
	struct way way = {{0}};
	uint64_t frame = rec->map.tree.root;

	if (!rec->level || rec->level > TWZ_LEVEL_MAX || page >= tree_span(rec->level))
		return way;
	for (unsigned level = rec->level; level && frame; level--) {
		const struct twz_node *node = node_at(s, frame, level);

		if (!node)
			break; /* tree_run says what is wrong */
		way.node[level] = (uint32_t)frame;
		frame = node->frame[page >> 9 * (level - 1) & (TWZ_NODE_FANOUT - 1)];
	}
	return way;
}

/* The largest subtree that is the same node of both trees and begins at both pages; 0: there is none. */
static uint64_t same_node(const struct store *s, const struct store_place *a,
			  const struct store_place *b, uint64_t max, uint64_t *present)
{
	const struct way left = way_to(s, record_at(s, a->ref), a->page),
			 right = way_to(s, record_at(s, b->ref), b->page);

	for (unsigned level = TWZ_LEVEL_MAX; level; level--) {
		if (!left.node[level] || left.node[level] != right.node[level] ||
		    (a->page | b->page) % tree_span(level) || tree_span(level) > max)
			continue;
		*present = node_at(s, left.node[level], level)->pages;
		return tree_span(level);
	}
	return 0;
}

/* The stretch that begins at both pages; 0: the first ones differ. */
static int same_run(const struct store *s, const struct store_place *a, const struct store_place *b,
		    uint64_t max, uint64_t *pages, uint64_t *present)
{
	struct store_run left, right;
	int error = tree_run(s, record_at(s, a->ref), a->page, max, &left);

	if (!error)
		error = tree_run(s, record_at(s, b->ref), b->page, max, &right);
	if (error)
		return error;
	*pages = left.frame != right.frame  ? 0
		 : left.pages < right.pages ? left.pages
					    : right.pages;
	*present = left.frame ? *pages : 0;
	return 0;
}

int store_same(const struct store *s, struct store_place a, struct store_place b, uint64_t pages,
	       struct store_shared *shared)
{
	*shared = (struct store_shared){0};
	if (!record_at(s, a.ref) || !record_at(s, b.ref))
		return TWZ_E_NOTFOUND;
	if (a.page >= STORE_PAGES_MAX || b.page >= STORE_PAGES_MAX ||
	    pages > STORE_PAGES_MAX - a.page || pages > STORE_PAGES_MAX - b.page)
		return TWZ_E_RANGE;
	for (unsigned i = 0; i < STEPS && pages; i++) {
		uint64_t present = 0, n = same_node(s, &a, &b, pages, &present);
		int error = n ? 0 : same_run(s, &a, &b, pages, &n, &present);

		if (error)
			return error;
		if (!n)
			break;
		a.page += n;
		b.page += n;
		pages -= n;
		shared->pages += n;
		shared->present += present;
	}
	return 0;
}
