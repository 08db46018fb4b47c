/*
 * tie.c - crashes while objects are tied, untied, and deleted with what they are tied to (store.h). The
 * checker goes through all ties after every crash (S18 to S21), so the cases look at what lives, and by what.
 */
#include "tests/crash/store.h"

static void tie(int i, int k, uint32_t flags)
{
	must(store_tie(&run_store, made.ref[i], made.ref[k], flags));
}

static void make_tied(int i, int k, uint64_t npages)
{
	struct store_new new = {
		.perms = TWZ_READ, .page = 1024, .npages = npages, .tie = made.ref[k]};

	must(store_create(&run_store, &new, &made.ref[i]));
	made.id[i] = store_record(&run_store, made.ref[i])->id;
}

/* The kinds of the tie as who comes after the crash finds it; 0: there is none. */
static uint32_t tied(int i, int k)
{
	uint64_t ref, to, other = 0;
	uint32_t kinds;

	if (store_find(&found_store, made.id[i], &ref) || store_find(&found_store, made.id[k], &to))
		return 0;
	while (!store_tie_next(&found_store, ref, false, &other, &kinds))
		if (other == to)
			return kinds;
	return 0;
}

static uint32_t flags_of(int i)
{
	uint64_t ref;

	return store_find(&found_store, made.id[i], &ref) ? 0
							  : store_record(&found_store, ref)->flags;
}

/* Objects 2 to 5, without ties. */
static void setup_objects(const void *arg)
{
	setup(arg);
	for (int i = 2; i < 6; i++)
		make(&run_store, i, false, 1024, 1);
}

/* The same, and so many ties that one more takes a frame for the slab, and grows the index. */
static void setup_many(const void *arg)
{
	enum { N = 23, TIES = 8 * TWZ_SLAB_SMALL };
	struct store_new new = {.perms = TWZ_READ};
	uint64_t ref[N];

	setup_objects(arg);
	for (int i = 0; i < N; i++)
		must(store_create(&run_store, &new, &ref[i]));
	for (int n = 0, left = TIES; left; n++) {
		if (n / N == n % N)
			continue;
		must(store_tie(&run_store, ref[n / N], ref[n % N], 0));
		left--;
	}
	must(run_store.super->ties.free ? TWZ_E_ARG : 0);
	must(run_store.super->tie_index.count % (TWZ_BUCKET_SLOTS / 3) ? TWZ_E_ARG : 0);
}

/* ---- one tie ----------------------------------------------------------------------------------- */

static void run_tie(const void *arg)
{
	(void)arg;
	tie(2, 3, 0);
	sim_note(1);
	tie(2, 3, TWZ_TIE_HOLD);
	sim_note(2);
	must(store_untie(&run_store, made.ref[2], made.ref[3], TWZ_TIE_PLAIN));
	sim_note(3);
	must(store_untie(&run_store, made.ref[2], made.ref[3], TWZ_TIE_HOLD));
	sim_note(4);
}

static const char *check_tie(const void *arg, const struct sim_crash *crash)
{
	static const uint32_t kinds[] = {0, TWZ_TIE_PLAIN, TWZ_TIE_KINDS, TWZ_TIE_HOLD, 0, 0};
	uint32_t found = tied(2, 3);

	(void)arg;
	if (!exists(2) || !exists(3))
		return "to tie or to untie has deleted an object";
	if (found != kinds[crash->note] && found != kinds[crash->note + 1])
		return "a tie is neither old nor new";
	return untouched();
}

/* One of three, in the middle of both lists. */
static void setup_middle(const void *arg)
{
	setup_objects(arg);
	for (int i = 3; i < 6; i++) {
		tie(2, i, 0);
		if (i != 4)
			tie(i, 4, 0);
		else
			tie(2, 4, 0);
	}
}

static void run_middle(const void *arg)
{
	(void)arg;
	must(store_untie(&run_store, made.ref[2], made.ref[4], 0));
	sim_note(1);
}

static const char *check_middle(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	if (!tied(2, 3) || !tied(2, 5) || !tied(3, 4) || !tied(5, 4))
		return "another tie is gone";
	return crash->note && tied(2, 4) ? "a tie that was taken off is there" : untouched();
}

static void run_create(const void *arg)
{
	(void)arg;
	make_tied(6, 2, 2);
	sim_note(1);
	make_tied(7, 6, 0);
	sim_note(2);
}

static const char *check_create(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	if ((crash->note && !exists(6)) || (crash->note == 2 && !exists(7)))
		return "an object that was created is not there";
	if ((exists(6) && !tied(6, 2)) || (exists(7) && !tied(7, 6)))
		return "an object is there without the tie that it was made with";
	return untouched();
}

/* ---- deleting ---------------------------------------------------------------------------------- */

