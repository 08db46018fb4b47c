/*
 * map.h - ordered maps with types: durable, crash-atomic, for keys of any integer type.
 *
 *     struct shop { twz_map(uint64_t, struct article) articles; };
 *
 *     error = twz_map_put(0, &shop->articles, 4711, article);     durable on return
 *     error = twz_map_get(&shop->articles, 4711, &article);       a copy
 *
 *     struct twz_map_cursor c;
 *     uint64_t number;
 *
 *     twz_map_each(&shop->articles, &c, &number, &article)
 *             show(number, &article);                             in the order of the keys
 *     if (c.error != TWZ_E_NOTFOUND)
 *             report(c.error);
 *
 * Rules
 *   - A map is a field of a structure in an object with a heap (twz_heap_make) and stands where it
 *     lies. All zero is an empty map. What it owns lies in the same object's heap.
 *   - Values of up to 8 bytes lie in the map itself, larger ones, up to 64 KiB, in blocks of their
 *     own. A persistent pointer does not work from within a value that was copied out; a map of
 *     pointers is twz_map_ptr(K, T), whose values lead to any object.
 *   - What changes a map takes a transaction first and is part of it; null: one of its own.
 *     TWZ_E_HEAPFULL, TWZ_E_NOTFOUND and TWZ_E_TYPE leave the entries as they were, and the
 *     transaction can go on; every other error is the transaction's.
 *   - In a transaction a map is staged as a whole, with its nodes: bytes around it that are staged too
 *     take in all of it, before it is changed, or nothing.
 *   - Reading takes no lock and sees what was committed last. The functions that end in _tx see what
 *     their transaction has staged, and have the object in it from then on.
 *   - A cursor goes on after changes, of its own entry too: it remembers its key.
 *   - Types are checked by the compiler; the size of values and the sign of keys again when the
 *     program runs, since another program may have made the map: TWZ_E_TYPE.
 *   - Nothing in an object is trusted: TWZ_E_DAMAGED.
 */
#ifndef TWZ_MAP_H
#define TWZ_MAP_H

#include "core/map.h"
#include <twz/heap.h>
#include <twz/ptr.h>

TWZ_C_BEGIN

/* The type of a map of keys K, an integer type, and values V. */
#define twz_map(K, V)                                                               \
	struct {                                                                    \
		struct twz_map map;                                                 \
		__extension__ K *twz_key[0];                                        \
		__extension__ V *twz_value[0];                                      \
		__extension__ char twz_shape[0][sizeof(V) | twz_map_key_shape_(K)]; \
	}

/* The same for values that are persistent pointers to T: twz_map_put_ptr, twz_map_get_ptr. */
#define twz_map_ptr(K, T)                                                                          \
	struct {                                                                                   \
		struct twz_map map;                                                                \
		__extension__ K *twz_key[0];                                                       \
		__extension__ struct twz_map_raw *twz_value[0];                                    \
		__extension__ T *twz_target[0];                                                    \
		__extension__ char                                                                 \
			twz_shape[0][sizeof(uint64_t) | TWZ_MAP_POINTERS | twz_map_key_shape_(K)]; \
	}

/* Such a value as the functions below copy it out; twz_map_follow follows it. */
struct twz_map_raw {
	uint64_t raw;
};

/*
 * What the macros stand on. The compiler sorts types into classes: 1 to 4 are integers, characters, enumerations
 * and bool; pointers, which C would only warn of, have another.
 */
#define twz_is_integer_(x) \
	((unsigned)__builtin_classify_type((__typeof__((x) + 0))0) - 1 < 4 && sizeof((x) + 0) <= 8)
#define TWZ_MAP_KEY_IS(x) TWZ_PIN_SAYS(twz_is_integer_(x), "a map's keys are of an integer type")
#define twz_map_key_shape_(K) (((K)-1 < (K)1) * TWZ_MAP_SIGNED)
#define twz_map_key_type_(m) __typeof__(*(m)->twz_key[0])
#define twz_map_value_type_(m) __typeof__(*(m)->twz_value[0])
#define twz_map_shape_(m) ((uint64_t)sizeof((m)->twz_shape[0]))
#define twz_map_flip_(m) ((uint64_t)((twz_map_key_type_(m)) - 1 < (twz_map_key_type_(m))1) << 63)

#define twz_map_key_(m, key)                                 \
	__extension__({                                      \
		const twz_map_key_type_(m) twz_key_ = (key); \
		TWZ_MAP_KEY_IS(twz_key_);                    \
		TWZ_MAP_KEY_IS(key);                         \
		(uint64_t) twz_key_ ^ twz_map_flip_(m);      \
	})

