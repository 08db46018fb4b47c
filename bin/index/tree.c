/*
 * tree.c - the B+tree of words.
 */
#include "bin/index/index.h"

struct key {
	uint64_t prefix;
	const char *text;
	uint32_t length;
};

static struct key key_make(const char *text, uint32_t length)
{
	return (struct key){word_prefix(text, length), text, length};
}

/* Negative, 0 or positive as the key is before, at or behind key i of the node. */
static int compare(const struct key *key, const struct node *node, uint32_t i)
{
	const struct word *word;
	uint32_t shorter;
	int rest;

	if (key->prefix != node->prefix[i])
		return key->prefix < node->prefix[i] ? -1 : 1;
	word = twz_get(&node->word[i]);
	shorter = key->length < word->length ? key->length : word->length;
	rest = shorter > 8 ? memcmp(key->text + 8, word->text + 8, shorter - 8) : 0;
	if (rest || key->length == word->length)
		return rest;
	return key->length < word->length ? -1 : 1;
}

/* The first key of the node that is not before `key`; *same if it is that key. */
static uint32_t lower_bound(const struct node *node, const struct key *key, bool *same)
{
	uint32_t i = 0;
	int order = 1;

	while (i < node->nkeys && (order = compare(key, node, i)) > 0)
		i++;
	*same = order == 0;
	return i;
}

/* ---- reading ------------------------------------------------------------------------------------ */

struct place index_seek(const struct index *ix, const char *text, uint32_t length)
{
	struct key key = key_make(text, length);
	const struct node *node = twz_get(&ix->root);
	uint32_t i = 0;
	bool same;

	while (node && (i = lower_bound(node, &key, &same), !node->leaf))
		node = twz_get(&node->child[i + same]);
	return (struct place){node, i};
}

const struct word *index_step(struct place *place)
{
	while (place->leaf && place->at == place->leaf->nkeys)
		*place = (struct place){twz_get(&place->leaf->child[0]), 0};
	return place->leaf ? twz_get(&place->leaf->word[place->at++]) : NULL;
}

const struct word *index_word(const struct index *ix, const char *text, uint32_t length)
{
	struct place place = index_seek(ix, text, length);
	const struct word *word = index_step(&place);

	if (!word || word->length != length || memcmp(word->text, text, length))
		return NULL;
	return word;
}

/* ---- filling ------------------------------------------------------------------------------------ */

static struct node *node_new(struct builder *b, bool leaf)
{
	struct node *node =
		builder_take(b, leaf ? offsetof(struct node, child[1]) : sizeof(struct node));

	node->leaf = leaf;
	return node;
}

/* Moves keys from `from` on of one node to the beginning of another, empty one. */
static void keys_move(struct node *to, struct node *node, uint32_t from)
{
	for (uint32_t i = from; i < node->nkeys; i++) {
		to->prefix[to->nkeys] = node->prefix[i];
		twz_ptr_copy(&to->word[to->nkeys++], &node->word[i]);
	}
	node->nkeys = from;
}

/* Opens a gap at key i of a node that is not full, and of an inner one at child i + 1. */
static void gap_make(struct node *node, uint32_t i)
{
	for (uint32_t k = node->nkeys++; k > i; k--) {
		node->prefix[k] = node->prefix[k - 1];
		twz_ptr_copy(&node->word[k], &node->word[k - 1]);
		if (!node->leaf)
			twz_ptr_copy(&node->child[k + 1], &node->child[k]);
	}
}

/* Splits the full child i of a parent that is not full. */
static void split(struct builder *b, struct node *parent, uint32_t i)
{
	const uint32_t half = NODE_KEYS / 2;
	struct node *node = twz_get(&parent->child[i]), *right = node_new(b, node->leaf);

	gap_make(parent, i);
	parent->prefix[i] = node->prefix[half];
	twz_ptr_copy(&parent->word[i], &node->word[half]);
	twz_set(&parent->child[i + 1], right);
	if (node->leaf) { /* the key stays in the leaf, and a copy of it goes up */
		keys_move(right, node, half);
		twz_ptr_copy(&right->child[0], &node->child[0]);
		twz_set(&node->child[0], right);
	} else { /* the key itself goes up */
		for (uint32_t k = half + 1; k <= node->nkeys; k++)
			twz_ptr_copy(&right->child[k - half - 1], &node->child[k]);
		keys_move(right, node, half + 1);
		node->nkeys = half;
	}
}

static struct word *word_new(struct builder *b, const struct key *key)
{
	struct word *word = builder_take(b, sizeof(*word) + key->length);

	word->length = key->length;
	memcpy(word->text, key->text, key->length);
	return word;
}

struct word *index_insert(struct builder *b, const char *text, uint32_t length)
{
	struct index *ix = b->ix;
	struct word *word;
	struct key key = key_make(text, length);
	struct node *node = twz_get(&ix->root);
	bool same;
	uint32_t i;

	if (!node || node->nkeys == NODE_KEYS) { /* the tree grows at the top */
		struct node *top = node_new(b, !node);

		if (node) {
			twz_set(&top->child[0], node);
			split(b, top, 0);
			ix->height++;
		}
		twz_set(&ix->root, top);
		node = top;
	}
	/* Full nodes are split on the way down, so that there is always room for what comes up. */
	while (i = lower_bound(node, &key, &same), !node->leaf) {
		struct node *down = twz_get(&node->child[i + same]);

		if (down->nkeys == NODE_KEYS)
			split(b, node, i + same);
		else
			node = down;
	}
	if (same) {
		word = twz_get(&node->word[i]);
	} else {
		word = word_new(b, &key);
		gap_make(node, i);
		node->prefix[i] = key.prefix;
		twz_set(&node->word[i], word);
		ix->nwords++;
	}
	return word;
}