static void setup_marked(const void *arg)
{
	setup_objects(arg);
	tie(2, 3, 0);
	make_tied(6, 2, 1);
}

/* Of what is tied: it is marked, and goes when it is untied, and what is tied to it. */
static void run_marked(const void *arg)
{
	(void)arg;
	must(store_delete(&run_store, made.ref[2]));
	sim_note(1);
	must(store_untie(&run_store, made.ref[2], made.ref[3], 0));
	sim_note(2);
	must(store_drain(&run_store, 100));
}

static const char *check_marked(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	if (crash->note < 1 && !exists(2))
		return "an object went before it was untied";
	if (crash->note == 1 && exists(2) && !(flags_of(2) & TWZ_RECORD_MARKED))
		return "a delete of what is tied is forgotten";
	if (exists(2) && !tied(2, 3))
		return "a marked object is there without its last tie";
	if (exists(2) != exists(6))
		return "an object went before, or stays after, what it is tied to";
	return crash->note == 2 && exists(2) ? "a marked object outlived its last tie"
					     : untouched();
}

/*
 * To object 3 are tied 1 (with all its pages), 2, and 4, which is also tied to 5. To 2 is tied 6, to 6 and
 * to 4 is tied 7.
 */
static void setup_delete(const void *arg)
{
	setup_objects(arg);
	for (int i = 1; i < 5; i++)
		if (i != 3)
			tie(i, 3, 0);
	tie(4, 5, 0);
	make_tied(6, 2, 3);
	make_tied(7, 6, 0);
	tie(7, 4, 0);
}

static void run_delete(const void *arg)
{
	(void)arg;
	must(store_delete(&run_store, made.ref[3]));
	sim_note(1);
	must(store_drain(&run_store, 1000));
	sim_note(2);
}

static const char *check_delete(const void *arg, const struct sim_crash *crash)
{
	bool there = exists(3);

	(void)arg;
	if (crash->note && there)
		return "an object that was deleted is there";
	if (exists(1) != there || exists(2) != there || exists(6) != there)
		return "an object went before, or stays after, what it is tied to";
	if (!exists(4) || !exists(5) || !exists(7) || !tied(4, 5) || !tied(7, 4))
		return "an object went that something else holds";
	if (there && (!tied(1, 3) || !tied(2, 3) || !tied(4, 3) || !tied(6, 2) || !tied(7, 6)))
		return "a tie went without what it tied";
	return untouched();
}

/* Object 1 has a log that this epoch has not settled. */
static void setup_unsettled(const void *arg)
{
	setup_log(arg);
	make(&run_store, 3, false, 0, 0);
	tie(1, 3, 0);
	must(store_mount(&run_store, SIM_BASE, BYTES, case_random));
}

static const char *check_unsettled(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	if (crash->note && (exists(3) || exists(1)))
		return "an object that was deleted is there, or what was tied to it";
	return exists(1) == exists(3) ? untouched() : "one of two went without the other";
}

/* A store with room for nothing but what is tied to something deleted. */
static void setup_full(const void *arg)
{
	uint64_t page = 4096;

	setup(arg);
	make(&run_store, 2, false, 0, 0);
	make_tied(3, 2, 6);
	while (!store_make(&run_store, made.ref[1], page, 1))
		page++;
	must(store_delete(&run_store, made.ref[2]));
}

static void run_full(const void *arg)
{
	(void)arg;
	make(&run_store, 4, false, 1024, 1);
	sim_note(1);
}

static const char *check_full(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	if (exists(2) || (crash->note && (exists(3) || !exists(4))))
		return "no room was made of what is tied to something deleted";
	return untouched();
}

/* ---- lasting and ending ------------------------------------------------------------------------ */

/* To object 6, which ends, are tied 2, 3, which 4 holds too, and 7, which ends. */
static void setup_ending(const void *arg)
{
	setup_objects(arg);
	make(&run_store, 6, true, 1024, 1);
	make(&run_store, 7, true, 1024, 1);
	tie(2, 6, TWZ_TIE_ENDING);
	tie(3, 6, TWZ_TIE_ENDING);
	tie(3, 4, 0);
	tie(7, 6, 0);
	tie(7, 4, 0);
}

static void run_ending(const void *arg)
{
	(void)arg;
	must(store_mount(&run_store, SIM_BASE, BYTES, case_random));
	sim_note(1);
	must(store_drain(&run_store, 100));
	sim_note(2);
}

static const char *check_ending(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	(void)crash;
	if (exists(6) || exists(7) || exists(2))
		return "an object outlived its epoch, or what it was tied to";
	return exists(3) && tied(3, 4) ? untouched() : "an object went that something else holds";
}

static void setup_end(const void *arg)
{
	setup_objects(arg);
	tie(3, 2, 0);
}

