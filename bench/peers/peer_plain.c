/*
 * peer_plain.c - the limit: a B+tree in ordinary memory, which is gone when the program ends.
 */
#include <string.h>

#include "bench/peers/peer.h"

#define PAIRS 31

struct node {
	uint32_t count; /* of keys */
	bool leaf;
	uint64_t key[PAIRS];
	union {
		uint64_t value[PAIRS];
		struct node *child[PAIRS + 1]; /* child[i] has the keys below key[i] */
	};
	struct node *next; /* of leaves */
};

struct map {
	struct node *root;
	struct cell cell;
};

static struct node *new_node(bool leaf)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		die("plain", "out of memory");
	n->leaf = leaf;
	memset(n->key, 0xff, sizeof(n->key));
	return n;
}

/* How many of the node's keys are at most `key`. Unused ones are the largest there is. */
static unsigned search(const struct node *n, uint64_t key)
{
	unsigned at = 0;

	for (unsigned i = 0; i < PAIRS; i++)
		at += n->key[i] <= key;
	return at;
}

/* Parent is not full, its child number `at` is: half of it goes to a new one behind it. */
static void split(struct node *parent, unsigned at)
{
	struct node *left = parent->child[at], *right = new_node(left->leaf);
	unsigned half = PAIRS / 2, from = left->leaf ? half : half + 1;

	memmove(&parent->key[at + 1], &parent->key[at], 8 * (parent->count - at));
	memmove(&parent->child[at + 2], &parent->child[at + 1], 8 * (parent->count - at));
	parent->key[at] = left->key[half];
	parent->child[at + 1] = right;
	parent->count++;

	right->count = left->count - from;
	memcpy(right->key, &left->key[from], 8 * right->count);
	memcpy(right->value, &left->value[from], 8 * (right->count + !left->leaf));
	left->count = half;
	memset(&left->key[half], 0xff, 8 * (PAIRS - half));
	if (left->leaf) {
		right->next = left->next;
		left->next = right;
	}
}

static void put(struct map *m, uint64_t key, uint64_t value)
{
	struct node *n = m->root;
	unsigned at;

	if (n->count == PAIRS) {
		m->root = new_node(false);
		m->root->child[0] = n;
		split(m->root, 0);
		n = m->root;
	}
	while (!n->leaf) {
		at = search(n, key);
		if (n->child[at]->count == PAIRS) {
			split(n, at);
			at += n->key[at] <= key;
		}
		n = n->child[at];
	}
	at = search(n, key);
	memmove(&n->key[at + 1], &n->key[at], 8 * (n->count - at));
	memmove(&n->value[at + 1], &n->value[at], 8 * (n->count - at));
	n->key[at] = key;
	n->value[at] = value;
	n->count++;
}

static bool get(struct map *m, uint64_t key, uint64_t *value)
{
	const struct node *n = m->root;
	unsigned at;

	while (!n->leaf)
		n = n->child[search(n, key)];
	at = search(n, key);
	if (!at || n->key[at - 1] != key)
		return false;
	*value = n->value[at - 1];
	return true;
}

static uint64_t scan(struct map *m, uint64_t *sum)
{
	const struct node *n = m->root;
	uint64_t count = 0;

	while (!n->leaf)
		n = n->child[0];
	for (; n; n = n->next) {
		for (unsigned i = 0; i < n->count; i++)
			*sum += n->value[i];
		count += n->count;
	}
	return count;
}

/* It holds nothing back: a transaction is all that is done in it. */
static void nothing(struct map *m)
{
	(void)m;
}

/*
 * A map that was made before is gone. One of some keys stands in for it: what `find` then takes is the
 * start of a program, the limit of all.
 */
static struct map *open(const char *path, unsigned n, bool make)
{
	struct map *m = calloc(1, sizeof(*m));

	(void)path, (void)n;
	if (!m)
		die("plain", "out of memory");
	m->root = new_node(true);
	for (uint64_t i = 0; i < PAIRS && !make; i++)
		put(m, random_key(i), value_of(random_key(i)));
	return m;
}

static void update(struct map *m, const struct cell *cell)
{
	m->cell = *cell;
	__asm__ volatile("" : : : "memory");
}

const struct peer peers[] = {
	{"plain", open, put, nothing, nothing, get, scan, NULL, NULL, update},
	{0},
};
