/*
 * nvm.h - the medium NVM: persistent objects, in the store on the machine's NVDIMM, through core/store.
 *
 * The store is mounted at the start and never closed: every change is durable when its call returns.
 * Its one caller at a time is whoever has the kernel's lock.
 */
#ifndef KERNEL_NVM_H
#define KERNEL_NVM_H

#include "core/store.h"
#include "kernel/object.h"

extern uint64_t nvm_epoch; /* the boot epoch; 0: there is no store */

/* Mounts the store if there is one; what is wrong with it goes to the log. */
void nvm_init(void);

/* The object's record, settled. TWZ_E_NOTFOUND, TWZ_E_DAMAGED, TWZ_E_FULL. */
int nvm_find(struct twz_id id, uint64_t *ref, const struct twz_identity **identity);

int nvm_create(const struct store_new *new, struct twz_id *id);
int nvm_keep(struct object *o);
int nvm_seal(struct object *src, uint64_t size, uint32_t type, uint32_t perms, struct twz_id *id);
/* Of a sealed object: core/store.h. */
int nvm_verify_digests(const struct object *o);
int nvm_verify_part(const struct object *o, uint64_t page, uint64_t *next);
/* Flushes all pages of the object; one fence. */
int nvm_sync(struct object *o);
/* Decides what a dead owner left in the object's log. TWZ_E_BUSY: the owner lives. */
int nvm_settle(struct object *o);

/*
 * Ties of persistent objects to each other are the store's (core/store.h); what it knows of one: how many ties
 * out, whether it goes with the last one.
 */
uint32_t nvm_ties(const struct object *o);
bool nvm_marked(const struct object *o);
/* It has ties there and goes with the last one. */
int nvm_mark(struct object *o);
int nvm_tie(struct object *o, struct object *to, uint32_t flags);
int nvm_untie(struct object *o, struct object *to, uint32_t kinds);
/* As tie_end_gone, of those there; `to` is null if it is none of them. */
int nvm_cut_gone(struct object *o, const struct object *to);
/* As tie_next, of those there; `other` is null at the start. */
int nvm_tie_next(struct object *o, const struct object *other, struct twz_sys_tie *walk);
/* Can it be tied to what ends with the epoch? TWZ_E_BUSY; TWZ_E_ARG: it lasts, and that was not asked for. */
int nvm_may_end(const struct object *o, bool asked);
/* It ends with the epoch from now on, unless it is tied to something in the store. */
int nvm_end(struct object *o);

int nvm_root(struct twz_id id, bool set, struct twz_id *root);
int nvm_view_register(struct object *o, bool on);
/* The registered view that follows `id`; zero starts. */
int nvm_view_next(struct twz_id *id);

/* The boot context, as the superblock names it; zero for none. */
struct twz_id nvm_boot_context(void);
/* What the store keeps of a key, all zero if nothing; sets the key's limits. TWZ_E_DAMAGED, FULL, ... */
int nvm_account(struct twz_id key, struct twz_account *out);
int nvm_limit_key(struct twz_id key, uint64_t pages, uint64_t frames);

void nvm_usage(struct store_usage *usage);
uint64_t nvm_end_epoch(const struct object *o);

/* Frees a bounded part of what was deleted; true if there is more. */
bool nvm_drain(void);

#endif