static void run_end(const void *arg)
{
	(void)arg;
	must(store_end(&run_store, made.ref[2]));
	sim_note(1);
	if (arg)
		return;
	must(store_keep(&run_store, made.ref[2]));
	sim_note(2);
}

/* A boot has come in between. */
static const char *check_end(const void *arg, const struct sim_crash *crash)
{
	if (exists(2) != exists(3))
		return "an object outlived what it is tied to, or went before";
	if (arg ? crash->note && exists(2) : crash->note == 2 && !exists(2))
		return "an object that ends outlived its epoch, or one that was kept is gone";
	return untouched();
}

/* ---- with a home that still uses the object ---------------------------------------------------- */

static void run_leave(const void *arg)
{
	(void)arg;
	must(store_leave(&run_store, made.ref[2]));
	sim_note(1);
	must(store_delete_gone(&run_store, made.ref[2]));
	sim_note(2);
	must(store_drain(&run_store, 100));
}

static const char *check_leave(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	if (crash->note && exists(2))
		return "an object that was deleted is there";
	return exists(2) == exists(3) ? untouched() : "one of two went without the other";
}

static enum store_held answer;

static enum store_held held(struct twz_id id)
{
	(void)id;
	return answer;
}

/* What the home says of object 3, which is tied to 2. */
static void run_held(const void *arg)
{
	answer = *(const enum store_held *)arg;
	run_store.held = held;
	must(store_delete(&run_store, made.ref[2]));
	sim_note(1);
	must(store_drain(&run_store, 100));
	sim_note(2);
}

static void seal(int i)
{
	must(store_seal(&run_store, made.ref[1], 20 * TWZ_PAGE, TWZ_TYPE_DATA, TWZ_READ,
			(struct twz_id){0}, &made.ref[i]));
	made.id[i] = store_record(&run_store, made.ref[i])->id;
}

static void setup_sealed(const void *arg)
{
	setup_objects(arg);
	seal(6);
	must(store_leave(&run_store, made.ref[6]));
	if (arg)
		must(store_mount(&run_store, SIM_BASE, BYTES, case_random));
}

static void run_sealed(const void *arg)
{
	(void)arg;
	seal(6);
	sim_note(1);
	must(store_delete_gone(&run_store, made.ref[6]));
	sim_note(2);
}

static const char *check_sealed(const void *arg, const struct sim_crash *crash)
{
	uint64_t ref;

	(void)arg;
	if (crash->note && !exists(6))
		return "what was sealed again is not there";
	if (!store_find(&found_store, made.id[6], &ref) && store_verify(&found_store, ref, 1024))
		return "a sealed object is not genuine";
	return untouched();
}

static const enum store_held mapped = STORE_MAPPED, volatile_tie = STORE_TIED;

#define CASE(name_, arg_, setup_, run_, recover_, check_)                                 \
	{                                                                                 \
		.name = name_, .bytes = BYTES, .arg = arg_, .setup = setup_, .run = run_, \
		.recover = recover_, .check = check_                                      \
	}

static const struct sim_case cases[] = {
	CASE("tie", NULL, setup_objects, run_tie, recover, check_tie),
	CASE("tie-slab", NULL, setup_many, run_tie, recover, check_tie),
	CASE("untie-middle", NULL, setup_middle, run_middle, recover, check_middle),
	CASE("create-tied", NULL, setup_objects, run_create, recover, check_create),
	CASE("create-tied-slab", NULL, setup_many, run_create, recover, check_create),
	CASE("delete-tied", NULL, setup_marked, run_marked, recover_and_drain, check_marked),
	CASE("delete-holder", NULL, setup_delete, run_delete, recover_and_drain, check_delete),
	CASE("delete-unsettled", NULL, setup_unsettled, run_delete, recover_and_drain,
	     check_unsettled),
	CASE("full-tied", NULL, setup_full, run_full, recover, check_full),
	CASE("ending-tied", NULL, setup_ending, run_ending, recover_and_drain, check_ending),
	CASE("end", "", setup_end, run_end, recover_and_drain, check_end),
	CASE("end-keep", NULL, setup_end, run_end, recover_and_drain, check_end),
	CASE("leave", NULL, setup_end, run_leave, recover_and_drain, check_leave),
	CASE("held-mapped", &mapped, setup_end, run_held, recover_and_drain, check_leave),
	CASE("held-tied", &volatile_tie, setup_end, run_held, recover_and_drain, check_leave),
	CASE("seal-again", NULL, setup_sealed, run_sealed, recover_and_drain, check_sealed),
	CASE("seal-ended", "", setup_sealed, run_sealed, recover_and_drain, check_sealed),
};

int main(int argc, char **argv)
{
	return store_cases(argc, argv, "crash_tie", cases, sizeof(cases) / sizeof(cases[0]));
}
