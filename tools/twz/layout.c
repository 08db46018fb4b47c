/*
 * layout.c - the structures of the formats, as tables.
 */
#include <string.h>

#include "abi/container.h"
#include "abi/interface.h"
#include "abi/program.h"
#include "abi/security.h"
#include "abi/view.h"
#include "tools/twz/layout.h"

#define OF(type, member) (((struct type *)0)->member)

/* A field; an array, by its elements. */
#define F(type, member, how)                                                             \
	{                                                                                \
#member, offsetof(struct type, member), sizeof(OF(type, member)), 1, how \
	}
#define A(type, member, how)                                                         \
	{                                                                            \
#member, offsetof(struct type, member), sizeof(OF(type, member)[0]), \
			sizeof(OF(type, member)) / sizeof(OF(type, member)[0]), how  \
	}

static const struct field meta[] = {
	F(twz_meta, magic, HOW_TEXT),
	F(twz_meta, version, HOW_NUMBER),
	F(twz_meta, fot_entry_size, HOW_NUMBER),
	F(twz_meta, size, HOW_NUMBER),
	F(twz_meta, root, HOW_HEX),
	F(twz_meta, ext_off, HOW_HEX),
	F(twz_meta, ext_count, HOW_NUMBER),
	F(twz_meta, fot_next, HOW_NUMBER),
	F(twz_meta, fot_live, HOW_NUMBER),
	F(twz_meta, reserved0, HOW_RESERVED),
	F(twz_meta, heap, HOW_HEX),
	F(twz_meta, log.lock, HOW_LOCK),
	F(twz_meta, log.retired, HOW_NUMBER),
	F(twz_meta, log.storing, HOW_NUMBER),
	A(twz_meta, log.reserved, HOW_RESERVED),
	A(twz_meta, reserved1, HOW_RESERVED),
};

static const struct field ext[] = {
	F(twz_ext, tag, HOW_TAG),
	F(twz_ext, methods, HOW_POINTER),
	F(twz_ext, reserved, HOW_RESERVED),
};

static const struct field record[] = {
	F(twz_log_record, seq, HOW_NUMBER),    F(twz_log_record, sum, HOW_HEX),
	F(twz_log_record, ranges, HOW_NUMBER), F(twz_log_record, nparts, HOW_NUMBER),
	F(twz_log_record, flags, HOW_HEX),     F(twz_log_record, reserved, HOW_RESERVED),
};

/* The word before a range's bytes, which has no structure of its own. */
static const struct field range[] = {{"stores", 0, 8, 1, HOW_RANGE}};

static const struct field part[] = {
	F(twz_log_part, id, HOW_ID),
	F(twz_log_part, seq, HOW_NUMBER),
	F(twz_log_part, sum, HOW_HEX),
};

static const struct field digest[] = {{"blake2b", 0, 32, 1, HOW_BYTES}};

static const struct field fot[] = {
	F(twz_fot_entry, kind, HOW_NUMBER), F(twz_fot_entry, flags, HOW_HEX),
	F(twz_fot_entry, next, HOW_NUMBER), F(twz_fot_entry, head, HOW_NUMBER),
	F(twz_fot_entry, target, HOW_ID),   F(twz_fot_entry, name, HOW_FOT_NAME),
};

static const struct field heap[] = {
	F(twz_heap, magic, HOW_TEXT),
	F(twz_heap, version, HOW_NUMBER),
	F(twz_heap, reserved0, HOW_RESERVED),
	F(twz_heap, start, HOW_HEX),
	F(twz_heap, top, HOW_HEX),
	F(twz_heap, end, HOW_HEX),
	F(twz_heap, root, HOW_POINTER),
	A(twz_heap, reserved, HOW_RESERVED),
	A(twz_heap, free, HOW_HEX),
};

static const struct field block[] = {
	F(twz_block_head, magic, HOW_TEXT),
	F(twz_block_head, size_class, HOW_NUMBER),
	F(twz_block_head, next, HOW_HEX),
	F(twz_block_head, reserved, HOW_RESERVED),
};

static const struct field ns[] = {
	F(twz_ns, magic, HOW_TEXT),      F(twz_ns, version, HOW_NUMBER),
	F(twz_ns, nbuckets, HOW_NUMBER), F(twz_ns, count, HOW_NUMBER),
	F(twz_ns, parent, HOW_ID),       F(twz_ns, generation, HOW_NUMBER),
	A(twz_ns, segment, HOW_HEX),     F(twz_ns, doomed, HOW_ID),
};

static const struct field ns_entry[] = {
	F(twz_ns_entry, length, HOW_NUMBER), F(twz_ns_entry, id, HOW_ID),
	F(twz_ns_entry, type, HOW_NUMBER),   F(twz_ns_entry, flags, HOW_HEX),
	F(twz_ns_entry, next, HOW_HEX),      F(twz_ns_entry, hash, HOW_HEX),
};

