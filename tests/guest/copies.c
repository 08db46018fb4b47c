/*
 * copies.c - copies while others store to the source, and copies of copies.
 */
#include "tests/guest/bare.h"

#define MEDIUMS 2u
static const uint32_t mediums[MEDIUMS] = {TWZ_OBJECT_VOLATILE, TWZ_OBJECT_ENDING};
#define READ_WRITE (TWZ_VIEW_READ | TWZ_VIEW_WRITE)
#define SOURCE TEST_SLOT
#define COPY (TEST_SLOT + 1)
#define OTHER (TEST_SLOT + 2)
#define PAGES 320u /* more than a copy does in one step */
#define SHIFT \
	400u /* a copy's first page: its pages are in other leaves than the source's, and in two */
#define LONG_PAGES 3000u /* of bytes: tens of milliseconds */

static uint64_t *word_at(uint32_t slot, uint64_t page)
{
	return (uint64_t *)(test_address(slot) + TWZ_OBJ_DATA + page * TWZ_PAGE);
}

static struct twz_id filled(uint32_t slot, uint32_t flags, uint64_t pages)
{
	struct twz_id id = test_object(flags);

	test_map(slot, id, READ_WRITE);
	for (uint64_t p = 0; p < pages; p++)
		*word_at(slot, p) = p + 1;
	return id;
}

static int copy_pages(struct twz_id dst, uint64_t shift, struct twz_id src, uint64_t pages)
{
	return twz_rt_copy(dst, TEST_DATA_PAGE + shift, src, TEST_DATA_PAGE, pages);
}

/* While somebody stores to it: on a machine that is slow enough a copy is broken off. */
static int copy_written(struct twz_id dst, uint64_t shift, struct twz_id src)
{
	const uint64_t begun = twz_rt_time_ns();
	int error;

	do
		error = copy_pages(dst, shift, src, PAGES);
	while (error == TWZ_E_TIMEOUT && bare_patient(begun));
	return error;
}

/* ---- of one moment ---------------------------------------------------------------------------------- */

/*
 * Writers store numbers that rise to words all over the source, from the first to the last. So at any moment no
 * word is ahead of one before it, and none is more than one behind the first.
 */
#define WORDS 8u
#define WRITERS 2u
static uint32_t stop;

static uint64_t *number(uint32_t slot, uint64_t writer, unsigned word)
{
	return word_at(slot, word * (PAGES - 1) / (WORDS - 1)) + 1 + writer;
}

static void writes(uint64_t writer)
{
	for (uint64_t n = 1; !__atomic_load_n(&stop, __ATOMIC_RELAXED); n++)
		for (unsigned w = 0; w < WORDS; w++)
			__atomic_store_n(number(SOURCE, writer, w), n, __ATOMIC_RELEASE);
}

static bool of_one_moment(uint32_t slot, uint64_t writer)
{
	const uint64_t first = *number(slot, writer, 0);
	uint64_t before = first;

	for (unsigned w = 1; w < WORDS; w++) {
		uint64_t n = *number(slot, writer, w);

		if (!CHECK(n <= before && n + 1 >= first)) {
			test_say("word 0: %llu, word %u: %llu, the one before: %llu",
				 (unsigned long long)first, w, (unsigned long long)n,
				 (unsigned long long)before);
			return false;
		}
		before = n;
	}
	return true;
}

static void copy_once(struct twz_id src, uint32_t flags, uint32_t slot)
{
	struct twz_id copy = test_object(flags);

	test_map(slot, copy, TWZ_VIEW_READ);
	CHECK_EQ(copy_written(copy, 0, src), 0);
	for (uint64_t w = 0; w < WRITERS; w++)
		of_one_moment(slot, w);
	CHECK_EQ(copy_written(copy, SHIFT, src), 0); /* over what is there */
	test_map(slot, copy, TWZ_VIEW_READ);
	CHECK_EQ(*word_at(slot, SHIFT), 1);
	CHECK_EQ(*word_at(slot, SHIFT + PAGES - 1), PAGES);
	test_unmap(slot);
	test_delete(copy);
}

