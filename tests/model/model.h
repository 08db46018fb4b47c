/*
 * model.h - the model: a sequence of operations that follows from a seed, done on the system and on a small
 * model in memory at the same time. The same sources run in both homes; of headers they use libtwz's.
 *
 *     model SEED UNTIL [FROM]     goes on until so many operations are done, and checks everything; says
 *                                 what it does from number FROM on
 *     model end                   deletes what it made
 *
 * Each start is in an epoch of its own: hosted, who starts it mounts the store; in the machine it is run once
 * after a boot. So each end of it, orderly or not, is a crash to the store, and the next start recovers:
 *
 *   - The table, an object that lasts, holds how many operations are done, behind which of them an epoch
 *     ended, and the IDs of the objects. An ID is written there before its object is kept: what a crash leaves
 *     out of the table was ending, and is gone.
 *   - The model is made anew from the seed, without the system. The store must then be as behind the last
 *     operation that was noted, or as behind the next one, which was under way: all of it or nothing.
 *   - Some operations are no single update (struct doing). What they may leave, by their contracts, is
 *     brought in order first, by the means that their contracts name.
 *
 * The choices of operation N depend on the seed, on N and on the model, and on nothing that the system
 * answers: error codes are foreseen like everything else. So what fails is repeated in an empty store by the
 * line that is printed.
 *
 * Objects are named by their number in the model: 40 at a time, each one of some kind. Of an object's pages
 * the model knows some, in four stretches: the first ones, around a node's end, around the end of the first
 * GiB, and the last ones of the TiB; and of a page four words.
 */
#ifndef TESTS_MODEL_MODEL_H
#define TESTS_MODEL_MODEL_H

#include <string.h>
#include <twz/tie.h>
#include <twz/twz.h>

#define OBJECTS 40u
#define PLACES 96u /* for pages */
#define WORDS 4u
#define NAMES 6u
#define LINKS 6u
#define ENDS_MAX 4096u
#define NOBODY OBJECTS
#define PATH_TEXT 96 /* of a path: a name is one letter */
#define ROOT 0u      /* the namespace of all names: object 0, always there */

enum kind { NOTHING, PLAIN, HOLDER, SEALED, SPACE, GUARDED, CONTEXT };
enum life { LASTING, ENDING, VOLATILE };

/* A pointer of a holder. */
enum link_how { LINK_NULL, LINK_OBJECT, LINK_NAME };
struct link {
	uint8_t how;
	uint8_t place, word; /* of LINK_OBJECT; a holder's is its value */
	uint32_t uid;        /* of LINK_OBJECT */
	char path[24];       /* of LINK_NAME */
};

/* What a context says of an object, or of all that are a user's. */
#define CAPS 8u
#define MASKS 6u
#define GATES 4u
struct cap {
	uint32_t target; /* 0: there is none */
	uint8_t perms, signer;
	bool expired;
};
struct mask {
	uint32_t target; /* 0: there is none */
	uint8_t override, mask;
};

struct object {
	uint8_t kind, life;
	bool marked; /* was deleted, and is there as long as its ties */
	bool scoped; /* a volatile one, which goes with the program, but can be deleted before */
	uint8_t limited;             /* some place has a limit */
	uint8_t parent, parent_name; /* of a namespace */
	/*
	 * Who it is, also when it is gone: the operation that made it, or of a sealed one what follows
	 * from its content, as it can come to life again.
	 */
	uint32_t uid;
	bool has_size; /* set_size was called: then the meta page counts for the ID of what is sealed */
	uint64_t size, sealed_size; /* meta.size; of the identity of a sealed one */
	uint64_t value;
	union {
		struct {
			uint64_t word[PLACES][WORDS];
			uint8_t limit[PLACES];
		};
		struct link link[LINKS];
		uint32_t name[NAMES]; /* uids; 0: not bound */
		struct {
			uint8_t user, perms; /* whose it is, what everybody may: GUARDED too */
			uint8_t global;
			struct cap cap[CAPS];
			struct mask mask[MASKS];
			uint8_t ngates, gate[GATES]; /* real_gate() */
		};
	};
};

struct world {
	uint64_t done;
	struct object object[OBJECTS];
	uint8_t tie[OBJECTS][OBJECTS]; /* what is tied, to what: enum twz_tie_flags */
};

/* ---- the world: what the operations do, and what they return (world.c) -------------------------- */

bool world_lives(const struct world *w, unsigned k);
unsigned world_find(const struct world *w, uint32_t uid); /* NOBODY */
/* The object is gone, and what was tied to it and to nothing else. */
void world_kill(struct world *w, unsigned k);
int world_delete(struct world *w, unsigned k);
int world_keep(struct world *w, unsigned k);
int world_tie(struct world *w, unsigned a, unsigned to, uint32_t flags);
int world_untie(struct world *w, unsigned a, unsigned to, uint32_t kinds);
bool world_tied(const struct world *w, unsigned a);
/* Does it end with this epoch? It may last, and be tied to what does not. */
bool world_ends(const struct world *w, unsigned k);
/* The places [to, to + n) of dst are as [from, from + n) of src. */
int world_copy(struct world *w, unsigned dst, unsigned to, unsigned src, unsigned from, unsigned n);
void world_copy_whole(struct world *w, unsigned dst, unsigned src);
int world_drop(struct world *w, unsigned k, unsigned place, unsigned n);
int world_limit(struct world *w, unsigned k, unsigned place, unsigned n, uint32_t limit);
bool world_limited(const struct object *o, unsigned place, unsigned n);
/* The sealed object's number in *k, which may have been there: else it is made in `slot`. */
int world_seal(struct world *w, unsigned src, uint64_t size, unsigned slot, unsigned *k);
/* Why a store there is refused, or 0. */
int world_store_error(const struct world *w, unsigned k, unsigned place);

