/*
 * right.c - answers what tests/spec/right.py asks: core's decision on each world of a batch.
 *
 * A batch on the standard input, all little endian: the numbers of context objects, contexts and worlds
 * (struct batch), the context objects with their keys (struct owner), each context (its ID, its size,
 * its data), the worlds. On the standard output, when all is read, an answer for each world. It ends
 * with the input.
 *
 * There is no cryptography here: a signature's byte 8 says whether it is good. Each world is decided
 * twice: with all verdicts known, and with none, of which each is found when the decision asks for it;
 * of a link, also that its parent is the right one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/object.h"
#include "core/cap.h"
#include "core/right.h"

#define NONE 0xffffffffu
#define NLIMITS 2

struct batch {
	uint32_t owners, contexts, worlds;
};

struct owner {
	struct twz_id context, key;
};

struct world {
	struct twz_id object, key;
	uint64_t now, entry;
	uint32_t active, limit[NLIMITS]; /* numbers of contexts, or NONE */
	uint8_t defaults, grants;
	uint8_t entering; /* at `entry`; else it is permissions that are asked for */
	uint8_t reserved;
};
TWZ_SIZE(struct world, 64);

struct answer {
	uint64_t until;
	uint8_t effective, granted;
	uint8_t cold, cold_first, cold_pending; /* at the end, at first, pending at first */
	uint8_t rounds;                         /* verdicts that were asked for; 255: without end */
	uint8_t why[RIGHT_PERMS];
	uint8_t reserved[5];
};
TWZ_SIZE(struct answer, 24);

#define ROUNDS 254u

struct known {
	const struct twz_cap *cap[ROUNDS];
	unsigned count;
	bool all;
};

static struct owner *owner;
static uint32_t nowners;

static void need(void *p, uint64_t bytes)
{
	if (bytes && fread(p, bytes, 1, stdin) != 1) {
		fprintf(stderr, "right: the input ends inside a batch\n");
		exit(1);
	}
}

static void *array(uint64_t n, uint64_t each)
{
	void *p = calloc(n ? n : 1, each);

	if (!p) {
		fprintf(stderr, "right: no memory\n");
		exit(1);
	}
	return p;
}

static const void *at(const struct right_context *context, uint64_t offset, uint64_t bytes)
{
	uint64_t in = offset - TWZ_OBJ_DATA;

	if (offset < TWZ_OBJ_DATA || in > context->bytes || bytes > context->bytes - in ||
	    in % TWZ_PAGE + bytes > TWZ_PAGE || in % 8) {
		fprintf(stderr, "right: the decision reads %#llx, which it may not\n",
			(unsigned long long)offset);
		abort();
	}
	return (const uint8_t *)context->arg + in;
}

static enum right_verdict when_known(const struct known *known, const struct twz_cap *cap,
				     bool good)
{
	bool is = known->all;

	for (unsigned i = 0; i < known->count && !is; i++)
		is = known->cap[i] == cap;
	return !is ? RIGHT_UNKNOWN : good ? RIGHT_GOOD : RIGHT_BAD;
}

static enum right_verdict verdict(void *arg, const struct twz_cap *cap)
{
	return when_known(arg, cap, cap->sig[8]);
}

static enum right_verdict parent(void *arg, const struct twz_cap *link, const struct twz_cap *of)
{
	return when_known(arg, link, cap_is_parent(of, link));
}

static bool context_key(void *arg, struct twz_id context, struct twz_id *key)
{
	(void)arg;
	for (uint32_t i = 0; i < nowners; i++) {
		if (!memcmp(&owner[i].context, &context, sizeof(context))) {
			*key = owner[i].key;
			return true;
		}
	}
	return false;
}

static void decide_cold(struct right_query *q, struct answer *out)
{
	struct known known = {.all = false};
	struct right_answer a;

	q->arg = &known;
	q->parent = parent;
	right_decide(q, &a);
	out->cold_first = (uint8_t)a.effective;
	out->cold_pending = (uint8_t)a.pending;
	while (a.unverified && known.count < ROUNDS) {
		known.cap[known.count++] = a.unverified;
		right_decide(q, &a);
	}
	out->rounds = a.unverified ? 255 : (uint8_t)known.count;
	out->cold = (uint8_t)a.effective;
}

static void decide(const struct world *w, const struct right_context *contexts, struct answer *out)
{
	const struct right_context *limits[NLIMITS];
	struct known known = {.all = true};
	struct right_query q = {.object = w->object,
				.key = w->key,
				.defaults = w->defaults,
				.grants = w->grants,
				.entry = w->entering ? &w->entry : NULL,
				.now = w->now,
				.limits = limits,
				.arg = &known,
				.verdict = verdict,
				.context_key = context_key};
	struct right_answer a;

	if (w->active != NONE)
		q.active = &contexts[w->active];
	for (unsigned i = 0; i < NLIMITS; i++)
		if (w->limit[i] != NONE)
			limits[q.nlimits++] = &contexts[w->limit[i]];
	right_decide(&q, &a);
	if (a.pending || a.unverified) {
		fprintf(stderr, "right: every verdict is known, but one is asked for\n");
		abort();
	}
	out->effective = (uint8_t)a.effective;
	out->granted = (uint8_t)a.granted;
	out->until = a.until;
	for (unsigned i = 0; i < RIGHT_PERMS; i++)
		out->why[i] = (uint8_t)a.reason[i].why;
	decide_cold(&q, out);
}

static void one_batch(const struct batch *batch)
{
	struct right_context *contexts = array(batch->contexts, sizeof(*contexts));
	struct world *worlds = array(batch->worlds, sizeof(*worlds));
	struct answer *answers = array(batch->worlds, sizeof(*answers));

	nowners = batch->owners;
	owner = array(nowners, sizeof(*owner));
	need(owner, nowners * sizeof(*owner));
	for (uint32_t i = 0; i < batch->contexts; i++) {
		need(&contexts[i].id, sizeof(contexts[i].id));
		need(&contexts[i].bytes, sizeof(contexts[i].bytes));
		contexts[i].at = at;
		contexts[i].arg = array(contexts[i].bytes, 1);
		need(contexts[i].arg, contexts[i].bytes);
		right_open(&contexts[i]);
	}
	need(worlds, batch->worlds * sizeof(*worlds));
	for (uint32_t i = 0; i < batch->worlds; i++)
		decide(&worlds[i], contexts, &answers[i]);
	if (fwrite(answers, sizeof(*answers), batch->worlds, stdout) != batch->worlds ||
	    fflush(stdout))
		exit(1);
	for (uint32_t i = 0; i < batch->contexts; i++)
		free(contexts[i].arg);
	free(contexts);
	free(worlds);
	free(answers);
	free(owner);
}

int main(void)
{
	struct batch batch;

	while (fread(&batch, sizeof(batch), 1, stdin) == 1)
		one_batch(&batch);
	return 0;
}
