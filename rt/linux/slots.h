/*
 * slots.h - the slots of the view: objects mapped into this process, piece by piece, on first touch.
 *
 * Slots are reserved address space without access. A touch faults; the handler finds the object
 * (settled before), takes the run of consecutive frames around the page and maps it from the image:
 *   pages of the object's own     readable, and writable unless sealed or not among the rights
 *   pages shared with a copy      readable; a store copies the page (store_make) and maps that
 *   holes, read                   zeros, readable; a store makes pages, about as many as there are
 * A slot is bound to the object that its entry names at the first touch; an entry that changed counts
 * after slots_reset. Page 0 never maps.
 *
 * Mappings are a cache: slots_reset takes a slot's away and touches bring them back. The host limits
 * their number (vm.max_map_count); short of it some slot's are taken away, and stores to shared pages
 * then copy all pages of their 2 MiB, so that frames are consecutive again.
 *
 * Other processes change objects' pages too: what is mapped here is leased (lease.h), and mapped anew
 * after a recall.
 *
 * Locking: home_lock held, but for slots_init, slots_forked, slots_limit and those that say otherwise.
 */
#ifndef TWZ_RT_LINUX_SLOTS_H
#define TWZ_RT_LINUX_SLOTS_H

#include "rt/linux/home.h"

#if TWZ_TSAN /* only this part of the address space is an application's */
#define SLOT_BASE 0x1000000000ull
#define NSLOTS 256u
#define NPLACES 0u
#define SHADOW_BYTES (1ull << 30)
#else
#define SLOT_BASE 0x200000000000ull
#define NSLOTS 4096u
#define NPLACES 4u
#define SHADOW_BYTES (8ull << 30)
#endif
#define PLACE_BASE (1ull << TWZ_PLACE_BIT)

/* Where a persistent pointer read outside of objects leads (the row is null): must fault. */
#define LOW_START 0x10000ull
#define LOW_END TWZ_SHADOW_TAIL

/* Reserves the address space, sets home.info. Again: nothing. TWZ_E_NOMEM, and why. */
int slots_init(const char **why);

/* In a child of fork: nothing is mapped; the slots stay bound. */
void slots_forked(void);

/*
 * Resolves a touch at addr, or says why not in *fault; true: resolved. Takes home_lock. `want`:
 * bytes from addr on that will be stored to.
 */
bool slots_touch(uintptr_t addr, bool write, uint64_t want, struct twz_fault *fault);

/* Is the address in a slot or place? Takes no lock. */
bool slots_hold(uintptr_t addr);

/* The object that the entry of the slot at this address names, zero for none. Takes no lock. */
struct twz_id slots_id(uintptr_t addr);

/* Takes the mappings of the slot away and unbinds it. */
void slots_reset(uint32_t slot);
/* The same for all slots bound to the object. */
void slots_reset_object(struct twz_id id);
/*
 * Takes away what this process has mapped of the object with this record, in slots that show it in one of
 * these ways (enum twz_lease_mode); they stay bound. Without home_lock by the thread that answers recalls.
 */
void slots_recall(uint64_t ref, uint32_t kinds);

/* For tests: at most so many mappings; 0: what the host allows. */
void slots_limit(uint32_t pieces);

#endif