/* A name in a namespace. */
struct spot {
	unsigned space, name;
};
int world_bind(struct world *w, struct spot at, unsigned k, uint32_t flags);
int world_unbind(struct world *w, struct spot at, uint32_t flags);
int world_rename(struct world *w, struct spot from, struct spot to, uint32_t flags);
int world_exchange(struct world *w, struct spot a, struct spot b);
/* uid of what the path leads to, 0: nothing. */
uint32_t world_resolve(const struct world *w, const char *path);
void world_path(const struct world *w, struct spot at, char path[static PATH_TEXT]);

/* Rights: core/right.h, once more. The users' keys have uids too. */
#define USERS 2u
#define USER_UID(user) (0x7ffffff0u + (user))
uint32_t world_granted(const struct world *w, unsigned k, unsigned context);
uint32_t world_effective(const struct world *w, unsigned k, unsigned context);

/* The epoch ends: what ends with it is gone. */
void world_end_epoch(struct world *w);

/* Of place and word: the page in an object, the offset in the data. */
uint64_t place_page(unsigned place);
uint64_t word_offset(unsigned place, unsigned word);
/* Is it behind the first GiB, so that it takes a large place of the view to show it? */
bool place_large(unsigned place);
#define LARGE_AT_ONCE 3u /* hosted there are 4 */

/* ---- the system: the objects as they are (real.c) ------------------------------------------------ */

/* At TWZ_OBJ_DATA of the table's object. */
struct table {
	uint64_t seed, done;
	uint64_t epoch; /* of the last start */
	uint64_t nends, end[ENDS_MAX];
	struct twz_id id[OBJECTS];
	struct twz_secret user[USERS];
};
extern struct table *table;

/* A holder's block in its heap. */
struct holder {
	twz_ptr(uint64_t) link[LINKS];
	uint64_t value;
};

/* Opens the table; false: there is none. */
bool table_open(void);
/* Makes the root namespace and then, in one step, the table. */
void table_make(uint64_t seed);
void table_note_id(unsigned k, struct twz_id id);
void table_note_done(uint64_t done);
void table_note_end(uint64_t done);

const struct twz_obj *real_open(unsigned k);
/* Where the word is, or a holder's value; in a large place if need be. */
uint64_t *real_word(unsigned k, const struct object *o, unsigned place, unsigned word);
struct holder *real_holder(unsigned k);
/* Nothing of it is mapped any more, or not in a large place. */
void real_recycle(unsigned k);
void real_recycle_large(unsigned k);
/* The same of one that may be gone, wherever the library has mapped it: a look at a name does. */
void real_forget(unsigned k);
/* Tied to that from the start, or NOBODY. It is ending, or volatile. */
int real_make(const struct object *o, unsigned tied_to, struct twz_id *id);
/* A gate, one for each number. */
struct twz_gate real_gate(unsigned number);
/* What the context may do with the object, as the system has it, or an error. */
int real_rights(unsigned k, unsigned context, struct twz_rt_answer *answer);

/* Waits until the object is gone that the world does not have; false: it stays. */
bool real_await_end(const struct world *w, unsigned k);

/*
 * Compares all with the world, or one object; what is another is said in `text`. Of object `but` the pages
 * are not looked at.
 */
#define TEXT_MAX 256
bool real_same(const struct world *w, unsigned but, char text[static TEXT_MAX]);
/* How often, from now on, is it waited for that what is gone is freed? Then it is there still. */
#define PATIENCE 5000u
extern unsigned real_patience;
bool real_same_object(const struct world *w, unsigned k, char text[static TEXT_MAX]);

/* ---- the operations (ops.c) ------------------------------------------------------------------------ */

/* What is being done, and what a crash may leave of it. */
enum leaves {
	ALL_OR_NOTHING,
	PARTS,   /* pages of object `busy`; doing it again ends it */
	NAMED,   /* the name at `path`, leading to what was not kept; or the one beside it */
	NAMELESS /* what lost the name at `path`, object `busy`: the next change there deletes it */
};
struct doing {
	struct world *w;
	bool real;  /* on the system as well */
	bool again; /* a part may be done already: what the system answers counts for nothing */
	uint64_t seed, n, random;
	enum leaves leaves;
	unsigned busy; /* the object that it is about, or NOBODY */
	unsigned made; /* the one that it makes, or NOBODY */
	char path[PATH_TEXT];
	char said[TEXT_MAX]; /* in words */
};
/* Operation number done + 1 of the world. */
void op_do(struct doing *d);
/* Brings in order what a crash left of it. */
void op_mend(struct doing *d);
/* Ends the program with all that is needed to repeat it. */
_Noreturn void op_fails(const struct doing *d, const char *expected, const char *found);

#define NEED(what) need((what), #what, __FILE__, __LINE__)
static inline void need(int error, const char *what, const char *file, int line)
{
	if (!error)
		return;
	twz_flush();
	twz_warn("%s:%d: %s: %s\n", file, line, what, twz_error_text(error));
	twz_rt_exit(1);
}

#endif