static inline int twz_map_put_(struct twz_tx *tx, struct twz_map *map, uint64_t shape, uint64_t key,
			       const void *value, size_t bytes)
{
	uint64_t word = 0;

	if (bytes > TWZ_MAP_INLINE)
		return twz_map_put_block(tx, map, shape, key, value);
	__builtin_memcpy(&word, value, bytes);
	return twz_map_put_word(tx, map, shape, key, word);
}

static inline int twz_map_get_(struct twz_tx *tx, const struct twz_map *map, uint64_t shape,
			       uint64_t key, void *value, size_t bytes)
{
	uint64_t word;
	int error = tx ? twz_tx_add(tx, map) : 0;

	if (error)
		return error;
	if (bytes > TWZ_MAP_INLINE)
		return tx ? twz_map_get_block_tx(tx, map, shape, key, value)
			  : twz_map_get_block(map, shape, key, value);
	error = tx ? twz_map_get_word_tx(tx, map, shape, key, &word)
		   : twz_map_get_word(map, shape, key, &word);
	if (!error && value)
		__builtin_memcpy(value, &word, bytes);
	return error;
}

static inline int twz_map_move_(struct twz_map_cursor *c, enum twz_map_to to, uint64_t from,
				void *value, size_t bytes)
{
	int error = twz_map_move(c, to, from, value);

	if (!error && value && bytes <= TWZ_MAP_INLINE)
		__builtin_memcpy(value, &c->word, bytes);
	return error;
}

static inline int twz_map_start_(struct twz_map_cursor *c, struct twz_tx *tx,
				 const struct twz_map *map, uint64_t shape)
{
	twz_map_cursor_set(c, tx, map, shape);
	c->error = tx ? twz_tx_add(tx, map) : 0;
	return c->error;
}

static inline uint64_t twz_map_count_(struct twz_tx *tx, const struct twz_map *map)
{
	if (!tx)
		return twz_map_entries(map);
	if (twz_tx_add(tx, map))
		return 0;
	return *(const uint64_t *)twz_tx_read(tx, &map->count, sizeof(map->count));
}

#define twz_map_to_(m, c, to, from, k, v)                                                 \
	__extension__({                                                                   \
		struct twz_map_cursor *twz_c_ = (c);                                      \
		twz_map_key_type_(m) *twz_k_ = (k);                                       \
		twz_map_value_type_(m) *twz_v_ = (v);                                     \
		TWZ_LEADS_TO(*(m)->twz_key[0], k);                                        \
		TWZ_LEADS_TO(*(m)->twz_value[0], v);                                      \
		int twz_e_ = twz_map_move_(twz_c_, to, from, twz_v_, sizeof(*twz_v_));    \
		if (!twz_e_ && twz_k_)                                                    \
			*twz_k_ = (twz_map_key_type_(m))(twz_c_->key ^ twz_map_flip_(m)); \
		twz_e_;                                                                   \
	})

#define twz_map_from_(tx, m, c, to, from, k, v)                           \
	(twz_map_start_(c, tx, &(m)->map, twz_map_shape_(m)) ? (c)->error \
							     : twz_map_to_(m, c, to, from, k, v))

/* Adds the entry, or gives the one that has the key another value. */
#define twz_map_put(tx, m, k, v)                                                            \
	__extension__({                                                                     \
		const twz_map_value_type_(m) twz_v_ = (v);                                  \
		TWZ_PIN(sizeof(twz_v_) <= TWZ_MAP_VALUE_MAX);                               \
		twz_map_put_(tx, &(m)->map, twz_map_shape_(m), twz_map_key_(m, k), &twz_v_, \
			     sizeof(twz_v_));                                               \
	})

/* Copies the value out, if v is not null. TWZ_E_NOTFOUND. */
#define twz_map_get(m, k, v) twz_map_get_tx(0, m, k, v)
#define twz_map_get_tx(tx, m, k, v)                                                        \
	__extension__({                                                                    \
		twz_map_value_type_(m) *twz_v_ = (v);                                      \
		TWZ_LEADS_TO(*(m)->twz_value[0], v);                                       \
		twz_map_get_(tx, &(m)->map, twz_map_shape_(m), twz_map_key_(m, k), twz_v_, \
			     sizeof(*twz_v_));                                             \
	})

/* Is there such an entry? */
#define twz_map_has(m, k) (!twz_map_get_tx(0, m, k, 0))
#define twz_map_has_tx(tx, m, k) (!twz_map_get_tx(tx, m, k, 0))