static void copy_shifted(struct twz_id src, uint32_t flags, uint32_t slot)
{
	struct twz_id copy = test_object(flags);

	CHECK_EQ(copy_written(copy, SHIFT, src), 0);
	test_map(slot, copy, TWZ_VIEW_READ);
	/* number() counts from the first page. */
	CHECK_EQ(twz_rt_copy(copy, TEST_DATA_PAGE, copy, TEST_DATA_PAGE, 1), TWZ_E_RANGE);
	for (unsigned w = 1; w < WORDS; w++) {
		const uint64_t page = w * (PAGES - 1) / (WORDS - 1) + SHIFT;

		CHECK(word_at(slot, page)[1] <= word_at(slot, SHIFT)[1] &&
		      word_at(slot, page)[1] + 1 >= word_at(slot, SHIFT)[1]);
	}
	test_unmap(slot);
	test_delete(copy);
}

static void copy_while_written(uint32_t from, uint32_t to)
{
	struct twz_id src = filled(SOURCE, from, PAGES);
	struct test_thread *writer[WRITERS];

	stop = 0;
	for (uint64_t w = 0; w < WRITERS; w++)
		writer[w] = test_thread(writes, w);
	for (unsigned round = 0; round < 4; round++) {
		copy_once(src, to, COPY);
		copy_shifted(src, to, COPY);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (uint64_t w = 0; w < WRITERS; w++)
		test_join(writer[w]);
	test_unmap(SOURCE);
	test_delete(src);
}

TEST(a_copy_shows_its_source_at_one_moment)
{
	for (unsigned from = 0; from < MEDIUMS; from++)
		for (unsigned to = 0; to < MEDIUMS; to++)
			copy_while_written(mediums[from], mediums[to]);
}

static struct twz_id copied;

static void copies(uint64_t medium)
{
	for (unsigned round = 0; round < 4; round++)
		copy_once(copied, mediums[medium], OTHER + (uint32_t)medium);
}

/* Each waits for the others, and none for ever. */
TEST(copies_of_one_source_at_the_same_time_are_each_of_one_moment)
{
	for (unsigned from = 0; from < MEDIUMS; from++) {
		struct test_thread *copier[MEDIUMS], *writer;

		copied = filled(SOURCE, mediums[from], PAGES);
		stop = 0;
		writer = test_thread(writes, 0);
		for (uint64_t m = 0; m < MEDIUMS; m++)
			copier[m] = test_thread(copies, m);
		for (uint64_t m = 0; m < MEDIUMS; m++)
			test_join(copier[m]);
		__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
		test_join(writer);
		test_unmap(SOURCE);
		test_delete(copied);
	}
}

/* ---- copies that do not go on ------------------------------------------------------------------------ */

/*
 * A thread that is called away from its copy: between the steps it is in user mode, at the `syscall`. The page with
 * that instruction is unmapped, and its fault handler waits until it may go on.
 */
static const uint8_t stuck_code[] = {
	0xb8, 0,    0,    0,
	0,                                             /* mov eax, number */
	0x31, 0xf6,                                    /* xor esi, esi */
	0x0f, 0x05,                                    /* syscall */
	0x48, 0x89, 0x47, sizeof(struct twz_sys_copy), /* mov [rdi + ...], rax */
	0xeb, 0xfe,                                    /* jmp to itself */
};
#define SYSCALL_AT 7u
#define CODE (TEST_SLOT + 5)
#define CODE_AT (test_address(CODE) + TWZ_OBJ_DATA)
#define CODE_RIGHTS (READ_WRITE | TWZ_VIEW_EXEC)
#define UNKNOWN 1 /* no result of a copy */

static struct {
	struct twz_sys_copy copy;
	int64_t result;
} stuck_call;
static struct twz_id stuck_code_id, stuck_thread;
static uint32_t away, back;
static uint64_t away_at; /* rip */
static uint64_t stuck_since;

static void called_away(uint64_t upcall)
{
	away_at = ((const struct twz_upcall *)upcall)->registers.rip;
	__atomic_store_n(&away, 1, __ATOMIC_RELEASE);
	bare_wake(&away, ~0u);
	while (!__atomic_load_n(&back, __ATOMIC_ACQUIRE))
		bare_wait(&back, 0, ~0ull);
	SYS(thread_resume, upcall);
}

static void stuck_run(uint64_t call)
{
	static uint8_t stack[4096] __attribute__((aligned(16)));

	SYS(thread_handler, called_away, stack + sizeof(stack), sizeof(stack));
	((void (*)(uint64_t))CODE_AT)(call);
}

/* src is volatile, dst persistent: the bytes are copied. False: it was done before. */
static bool stuck_begin(struct twz_id dst, struct twz_id src)
{
	const uint32_t number = TWZ_SYS(object_copy);
	static uint8_t stack[1024] __attribute__((aligned(16)));

	stuck_code_id = test_object_of(TWZ_TYPE_DATA, TEST_PERMS | TWZ_EXEC, TWZ_OBJECT_VOLATILE);
	test_map(CODE, stuck_code_id, CODE_RIGHTS);
	memcpy(CODE_AT, stuck_code, sizeof(stuck_code));
	memcpy(CODE_AT + 1, &number, sizeof(number));
	stuck_call.copy = (struct twz_sys_copy){.dst = dst,
						.src = src,
						.dst_page = TEST_DATA_PAGE,
						.src_page = TEST_DATA_PAGE,
						.pages = LONG_PAGES};
	stuck_call.result = UNKNOWN;
	away = back = 0;
	stuck_since = twz_rt_time_ns();
	stuck_thread = bare_thread(stuck_run, stack + sizeof(stack), (uint64_t)&stuck_call,
				   TWZ_THREAD_SAME);
	while (!*(volatile uint64_t *)word_at(COPY, 0))
		__builtin_ia32_pause();
	test_unmap(CODE);
	bare_reaches(&away, 1);
	return away_at == (uint64_t)CODE_AT + SYSCALL_AT;
}

static int64_t stuck_goes_on(void)
{
	const volatile int64_t *result = &stuck_call.result;

	test_map(CODE, stuck_code_id, CODE_RIGHTS);
	__atomic_store_n(&back, 1, __ATOMIC_RELEASE);
	bare_wake(&back, 1);
	while (*result == UNKNOWN && bare_patient(stuck_since))
		test_sleep(10000000);
	return *result;
}

static void stuck_end(void)
{
	SYS(thread_kill, ID(stuck_thread), 0);
	bare_join(stuck_thread);
	test_unmap(CODE);
	test_delete(stuck_code_id);
}

static struct twz_id stuck_src, stuck_dst;

static void stuck_tear_down(void)
{
	stuck_end();
	test_unmap(SOURCE);
	test_unmap(COPY);
	test_delete(stuck_src);
	test_delete(stuck_dst);
}

static void stuck_set_up(void)
{
	const uint64_t begun = twz_rt_time_ns();

	while (CHECK(bare_patient(begun))) {
		stuck_src = filled(SOURCE, TWZ_OBJECT_VOLATILE, LONG_PAGES);
		stuck_dst = test_object(TWZ_OBJECT_ENDING);
		test_map(COPY, stuck_dst, TWZ_VIEW_READ);
		if (stuck_begin(stuck_dst, stuck_src))
			return;
		stuck_tear_down();
	}
}

#define FREEZE_NS (3 * BARE_SECOND_NS) /* that somebody waits for a copy at most: FREEZE_LIMIT_MS */
static uint32_t done;

static void stores(uint64_t unused)
{
	(void)unused;
	*word_at(SOURCE, LONG_PAGES - 1) = 7;
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
}

static void drops(uint64_t unused)
{
	(void)unused;
	CHECK_EQ(twz_rt_drop(stuck_src, TEST_DATA_PAGE + LONG_PAGES - 1, 1), 0);
	CHECK_EQ(*word_at(SOURCE, LONG_PAGES - 1), 0);
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
}

static void limits(uint64_t unused)
{
	(void)unused;
	CHECK_EQ(twz_rt_limit(stuck_src, TEST_DATA_PAGE + LONG_PAGES - 1, 1, TWZ_WRITE), 0);
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
}

static void reads(uint64_t unused)
{
	(void)unused;
	CHECK_EQ(*word_at(SOURCE, LONG_PAGES - 1), LONG_PAGES);
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
}

static struct test_thread *begin(void (*run)(uint64_t arg))
{
	done = 0;
	return test_thread(run, 0);
}

/* False: the machine was so slow that it says nothing: the copy may have been broken off. */
static bool waits(void (*change)(uint64_t))
{
	struct test_thread *thread;
	bool waited, in_time;

	stuck_set_up();
	thread = begin(reads); /* may go on */
	bare_reaches(&done, 1);
	test_join(thread);
	thread = begin(change);
	test_sleep(50000000);
	waited = !__atomic_load_n(&done, __ATOMIC_ACQUIRE);
	in_time = twz_rt_time_ns() - stuck_since < FREEZE_NS - BARE_SECOND_NS / 10;
	CHECK(waited || !in_time);
	SYS(thread_kill, ID(stuck_thread), 0);
	test_join(thread);
	stuck_tear_down();
	return in_time;
}

TEST(who_changes_the_source_waits_until_the_copying_thread_ends)
{
	void (*const change[])(uint64_t) = {stores, drops, limits};

	for (unsigned i = 0; i < 3; i++) {
		const uint64_t begun = twz_rt_time_ns();

		while (!waits(change[i]))
			if (!CHECK(bare_patient(begun)))
				break;
	}
}

TEST(who_waits_too_long_for_a_copy_breaks_it_off)
{
	struct test_thread *thread;

	stuck_set_up();
	thread = begin(stores);
	bare_reaches(&done, 1);
	test_join(thread);
	CHECK_EQ(*word_at(SOURCE, LONG_PAGES - 1), 7);
	CHECK_EQ(stuck_goes_on(), TWZ_E_TIMEOUT);
	/* Then it is the writers' turn, for as long: some of it is over. */
	CHECK_EQ(copy_pages(stuck_dst, 0, stuck_src, 1), 0);
	CHECK(twz_rt_time_ns() - stuck_since > 2 * FREEZE_NS - BARE_SECOND_NS / 10);
	stuck_tear_down();
}

TEST(copies_in_a_circle_are_refused)
{
	struct twz_id third = test_object(TWZ_OBJECT_ENDING);

	stuck_set_up();
	CHECK_EQ(copy_pages(stuck_src, 0, stuck_dst, 1), TWZ_E_BUSY);
	CHECK_EQ(copy_pages(third, 0, stuck_dst, 1), TWZ_E_BUSY); /* it is being filled */
	CHECK_EQ(copy_pages(stuck_src, 0, third, 1), TWZ_E_BUSY); /* it is frozen */
	CHECK_EQ(copy_pages(stuck_dst, LONG_PAGES, third, 1), 0); /* others may fill it too */
	CHECK_EQ(stuck_goes_on(), 0);
	CHECK_EQ(copy_pages(third, 0, stuck_dst, 1), 0);
	CHECK_EQ(copy_pages(stuck_src, 0, stuck_dst, 1), 0);
	stuck_tear_down();
	test_delete(third);
}

TEST(what_is_deleted_while_it_is_copied_ends_the_copy)
{
	for (unsigned i = 0; i < 2; i++) {
		stuck_set_up();
		test_delete(i ? stuck_src : stuck_dst);
		CHECK_EQ(stuck_goes_on(), TWZ_E_NOTFOUND);
		stuck_end();
		test_unmap(SOURCE);
		test_unmap(COPY);
		test_delete(i ? stuck_dst : stuck_src);
	}
}

TEST(a_copy_begins_at_its_beginning)
{
	struct twz_id src = filled(SOURCE, TWZ_OBJECT_VOLATILE, 4),
		      dst = test_object(TWZ_OBJECT_VOLATILE);
	struct twz_sys_copy copy = {.dst = dst,
				    .src = src,
				    .dst_page = TEST_DATA_PAGE,
				    .src_page = TEST_DATA_PAGE,
				    .pages = 4};
	struct twz_rt_stat stat;

	CHECK_EQ(SYS(object_copy, &copy, 1), TWZ_E_TIMEOUT);
	CHECK_EQ(SYS(object_copy, &copy, 5), TWZ_E_ARG);
	CHECK_EQ(twz_rt_stat(dst, &stat), 0);
	CHECK_EQ(stat.npages, 0);
	CHECK_EQ(SYS(object_copy, &copy, 0), 0);
	CHECK_EQ(twz_rt_stat(dst, &stat), 0);
	CHECK_EQ(stat.npages, 4);
	test_unmap(SOURCE);
	test_delete(src);
	test_delete(dst);
}

/* ---- copies of copies ---------------------------------------------------------------------------------- */

/*
 * A chain, of both mediums in turn, each a copy of the one before, shifted: no two agree modulo 512 pages. A page is
 * stored to in each, by which it can be told from the others.
 */
#define CHAIN 9u
#define CHAIN_PAGES 40u
static struct twz_id chain[CHAIN];

static uint64_t chain_page(unsigned i)
{
	return 500 + i * 101;
}

static void chain_make(void)
{
	for (unsigned i = 0; i < CHAIN; i++) {
		chain[i] = test_object(mediums[i / 2 % MEDIUMS]);
		test_map(SOURCE + i, chain[i], READ_WRITE);
		for (uint64_t p = 0; !i && p < CHAIN_PAGES; p++)
			*word_at(SOURCE, chain_page(0) + p) = p + 1;
		if (i)
			CHECK_EQ(twz_rt_copy(chain[i], TEST_DATA_PAGE + chain_page(i), chain[i - 1],
					     TEST_DATA_PAGE + chain_page(i - 1), CHAIN_PAGES),
				 0);
		*word_at(SOURCE + i, chain_page(i) + i) = 1000 + i;
	}
}

static bool chain_good(unsigned i)
{
	bool good = true;

	for (uint64_t p = 0; p < CHAIN_PAGES; p++)
		good &= CHECK_EQ(*word_at(SOURCE + i, chain_page(i) + p),
				 p <= i ? 1000 + p : p + 1);
	return good;
}

TEST(copies_of_copies_are_freed_in_any_order)
{
	for (unsigned step = 1; step < CHAIN; step++) {
		if (step % 3 == 0)
			continue; /* it does not come to all nine */
		chain_make();
		for (unsigned n = 0, i = step; n < CHAIN; n++, i = (i + step) % CHAIN) {
			unsigned left = (i + step) % CHAIN;

			chain_good(i);
			test_unmap(SOURCE + i);
			test_delete(chain[i]);
			if (n + 1 < CHAIN) /* which shared pages with it, maybe */
				chain_good(left);
		}
	}
}

/* ---- what is shared ----------------------------------------------------------------------------------- */

/* From there on, in however many calls. */
static struct twz_rt_shared all_shared(struct twz_id a, uint64_t a_page, struct twz_id b,
				       uint64_t b_page, uint64_t pages)
{
	struct twz_rt_shared all = {0}, some;

	while (all.pages < pages) {
		CHECK_EQ(twz_rt_same(a, a_page + all.pages, b, b_page + all.pages,
				     pages - all.pages, &some),
			 0);
		if (!some.pages)
			break;
		all.pages += some.pages;
		all.present += some.present;
	}
	return all;
}

TEST(what_objects_share_is_told)
{
	const uint64_t end = TWZ_OBJ_SIZE_MAX / TWZ_PAGE, behind = TEST_DATA_PAGE + PAGES + 512;

	for (unsigned m = 0; m < MEDIUMS; m++) {
		struct twz_id a = filled(SOURCE, mediums[m], PAGES), b = test_object(mediums[m]),
			      other = test_object(mediums[!m]);
		struct twz_rt_shared shared;

		test_map(COPY, b, READ_WRITE);
		CHECK_EQ(copy_pages(b, SHIFT, a, PAGES), 0);
		CHECK_EQ(copy_pages(other, 0, a, PAGES), 0);
		shared = all_shared(a, TEST_DATA_PAGE, b, TEST_DATA_PAGE + SHIFT, PAGES);
		CHECK_EQ(shared.pages, PAGES);
		CHECK_EQ(shared.present, PAGES);
		CHECK_EQ(all_shared(a, TEST_DATA_PAGE, b, TEST_DATA_PAGE, PAGES).pages, 0);
		CHECK_EQ(all_shared(a, TEST_DATA_PAGE, other, TEST_DATA_PAGE, PAGES).pages, 0);
		CHECK_EQ(all_shared(a, TEST_DATA_PAGE, a, TEST_DATA_PAGE, PAGES).pages, PAGES);
		*word_at(COPY, SHIFT + 9) = 0;
		shared = all_shared(a, TEST_DATA_PAGE, b, TEST_DATA_PAGE + SHIFT, PAGES);
		CHECK(shared.pages <= 9); /* a neighbour may be unshared with it */
		/* Holes, behind what the store may have made with the last page. */
		shared = all_shared(a, behind, b, behind + SHIFT, end - behind - SHIFT);
		CHECK_EQ(shared.pages, end - behind - SHIFT);
		CHECK_EQ(shared.present, 0);
		CHECK_EQ(all_shared(a, behind, other, behind, end - behind).pages, end - behind);
		CHECK_EQ(all_shared(a, 1, other, 1, end - 1).pages, TEST_DATA_PAGE - 1);
		test_unmap(SOURCE);
		test_unmap(COPY);
		test_delete(a);
		test_delete(b);
		test_delete(other);
	}
}

TEST(a_sealed_object_is_verified_in_parts)
{
	const uint64_t size = 300 * TWZ_PAGE - 5;
	struct twz_id src = filled(SOURCE, TWZ_OBJECT_VOLATILE, 300), id = {0};

	CHECK_EQ(twz_rt_seal(src, size, 0, TWZ_READ | TWZ_DELETE, &id), 0);
	CHECK_EQ(twz_rt_verify(id, 1, TWZ_OBJ_SIZE_MAX / TWZ_PAGE - 1), 0);
	CHECK_EQ(twz_rt_verify(id, TEST_DATA_PAGE + 299, 1), 0);
	CHECK_EQ(twz_rt_verify(id, TEST_DATA_PAGE + 299, 5), 0);
	CHECK_EQ(twz_rt_verify(id, TEST_DATA_PAGE + 300, 1), TWZ_E_RANGE);
	CHECK_EQ(twz_rt_verify(id, 1, ~0ull), TWZ_E_ARG);
	CHECK_EQ(SYS(object_verify, ID(id), 1, 1, 1), 0);
	CHECK_EQ(SYS(object_verify, ID(id), 1, 1, 2), TWZ_E_ARG);
	CHECK_EQ(twz_rt_verify(src, 1, 1), TWZ_E_TYPE);
	CHECK_EQ(twz_rt_verify((struct twz_id){1, 2}, 1, 1), TWZ_E_NOTFOUND);
	test_unmap(SOURCE);
	test_delete(src);
	test_delete(id);
}