static const struct field context[] = {
	F(twz_context, magic, HOW_TEXT),         F(twz_context, version, HOW_NUMBER),
	F(twz_context, flags, HOW_HEX),          F(twz_context, global_mask, HOW_PERMS),
	F(twz_context, reserved0, HOW_RESERVED), F(twz_context, serial, HOW_NUMBER),
	F(twz_context, table, HOW_HEX),          F(twz_context, nentries, HOW_NUMBER),
	F(twz_context, gates, HOW_HEX),          F(twz_context, ngates, HOW_NUMBER),
	F(twz_context, heap, HOW_HEX),           F(twz_context, nused, HOW_NUMBER),
	F(twz_context, live, HOW_NUMBER),        A(twz_context, reserved, HOW_RESERVED),
};

static const struct field context_entry[] = {
	F(twz_context_entry, target, HOW_ID),
	F(twz_context_entry, kind, HOW_NUMBER),
	F(twz_context_entry, count, HOW_NUMBER),
	F(twz_context_entry, off, HOW_HEX),
};

static const struct field cap[] = {
	F(twz_cap, magic, HOW_TEXT),        F(twz_cap, version, HOW_NUMBER),
	F(twz_cap, alg, HOW_NUMBER),        F(twz_cap, perms, HOW_PERMS),
	F(twz_cap, flags, HOW_HEX),         F(twz_cap, target, HOW_ID),
	F(twz_cap, accessor, HOW_ID),       F(twz_cap, signer, HOW_ID),
	F(twz_cap, not_before, HOW_TIME),   F(twz_cap, expires, HOW_TIME),
	F(twz_cap, gate_off, HOW_HEX),      F(twz_cap, gate_len, HOW_NUMBER),
	F(twz_cap, gate_align, HOW_NUMBER), F(twz_cap, depth, HOW_NUMBER),
	F(twz_cap, parent, HOW_BYTES),      F(twz_cap, serial, HOW_NUMBER),
	F(twz_cap, reserved, HOW_RESERVED), F(twz_cap, sig, HOW_BYTES),
};

static const struct field mask[] = {
	F(twz_mask, target, HOW_ID),
	F(twz_mask, override, HOW_PERMS),
	F(twz_mask, mask, HOW_PERMS),
	F(twz_mask, reserved, HOW_RESERVED),
};

static const struct field gate[] = {
	F(twz_gate, object, HOW_ID),
	F(twz_gate, start, HOW_HEX),
	F(twz_gate, length, HOW_NUMBER),
	F(twz_gate, align, HOW_NUMBER),
	F(twz_gate, flags, HOW_HEX),
	F(twz_gate, vector_in, HOW_HEX),
	F(twz_gate, vector_out, HOW_HEX),
	F(twz_gate, nstacks, HOW_NUMBER),
	F(twz_gate, handler_bytes, HOW_NUMBER),
	F(twz_gate, view, HOW_ID),
	F(twz_gate, stacks, HOW_ID),
	F(twz_gate, stack_size, HOW_NUMBER),
	F(twz_gate, base, HOW_HEX),
	F(twz_gate, stack_base, HOW_HEX),
	F(twz_gate, handler, HOW_HEX),
	F(twz_gate, reserved, HOW_RESERVED),
};

static const struct field key[] = {
	F(twz_key, magic, HOW_TEXT),        F(twz_key, version, HOW_NUMBER),
	F(twz_key, alg, HOW_NUMBER),        F(twz_key, key, HOW_BYTES),
	A(twz_key, reserved, HOW_RESERVED),
};

/* The seed is shown as what it is, sealed or not: who may read the image has it. */
static const struct field secret[] = {
	F(twz_secret, magic, HOW_TEXT),         F(twz_secret, version, HOW_NUMBER),
	F(twz_secret, alg, HOW_NUMBER),         F(twz_secret, sealing, HOW_NUMBER),
	F(twz_secret, reserved0, HOW_RESERVED), F(twz_secret, ops, HOW_NUMBER),
	F(twz_secret, memory, HOW_NUMBER),      F(twz_secret, id, HOW_ID),
	F(twz_secret, key, HOW_BYTES),          F(twz_secret, salt, HOW_BYTES),
	F(twz_secret, nonce, HOW_BYTES),        F(twz_secret, mac, HOW_BYTES),
	F(twz_secret, seed, HOW_BYTES),         F(twz_secret, reserved, HOW_RESERVED),
};

static const struct field view[] = {
	F(twz_view, magic, HOW_TEXT),        F(twz_view, version, HOW_NUMBER),
	F(twz_view, flags, HOW_HEX),         F(twz_view, recovery_entry, HOW_HEX),
	F(twz_view, recovery_arg, HOW_HEX),  F(twz_view, stack, HOW_HEX),
	F(twz_view, stack_size, HOW_NUMBER), A(twz_view, reserved, HOW_RESERVED),
	A(twz_view, context, HOW_ID),        A(twz_view, reserved1, HOW_RESERVED),
};