/* Removes the entry. TWZ_E_NOTFOUND. */
#define twz_map_remove(tx, m, k) twz_map_remove_key(tx, &(m)->map, twz_map_key_(m, k))

/* Removes all entries. */
#define twz_map_clear(tx, m) twz_map_clear_all(tx, &(m)->map)

/* The number of entries. */
#define twz_map_count(m) twz_map_count_(0, &(m)->map)
#define twz_map_count_tx(tx, m) twz_map_count_(tx, &(m)->map)

/*
 * Puts the cursor on the first entry, the last one, or the first whose key is `from` or greater, and
 * copies the entry out: k and v may be null. TWZ_E_NOTFOUND: there is none.
 */
#define twz_map_first(m, c, k, v) twz_map_first_tx(0, m, c, k, v)
#define twz_map_last(m, c, k, v) twz_map_last_tx(0, m, c, k, v)
#define twz_map_seek(m, c, from, k, v) twz_map_seek_tx(0, m, c, from, k, v)
#define twz_map_first_tx(tx, m, c, k, v) twz_map_from_(tx, m, c, TWZ_MAP_FIRST, 0, k, v)
#define twz_map_last_tx(tx, m, c, k, v) twz_map_from_(tx, m, c, TWZ_MAP_LAST, 0, k, v)
#define twz_map_seek_tx(tx, m, c, from, k, v) \
	twz_map_from_(tx, m, c, TWZ_MAP_SEEK, twz_map_key_(m, from), k, v)

/* One on or back from where the cursor stands. TWZ_E_NOTFOUND at the end: it stays where it is. */
#define twz_map_next(m, c, k, v) twz_map_to_(m, c, TWZ_MAP_NEXT, 0, k, v)
#define twz_map_prev(m, c, k, v) twz_map_to_(m, c, TWZ_MAP_PREV, 0, k, v)

/* A loop over all entries; then (c)->error is TWZ_E_NOTFOUND, or what is wrong. */
#define twz_map_each(m, c, k, v)                                      \
	for ((c)->error = twz_map_first(m, c, k, v); (c)->error == 0; \
	     (c)->error = twz_map_next(m, c, k, v))

/*
 * Checks all that the map consists of, while nobody changes it: 0, *owned the bytes of the heap that are the
 * map's; TWZ_E_DAMAGED with *where the offset of what is wrong.
 */
#define twz_map_check(m, where, owned) twz_map_check_all(&(m)->map, where, owned)

/* The entry leads to `target`, in this object or another; as twz_set. */
#define twz_map_put_ptr(tx, m, k, target)                                                      \
	__extension__({                                                                        \
		twz_to_const_((m)->twz_target[0]) twz_t_ = (target);                           \
		TWZ_LEADS_TO(*(m)->twz_target[0], target);                                     \
		twz_map_put_to_(tx, &(m)->map, twz_map_shape_(m), twz_map_key_(m, k), twz_t_); \
	})

/* Where the entry leads to. TWZ_E_NOTFOUND; TWZ_E_UNRESOLVED: that is not there any more. */
#define twz_map_get_ptr(m, k, out)                                                             \
	__extension__({                                                                        \
		__typeof__((m)->twz_target[0]) *twz_o_ = (out);                                \
		TWZ_LEADS_TO((m)->twz_target[0], out);                                         \
		void *twz_addr_ = 0;                                                           \
		int twz_e_ = twz_map_get_to_(&(m)->map, twz_map_shape_(m), twz_map_key_(m, k), \
					     &twz_addr_);                                      \
		*twz_o_ = (__typeof__(*twz_o_))twz_addr_;                                      \
		twz_e_;                                                                        \
	})

/* The address that a value copied out leads to; a target that is not there is a fault, as with twz_get. */
#define twz_map_follow(m, v) \
	((__typeof__((m)->twz_target[0]))twz_ptr_follow(&(m)->map.root, (v).raw))

static inline int twz_map_put_to_(struct twz_tx *tx, struct twz_map *map, uint64_t shape,
				  uint64_t key, const void *target)
{
	uint64_t raw;
	int error = twz_ptr_to(tx, map, target, 0, &raw);

	return error ? error : twz_map_put_word(tx, map, shape, key, raw);
}

static inline int twz_map_get_to_(const struct twz_map *map, uint64_t shape, uint64_t key,
				  void **out)
{
	uint64_t raw;
	int error = twz_map_get_word(map, shape, key, &raw);

	return error ? error : twz_ptr_try(&map->root, raw, out);
}

TWZ_C_END

#endif
