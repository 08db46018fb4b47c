/*
 * index.h - an ordered index of words, in one object.
 *
 * The object's root is a struct index. From it a B+tree leads to words, a word to its postings, and
 * a posting, by a persistent pointer into another object, to a line of text. All of it lies where it
 * is used: nothing is loaded or parsed, a find reads the few lines of memory that it needs.
 *
 * A word is a run of ASCII letters, digits, apostrophes and bytes from 0x80 on (all of UTF-8 beyond
 * ASCII), with A to Z as a to z. Runs of more than WORD_MAX bytes are no words.
 *
 * An index is filled once, by plain stores, while no name leads to it; then it is made durable and
 * published (build.c), and never changes again. So it needs no locks and no transactions.
 */
#ifndef BIN_INDEX_INDEX_H
#define BIN_INDEX_INDEX_H

#include "bin/common/program.h"

#define INDEX_MAGIC 0x7865646e69ull /* "index" */
#define INDEX_VERSION 1u
#define WORD_MAX 255u
#define NODE_KEYS 31u
#define HEIGHT_MAX 16u
#define CHUNK_MAX 256u /* postings in one chunk */

struct posting {
	twz_ptr(const char) line; /* where the line starts, in the text's object */
	uint32_t number;          /* of the line, from 1 */
	uint32_t document;        /* its place in index.documents */
};

/* Postings of a word, by document and line; each chunk is twice as long as the one before. */
struct chunk {
	twz_ptr(struct chunk) next;
	uint32_t count, room;
	struct posting posting[];
};

struct word {
	twz_ptr(struct chunk) first, last;
	uint32_t npostings;
	uint32_t length;
	char text[];
};

/*
 * Keys are words in the order of their bytes. The first 8 bytes stand in the node, big endian and
 * padded with zeros, so that most comparisons end there. Inner nodes: child[i] holds what comes
 * before key i, child[i + 1] the key and what comes after. Leaves: child[0] is the next leaf, and
 * there is no room for more.
 */
struct node {
	uint32_t nkeys;
	uint32_t leaf;
	uint64_t prefix[NODE_KEYS];
	twz_ptr(struct word) word[NODE_KEYS];
	twz_ptr(struct node) child[NODE_KEYS + 1];
};

struct document {
	twz_ptr(const char) text;
	twz_ptr(const char) name; /* its path when it was indexed */
	uint64_t bytes;
	struct twz_id id;
};

struct index {
	uint64_t magic;
	uint32_t version;
	uint32_t height; /* inner nodes above a leaf */
	twz_ptr(struct node) root;
	twz_ptr(struct document) documents;
	uint64_t ndocuments, nwords, npostings, nlines;
	uint64_t end; /* offset behind all that is in use */
};

/* ---- words.c ------------------------------------------------------------------------------------ */

/* Finds the next word in [*at, end); text gets it in lower case. Its length, 0 at the end. */
uint32_t word_next(const char **at, const char *end, char text[WORD_MAX]);
/* The prefix as it stands in a node. */
uint64_t word_prefix(const char *text, uint32_t length);

/* ---- tree.c ------------------------------------------------------------------------------------- */

/* The place of a word in the tree's order: key `at` of a leaf, or behind its last one. */
struct place {
	const struct node *leaf;
	uint32_t at;
};

/* The first word that is not before `text`. */
struct place index_seek(const struct index *ix, const char *text, uint32_t length);
/* The word at the place, null behind the last one; moves on. */
const struct word *index_step(struct place *place);
/* The word itself, or null. */
const struct word *index_word(const struct index *ix, const char *text, uint32_t length);

/* A place among a word's postings. */
struct cursor {
	const struct chunk *chunk; /* null: behind the last */
	uint32_t at;
};
struct cursor posting_first(const struct word *word);
/* The posting at the cursor, null behind the last one. */
const struct posting *posting_at(const struct cursor *cursor);
/* Moves on to the first posting that is not before this document and line. */
const struct posting *posting_seek(struct cursor *cursor, uint32_t document, uint32_t number);

/* ---- build.c ------------------------------------------------------------------------------------ */

struct builder {
	struct twz_obj obj;
	struct index *ix;
	uint64_t ready;   /* offset up to which the object's pages are present */
	uint64_t room;    /* documents that the array at ix->documents can hold */
	const char *name; /* the index's path */
	uint64_t skipped; /* objects that are no text */
	bool progress;    /* is shown on a terminal */
	uint64_t shown;   /* when it was shown last */
};

/* Zeroed memory of the index being filled, of which nothing is ever given back. */
void *builder_take(struct builder *b, uint64_t bytes);
/* The word, made if it is not there. */
struct word *index_insert(struct builder *b, const char *text, uint32_t length);
/* Unless the word's last posting is for the same line. */
void posting_add(struct builder *b, struct word *word, const char *line, uint32_t number,
		 uint32_t document);

int index_build(const char *path, const char *name);

/* ---- find.c, check.c ------------------------------------------------------------------------------ */

/* Is this an index, of any version? */
bool index_is(const struct twz_obj *obj);
/* Opens the index with this name. A status, printed. */
int index_open(const char *name, struct index **ix);
int index_find(const char *name, int nwords, char **words);
int index_words(const char *name, const char *prefix);
int index_stat(const char *name);
int index_check(const char *name);

#endif
