/*
 * vec.h - vectors in objects: any number of elements of one type, which never move.
 *
 *     struct list { twz_vec(uint64_t) primes; };              a field; all zero is an empty one
 *
 *     error = twz_vec_push(0, &list->primes, 7);               durable on return
 *     error = twz_vec_push(&tx, &list->primes, 11);            with the transaction
 *     error = twz_vec_get(&list->primes, 0, &value);           copied out, beside a writer
 *
 * The rules are in core/vec.h: in short, the object has a heap; what changes the vector takes the caller's
 * transaction or null; reading takes no lock; TWZ_E_RANGE: there is no such element; TWZ_E_HEAPFULL is no
 * error of the transaction, which may go on. docs/format/vec.md has the layout.
 */
#ifndef TWZ_VEC_H
#define TWZ_VEC_H

#include "core/vec.h"
#include <twz/ptr.h>
#include <twz/tx.h>

TWZ_C_BEGIN

#define twz_vec(T)                            \
	struct {                              \
		struct twz_vec vec;           \
		__extension__ T *twz_type[0]; \
	}

/* A pointer to what the vector v holds, and its size. */
#define twz_vec_type_(v) __typeof__((v)->twz_type[0])
#define twz_vec_bytes_(v) ((uint32_t)sizeof(*(v)->twz_type[0]))

/* Adds an element at the end. */
#define twz_vec_push(tx, v, value)                                                  \
	__extension__({                                                             \
		__typeof__(*(v)->twz_type[0]) twz_value_ = (value);                 \
		vec_push(tx, &(v)->vec, (uint32_t)sizeof(twz_value_), &twz_value_); \
	})

/* Takes the last element away; *out, if out is not null, gets it. TWZ_E_NOTFOUND: there is none. */
#define twz_vec_pop(tx, v, out)                                      \
	__extension__({                                              \
		twz_vec_type_(v) twz_out_ = (out);                   \
		TWZ_LEADS_TO(*(v)->twz_type[0], out);                \
		vec_pop(tx, &(v)->vec, twz_vec_bytes_(v), twz_out_); \
	})

#define twz_vec_set(tx, v, i, value)                                                  \
	__extension__({                                                               \
		__typeof__(*(v)->twz_type[0]) twz_value_ = (value);                   \
		vec_set(tx, &(v)->vec, (uint32_t)sizeof(twz_value_), i, &twz_value_); \
	})

/* *out gets element i as one commit left it; or as it is staged. TWZ_E_TIMEOUT: a writer stands still. */
#define twz_vec_get(v, i, out) twz_vec_get_tx(0, v, i, out)
#define twz_vec_get_tx(tx, v, i, out)                                   \
	__extension__({                                                 \
		twz_vec_type_(v) twz_out_ = (out);                      \
		TWZ_LEADS_TO(*(v)->twz_type[0], out);                   \
		vec_get(tx, &(v)->vec, twz_vec_bytes_(v), i, twz_out_); \
	})

/* Where element i lies, or null: for who has the object, or with the transaction. */
#define twz_vec_at(v, i) twz_vec_at_tx(0, v, i)
#define twz_vec_at_tx(tx, v, i) ((twz_vec_type_(v))vec_at(tx, &(v)->vec, twz_vec_bytes_(v), i))

/* The staged copy of element i, to be changed by plain stores until commit; null. */
#define twz_vec_open(tx, v, i) \
	((twz_vec_type_(v))twz_vec_open_(tx, &(v)->vec, twz_vec_bytes_(v), i))
static inline void *twz_vec_open_(struct twz_tx *tx, struct twz_vec *v, uint32_t bytes, uint64_t i)
{
	void *p = vec_at(tx, v, bytes, i);

	return p ? twz_tx_write(tx, p, bytes) : p;
}

/* Element i becomes the last one, which goes. */
#define twz_vec_swap_remove(tx, v, i) vec_swap_remove(tx, &(v)->vec, twz_vec_bytes_(v), i)

/* New elements are all zero; those past the new count go, and memory that is not needed then. */
#define twz_vec_resize(tx, v, n) vec_resize(tx, &(v)->vec, twz_vec_bytes_(v), n)

/* Empty, and nothing of the heap is the vector's any more. */
#define twz_vec_clear(tx, v) vec_clear(tx, &(v)->vec, twz_vec_bytes_(v))

#define twz_vec_count(v) vec_count(0, &(v)->vec)
#define twz_vec_count_tx(tx, v) vec_count(tx, &(v)->vec)

/* 0, *owned the bytes of the heap that are the vector's; TWZ_E_DAMAGED with *where the offset. */
#define twz_vec_check(v, where, owned) vec_check(&(v)->vec, twz_vec_bytes_(v), where, owned)

/*
 * Of pointers: twz_vec(twz_ptr(T)), to the same object or others. The entry of the FOT that a pointer may
 * need is made with the transaction, or durably before. A pointer is followed where it lies
 * (twz_get(twz_vec_at(v, i))), or by twz_vec_get_ptr beside a writer, with TWZ_E_UNRESOLVED instead of a
 * fault.
 */
#define twz_vec_push_ptr(tx, v, target)                                              \
	__extension__({                                                              \
		twz_to_const_((v)->twz_type[0]->twz_type[0]) twz_target_ = (target); \
		TWZ_LEADS_TO(*(v)->twz_type[0]->twz_type[0], target);                \
		twz_vec_put_ptr_(tx, &(v)->vec, ~(uint64_t)0, twz_target_);          \
	})
#define twz_vec_set_ptr(tx, v, i, target)                                            \
	__extension__({                                                              \
		twz_to_const_((v)->twz_type[0]->twz_type[0]) twz_target_ = (target); \
		TWZ_LEADS_TO(*(v)->twz_type[0]->twz_type[0], target);                \
		twz_vec_put_ptr_(tx, &(v)->vec, i, twz_target_);                     \
	})
#define twz_vec_get_ptr(v, i, out)                                           \
	__extension__({                                                      \
		__typeof__((v)->twz_type[0]->twz_type[0]) *twz_out_ = (out); \
		TWZ_LEADS_TO((v)->twz_type[0]->twz_type[0], out);            \
		void *twz_addr_ = 0;                                         \
		int twz_error_ = twz_vec_get_ptr_(&(v)->vec, i, &twz_addr_); \
		*twz_out_ = (__typeof__(*twz_out_))twz_addr_;                \
		twz_error_;                                                  \
	})

/* Element i, or a new one behind the last for ~0. */
static inline int twz_vec_put_ptr_(struct twz_tx *tx, struct twz_vec *v, uint64_t i,
				   const void *target)
{
	uint64_t raw;
	int error = twz_ptr_to(tx, v, target, 0, &raw);

	if (error)
		return error;
	return ~i ? vec_set(tx, v, sizeof(raw), i, &raw) : vec_push(tx, v, sizeof(raw), &raw);
}

static inline int twz_vec_get_ptr_(const struct twz_vec *v, uint64_t i, void **out)
{
	uint64_t raw;
	int error = vec_get(0, v, sizeof(raw), i, &raw);

	return error ? error : twz_ptr_try(&v->count, raw, out);
}

TWZ_C_END

#endif
