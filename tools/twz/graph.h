/*
 * graph.h - twz graph: what leads where in a store, and the picture of it.
 *
 * A graph has all objects and what leads from one to another (graph.c). A picture has as much of it as
 * a person can look at (picture.c): cards, which stand for one object each or, folded, for many of one
 * kind; boxes, which are namespaces that are open; and lines. It is written as SVG or for graphviz
 * (svg.c). All three follow from the store alone: the same store gives the same bytes.
 */
#ifndef TOOLS_TWZ_GRAPH_H
#define TOOLS_TWZ_GRAPH_H

#include "tools/twz/twz.h"

/* ---- graph.c -------------------------------------------------------------------------------------- */

enum link_kind {
	LINK_POINTER, /* an ID in the FOT */
	LINK_HOLD,    /* while a graph is made: the tie that a pointer made */
	LINK_LATE,    /* a name in the FOT, looked up from the root namespace; or who resolves it */
	LINK_TIE,     /* by a call */
	LINK_NAME,    /* a further name of an object that has one */
	LINK_KINDS
};
extern const char *const link_names[LINK_KINDS];

struct link {
	uint32_t from, to;
	uint16_t kind;
	bool holds; /* the target is tied to it by this pointer */
};

struct graph {
	struct objects all;
	struct link *link; /* sorted by from */
	uint32_t nlinks;
	uint32_t *first;    /* link[first[i]] is the first one from object i; first[n] ends */
	uint32_t *out, *in; /* how many of each object, but further names */
	uint32_t *back, *back_first; /* links by what they lead to: indices into link */
	/*
	 * A tree of all objects. Above an object is the namespace of its first name; without a name, the
	 * object through which it is reached first from those that have one; else NO_OBJECT.
	 */
	uint32_t *up;
	uint32_t *order; /* all objects, each behind what is above it */
	/*
	 * By that: what is right below each, sorted by name; at the index n what nothing is above, but for
	 * the root namespace.
	 */
	uint32_t *below, *below_first;
	uint32_t *objects; /* each, and all below it */
	uint64_t *pages;   /* of these */
};

/* ---- picture.c ------------------------------------------------------------------------------------ */

#define CARD_WIDTH 196
#define CARD_HEIGHT 40
#define CARDS_MAX 220  /* shown, boxes included: so big does a picture get */
#define LINES_MAX 600  /* drawn; of more, those that stand for most */
#define LINES_CLEAR 90 /* of these, those that stand for most are drawn clearly */

struct card {
	uint32_t object; /* NO_OBJECT: folded, or what no namespace holds */
	uint32_t up;     /* the box that it lies in; NO_OBJECT: none */
	uint32_t type;
	uint32_t count; /* objects that it stands for, those in and below it included */
	uint64_t pages;
	uint32_t out, in; /* what leads out of it and into it; folded: of all together */
	bool box;         /* a namespace that is open: what is in it are cards of their own */
	bool behind;      /* folded: what is reached only through the card before it */
	int x, y, width, height;
};

struct line {
	uint32_t from, to; /* cards */
	uint32_t count[LINK_KINDS], holds;
	bool faint;
};

struct picture {
	const struct graph *graph;
	const char *store;
	uint32_t from; /* the object that it begins with; NO_OBJECT: the whole store */
	struct card card[CARDS_MAX];
	uint32_t ncards;
	uint32_t *card_of; /* object to card; NO_OBJECT: not shown */
	struct line *line; /* sorted by cards */
	uint32_t nlines, lines_left_out;
	int width, height;
};

/*
 * Folds and lays out. `from` an object, or NO_OBJECT; depth: namespaces are opened, or links followed, so
 * far; 0: as far as there is room. TWZ_E_NOMEM.
 */
int picture_make(struct picture *p, const struct graph *g, uint32_t from, unsigned depth);
void picture_free(struct picture *p);

/* ---- svg.c ---------------------------------------------------------------------------------------- */

void svg_write(const struct picture *p, FILE *out);
void dot_write(const struct picture *p, FILE *out);

#endif
