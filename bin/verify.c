/*
 * verify.c - proves what sealed objects hold by their IDs.
 */
#include "bin/common/program.h"

static const char help[] = "usage: verify [--at OFFSET] [--bytes N] PATH...\n"
			   "\n"
			   "Compares the content of each sealed object with its ID, from which it "
			   "follows, and says the "
			   "first\n"
			   "place that is not genuine. With an option, a part of it only: so many "
			   "bytes, from OFFSET in the "
			   "data\n"
			   "on, as far as there are.\n"
			   "\n"
			   "exit status: 0 if all is genuine, 1 if not or if a PATH could not be "
			   "looked at, 2 usage error\n";

typedef unsigned long long ull;

/* The first bad page of [page, page + pages), in which there is one: halved until it is one. */
static uint64_t first_bad(struct twz_id id, uint64_t page, uint64_t pages)
{
	while (pages > 1) {
		uint64_t half = pages / 2;

		if (twz_rt_verify(id, page, half) == TWZ_E_DAMAGED) {
			pages = half;
		} else {
			page += half;
			pages -= half;
		}
	}
	return page;
}

static int say_damage(const char *name, struct twz_id id, uint64_t offset, uint64_t bytes)
{
	const uint64_t page = offset / TWZ_PAGE, end = (offset + bytes + TWZ_PAGE - 1) / TWZ_PAGE;

	if (twz_rt_verify(id, page, 0) == TWZ_E_DAMAGED)
		return fail(name,
			    "is not genuine: the digests that it keeps do not lead to its ID");
	twz_warn("verify: %s: is not genuine, first at offset 0x%llx of the object\n", name,
		 (ull)(first_bad(id, page, end - page) * TWZ_PAGE));
	return STATUS_FAILED;
}

/* at < 0: all of it. */
static int verify(const char *name, int64_t at, int64_t bytes)
{
	struct twz_rt_stat stat;
	uint64_t offset, most;
	struct path path;
	struct twz_id id = {0, 0};
	int error = path_set(&path, name);

	if (!error)
		error = twz_name_resolve(path.text, &id);
	if (!error)
		error = twz_obj_stat(id, &stat);
	if (error)
		return fail_error(name, error);
	if (!(stat.identity.flags & TWZ_ID_SEALED))
		return fail(name, "is not sealed: what it holds has nothing to do with its ID");
	if (at > (int64_t)stat.identity.size)
		return fail(name, "has no data there");
	if (need(name, id, TWZ_READ))
		return STATUS_FAILED;
	offset = at < 0 ? TWZ_OBJ_META : TWZ_OBJ_DATA + (uint64_t)at;
	most = TWZ_OBJ_DATA + stat.identity.size - offset;
	if (bytes >= 0 && (uint64_t)bytes < most)
		most = (uint64_t)bytes;
	error = twz_obj_verify(id, offset, most);
	if (error == TWZ_E_DAMAGED)
		return say_damage(name, id, offset, most);
	if (error)
		return fail_error(name, error);
	twz_print("%s: genuine, %llu bytes\n", name, (ull)most);
	return STATUS_OK;
}

/* An option's value, or `without` one. */
static int64_t number(const char *value, int64_t without)
{
	int64_t n = value ? parse_number(value, TWZ_OBJ_SIZE_MAX) : without;

	if (value && n < 0)
		fail_usage("this is no number of bytes: ", value);
	return n;
}

int main(int argc, char **argv)
{
	const char *at = NULL, *bytes = NULL;
	const struct option options[] = {
		{.name = "--at", .value = &at}, {.name = "--bytes", .value = &bytes}, {0}};
	int status = STATUS_OK;
	int64_t from, most;

	program_begin(help, options, 1, INT32_MAX, &argc, argv);
	most = number(bytes, -1);
	from = number(at, most < 0 ? -1 : 0);
	for (int i = 0; i < argc; i++)
		status |= verify(argv[i], from, most);
	program_end(status);
}
