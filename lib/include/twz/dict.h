/*
 * dict.h - dictionaries with types: entries by strings of bytes, in the order of memcmp.
 *
 *     struct phone_book { twz_dict(struct phone) phones; };        a field; all zero is an empty one
 *
 *     error = twz_dict_put(0, &book->phones, "Ada", 3, phone);       durable on return
 *     error = twz_dict_get(&book->phones, "Ada", 3, &phone);         a copy
 *
 *     struct twz_dict_cursor c;
 *
 *     twz_dict_each_from(&book->phones, &c, "A", 1, &phone)
 *             show(c.key, &phone);                                  all that begin with A
 *     if (c.error && c.error != TWZ_E_NOTFOUND)
 *             report(c.error);
 *
 * The rules are in core/dict.h: in short, the object has a heap; a key is 0 to 255 bytes of any kind; what
 * changes the dictionary takes the caller's transaction or null, and an error in a transaction, other than
 * NOTFOUND, TYPE, ARG, RANGE and HEAPFULL, is the transaction's; reading takes no lock. What ends in _tx sees what the
 * transaction has staged; what ends in _text takes a key that ends with a zero. docs/format/dict.md has the
 * layout.
 */
#ifndef TWZ_DICT_H
#define TWZ_DICT_H

#include "core/dict.h"
#include <twz/heap.h>
#include <twz/ptr.h>

TWZ_C_BEGIN

#define twz_dict(V)                            \
	struct {                               \
		struct twz_dict dict;          \
		__extension__ V *twz_value[0]; \
	}

#define twz_dict_type_(d) __typeof__((d)->twz_value[0])
#define twz_dict_bytes_(d) ((uint32_t)sizeof(*(d)->twz_value[0]))

/* Adds the entry, or gives the one that has the key another value. */
#define twz_dict_put(tx, d, key, length, value)                                         \
	__extension__({                                                                 \
		__typeof__(*(d)->twz_value[0]) twz_value_ = (value);                    \
		dict_put(tx, &(d)->dict, twz_dict_bytes_(d), key, length, &twz_value_); \
	})

/* Copies the value out, if `out` is not null. TWZ_E_NOTFOUND. */
#define twz_dict_get(d, key, length, out) twz_dict_get_tx(0, d, key, length, out)
#define twz_dict_get_tx(tx, d, key, length, out)                                     \
	__extension__({                                                              \
		twz_dict_type_(d) twz_out_ = (out);                                  \
		TWZ_LEADS_TO(*(d)->twz_value[0], out);                               \
		dict_get(tx, &(d)->dict, twz_dict_bytes_(d), key, length, twz_out_); \
	})

/* Is there such an entry? */
#define twz_dict_has(d, key, length) (!twz_dict_get(d, key, length, 0))
#define twz_dict_has_tx(tx, d, key, length) (!twz_dict_get_tx(tx, d, key, length, 0))

/* TWZ_E_NOTFOUND. */
#define twz_dict_remove(tx, d, key, length) dict_remove(tx, &(d)->dict, key, length)

#define twz_dict_put_text(tx, d, text, value)                                                 \
	__extension__({                                                                       \
		const char *twz_text_ = (text);                                               \
		twz_dict_put(tx, d, twz_text_, (uint32_t)__builtin_strlen(twz_text_), value); \
	})
#define twz_dict_get_text(d, text, out)                                                 \
	__extension__({                                                                 \
		const char *twz_text_ = (text);                                         \
		twz_dict_get(d, twz_text_, (uint32_t)__builtin_strlen(twz_text_), out); \
	})
#define twz_dict_remove_text(tx, d, text)                                                 \
	__extension__({                                                                   \
		const char *twz_text_ = (text);                                           \
		twz_dict_remove(tx, d, twz_text_, (uint32_t)__builtin_strlen(twz_text_)); \
	})

/* Removes all entries. */
#define twz_dict_clear(tx, d) dict_clear(tx, &(d)->dict)

#define twz_dict_count(d) dict_count(0, &(d)->dict)
#define twz_dict_count_tx(tx, d) dict_count(tx, &(d)->dict)

/*
 * Puts the cursor on the first entry, the last one, or the first that is not before the key, and copies
 * the value out, if `out` is not null; the key is in the cursor. TWZ_E_NOTFOUND: there is none.
 */
