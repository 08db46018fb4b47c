/*
 * store.h - the object store in an image (docs/format/store.md).
 *
 * Rules
 *   - The caller serialises: one call at a time for a store. Nothing here blocks or allocates.
 *   - The image is mapped at `base`, whole, and stays there while the store is open. Data pages may
 *     be mapped elsewhere too; the store itself reaches all through `base`.
 *   - Every change is one atomic update or several, each of which leaves a sound store. An error
 *     means that nothing changed, unless a function says otherwise.
 *   - Nothing in the image is trusted: a wrong word gives TWZ_E_DAMAGED, never a crash.
 *   - An object is known inside by the reference to its record (TWZ_REF), which stays valid until
 *     the object is freed. Pages are numbered from the object's start, frames from the image's.
 *   - A read-only open is a private mapping of the image: it is recovered and settled there.
 */
#ifndef TWZ_CORE_STORE_H
#define TWZ_CORE_STORE_H

#include "abi/errors.h"
#include "abi/store.h"
#include "core/update.h"

#define STORE_PAGES_MAX ((uint64_t)1 << 28) /* of an object */

#define STORE_VERIFIED 1024u

/*
 * What a home says of an object that is to be deleted because its last tie ended (see below): nothing
 * holds it; it is mapped; the home ties it to something of its own, that does not last.
 */
enum store_held { STORE_FREE, STORE_MAPPED, STORE_TIED };

/* All zeros before it is attached or mounted for the first time. */
struct store {
	uint8_t *base;
	uint64_t nframes;
	struct twz_super_fixed *fixed;
	struct twz_super *super;
	uint32_t cursor;  /* a hint: the block in which frames were found last */
	uint64_t account; /* another: the account that was found last */
	void (*random)(void *out, uint64_t bytes);
	/*
	 * Optional: makes sure that the medium can hold this part of a sparse image, before it is
	 * used; 0, TWZ_E_FULL, or TWZ_E_IO: the medium cannot be asked. Set after mount.
	 */
	int (*reserve)(uint64_t offset, uint64_t bytes);
	/* Optional: what the home does with an object whose last tie ended. Set after mount. */
	enum store_held (*held)(struct twz_id id);
	/*
	 * Optional, for a home in which processes map objects: what pages the object has is about to
	 * change, so that mappings of these kinds (enum twz_lease_mode) would be wrong. Takes them
	 * away, everywhere. An error is that of the operation, which has changed nothing then.
	 * Set after mount.
	 */
	int (*recall)(uint64_t ref, uint32_t kinds);
	/* Set: a page got another frame that was not asked for, as its old one has too many holders. */
	bool moved;
	bool draining;                     /* for itself, after it met a full store */
	uint64_t verified[STORE_VERIFIED]; /* records whose ID is right: ID ^ reference */
	struct update update;
};

/*
 * Makes an empty store of `bytes` (rounded down to 2 MiB, at least TWZ_STORE_SIZE_MIN) in an image
 * that is all zeros. The superblock is written last: an interrupted format is no store.
 * TWZ_E_ARG for a size out of range.
 */
int store_format(void *base, uint64_t bytes, void (*random)(void *out, uint64_t bytes));

/*
 * Opens: checks the superblock, applies the update log, then
 *   mount  starts the next epoch: what ended with the last one joins the dying list, in one update;
 *   attach joins the present epoch (the image is mounted by someone who lives, or died in it).
 * Constant time both. TWZ_E_NOTSTORE, TWZ_E_VERSION, TWZ_E_DAMAGED.
 */
int store_mount(struct store *s, void *base, uint64_t bytes,
		void (*random)(void *out, uint64_t bytes));
int store_attach(struct store *s, void *base, uint64_t bytes,
		 void (*random)(void *out, uint64_t bytes));

/*
 * What attaching checks first, for who has to know where the runtime area is before it may take the
 * store's lock: a whole copy of the superblock. Changes nothing. The same errors.
 */
int store_look(const void *base, uint64_t bytes, const struct twz_super_fixed **fixed);

/* After somebody who held the store's lock died: applies the update log. */
int store_recover(struct store *s);

