/*
 * obj.h - objects: made, mapped, copied, sealed, deleted.
 *
 * Rules
 *   - Every function returns 0 or a negative enum twz_error, unless it says otherwise. Any thread
 *     may call any of them.
 *   - An object is mapped by taking a slot of the view; nothing of it is touched until the program
 *     does. It stays mapped, with pointers into it good, until twz_obj_recycle; opening it again,
 *     or following a pointer into it, finds the same slot.
 *   - A handle, struct twz_obj, is a plain value: copy it freely, free nothing.
 *   - Plain stores reach the medium at some time, in any order. Durable is what twz_persist or
 *     twz_obj_sync was called for, and what a transaction committed (tx.h).
 *   - Over a crash: an object is whole or absent. One made `ending` is gone with the boot epoch
 *     unless it was kept: so fill an ending object, give it a name, keep it (twz_name_publish).
 *   - A standard slot shows the first 1 GiB of an object, a large place all of it.
 *   - A touch that cannot be resolved is a fault (twz_rt_on_fault in abi/rt.h): without a handler
 *     it ends the program with a message.
 */
#ifndef TWZ_OBJ_H
#define TWZ_OBJ_H

#include "abi/object.h"
#include "abi/rt.h"
#include "core/ptr.h"

TWZ_C_BEGIN

/* What this file was built with, said before main; also when libtwz is another module of the program. */
static __attribute__((constructor(101))) void twz_tell_version(void)
{
	twz_rt_built_with(TWZ_RT_VERSION);
}

struct twz_obj {
	struct twz_id id;
	uint8_t *base; /* address of offset 0, which never can be touched */
	uint32_t slot; /* entry of the view */
	uint32_t reserved;
};

static inline bool twz_id_equal(struct twz_id a, struct twz_id b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

static inline bool twz_id_none(struct twz_id id)
{
	return !(id.lo | id.hi);
}

struct twz_new {
	uint32_t type; /* enum twz_type; 0: data */
	/*
	 * Defaults, what everybody may (enum twz_perm), and the key that it is made under. Both zero: it
	 * is made under the key of the program's owner, and everybody else may nothing; without such
	 * a key everybody may READ, WRITE, USE and DELETE.
	 */
	uint32_t perms;
	struct twz_id key;
	bool ending; /* gone with this boot epoch unless kept */
	/* In memory, and gone when this program ends, however it ends; can be deleted before. */
	bool temporary;
	bool heap;      /* with a heap (heap.h) */
	bool large;     /* mapped in a large place */
	uint64_t bytes; /* of data whose pages are present from the start */
	/*
	 * Tied to this object from the start (tie.h), or zero; a temporary one then to that instead of the
	 * program. Flags: TWZ_TIE_ENDING or 0.
	 */
	struct twz_id tie;
	uint32_t tie_flags;
};
/* Makes and maps an object; it is durable on return unless temporary, its heap too. */
int twz_obj_new(const struct twz_new *wanted, struct twz_obj *obj);

/* TWZ_E_NOTFOUND, TWZ_E_NOSLOT; TWZ_E_DAMAGED for a record that is not genuine. */
int twz_obj_open(struct twz_id id, struct twz_obj *obj);
int twz_obj_open_large(struct twz_id id, struct twz_obj *obj);

/* The object that holds this address, which may be anywhere in it. TWZ_E_OUTSIDE. */
int twz_obj_at(const void *addr, struct twz_obj *obj);

/*
 * Nobody holds an address in the object any more, in no thread: its slot is free for another, and
 * what the shadow knew of it is dropped. Costs time in proportion to the shadow. In a checking
 * build the slot is never used again, and a touch is reported.
 */
int twz_obj_recycle(struct twz_obj *obj);

/* An ending object lasts from now on; durable. */
int twz_obj_keep(struct twz_id id);

/*
 * Nobody finds the object any more, durably, and its memory is free; a program that has it mapped
 * keeps it until then. Hosted, a mapping of it here faults from now on. Its slot waits for
 * twz_obj_recycle. An object that is tied to something (tie.h) stays, and goes with its last tie.
 */
int twz_obj_delete(struct twz_id id);

/*
 * A new object of the same type and default permissions whose pages are shared with src until either
 * changes: a version. It is the caller's: made under the key of the program's owner, or without such a key
 * under that of src. `ending` as in twz_new. Other threads may store to src meanwhile: the copy is as src
 * was at one moment, each word as before that or none, and they wait till then. TWZ_E_BUSY: src is in a
 * transaction, or another copy is filling it; TWZ_E_TIMEOUT: somebody who stores would have waited for more
 * than three seconds. Durable as a structure; the bytes are as durable as src's were.
 */
int twz_obj_copy(struct twz_id src, bool ending, struct twz_id *copy);

/*
 * Where two objects differ, as far as both mappings show them: in the meta page but for the state of the log, in
 * the FOT, in the data. Pages that both share are stepped over, others are compared; nobody stores to them
 * meanwhile. `each`, which may be null, is called with every range of bytes, by rising offsets in the object; it
 * goes on while that returns 0, and else gives what it returned. *diff, which may be null, counts.
 */
struct twz_diff {
	uint64_t ranges, bytes;    /* that differ */
	uint64_t shared, compared; /* pages; shared ones without holes */
};
typedef int (*twz_diff_fn)(uint64_t offset, uint64_t bytes, void *arg);
int twz_obj_diff(const struct twz_obj *a, const struct twz_obj *b, twz_diff_fn each, void *arg,
		 struct twz_diff *diff);

/*
 * A sealed object, which can never change, with the first `size` bytes of src's data: its ID
 * follows from content, type and permissions, so sealing the same again gives the same.
 */
int twz_obj_seal(struct twz_id src, uint64_t size, uint32_t perms, struct twz_id *id);

/*
 * Is this part of a sealed object what its ID says? Offset and bytes are widened to pages, of objects of more than
 * 128 MiB to 2 MiB, of more than 64 GiB to 1 GiB; what lies behind the content is not looked at. TWZ_E_DAMAGED:
 * it is not; TWZ_E_TYPE: it is not sealed; TWZ_E_RANGE: it begins behind the content.
 */
int twz_obj_verify(struct twz_id id, uint64_t offset, uint64_t bytes);

int twz_obj_stat(struct twz_id id, struct twz_rt_stat *stat);

/* All that was stored to the object is durable. */
int twz_obj_sync(const struct twz_obj *obj);

/* Bytes of data, for objects that are files: meta.size. Setting it is a transaction. */
uint64_t twz_obj_size(const struct twz_obj *obj);
int twz_obj_set_size(const struct twz_obj *obj, uint64_t bytes);

/* Where the data starts. */
static inline void *twz_obj_data(const struct twz_obj *obj)
{
	return obj->base + TWZ_OBJ_DATA;
}

/* The first structure: at meta.root, or where the data starts. */
void *twz_obj_root(const struct twz_obj *obj);

/*
 * Checking builds (TWZ_CHECK): from now on the object's data may be stored to only while a
 * transaction of this process has the object, by whichever thread; other stores fault with
 * TWZ_FAULT_RIGHT. Elsewhere this does nothing.
 */
int twz_check_stores(const struct twz_obj *obj, bool on);

TWZ_C_END

#endif
