/*
 * piece.c - what lies where in an object: from the fixed places on, by what stands there.
 */
#include <stdlib.h>
#include <string.h>

#include "abi/interface.h"
#include "abi/security.h"
#include "abi/view.h"
#include "core/heap_int.h"
#include "core/log.h"
#include "core/ptr.h"
#include "tools/twz/layout.h"

#define PIECES_MAX (1u << 22) /* of one answer */

struct finding {
	struct object *object;
	uint64_t start, end;
	struct pieces *pieces;
};

static void add(struct finding *f, enum layout_name name, uint64_t off, uint32_t number)
{
	struct pieces *p = f->pieces;

	if (off + layouts[name].bytes <= f->start || off >= f->end || p->incomplete)
		return;
	if (p->n == PIECES_MAX || !room_for((void **)&p->piece, p->n, sizeof(*p->piece))) {
		p->incomplete = true;
		return;
	}
	p->piece[p->n++] = (struct piece){off, &layouts[name], number};
}

/* Is anything to be found in what lies there? And can it be read? */
static bool get(struct finding *f, uint64_t off, void *out, uint64_t bytes)
{
	return off >= TWZ_OBJ_META && off < TWZ_OBJ_SIZE_MAX && bytes <= TWZ_OBJ_SIZE_MAX - off &&
	       !object_read(f->object, off, out, bytes);
}

/* ---- at fixed places ----------------------------------------------------------------------------- */

static void find_meta(struct finding *f, const struct twz_meta *meta)
{
	struct twz_ext ext;

	add(f, LAYOUT_META, TWZ_OBJ_META, NO_NUMBER);
	if (meta->ext_off < offsetof(struct twz_meta, ext) || meta->ext_off > TWZ_PAGE)
		return;
	for (uint32_t i = 0; i < meta->ext_count; i++) {
		uint64_t off = meta->ext_off + i * sizeof(ext);

		if (off + sizeof(ext) > TWZ_PAGE)
			return;
		if (get(f, TWZ_OBJ_META + off, &ext, sizeof(ext)) && !twz_id_none(ext.tag))
			add(f, LAYOUT_EXT, TWZ_OBJ_META + off, i);
	}
}

static void find_log(struct finding *f)
{
	struct twz_log_record r;
	uint64_t at = TWZ_OBJ_LOG + sizeof(r), end, word, bytes;

	if (!get(f, TWZ_OBJ_LOG, &r, sizeof(r)) || !(r.seq | r.sum | r.ranges))
		return;
	add(f, LAYOUT_RECORD, TWZ_OBJ_LOG, NO_NUMBER);
	if (r.ranges > TWZ_LOG_BODY_MAX ||
	    r.nparts * sizeof(struct twz_log_part) > TWZ_LOG_BODY_MAX - r.ranges)
		return;
	for (end = at + r.ranges; at + 8 <= end; at += bytes) {
		if (!get(f, at, &word, sizeof(word)))
			return;
		bytes = log_range_bytes(word & LOG_LENGTH_MASK);
		if (!(word & LOG_LENGTH_MASK) || bytes > end - at)
			break;
		add(f, LAYOUT_RANGE, at, NO_NUMBER);
	}
	for (uint32_t i = 0; i < r.nparts; i++)
		add(f, LAYOUT_PART, end + i * sizeof(struct twz_log_part), i);
}

static void find_digests(struct finding *f)
{
	static const uint8_t none[32];
	uint8_t digest[32];

	for (uint32_t i = 0; i < (TWZ_OBJ_LOG_END - TWZ_OBJ_LOG) / sizeof(digest); i++)
		if (get(f, TWZ_OBJ_LOG + i * sizeof(digest), digest, sizeof(digest)) &&
		    memcmp(digest, none, sizeof(digest)))
			add(f, LAYOUT_DIGEST, TWZ_OBJ_LOG + i * sizeof(digest), i);
}

static void find_fot(struct finding *f, const struct twz_meta *meta)
{
	for (uint32_t i = 0; i <= meta->fot_next && i < TWZ_FOT_ENTRIES; i++)
		add(f, LAYOUT_FOT, TWZ_OBJ_FOT + i * sizeof(struct twz_fot_entry), i);
}

/* ---- in the data --------------------------------------------------------------------------------- */

/* What begins with a magic number. */
static void find_known(struct finding *f, uint64_t off)
{
	uint8_t first[8];
	const struct layout *l = get(f, off, first, sizeof(first)) ? layout_of(first) : NULL;

	if (l)
		add(f, (enum layout_name)(l - layouts), off, NO_NUMBER);
}

static void find_heap(struct finding *f, uint64_t off)
{
	struct twz_block_head head;
	struct twz_heap heap;
	uint32_t number = 0;

	if (!get(f, off, &heap, sizeof(heap)) || heap.magic != TWZ_HEAP_MAGIC)
		return;
	add(f, LAYOUT_HEAP, off, NO_NUMBER);
	for (uint64_t at = heap.start;
	     at >= TWZ_OBJ_DATA && at < heap.top && at < f->end && at % 16 == 0;
	     at += block_bytes(head.size_class)) {
		if (!get(f, at, &head, sizeof(head)) || head.size_class >= TWZ_HEAP_CLASSES ||
		    (head.magic != TWZ_BLOCK_USED && !is_free(head.magic)))
			return;
		add(f, LAYOUT_BLOCK, at, number++);
		if (head.magic == TWZ_BLOCK_USED)
			find_known(f, at + sizeof(head));
	}
}