struct store_new {
	uint32_t type;     /* enum twz_type */
	uint32_t perms;    /* default permissions */
	struct twz_id key; /* made under, zero for none */
	bool ending;       /* gone in the next epoch, unless store_keep comes before */
	uint64_t page;     /* npages present, zeroed pages from here on, in one node of 512 */
	uint64_t npages;   /* 0: none */
	uint64_t tie; /* tied to this one from the beginning, 0: to none; errors of store_tie */
	uint32_t tie_flags;
};

/* A new object, whole and durable on return, or TWZ_E_FULL; TWZ_E_LIMIT under a key, see there. */
int store_create(struct store *s, const struct store_new *new, uint64_t *ref);

/*
 * The object's record. TWZ_E_NOTFOUND; TWZ_E_DAMAGED if the record's sum is wrong or, at the first
 * load, its ID is not that of its identity (a memory of 1,024 records says which were verified).
 */
int store_find(struct store *s, struct twz_id id, uint64_t *ref);
const struct twz_record *store_record(const struct store *s, uint64_t ref);

/* Is the log unsettled in this epoch? Then store_settle comes before the first mapping. */
bool store_unsettled(const struct store *s, uint64_t ref);
int store_settle(struct store *s, uint64_t ref);

/*
 * An ending object becomes a lasting one, in one update. TWZ_E_ARG if it is tied to one that ends,
 * and that was not asked for by name (TWZ_TIE_ENDING).
 */
int store_keep(struct store *s, uint64_t ref);

/* The reverse. TWZ_E_TYPE for a key, which lasts while there are objects under it. */
int store_end(struct store *s, uint64_t ref);

/*
 * Registered views, those to be brought back at boot: puts a lasting object of type VIEW on their
 * list, or takes it off, in one update. Twice is as once. TWZ_E_TYPE; TWZ_E_ARG for an ending one.
 */
int store_view_register(struct store *s, uint64_t ref, bool on);

/*
 * Walks that list, which stays as it is meanwhile: *ref 0 starts, and is the next one on return.
 * TWZ_E_NOTFOUND at the end; TWZ_E_DAMAGED for a broken list, which ends the walk. As with
 * store_next, store_find by the ID is what verifies the ID.
 */
int store_view_next(const struct store *s, uint64_t *ref);

/*
 * The object is gone at once, in one update, its log settled before; its frames are freed by
 * store_drain, in at most `steps` bounded steps: it returns 1 if there is more to do, 0 if all is
 * free, or an error. Deleting needs no free frame. Who meets a full store drains by itself.
 * One that is tied to something is only marked: it goes with its last tie.
 * TWZ_E_BUSY for a key (type KEY) that has an account with objects.
 */
int store_delete(struct store *s, uint64_t ref);
int store_drain(struct store *s, int steps);

/*
 * For a home that still uses the object: deleted, and marked if it is tied, as above, but its pages
 * stay until store_delete_gone, or the end of the epoch. It is not found any more; sealing the same
 * content brings it back. store_delete_gone leaves one alone that came back.
 */
int store_leave(struct store *s, uint64_t ref);
int store_delete_gone(struct store *s, uint64_t ref);

/*
 * Ties, many to many: an object that is tied to another is not deleted before it, and is deleted when
 * the last of those that it is tied to is freed.
 *   - They come and go in one update each, and so does a delete, whatever is tied to the object:
 *     store_drain cuts the ties into it, one a step, and in the same update deletes what so loses
 *     its last one. s->held, if set, is asked before: what is MAPPED is left (store_leave), what is
 *     TIED stays, as an ending object.
 *   - To untie the last one deletes nothing, unless the object is marked: then in the same update.
 *   - The well-known objects of the superblock, and a key in use, are never deleted so.
 *   - Objects tied in a circle hold each other until one of those ties is cut.
 *   - Ties out are charged to an object's account: a page for each 63 begun (TWZ_TIES_CHARGED).
 *   - A store made before there were ties has none: TWZ_E_VERSION.
 */

/*
 * Ties the object to `to`, of a kind (enum twz_tie_flags; none: PLAIN). Twice is as once. TWZ_E_ARG for
 * an object with itself, and for one that lasts with one that ends, unless TWZ_TIE_ENDING asks
 * for that; TWZ_E_BUSY for a well-known object. TWZ_E_FULL, TWZ_E_LIMIT.
 */