static const struct field view_slot[] = {
	F(twz_view_slot, id, HOW_ID),
	F(twz_view_slot, epoch, HOW_NUMBER),
	F(twz_view_slot, rights, HOW_HEX),
	F(twz_view_slot, seq, HOW_NUMBER),
};

static const struct field queue[] = {
	F(twz_queue, magic, HOW_TEXT),         F(twz_queue, version, HOW_NUMBER),
	F(twz_queue, reserved, HOW_RESERVED),  F(twz_queue, capacity, HOW_NUMBER),
	F(twz_queue, put, HOW_NUMBER),         F(twz_queue, got, HOW_NUMBER),
	A(twz_queue, reserved1, HOW_RESERVED),
};

/* A word, the message's length. */
static const struct field message[] = {{"bytes", 0, 8, 1, HOW_NUMBER}};

static const struct field methods[] = {
	F(twz_methods, magic, HOW_TEXT),         F(twz_methods, version, HOW_NUMBER),
	F(twz_methods, params, HOW_NUMBER),      F(twz_methods, interface, HOW_TAG),
	F(twz_methods, implementation, HOW_TAG), F(twz_methods, name, HOW_TEXT),
};

static const struct field map[] = {
	F(twz_map, root, HOW_HEX),
	F(twz_map, count, HOW_NUMBER),
	F(twz_map, shape, HOW_HEX),
	F(twz_map, doomed, HOW_HEX),
};

static const struct field map_leaf[] = {
	F(twz_map_leaf, head, HOW_HEX),  F(twz_map_leaf, order, HOW_HEX),
	F(twz_map_leaf, next, HOW_HEX),  F(twz_map_leaf, reserved, HOW_RESERVED),
	A(twz_map_leaf, pair, HOW_PAIR),
};

static const struct field map_inner[] = {
	F(twz_map_inner, head, HOW_HEX),
	A(twz_map_inner, key, HOW_HEX),
	A(twz_map_inner, child, HOW_HEX),
};

static const struct field vec[] = {
	F(twz_vec, count, HOW_NUMBER),
	F(twz_vec, segments, HOW_HEX),
};

static const struct field vec_segments[] = {
	F(twz_vec_segments, magic, HOW_TEXT),
	F(twz_vec_segments, bytes, HOW_NUMBER),
	A(twz_vec_segments, segment, HOW_HEX),
};

static const struct field dict[] = {
	F(twz_dict, first.root, HOW_HEX),      F(twz_dict, first.count, HOW_NUMBER),
	F(twz_dict, first.shape, HOW_HEX),     F(twz_dict, first.doomed, HOW_HEX),
	F(twz_dict, doomed.root, HOW_HEX),     F(twz_dict, doomed.count, HOW_NUMBER),
	F(twz_dict, doomed.shape, HOW_HEX),    F(twz_dict, doomed.doomed, HOW_HEX),
	F(twz_dict, count, HOW_NUMBER),        F(twz_dict, bytes, HOW_NUMBER),
	F(twz_dict, doomed_bytes, HOW_NUMBER),
};

static const struct field dict_entry[] = {
	F(twz_dict_entry, length, HOW_NUMBER),
	F(twz_dict_entry, bytes, HOW_NUMBER),
};

static const struct field program[] = {
	F(twz_program, magic, HOW_TEXT),        F(twz_program, version, HOW_NUMBER),
	F(twz_program, rt_version, HOW_NUMBER), F(twz_program, entry, HOW_HEX),
	F(twz_program, recovery, HOW_HEX),      F(twz_program, text_pages, HOW_NUMBER),
	F(twz_program, data_pages, HOW_NUMBER), F(twz_program, zero_pages, HOW_NUMBER),
	F(twz_program, reserved, HOW_RESERVED),
};

static const struct field library[] = {
	F(twz_library, magic, HOW_TEXT),     F(twz_library, version, HOW_NUMBER),
	F(twz_library, pages, HOW_NUMBER),   F(twz_library, address, HOW_HEX),
	F(twz_library, entries, HOW_NUMBER), F(twz_library, reserved, HOW_RESERVED),
};

#define FIELDS(f) f, sizeof(f) / sizeof((f)[0])

