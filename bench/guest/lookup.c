/*
 * lookup.c - looking up a path of three names, warm: what a program does instead of opening a file. The
 * namespaces on the way have a few names, or many.
 */
#include "bench/guest/lib/measure.h"

#include <twz/name.h>

#define MANY 1000u

static const char *path;

static void look_up(unsigned i)
{
	struct twz_id id;

	(void)i;
	must(twz_name_resolve(path, &id), path);
}

static void look_up_nothing(unsigned i)
{
	struct twz_id id;

	(void)i;
	if (twz_name_resolve("/few/below/nothing", &id) != TWZ_E_NOTFOUND)
		must(TWZ_E_EXISTS, "nothing");
}

/* A namespace with that many names, and one of them a namespace too. */
static void fill(const char *space, unsigned names, struct twz_id id)
{
	struct twz_id below;
	char name[64];

	must(twz_ns_make(space, &below), space);
	for (unsigned i = 0; i < names; i++) {
		twz_format(name, sizeof(name), "%s/name%u", space, i);
		must(twz_name_bind(name, id, 0), name);
	}
}

static uint64_t took(const char *of)
{
	path = of;
	return measure(look_up, REPEATS).median;
}

int main(void)
{
	struct twz_id id = object_new(TWZ_TYPE_DATA, 0, 1);

	fill("/few", 4, id);
	fill("/few/below", 4, id);
	fill("/many", MANY, id);
	fill("/many/below", MANY, id);
	figure("name_one", took("/few"));
	figure("name_three", took("/few/below/name3"));
	figure("name_three_many", took("/many/below/name777"));
	figure("name_three_nothing", measure(look_up_nothing, REPEATS).median);
	return 0;
}
