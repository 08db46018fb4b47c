/*
 * str.h - strings of bytes in objects, which grow.
 *
 *     struct person { struct twz_str name; };                  a field; all zero is an empty one
 *
 *     error = twz_str_set(0, &person->name, "Ada", 3);          durable on return
 *     error = twz_str_append(&tx, &person->name, " L.", 3);     with the transaction
 *     length = twz_str_get(0, &person->name, text, sizeof(text));     copied out, beside a writer
 *
 * The rules are in core/str.h, the layout in docs/format/str.md. A string can be a field of any
 * structure, of a vector's element too; who gives up the memory that it lies in clears it before.
 */
#ifndef TWZ_STR_H
#define TWZ_STR_H

#include "core/str.h"
#include <twz/heap.h>

TWZ_C_BEGIN

/* A text that ends with a zero byte, which does not become part of the string. */
static inline int twz_str_set_text(struct twz_tx *tx, struct twz_str *s, const char *text)
{
	return twz_str_set(tx, s, text, __builtin_strlen(text));
}

static inline int twz_str_append_text(struct twz_tx *tx, struct twz_str *s, const char *text)
{
	return twz_str_append(tx, s, text, __builtin_strlen(text));
}

/* As twz_str_get, with a zero byte behind it, for which there must be room. */
static inline int64_t twz_str_get_text(struct twz_tx *tx, const struct twz_str *s, char *out,
				       uint64_t room)
{
	int64_t length = room ? twz_str_get(tx, s, out, room - 1) : (int64_t)TWZ_E_RANGE;

	if (length >= 0)
		out[length] = 0;
	return length;
}

TWZ_C_END

#endif
