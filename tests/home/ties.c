/*
 * ties.c - objects whose lives hang together, in both homes.
 *
 *     ties make N       makes the namespace /ties: the object `book`, N objects without a name that are
 *                       tied to it, and `holder`, with a pointer that holds one more
 *     ties show         says what is there of that, and how it is tied
 *     ties count [N]    prints how many objects there are, when there are N or 10 seconds have passed
 *     ties temporary    makes objects that end with it, in several ways
 *     ties churn SEED   does so, and undoes it, until it is killed; what it makes all ends with it
 */
#include "tests/home/both.h"

typedef unsigned long long ull;

/* The data of the book. */
struct book {
	uint64_t count;
	struct twz_id page[4000];
};

struct node {
	twz_ptr(struct node) next;
	uint64_t value;
};

static struct twz_obj make(struct twz_new what)
{
	struct twz_obj obj;

	what.bytes = sizeof(struct node);
	NEED(twz_obj_new(&what, &obj));
	return obj;
}

static bool there(struct twz_id id)
{
	struct twz_rt_stat stat;
	int error = twz_obj_stat(id, &stat);

	if (error != TWZ_E_NOTFOUND)
		NEED(error);
	return !error;
}

/* ---- kept ------------------------------------------------------------------------------------------- */

static void keep(const char *path, struct twz_obj obj)
{
	NEED(twz_obj_sync(&obj));
	NEED(twz_name_publish(path, obj.id, 0));
}

static void make_all(uint64_t n)
{
	struct twz_obj book, page, holder, held;
	struct book *b;
	struct node *node;
	struct twz_id id;

	HOLDS(n <= sizeof(b->page) / sizeof(b->page[0]));
	NEED(twz_ns_make("/ties", &id));
	NEED(twz_obj_new(&(struct twz_new){.ending = true, .bytes = sizeof(*b)}, &book));
	b = twz_obj_data(&book);
	keep("/ties/book", book);
	for (; b->count < n; b->count++) {
		page = make((struct twz_new){.tie = book.id});
		b->page[b->count] = page.id;
		NEED(twz_obj_recycle(&page));
	}
	NEED(twz_obj_sync(&book));

	holder = make((struct twz_new){.ending = false});
	held = make((struct twz_new){.ending = false});
	node = twz_obj_data(&holder);
	((struct node *)twz_obj_data(&held))->value = 42;
	NEED(twz_set(&node->next, (struct node *)twz_obj_data(&held)));
	NEED(twz_hold(&node->next));
	NEED(twz_obj_delete(held.id)); /* nothing but the pointer keeps it */
	NEED(twz_obj_sync(&held));
	keep("/ties/holder", holder);
}

static void count_ties(struct twz_id id, uint64_t ties[2], uint32_t *kinds)
{
	struct twz_rt_tie tie = {{0, 0}, 0, 0};
	int error;

	ties[0] = ties[1] = *kinds = 0;
	while (!(error = twz_ties(id, &tie))) {
		ties[tie.in]++;
		*kinds |= tie.kinds & TWZ_TIE_KINDS;
	}
	HOLDS(error == TWZ_E_NOTFOUND);
}

static void show(void)
{
	uint64_t found = 0, ties[2];
	struct twz_obj obj;
	uint32_t kinds;

	if (!twz_name_open("/ties/book", &obj)) {
		const struct book *b = twz_obj_data(&obj);

		for (uint64_t i = 0; i < b->count; i++)
			found += there(b->page[i]);
		count_ties(obj.id, ties, &kinds);
		twz_print("book: %llu of %llu pages, %llu tied to it, kinds %u\n", (ull)found,
			  (ull)b->count, (ull)ties[1], kinds);
	}
	if (!twz_name_open("/ties/holder", &obj)) {
		const struct node *node = twz_obj_data(&obj);

		count_ties(obj.id, ties, &kinds);
		twz_print("holder: %llu tied to it, kinds %u, value %llu\n", (ull)ties[1], kinds,
			  (ull)twz_get(&node->next)->value);
	}
}

/* What goes in the background takes its time. */
static void count(uint64_t wanted)
{
	struct twz_rt_usage usage;
	uint32_t never = 0, tries = 0;

	do {
		if (tries)
			HOLDS(twz_rt_wait(&never, 0, 10000000) == TWZ_E_TIMEOUT);
		NEED(twz_rt_usage(&usage));
	} while (wanted && usage.objects != wanted && tries++ < 30000);
	twz_print("%llu objects\n", (ull)usage.objects);
}

/* ---- temporary -------------------------------------------------------------------------------------- */

enum { MADE = 64 };

static struct twz_id self;

/* What lasts is tied to this thread, whatever else it is tied to. */
static struct twz_obj make_some(uint32_t how, const struct twz_obj *other)
{
	switch (how % 4) {
	case 0:
		return make((struct twz_new){.tie = self, .tie_flags = TWZ_TIE_ENDING});
	case 1:
		return make((struct twz_new){.ending = true, .tie = other->id});
	case 2:
		return make((struct twz_new){.temporary = true, .tie = other->id});
	default:
		return make((struct twz_new){.temporary = true});
	}
}

static void temporary(void)
{
	struct twz_obj last = make((struct twz_new){.temporary = true});

	NEED(twz_rt_self(&self));
	for (uint32_t i = 0; i < 40; i++)
		last = make_some(i, &last);
	count(0);
}

static uint32_t draw(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33);
}

/* Any of these can find that one of the two went with something else. */
static void may_fail(int error)
{
	HOLDS(!error || error == TWZ_E_NOTFOUND || error == TWZ_E_ARG);
}

static void replace(struct twz_obj *obj, uint32_t how, const struct twz_obj *other)
{
	struct twz_obj fresh = make_some(how, other);

	NEED(twz_tie(fresh.id, self,
		     TWZ_TIE_ENDING)); /* so that untying it from others leaves that */
	may_fail(twz_obj_delete(obj->id));
	NEED(twz_obj_recycle(obj));
	*obj = fresh;
}

/* Ties lead from later ones to earlier ones: in a circle they would hold each other. */
static void churn(uint64_t seed)
{
	static struct twz_obj made[MADE];

	NEED(twz_rt_self(&self));
	for (uint32_t i = 0; i < MADE; i++)
		made[i] = make((struct twz_new){.temporary = true});
	twz_print("at it\n");
	NEED(twz_flush());
	for (;;) {
		uint32_t i = 1 + draw(&seed) % (MADE - 1);
		struct twz_obj *a = &made[i], *b = &made[draw(&seed) % i];

		switch (draw(&seed) % 4) {
		case 0:
			if (!there(b->id))
				b = &made[0]; /* which is never replaced */
			replace(a, draw(&seed), b);
			break;
		case 1:
			may_fail(twz_tie(a->id, b->id, 0));
			break;
		case 2:
			may_fail(twz_untie(a->id, b->id, 0));
			break;
		default:
			may_fail(twz_tie(a->id, b->id, TWZ_TIE_ENDING | TWZ_TIE_HOLD));
		}
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "make") && argc == 3)
		make_all(number(argv[2]));
	else if (!strcmp(what, "show"))
		show();
	else if (!strcmp(what, "count"))
		count(argc > 2 ? number(argv[2]) : 0);
	else if (!strcmp(what, "temporary"))
		temporary();
	else if (!strcmp(what, "churn") && argc == 3)
		churn(number(argv[2]));
	else
		HOLDS(false);
	twz_flush();
	twz_rt_exit(0);
}