int store_tie(struct store *s, uint64_t ref, uint64_t to, uint32_t flags);

/*
 * Takes the kinds off the tie (none: PLAIN), which goes with its last. It is the last of the object's ties if
 * all others lead to what was deleted before, freed or not. TWZ_E_NOTFOUND.
 */
int store_untie(struct store *s, uint64_t ref, uint64_t to, uint32_t kinds);

/*
 * What store_untie does first, in bounded steps: ties of the object to others than `to` (0: to any) that lead
 * to what is being freed are cut, up to the first that does not. 1: there may be more.
 */
int store_cut_gone(struct store *s, uint64_t ref, uint64_t to, int steps);

/*
 * Walks what the object is tied to or, with `in`, what is tied to it: *other 0 starts, and is the
 * reference of the next one on return. TWZ_E_NOTFOUND at the end; TWZ_E_BUSY if the tie at which the
 * walk stood was cut meanwhile: start again.
 */
int store_tie_next(const struct store *s, uint64_t ref, bool in, uint64_t *other, uint32_t *kinds);

/* A stretch of pages in one state. */
struct store_run {
	uint64_t page;
	uint64_t pages;
	uint32_t frame; /* of the first, consecutive; 0: the pages are holes */
	bool shared;    /* with a copy: must not be written */
	uint8_t limit;  /* rights that these pages cannot have, see store_limit; holes too */
};

/* The stretch that starts at `page`, at most `max` pages long and not past the node of 512. */
int store_run(const struct store *s, uint64_t ref, uint64_t page, uint64_t max,
	      struct store_run *run);

/*
 * Makes pages [page, page + pages) present and unshared: holes get zeroed frames, as far as possible
 * consecutive; shared pages are copied. Frames may change: mappings of shared pages must be made
 * anew. TWZ_E_FULL, and TWZ_E_RIGHT if one that would have to be made has the limit WRITE: pages are
 * made to be written, a hole can be read as it is (what was made before stays, of other nodes of
 * 512). TWZ_E_SEALED, TWZ_E_RANGE.
 */
int store_make(struct store *s, uint64_t ref, uint64_t page, uint64_t pages);

/* Frees the pages of the range: they are holes again, and without limits. */
int store_drop(struct store *s, uint64_t ref, uint64_t page, uint64_t pages);

/*
 * Page limits: pages [page, page + pages), holes too, cannot have these rights (TWZ_READ, TWZ_WRITE,
 * TWZ_EXEC) any more, whatever is granted. A hole with all three is a guard page.
 *   - Limits only narrow: bits are added, never removed. They go when the pages are dropped (or
 *     copied over, or the object is freed): who may do that is for the caller to decide.
 *   - They hold for whoever maps the pages, and for settling; mappings must be made anew. In the
 *     store itself only store_make heeds them.
 *   - Taking WRITE away settles the object's log first. It is in no transaction.
 *   - A copy has the limits of its source. An object with limits cannot be sealed.
 *   - Each 512 pages that hold a limit take a frame. An update each: after an error or a crash the
 *     range is limited up to somewhere.
 * TWZ_E_FULL, TWZ_E_SEALED, TWZ_E_RANGE, TWZ_E_ARG for other bits.
 */
int store_limit(struct store *s, uint64_t ref, uint64_t page, uint64_t pages, uint32_t limit);

/*
 * Makes [dst_page, + pages) of dst a copy of [src_page, + pages) of src, sharing frames: durable as
 * a structure; the bytes are as durable as the source's were. What dst had there is freed, limits
 * too; it gets those of the source. The log area is not copied, and dst's own goes with its meta
 * page. The source must be settled and in no transaction. Afterwards the pages of both are shared:
 * writable mappings of them must be made anew. Runs in steps, each an update: after a crash dst
 * holds a copy of a part, so copy into an ending object and then store_keep it.
 */
int store_copy(struct store *s, uint64_t dst, uint64_t dst_page, uint64_t src, uint64_t src_page,
	       uint64_t pages);

