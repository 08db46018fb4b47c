/*
 * account.c - crashes while objects under a key come, grow, shrink and go (store.h). The checker
 * counts all accounts again after every crash (S15 to S17), so the cases look at limits and lives.
 */
#include "tests/crash/store.h"

static const struct twz_id key = {0x1111, 0x2222}, other = {0x3333, 0x4444};

static void make_under(int i, struct twz_id under, uint64_t npages)
{
	struct store_new new = {.perms = TWZ_READ, .key = under, .page = 1024, .npages = npages};

	must(store_create(&run_store, &new, &made.ref[i]));
	made.id[i] = store_record(&run_store, made.ref[i])->id;
}

static struct twz_account account(struct twz_id of)
{
	struct twz_account a;

	if (store_account(&found_store, of, &a))
		a = (struct twz_account){0};
	return a;
}

/* ---- the first object and the last ------------------------------------------------------------ */

static void run_lives(const void *arg)
{
	(void)arg;
	make_under(2, key, 3);
	sim_note(1);
	make_under(3, key, 0);
	sim_note(2);
	must(store_delete(&run_store, made.ref[2]));
	must(store_drain(&run_store, 100));
	sim_note(3);
	must(store_delete(&run_store, made.ref[3]));
	must(store_drain(&run_store, 100));
	sim_note(4);
	make_under(4, other, 1);
	sim_note(5);
}

static const char *check_lives(const void *arg, const struct sim_crash *crash)
{
	static const uint64_t objects[] = {0, 1, 2, 1, 0, 0, 0}, pages[] = {0, 4, 5, 1, 0, 0, 0};
	uint64_t note = crash->note;
	struct twz_account a = account(key), b = account(other);

	(void)arg;
	/* recover has freed what was dying: half a deletion is the whole. */
	if ((a.objects != objects[note] || a.pages != pages[note]) &&
	    (a.objects != objects[note + 1] || a.pages != pages[note + 1]))
		return "an account is neither old nor new";
	if (b.objects > (note >= 4 ? 1u : 0u) || (note == 5 && !b.objects))
		return "the account of another key is wrong";
	return untouched();
}

/* So many accounts that one more takes a frame for the slab, and grows the index. */
static void setup_many(const void *arg)
{
	setup(arg);
	for (uint64_t i = 0; i < 168; i++)
		must(store_limit_key(&run_store, (struct twz_id){i, 1}, 5, 0));
	while (run_store.super->accounts.free)
		must(store_limit_key(&run_store, (struct twz_id){run_store.super->accounts.free, 2},
				     5, 0));
}

/* ---- pages ------------------------------------------------------------------------------------ */

/* Object 2 under the key, object 3 under another; runs and trees, shared and not. */
static void setup_pages(const void *arg)
{
	setup(arg);
	make_under(2, key, 5);
	make_under(3, other, 0);
	must(store_limit_key(&run_store, key, 700, 0));
}

static void run_pages(const void *arg)
{
	(void)arg;
	must(store_make(&run_store, made.ref[2], 1500, 100));
	must(store_copy(&run_store, made.ref[3], 512, made.ref[2], 512, 1500));
	must(store_copy(&run_store, made.ref[2], 3000, made.ref[1], 1024, 600));
	sim_note(1);
	must(store_make(&run_store, made.ref[3], 1510, 2));
	must(store_drop(&run_store, made.ref[2], 1, 2999));
	must(store_delete(&run_store, made.ref[3]));
	sim_note(2);
	must(store_drain(&run_store, 1000));
}

static const char *check_pages(const void *arg, const struct sim_crash *crash)
{
	struct twz_account a = account(key), b = account(other);

	(void)arg;
	if (a.limit != 700 || a.objects != 1 || a.pages > 700)
		return "an account, or its limit, is wrong";
	if (crash->note == 2 && a.pages != 1 + 28)
		return "pages that were dropped are charged";
	if (crash->note == 1 && b.pages < 1 + 105 && exists(3))
		return "pages of a copy are not charged";
	return untouched();
}

/* ---- limits ----------------------------------------------------------------------------------- */

static void setup_limits(const void *arg)
{
	setup(arg);
	make_under(2, key, 5);
}

static void run_limits(const void *arg)
{
	(void)arg;
	must(store_limit_key(&run_store, key, 10, 11));
	must(store_limit_key(&run_store, other, 20, 0));
	sim_note(1);
	must(store_limit_key(&run_store, key, 3, 4));
	must(store_limit_key(&run_store, other, 0, 0));
	sim_note(2);
	must(store_delete(&run_store, made.ref[2]));
	must(store_drain(&run_store, 100));
	must(store_limit_key(&run_store, key, 0, 0));
	sim_note(3);
}

