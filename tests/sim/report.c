/*
 * report.c - what a person needs to know about a state that broke a case, and the way back to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/explore.h"

#define NWORDS_PRINTED 48u

static void print_word(const struct window *w, const struct word *word)
{
	const struct sim_case *c = explorer.c;
	const struct value *value = &w->value[word->first];
	char text[64] = "";
	const char *state = "kept   ";

	if (!word->pick)
		state = "lost   ";
	else if (word->pick + 1 < word->count)
		state = "between";
	if (c->where)
		c->where(c->arg, (uint64_t)word->at * 8, text, sizeof(text));
	printf("      %s 0x%07llx  %016llx -> %016llx", state, (unsigned long long)word->at * 8,
	       (unsigned long long)value[0].value,
	       (unsigned long long)value[word->count - 1].value);
	if (word->pick && word->pick + 1 < word->count)
		printf(", holds %016llx", (unsigned long long)value[word->pick].value);
	printf("%s%s\n", *text ? "  " : "", text);
}

/* What would have come next. */
static void print_next(const struct level *level)
{
	const struct event *e = level->next;

	if (!e) {
		printf("at the end");
		return;
	}
	switch ((enum event_kind)e->kind) {
	case EVENT_STORE:
		printf("before a store to 0x%llx", (unsigned long long)e->at * 8);
		break;
	case EVENT_FLUSH:
		printf("before a flush of 0x%llx", (unsigned long long)e->at * TWZ_LINE);
		break;
	case EVENT_FENCE:
		printf("before fence %u '%s'", level->fence, e->step ? e->step->name : "");
		return;
	case EVENT_NOTE:
		printf("at a note");
		break;
	case EVENT_AGAIN:
		printf("after the recovery");
		break;
	}
	printf(", before fence %u", level->fence);
}

static void print_level(int depth)
{
	const struct level *level = &explorer.level[depth];
	const struct window *w = &level->window;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < w->nwords; i++)
		kept += w->word[i].pick + 1 == w->word[i].count;
	printf("    %s %d: point %u, ", !depth && explorer.c->killed ? "kill" : "crash", depth + 1,
	       level->point);
	print_next(level);
	printf(": of %u words not durable %u are kept\n", w->nwords, kept);
	for (uint32_t i = 0; i < w->nwords && i < NWORDS_PRINTED; i++)
		print_word(w, &w->word[i]);
	if (w->nwords > NWORDS_PRINTED)
		printf("      ... and %u more\n", w->nwords - NWORDS_PRINTED);
}

void report_violation(const char *message)
{
	const struct sim_case *c = explorer.c;

	if (c->broken)
		return;
	printf("  %s: FAILED: %s\n", c->name, message);
	printf("    seed %llu, state %llu of the case, note %llu",
	       (unsigned long long)explorer.seed, (unsigned long long)explorer.visited,
	       (unsigned long long)explorer.crash.note);
	if (explorer.crash.again)
		printf(", then again to note %llu", (unsigned long long)explorer.crash.note_again);
	printf("\n");
	for (int depth = 0; depth < explorer.depth; depth++)
		print_level(depth);
	printf("    again: TWZ_SEED=%llu TWZ_CRASH='%s@", (unsigned long long)explorer.seed,
	       c->name);
	for (int depth = 0; depth < explorer.depth; depth++) {
		const struct level *level = &explorer.level[depth];

		printf("%s%u.%llu.%llu", depth ? "/" : "", level->point,
		       (unsigned long long)level->total, (unsigned long long)level->state);
	}
	printf("' %s\n", explorer.program ? explorer.program : "");
	fflush(stdout);
}

bool replay_parse(const char *text, const char *name, struct replay *replay)
{
	const char *at = strrchr(text, '@');

	if (!at || strlen(name) != (size_t)(at - text) || strncmp(text, name, strlen(name)))
		return false;
	for (replay->depth = 0; replay->depth < DEPTH && *at; replay->depth++) {
		char *end = (char *)at;

		replay->at[replay->depth].point = (uint32_t)strtoul(end + 1, &end, 10);
		replay->at[replay->depth].total = strtoull(end + (*end == '.'), &end, 10);
		replay->at[replay->depth].state = strtoull(end + (*end == '.'), &end, 10);
		at = end;
	}
	return !*at;
}