const struct layout layouts[LAYOUTS] = {
	[LAYOUT_META] = {"meta page", FIELDS(meta), offsetof(struct twz_meta, ext), false, 0, 0},
	[LAYOUT_EXT] = {"extension", FIELDS(ext), sizeof(struct twz_ext), true, 0, 0},
	[LAYOUT_RECORD] = {"log record", FIELDS(record), sizeof(struct twz_log_record), false, 0,
			   0},
	[LAYOUT_RANGE] = {"range", FIELDS(range), 8, true, 0, 0},
	[LAYOUT_PART] = {"participant", FIELDS(part), sizeof(struct twz_log_part), true, 0, 0},
	[LAYOUT_DIGEST] = {"digest", FIELDS(digest), 32, true, 0, 0},
	[LAYOUT_FOT] = {"FOT entry", FIELDS(fot), sizeof(struct twz_fot_entry), true, 0, 0},
	[LAYOUT_HEAP] = {"heap", FIELDS(heap), sizeof(struct twz_heap), false, TWZ_HEAP_MAGIC, 8},
	[LAYOUT_BLOCK] = {"block", FIELDS(block), sizeof(struct twz_block_head), true, 0, 0},
	[LAYOUT_NS] = {"namespace", FIELDS(ns), sizeof(struct twz_ns), false, TWZ_NS_MAGIC, 8},
	[LAYOUT_NS_ENTRY] = {"name", FIELDS(ns_entry), sizeof(struct twz_ns_entry), true, 0, 0},
	[LAYOUT_CONTEXT] = {"context", FIELDS(context), sizeof(struct twz_context), false,
			    TWZ_CONTEXT_MAGIC, 8},
	[LAYOUT_CONTEXT_ENTRY] = {"entry", FIELDS(context_entry), sizeof(struct twz_context_entry),
				  true, 0, 0},
	[LAYOUT_CAP] = {"capability", FIELDS(cap), sizeof(struct twz_cap), false, TWZ_CAP_MAGIC, 4},
	[LAYOUT_MASK] = {"mask", FIELDS(mask), sizeof(struct twz_mask), true, 0, 0},
	[LAYOUT_GATE] = {"gate", FIELDS(gate), sizeof(struct twz_gate), false, 0, 0},
	[LAYOUT_KEY] = {"public key", FIELDS(key), sizeof(struct twz_key), false, TWZ_KEY_MAGIC, 8},
	[LAYOUT_SECRET] = {"private key", FIELDS(secret), sizeof(struct twz_secret), false,
			   TWZ_SECRET_MAGIC, 8},
	[LAYOUT_VIEW] = {"view", FIELDS(view), offsetof(struct twz_view, slot), false,
			 TWZ_VIEW_MAGIC, 8},
	[LAYOUT_VIEW_SLOT] = {"slot", FIELDS(view_slot), sizeof(struct twz_view_slot), true, 0, 0},
	[LAYOUT_QUEUE] = {"queue", FIELDS(queue), sizeof(struct twz_queue), false, TWZ_QUEUE_MAGIC,
			  8},
	[LAYOUT_MESSAGE] = {"message", FIELDS(message), 8, true, 0, 0},
	[LAYOUT_METHODS] = {"method table", FIELDS(methods), sizeof(struct twz_methods), false,
			    TWZ_METHODS_MAGIC, 8},
	[LAYOUT_MAP] = {"map", FIELDS(map), sizeof(struct twz_map), false, 0, 0},
	/* A leaf is of level 0 and says no number of keys: its first word is the magic number alone. */
	[LAYOUT_MAP_LEAF] = {"leaf of a map", FIELDS(map_leaf), sizeof(struct twz_map_leaf), false,
			     TWZ_MAP_MAGIC, 8},
	[LAYOUT_MAP_INNER] = {"inner node of a map", FIELDS(map_inner),
			      sizeof(struct twz_map_inner), false, TWZ_MAP_MAGIC, 4},
	[LAYOUT_VEC] = {"vector", FIELDS(vec), sizeof(struct twz_vec), false, 0, 0},
	[LAYOUT_VEC_SEGMENTS] = {"segments of a vector", FIELDS(vec_segments),
				 sizeof(struct twz_vec_segments), false, TWZ_VEC_MAGIC, 4},
	[LAYOUT_DICT] = {"dictionary", FIELDS(dict), sizeof(struct twz_dict), false, 0, 0},
	[LAYOUT_DICT_ENTRY] = {"entry of a dictionary", FIELDS(dict_entry),
			       sizeof(struct twz_dict_entry), true, 0, 0},
	[LAYOUT_PROGRAM] = {"program", FIELDS(program), sizeof(struct twz_program), false,
			    TWZ_PROGRAM_MAGIC, 8},
	[LAYOUT_LIBRARY] = {"library", FIELDS(library), sizeof(struct twz_library), false,
			    TWZ_LIBRARY_MAGIC, 8},
};

const struct layout *layout_of(const uint8_t first[static 8])
{
	for (const struct layout *l = layouts; l < layouts + LAYOUTS; l++)
		if (l->magic_bytes && !memcmp(first, &l->magic, l->magic_bytes))
			return l;
	return NULL;
}