#define twz_dict_first(d, c, out) twz_dict_first_tx(0, d, c, out)
#define twz_dict_last(d, c, out) twz_dict_last_tx(0, d, c, out)
#define twz_dict_seek(d, c, key, length, out) twz_dict_seek_tx(0, d, c, key, length, out)
#define twz_dict_first_tx(tx, d, c, out) twz_dict_from_(tx, d, c, TWZ_MAP_FIRST, 0, 0, out)
#define twz_dict_last_tx(tx, d, c, out) twz_dict_from_(tx, d, c, TWZ_MAP_LAST, 0, 0, out)
#define twz_dict_seek_tx(tx, d, c, key, length, out) \
	twz_dict_from_(tx, d, c, TWZ_MAP_SEEK, key, length, out)

/* One on or back from where the cursor stands. TWZ_E_NOTFOUND at the end: it stays where it is. */
#define twz_dict_next(d, c, out) twz_dict_to_(d, c, TWZ_MAP_NEXT, 0, 0, out)
#define twz_dict_prev(d, c, out) twz_dict_to_(d, c, TWZ_MAP_PREV, 0, 0, out)

#define twz_dict_to_(d, c, to, key, length, out)         \
	__extension__({                                  \
		twz_dict_type_(d) twz_out_ = (out);      \
		TWZ_LEADS_TO(*(d)->twz_value[0], out);   \
		dict_move(c, to, key, length, twz_out_); \
	})
#define twz_dict_from_(tx, d, c, to, key, length, out)           \
	(dict_cursor_set(c, tx, &(d)->dict, twz_dict_bytes_(d)), \
	 twz_dict_to_(d, c, to, key, length, out))

/* A loop over all entries, or over those whose keys begin with these bytes. (c)->error as of next. */
#define twz_dict_each(d, c, out) \
	for ((void)twz_dict_first(d, c, out); (c)->error == 0; (void)twz_dict_next(d, c, out))
#define twz_dict_each_from(d, c, bytes, n, out)                                  \
	for ((void)twz_dict_seek(d, c, bytes, n, out); dict_begins(c, bytes, n); \
	     (void)twz_dict_next(d, c, out))

/* 0, *owned the bytes of the heap that are the dictionary's; TWZ_E_DAMAGED with *where the offset. */
#define twz_dict_check(d, where, owned) dict_check(&(d)->dict, where, owned)

/*
 * Of pointers: twz_dict(twz_ptr(T)), to the same object or others. The entry of the FOT that a pointer may
 * need is made with the transaction, or durably before. TWZ_E_UNRESOLVED: what the entry leads to is not
 * there any more.
 */
#define twz_dict_put_ptr(tx, d, key, length, target)                                  \
	__extension__({                                                               \
		twz_to_const_((d)->twz_value[0]->twz_type[0]) twz_target_ = (target); \
		TWZ_LEADS_TO(*(d)->twz_value[0]->twz_type[0], target);                \
		twz_dict_put_ptr_(tx, &(d)->dict, key, length, twz_target_);          \
	})
#define twz_dict_get_ptr(d, key, length, out)                                            \
	__extension__({                                                                  \
		__typeof__((d)->twz_value[0]->twz_type[0]) *twz_out_ = (out);            \
		TWZ_LEADS_TO((d)->twz_value[0]->twz_type[0], out);                       \
		void *twz_addr_ = 0;                                                     \
		int twz_error_ = twz_dict_get_ptr_(&(d)->dict, key, length, &twz_addr_); \
		*twz_out_ = (__typeof__(*twz_out_))twz_addr_;                            \
		twz_error_;                                                              \
	})

static inline int twz_dict_put_ptr_(struct twz_tx *tx, struct twz_dict *d, const void *key,
				    uint32_t length, const void *target)
{
	uint64_t raw;
	int error = twz_ptr_to(tx, d, target, 0, &raw);

	return error ? error : dict_put(tx, d, sizeof(raw), key, length, &raw);
}

static inline int twz_dict_get_ptr_(const struct twz_dict *d, const void *key, uint32_t length,
				    void **out)
{
	uint64_t raw;
	int error = dict_get(0, d, sizeof(raw), key, length, &raw);

	return error ? error : twz_ptr_try(&d->count, raw, out);
}

TWZ_C_END

#endif