/*
 * A sealed object with the canonical content of src, of `size` bytes of data; its ID follows from
 * content, type, permissions and key. If it exists already, that one. docs/format/sealed.md.
 * TWZ_E_RIGHT if a page of it has a limit, which the sealed one could not have.
 */
int store_seal(struct store *s, uint64_t src, uint64_t size, uint32_t type, uint32_t perms,
	       struct twz_id key, uint64_t *ref);

/*
 * What two objects share, from these pages on: how many pages are the same frames, or holes, on both sides, and
 * how many of these are present. pages 0: the first one is not shared. Bounded: what follows the last one may be
 * shared, too. Subtrees that both have are one step. TWZ_E_RANGE, TWZ_E_NOTFOUND, TWZ_E_DAMAGED.
 */
struct store_place {
	uint64_t ref, page;
};
struct store_shared {
	uint64_t pages, present;
};
int store_same(const struct store *s, struct store_place a, struct store_place b, uint64_t pages,
	       struct store_shared *shared);

/*
 * Verifies a sealed object: that the digests that it keeps lead to its identity, and that a part, the one that
 * holds `page`, leads to its digest; *next is the first page behind that. A part is one page, of objects of more
 * than 128 MiB 512 pages, of more than 64 GiB 512 times that. store_verify does both.
 * TWZ_E_DAMAGED: it is not genuine. TWZ_E_TYPE: not sealed. TWZ_E_RANGE: the page lies behind its content.
 */
int store_verify_digests(const struct store *s, uint64_t ref);
int store_verify_part(const struct store *s, uint64_t ref, uint64_t page, uint64_t *next);
int store_verify(const struct store *s, uint64_t ref, uint64_t page);

/*
 * The root of the hash tree of an object that has these pages, given in the order of their numbers, and
 * else zeros: pure, so whoever has copies of a sealed object's pages can prove them by its identity.
 */
struct store_given {
	uint64_t page;
	const void *data; /* TWZ_PAGE bytes, aligned to 8; null: zeros */
};
void store_root_of(const struct store_given *given, unsigned n, uint8_t root[static 32]);

/* Address of a page through `base`; null for a hole and for what cannot be read. */
void *store_page(const struct store *s, uint64_t ref, uint64_t page);

/*
 * Accounts: what the objects made under a key use of the store. Each page present in an object counts
 * as one, shared with copies or not, and one for the object; nodes and indices do not count. An object
 * counts until it is freed (store_drain). An account is there while it has objects or a limit.
 *   - The counts are right after every update, so also after a crash.
 *   - What would go over the limit gives TWZ_E_LIMIT, after what is dying was freed, and changes
 *     nothing: create, make, copy, and seal, whose copy counts although it may turn out to exist.
 *     Settling goes over it.
 *   - A limit below what is used only ends growth.
 *   - A store made before there were accounts has none: its objects are not charged.
 */

/*
 * The key's objects can have so many pages together, and frames of DRAM, which the kernel counts and
 * the store only keeps; 0: as many as there are. One update.
 * TWZ_E_FULL; TWZ_E_ARG for the zero key; TWZ_E_VERSION in a store without accounts.
 */
int store_limit_key(struct store *s, struct twz_id key, uint64_t pages, uint64_t frames);

/* The key's account; TWZ_E_NOTFOUND if it has none. */
int store_account(struct store *s, struct twz_id key, struct twz_account *out);

/* Walks all accounts, as store_next all objects. */
int store_account_next(const struct store *s, uint64_t *cursor, struct twz_account *out);

/* The well-known objects in the superblock. */
enum store_name { STORE_ROOT, STORE_KEY, STORE_BOOT };
int store_set_name(struct store *s, enum store_name name, struct twz_id id);

/*
 * Walks all live objects, in no order: *cursor 0 starts. 0 and the next one in *ref; TWZ_E_NOTFOUND
 * at the end; TWZ_E_DAMAGED for one that cannot be read, after which the walk can go on.
 */
int store_next(const struct store *s, uint64_t *cursor, uint64_t *ref);

/* Frames and objects in use. */
struct store_usage {
	uint64_t frames, used, objects;
};
void store_usage(const struct store *s, struct store_usage *usage);

#endif