static const char *check_limits(const void *arg, const struct sim_crash *crash)
{
	struct twz_account a = account(key), b = account(other);

	(void)arg;
	if (a.frame_limit != a.limit + (a.limit != 0))
		return "one of two limits is old, the other one new";
	if (crash->note == 0 && a.limit != 0 && a.limit != 10)
		return "a limit is neither old nor new";
	if (crash->note == 1 && ((a.limit != 10 && a.limit != 3) || (b.limit && b.limit != 20)))
		return "a limit is neither the old nor the new one";
	if (crash->note >= 2 && (b.limit || (a.limit != 3 && a.limit)))
		return "a limit that was lowered or lifted is there";
	if (crash->note < 3 && exists(2) && a.pages != 6)
		return "a limit has changed what is charged";
	return crash->note == 3 && (a.limit || a.objects) ? "an account stays" : untouched();
}

/* ---- sealing, settling, ending ---------------------------------------------------------------- */

static void run_seal(const void *arg)
{
	uint64_t ref;

	(void)arg;
	must(store_seal(&run_store, made.ref[1], 20 * TWZ_PAGE, TWZ_TYPE_DATA, TWZ_READ, key,
			&ref));
	made.id[2] = store_record(&run_store, ref)->id;
	sim_note(1);
	must(store_seal(&run_store, made.ref[1], 20 * TWZ_PAGE, TWZ_TYPE_DATA, TWZ_READ, key,
			&ref));
	sim_note(2);
}

static const char *check_seal(const void *arg, const struct sim_crash *crash)
{
	uint64_t ref;

	(void)arg;
	if (crash->note && (!exists(2) || account(key).objects != 1))
		return "a sealed object is not there, or not charged";
	if (crash->note &&
	    (store_find(&found_store, made.id[2], &ref) || store_verify(&found_store, ref, 1024)))
		return "a sealed object is not genuine";
	return untouched();
}

/* A committed transaction of an object at its limit stores to a hole. */
static void setup_settle(const void *arg)
{
	struct {
		struct twz_log_record record;
		uint64_t range[2];
	} log = {.record = {.seq = 1, .ranges = 16}};
	uint64_t sum;

	setup(arg);
	make_under(2, key, 0);
	fill(&run_store, 2, 2, 1, 0);
	fill(&run_store, 2, 256, 1, 0);
	log.range[0] = 8 | 1100 * TWZ_PAGE << LOG_LENGTH_BITS;
	log.range[1] = 0x0707070707070707ull;
	sum = twz_sum_step(log_seed(made.id[2]), log.record.seq, log_counts(16, 0, 0));
	log.record.sum = twz_sum_more(sum, log.range, 16);
	memcpy(store_page(&run_store, made.ref[2], 256), &log, sizeof(log));
	must(store_limit_key(&run_store, key, 3, 0));
	must(store_mount(&run_store, SIM_BASE, BYTES, case_random));
}

static void run_settle(const void *arg)
{
	(void)arg;
	must(store_settle(&run_store, made.ref[2]));
	sim_note(1);
}

static const char *recover_settle(const void *arg)
{
	const char *error = recover(arg);

	if (!error && store_settle(&found_store, made.ref[2]))
		return "a log cannot be settled";
	return error ? error : recover(arg);
}

static const char *check_settle(const void *arg, const struct sim_crash *crash)
{
	const uint64_t *page = store_page(&found_store, made.ref[2], 1100);

	(void)arg;
	(void)crash;
	if (!page || page[0] != 0x0707070707070707ull)
		return "what was committed is lost to a limit";
	return account(key).pages == 4 ? untouched() : "a page that settling made is not charged";
}

#define CASE(name_, setup_, run_, recover_, check_)                                               \
	{                                                                                         \
		.name = name_, .bytes = BYTES, .setup = setup_, .run = run_, .recover = recover_, \
		.check = check_                                                                   \
	}

static const struct sim_case cases[] = {
	CASE("account", setup, run_lives, recover_and_drain, check_lives),
	CASE("account-slab", setup_many, run_lives, recover_and_drain, check_lives),
	CASE("account-pages", setup_pages, run_pages, recover_and_drain, check_pages),
	CASE("account-limit", setup_limits, run_limits, recover_and_drain, check_limits),
	CASE("account-seal", setup, run_seal, recover_and_drain, check_seal),
	CASE("account-settle", setup_settle, run_settle, recover_settle, check_settle),
};

int main(int argc, char **argv)
{
	return store_cases(argc, argv, "crash_account", cases, sizeof(cases) / sizeof(cases[0]));
}
