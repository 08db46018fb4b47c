/*
 * piece.c - what lies where in an object: from the fixed places on, by what stands there.
 */
#include <stdlib.h>
#include <string.h>

#include "abi/container.h"
#include "abi/interface.h"
#include "abi/security.h"
#include "abi/view.h"
#include "core/dict_int.h"
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

/* What begins with a magic number; null. */
static const struct layout *find_known(struct finding *f, uint64_t off)
{
	uint8_t first[8];
	const struct layout *l = get(f, off, first, sizeof(first)) ? layout_of(first) : NULL;

	if (l)
		add(f, (enum layout_name)(l - layouts), off, NO_NUMBER);
	return l;
}

/* ---- containers: fields of a program's structures, which are known by what they lead to ---------- */

/* Is that the offset of a used block with room for so many bytes? */
static bool is_block(struct finding *f, uint64_t off, uint64_t bytes)
{
	struct twz_block_head head;

	return is_place(off) && get(f, off - sizeof(head), &head, sizeof(head)) &&
	       head.magic == TWZ_BLOCK_USED && head.size_class < TWZ_HEAP_CLASSES &&
	       class_bytes(head.size_class) >= bytes;
}

/* What such a block begins with; 0. */
static uint32_t magic_at(struct finding *f, uint64_t off)
{
	uint32_t magic;

	return is_block(f, off, sizeof(magic)) && get(f, off, &magic, sizeof(magic)) ? magic : 0;
}

static bool is_map(struct finding *f, const struct twz_map *m)
{
	const uint64_t bytes = m->shape & ~(uint64_t)(TWZ_MAP_SIGNED | TWZ_MAP_POINTERS);

	return magic_at(f, m->root) == TWZ_MAP_MAGIC && bytes && bytes <= TWZ_MAP_VALUE_MAX &&
	       (!m->doomed || magic_at(f, m->doomed) == TWZ_MAP_MAGIC);
}

/* Can it be a key of a dictionary's layer? D3. */
static bool is_layer_key(uint64_t key)
{
	const uint32_t code = dict_code(key);

	return code <= TWZ_DICT_LAYER &&
	       (code >= STEP_BYTES || !((key & ~(uint64_t)0xff) << (8 * code)));
}

/* Are all keys of this node? */
static bool is_layer_node(struct finding *f, uint64_t off)
{
	struct twz_map_inner inner;
	struct twz_map_leaf leaf;
	bool all = true;

	if (!get(f, off, &leaf, sizeof(leaf)))
		return false;
	if (leaf.head == TWZ_MAP_MAGIC) {
		for (unsigned i = 0; i < TWZ_MAP_PAIRS; i++)
			all &= leaf.pair[i].key == UINT64_MAX || is_layer_key(leaf.pair[i].key);
		return all;
	}
	if (!get(f, off, &inner, sizeof(inner)))
		return false;
	for (unsigned i = 0; i < TWZ_MAP_KEYS; i++)
		all &= inner.key[i] == UINT64_MAX || is_layer_key(inner.key[i]);
	return all;
}

/* A map that is a layer, and what makes sense behind it. */
static bool is_dict(struct finding *f, const struct twz_dict *d)
{
	return d->first.shape == DICT_SHAPE && is_layer_node(f, d->first.root) &&
	       (!d->doomed.root || magic_at(f, d->doomed.root) == TWZ_MAP_MAGIC) &&
	       d->count >= d->first.count && d->bytes && d->bytes <= TWZ_DICT_VALUE_MAX &&
	       d->doomed_bytes <= TWZ_DICT_VALUE_MAX;
}

/* What has this word, which may lead to a node or to a vector's segments, at `off`, up to `end`. */
static void find_container(struct finding *f, uint64_t off, uint64_t word, uint64_t end)
{
	const uint32_t magic = magic_at(f, word);
	const uint64_t start = off - offsetof(struct twz_vec, segments);
	struct twz_dict d;
	struct twz_vec v;

	if (magic == TWZ_VEC_MAGIC && get(f, start, &v, sizeof(v)) && v.count <= TWZ_VEC_MAX)
		add(f, LAYOUT_VEC, start, NO_NUMBER);
	if (magic != TWZ_MAP_MAGIC || end - off < sizeof(d.first) ||
	    !get(f, off, &d.first, sizeof(d.first)) || !is_map(f, &d.first))
		return;
	if (end - off >= sizeof(d) && get(f, off, &d, sizeof(d)) && is_dict(f, &d))
		add(f, LAYOUT_DICT, off, NO_NUMBER);
	else
		add(f, LAYOUT_MAP, off, NO_NUMBER);
}

/* In a block that begins with no magic number. */
static void find_containers(struct finding *f, uint64_t off, uint64_t bytes)
{
	uint64_t word[TWZ_PAGE / 8], n;

	for (const uint64_t end = off + bytes; off < end; off += n) {
		n = end - off < sizeof(word) ? end - off : sizeof(word);
		if (!get(f, off, word, n))
			return;
		for (uint64_t i = 0; i < n / 8; i++)
			if (is_place(word[i]))
				find_container(f, off + 8 * i, word[i], end);
	}
}

/*
 * Is the word beside this key of a leaf the offset of a dictionary's entry? It is if its string has
 * the key's bytes, and ends with them or goes on, as the key says: D4.
 */
static bool is_entry(struct finding *f, uint64_t key, uint64_t word)
{
	const bool tail = dict_code(key) == TWZ_DICT_TAIL;
	const uint32_t n = tail ? STEP_BYTES : dict_code(key);
	uint8_t text[TWZ_DICT_KEY_MAX];
	struct twz_dict_entry e;

	if (n > STEP_BYTES || !is_layer_key(key) || !is_block(f, word, sizeof(e)) ||
	    !get(f, word, &e, sizeof(e)) || e.length > sizeof(text) || e.length < n + tail ||
	    !e.bytes || e.bytes > TWZ_DICT_VALUE_MAX ||
	    !is_block(f, word, dict_entry_bytes(e.bytes, e.length)) ||
	    !get(f, word + dict_entry_bytes(e.bytes, 0), text, e.length))
		return false;
	for (uint32_t at = 0; at + n + tail <= e.length; at += STEP_BYTES)
		if ((tail || at + n == e.length) &&
		    dict_bytes_at(text, at + n, at) == (key & ~(uint64_t)0xff))
			return true;
	return false;
}

static void find_entries(struct finding *f, uint64_t off)
{
	struct twz_map_leaf leaf;

	if (!get(f, off, &leaf, sizeof(leaf)))
		return;
	for (unsigned i = 0; i < TWZ_MAP_PAIRS; i++)
		if (is_entry(f, leaf.pair[i].key, leaf.pair[i].value))
			add(f, LAYOUT_DICT_ENTRY, leaf.pair[i].value, NO_NUMBER);
}

static void find_in_block(struct finding *f, uint64_t off, uint64_t bytes)
{
	const struct layout *l = find_known(f, off);

	if (l == &layouts[LAYOUT_MAP_LEAF])
		find_entries(f, off);
	else if (!l && off + bytes > f->start)
		find_containers(f, off, bytes);
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
			find_in_block(f, at + sizeof(head), class_bytes(head.size_class));
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
