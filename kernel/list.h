/*
 * list.h - doubly linked rings. A ring's head, and an element in none, lead to themselves.
 */
#ifndef KERNEL_LIST_H
#define KERNEL_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *before;
};

static inline void list_init(struct list *l)
{
	l->next = l->before = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_add_last(struct list *head, struct list *l)
{
	l->before = head->before;
	l->next = head;
	l->before->next = l;
	head->before = l;
}

static inline void list_remove(struct list *l)
{
	l->before->next = l->next;
	l->next->before = l->before;
	list_init(l);
}

#define list_of(link, type, member) ((type *)((char *)(link)-offsetof(type, member)))

#endif