static void find_names(struct finding *f)
{
	struct names names;
	struct name name;

	if (names_open(f->object->store, f->object->id, &names))
		return;
	while (!names_next(&names, &name))
		add(f, LAYOUT_NS_ENTRY, name.off, NO_NUMBER);
}

static void find_context(struct finding *f)
{
	uint64_t left =
		TWZ_SLOT_SIZE / sizeof(struct twz_cap); /* entries may overlap: no more fit */
	struct twz_context_entry e;
	struct twz_context head;

	if (!get(f, TWZ_OBJ_DATA, &head, sizeof(head)) || head.magic != TWZ_CONTEXT_MAGIC ||
	    head.nentries > TWZ_SLOT_SIZE / sizeof(e) || head.table > TWZ_SLOT_SIZE ||
	    head.ngates > TWZ_SLOT_SIZE / sizeof(struct twz_gate) || head.gates > TWZ_SLOT_SIZE)
		return;
	for (uint64_t i = 0; i < head.nentries && !f->pieces->incomplete; i++) {
		if (!get(f, head.table + i * sizeof(e), &e, sizeof(e)) || !e.kind)
			continue;
		add(f, LAYOUT_CONTEXT_ENTRY, head.table + i * sizeof(e), (uint32_t)i);
		if (e.off > TWZ_SLOT_SIZE || e.count > left)
			continue;
		left -= e.count;
		if (e.kind == TWZ_CONTEXT_MASK)
			add(f, LAYOUT_MASK, e.off, NO_NUMBER);
		for (uint32_t c = 0; e.kind == TWZ_CONTEXT_CAP && c < e.count; c++)
			add(f, LAYOUT_CAP, e.off + c * sizeof(struct twz_cap), NO_NUMBER);
	}
	for (uint32_t i = 0; i < head.ngates; i++)
		add(f, LAYOUT_GATE, head.gates + i * sizeof(struct twz_gate), i);
}

static void find_slots(struct finding *f)
{
	const uint64_t first = TWZ_OBJ_DATA + offsetof(struct twz_view, slot);
	struct twz_view_slot slot;

	for (uint32_t i = 0; i < TWZ_VIEW_SLOTS + TWZ_VIEW_PLACES; i++)
		if (get(f, first + i * sizeof(slot), &slot, sizeof(slot)) && !twz_id_none(slot.id))
			add(f, LAYOUT_VIEW_SLOT, first + i * sizeof(slot), i);
}

static void find_messages(struct finding *f)
{
	const uint64_t ring = TWZ_OBJ_DATA + TWZ_QUEUE_RING;
	struct twz_queue_head head;
	uint64_t at, bytes;

	if (!get(f, TWZ_OBJ_DATA, &head, sizeof(head)) || head.queue.magic != TWZ_QUEUE_MAGIC)
		return;
	find_known(f, TWZ_OBJ_DATA + offsetof(struct twz_queue_head, io));
	find_known(f, TWZ_OBJ_DATA + offsetof(struct twz_queue_head, event));
	if (!head.queue.capacity || head.queue.capacity > TWZ_QUEUE_CAPACITY_MAX ||
	    head.queue.put - head.queue.got > head.queue.capacity)
		return;
	for (at = head.queue.got; at < head.queue.put; at += 8 + (bytes + 7) / 8 * 8) {
		uint64_t off = ring + at % head.queue.capacity / 8 * 8;

		if (!get(f, off, &bytes, sizeof(bytes)) || !bytes || bytes > TWZ_QUEUE_MESSAGE_MAX)
			return;
		add(f, LAYOUT_MESSAGE, off, NO_NUMBER);
	}
}

/* ---- all of them --------------------------------------------------------------------------------- */

static int by_offset(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	if (x->off != y->off)
		return x->off < y->off ? -1 : 1;
	return x->layout < y->layout ? -1 : x->layout > y->layout;
}

void pieces_find(struct object *o, uint64_t start, uint64_t end, struct pieces *pieces)
{
	struct finding f = {o, start, end, pieces};
	struct twz_meta meta;
	uint64_t n = 0, behind = 0;

	*pieces = (struct pieces){.piece = NULL};
	if (!get(&f, TWZ_OBJ_META, &meta, sizeof(meta)))
		return;
	if (meta.magic)
		find_meta(&f, &meta);
	if (o->record.identity.flags & TWZ_ID_SEALED)
		find_digests(&f);
	else
		find_log(&f);
	if (meta.fot_next)
		find_fot(&f, &meta);
	find_known(&f, TWZ_OBJ_DATA);
	if (meta.heap)
		find_heap(&f, meta.heap);
	switch (o->record.identity.type) {
	case TWZ_TYPE_NAMESPACE:
		find_names(&f);
		break;
	case TWZ_TYPE_CONTEXT:
		find_context(&f);
		break;
	case TWZ_TYPE_VIEW:
		find_slots(&f);
		break;
	case TWZ_TYPE_DATA:
		find_messages(&f);
		break;
	}
	if (pieces->n)
		qsort(pieces->piece, pieces->n, sizeof(*pieces->piece), by_offset);
	for (uint64_t i = 0; i < pieces->n; i++) {
		struct piece p = pieces->piece[i];

		if (p.off < behind) /* in a damaged object; or found twice */
			continue;
		pieces->piece[n++] = p;
		behind = p.off + p.layout->bytes;
	}
	pieces->n = n;
}
