/*
 * space.h - the slots of this program's view, and the shadow over them (twz/ptr.h).
 *
 * A slot is taken for an object when it is first opened or pointed into, and stays its until
 * space_recycle. Its row of the shadow is set before its entry in the view, so before anything in it
 * can be loaded. Rows are packed in the runtime's shadow memory, an odd number of lines each (rows
 * of equal size a power of two apart would fight for the same cache sets). A row that is outgrown is
 * kept until its slot is recycled: another thread may be reading it.
 *
 * All functions take the lock that they need. Slot numbers count the large places behind the
 * standard slots, as the view does.
 */
#ifndef LIB_SPACE_H
#define LIB_SPACE_H

#include <twz/obj.h>

/*
 * Finds or takes the slot that shows the object. `stat`: what is known of it, null to ask the
 * runtime. TWZ_E_NOTFOUND, TWZ_E_NOSLOT, TWZ_E_NOMEM.
 */
int space_map(struct twz_id id, bool large, const struct twz_rt_stat *stat, struct twz_obj *obj);

/*
 * Takes over what the entries of the view name, so that it stays where it is; entries of what is gone
 * are emptied. Once, before any slot was taken. Called before main if the view was brought back.
 */
void space_adopt(void);

/* The slot that holds the address; false if it is in none or nothing is mapped there. */
bool space_find(const void *addr, uint32_t *slot);

uint8_t *space_base(uint32_t slot);
uint64_t space_span(uint32_t slot);
struct twz_id space_id(uint32_t slot);
bool space_sealed(uint32_t slot);
/*
 * May the object in the slot be read? Asked once: who loses the right later finds it out by a fault.
 * TWZ_E_RIGHT, TWZ_E_NOTFOUND.
 */
int space_readable(uint32_t slot);
/*
 * A word that who opens objects of one kind keeps with the slot, so as not to find it out again; 0: none yet. It
 * goes with the object that the slot shows. Without a lock.
 */
uint64_t space_noted(uint32_t slot);
void space_note(uint32_t slot, uint64_t word);
/* Does the object end with this boot epoch? Asks again if it did when it was mapped. */
bool space_ending(uint32_t slot);

/* From now on entry `index` of the row of `slot` leads to `target`. May do nothing. */
void space_cache(uint32_t slot, uint32_t index, uint32_t fot_next, uint32_t target);

/* The object is deleted: a touch of its slots faults, and nobody finds them again. */
void space_forget(struct twz_id id);
void space_recycle(uint32_t slot);
/*
 * How often one of these two was done: who keeps addresses in slots, of what others have opened, compares. Another
 * count: they may lead anywhere.
 */
uint64_t space_forgotten(void);

/*
 * `count` slots behind each other, of the program's own from now on: TWZ_E_NOSLOT. What it shows there has no
 * row, so pointers in it cannot be followed. One thread at a time uses a slot; the object need not be there.
 */
int space_reserve(uint32_t count, uint32_t *first);
/* One of those, or a reserved one, shows the object from now on, with these rights (enum twz_view_rights). */
void space_show(uint32_t slot, struct twz_id id, uint32_t rights);

/* Stores to the object are checked (twz_check_stores). */
void space_check(uint32_t slot, bool on);
/* Ends the stores to objects that are checked. */
void space_protect(const void *addr);

#endif
