/*
 * list.c - a linked list that outlives the program: no file is written, nothing is parsed when it starts again.
 *
 * Shows: an object with a heap, its first structure, persistent pointers, a transaction that allocates.
 *
 *     cc -o list list.c $(pkg-config --cflags --libs twz)
 *
 *     ./list my.store add milk bread      adds to the end
 *     ./list my.store                     prints the list
 *     ./list my.store drop                drops the first
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <twz/store.h>
#include <twz/twz.h>

typedef twz_ptr(struct node) node_ptr;

struct node {
	node_ptr next; /* null ends the list */
	char text[];
};

struct list {
	node_ptr first, last;
	uint64_t count;
};

static void check(const char *what, int error)
{
	if (!error)
		return;
	fprintf(stderr, "list: %s: %s\n", what, twz_error_text(error));
	exit(1);
}

/* After any crash the list has the new node, whole, or no memory of it. */
static int add(struct list *list, const char *text)
{
	const size_t bytes = sizeof(struct node) + strlen(text) + 1;
	struct node *node, *last;
	struct twz_tx tx;
	int error;

	twz_tx_begin(&tx);
	twz_tx_add(&tx, list); /* from here on no other process changes it: now it is read */
	last = twz_get(&list->last);
	/* The pointer that leads to a block owns it: no crash can lose one. */
	error = twz_alloc(&tx, last ? &last->next : &list->first, bytes, &node);
	if (error) {
		twz_tx_abort(&tx);
		return error;
	}
	memset(node, 0, sizeof(*node)); /* nobody sees it yet: plain stores */
	strcpy(node->text, text);
	twz_tx_fresh(&tx, node, bytes);
	twz_set_tx(&tx, &list->last, node);
	twz_tx_set(&tx, &list->count, list->count + 1);
	return twz_tx_commit(&tx); /* and what went wrong on the way */
}

static int drop(struct list *list)
{
	struct node *first;
	struct twz_tx tx;

	twz_tx_begin(&tx);
	twz_tx_add(&tx, list);
	first = twz_get(&list->first);
	if (!first) {
		twz_tx_abort(&tx);
		return TWZ_E_NOTFOUND;
	}
	twz_free(&tx, &list->first);
	twz_set_tx(&tx, &list->first, twz_get(&first->next)); /* owns the second now */
	if (list->count == 1)
		twz_set_tx(&tx, &list->last, NULL);
	twz_tx_set(&tx, &list->count, list->count - 1);
	return twz_tx_commit(&tx);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "print";
	struct twz_obj obj;
	struct list *list;
	int error;

	if (argc < 2) {
		fprintf(stderr, "usage: list STORE [add TEXT... | drop]\n");
		return 2;
	}
	error = twz_store_open_or_make(argv[1], 64 << 20);
	if (error) {
		fprintf(stderr, "list: %s\n", twz_store_error_text(error));
		return 1;
	}
	check("/list", twz_name_open_or_make("/list", &(struct twz_new){.heap = true}, &obj));
	check("/list", twz_first(&obj, &list));

	if (!strcmp(what, "add")) {
		for (int i = 3; i < argc; i++)
			check(argv[i], add(list, argv[i]));
	} else if (!strcmp(what, "drop")) {
		check("drop", drop(list));
	} else {
		for (const struct node *n = twz_get(&list->first); n; n = twz_get(&n->next))
			printf("%s\n", n->text);
		printf("%llu in all\n", (unsigned long long)list->count);
	}
	return 0;
}
