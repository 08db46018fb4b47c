/*
 * layout.h - twz hexdump: the structures of the formats, as tables, and where an object has them.
 *
 * Names, offsets and sizes come out of the structures in abi/ themselves (layout.c). Pieces say what
 * lies where in one object (piece.c): they follow from what stands in the object, which is not trusted;
 * a wrong word only leads to fewer pieces, or wrong ones, and what is in no piece is shown as bytes.
 */
#ifndef TOOLS_TWZ_LAYOUT_H
#define TOOLS_TWZ_LAYOUT_H

#include "tools/twz/twz.h"

/* How a field's value is shown. */
enum how {
	HOW_NUMBER,
	HOW_HEX,
	HOW_ID,
	HOW_POINTER, /* a persistent pointer */
	HOW_TEXT,    /* up to a zero */
	HOW_BYTES,
	HOW_PERMS,
	HOW_TIME,     /* seconds since 1970; 0: not shown */
	HOW_LOCK,     /* of a log's head */
	HOW_RANGE,    /* the word before a range in a log's record */
	HOW_PAIR,     /* of a map's leaf: a key and what stands beside it */
	HOW_TAG,      /* of an interface or an implementation */
	HOW_FOT_NAME, /* of a FOT entry: where a name stands, and its length */
	HOW_RESERVED, /* shown only if it is not zero, which it should be */
};

struct field {
	const char *name;
	uint32_t offset;
	uint16_t size;  /* of one element */
	uint16_t count; /* elements; 1: no array */
	enum how how;
};

struct layout {
	const char *title;
	const struct field *field;
	uint32_t nfields;
	uint32_t bytes;
	bool line;      /* all on one line: there are many of them */
	uint64_t magic; /* that it begins with, 0: none */
	uint32_t magic_bytes;
};

enum layout_name {
	LAYOUT_META,
	LAYOUT_EXT,
	LAYOUT_RECORD,
	LAYOUT_RANGE,
	LAYOUT_PART,
	LAYOUT_DIGEST,
	LAYOUT_FOT,
	LAYOUT_HEAP,
	LAYOUT_BLOCK,
	LAYOUT_NS,
	LAYOUT_NS_ENTRY,
	LAYOUT_CONTEXT,
	LAYOUT_CONTEXT_ENTRY,
	LAYOUT_CAP,
	LAYOUT_MASK,
	LAYOUT_GATE,
	LAYOUT_KEY,
	LAYOUT_SECRET,
	LAYOUT_VIEW,
	LAYOUT_VIEW_SLOT,
	LAYOUT_QUEUE,
	LAYOUT_MESSAGE,
	LAYOUT_METHODS,
	LAYOUT_MAP,
	LAYOUT_MAP_LEAF,
	LAYOUT_MAP_INNER,
	LAYOUT_VEC,
	LAYOUT_VEC_SEGMENTS,
	LAYOUT_DICT,
	LAYOUT_DICT_ENTRY,
	LAYOUT_PROGRAM,
	LAYOUT_LIBRARY,
	LAYOUTS
};
extern const struct layout layouts[LAYOUTS];

/* The one that begins with these 8 bytes, or null. */
const struct layout *layout_of(const uint8_t first[static 8]);

#define NO_NUMBER UINT32_MAX

struct piece {
	uint64_t off;
	const struct layout *layout;
	uint32_t number; /* of the FOT entry, digest, ...; NO_NUMBER */
};

struct pieces {
	struct piece *piece; /* sorted, none over another */
	uint64_t n;
	bool incomplete; /* there were too many, or memory was short */
};

/* Those that touch [start, end). TWZ_E_NOMEM is in `incomplete`. */
void pieces_find(struct object *o, uint64_t start, uint64_t end, struct pieces *pieces);

#endif
