/*
 * counter.c - counts, over every end of the machine: the example of a program that is brought back.
 *
 * The count is in an object, and so is all that the program must know to go on. It registers itself
 * with the address at which it has that object mapped. At every boot it is entered again with this
 * address, which is good as it is: the view is an object too, and still says what is there.
 */
#include "bin/common/program.h"

static const char help[] =
	"usage: counter NAME [--every MS] [--to N]\n"
	"       counter NAME --show\n"
	"       counter NAME --stop\n"
	"\n"
	"Counts in the object NAME, which is made if it does not exist; each step is durable. The "
	"program\n"
	"registers its view: however it ends, the machine brings it back at the next boot, and it "
	"counts on,\n"
	"in the background. Hosted on Linux there is no boot, and it only counts.\n"
	"\n"
	"    --every MS  a step each so many milliseconds, by default 1000\n"
	"    --to N      ends, and is not brought back, when the count is N\n"
	"    --show      prints the count, and in how many boots there was a step\n"
	"    --stop      ends what counts in NAME, now or as soon as it is brought back\n"
	"\n"
	"Started again, it takes the count over: what counted before ends.\n"
	"\n"
	"exit status: 0, 1 if something failed, 2 usage error\n";

#define MAGIC 0x746e756f637a7774ull /* "twzcount" */
#define MS 1000000ull
#define COUNT_MAX INT64_MAX

struct counter {
	uint64_t magic;
	uint64_t value;
	uint64_t boots, epoch; /* in which there was a step, and the last of them */
	uint64_t every_ns, to;
	struct twz_id view; /* of the program that counts; zero where views are no objects */
	uint32_t stop;
	uint32_t reserved;
};

static struct twz_id own_view(void)
{
	struct twz_id view = {0, 0};

	(void)twz_rt_view(&view); /* which leaves it so where views are no objects */
	return view;
}

/* ---- counting ----------------------------------------------------------------------------------- */

/* One step, if there is one to do; *more: it is not the last. */
static int step(struct counter *c, struct twz_id self, bool *more)
{
	uint64_t epoch = twz_rt_info()->epoch;
	struct twz_tx tx;

	twz_tx_begin(&tx);
	if (!twz_tx_add(&tx, c)) {
		*more = !c->stop && twz_id_equal(c->view, self) && c->value < c->to;
		if (!*more) {
			twz_tx_abort(&tx);
			return 0;
		}
	}
	*more = c->value + 1 < c->to;
	twz_tx_set(&tx, &c->value, c->value + 1);
	if (c->epoch != epoch) {
		twz_tx_set(&tx, &c->boots, c->boots + 1);
		twz_tx_set(&tx, &c->epoch, epoch);
	}
	return twz_tx_commit(&tx);
}

/* Until the end, which is for good. After an error it is brought back at the next boot. */
static int count(struct counter *c)
{
	struct twz_id self = own_view();
	bool more = true;
	int error;

	while (!(error = step(c, self, &more)) && more)
		twz_rt_wait(&c->stop, 0, c->every_ns);
	if (!error)
		error = twz_rt_unregister();
	return error == TWZ_E_ABSENT ? 0 : error;
}

/* Brought back: arg is the counter's address. All that was in memory is gone. */
static void again(uint64_t arg)
{
	struct counter *c = (struct counter *)arg;
	const struct option options[] = {{0}};
	char *argv[] = {"counter", NULL};
	struct twz_obj obj;
	int argc = 1, error;

	program_begin(help, options, 0, 0, &argc, argv); /* for messages */
	if (twz_obj_at(c, &obj))                         /* it was deleted */
		error = twz_rt_unregister();
	else
		error = count(c);
	program_end(error ? fail_error("brought back", error) : STATUS_OK);
}

/* ---- starting ----------------------------------------------------------------------------------- */

static int make(const char *name, struct twz_obj *obj)
{
	const struct twz_new new = {.ending = true, .bytes = sizeof(struct counter)};
	int error = twz_obj_new(&new, obj);

	if (error)
		return error;
	((struct counter *)twz_obj_data(obj))->magic = MAGIC;
	error = twz_obj_set_size(obj, sizeof(struct counter));
	if (!error)
		error = twz_obj_sync(obj);
	if (!error)
		error = twz_name_publish(name, obj->id, 0);
	if (error)
		twz_obj_delete(obj->id);
	return error;
}

/* The counter of that name; null after an error, which was said. */
static struct counter *open_counter(const char *name, bool new)
{
	struct twz_obj obj;
	struct counter *c;
	int error = twz_name_open(name, &obj);

	if (error == TWZ_E_NOTFOUND && new)
		error = make(name, &obj);
	if (error) {
		fail_error(name, error);
		return NULL;
	}
	c = twz_obj_data(&obj);
	if (twz_obj_size(&obj) == sizeof(*c) && c->magic == MAGIC)
		return c;
	fail(name, "is no counter");
	return NULL;
}

/* From now on this program counts, and no other. */
static int claim(struct counter *c, uint64_t every_ns, uint64_t to)
{
	struct counter *staged;
	struct twz_tx tx;

	twz_tx_begin(&tx);
	staged = twz_tx_open(&tx, c);
	if (staged) {
		staged->every_ns = every_ns;
		staged->to = to;
		staged->view = own_view();
		staged->stop = 0;
	}
	return twz_tx_commit(&tx);
}

static int start(const char *name, uint64_t every_ns, uint64_t to)
{
	struct counter *c = open_counter(name, true);
	int error;

	if (!c)
		return STATUS_FAILED;
	error = twz_rt_register(again, (uint64_t)c);
	if (error && error != TWZ_E_ABSENT)
		return fail_error("it cannot be brought back", error);
	error = claim(c, every_ns, to);
	if (!error)
		error = count(c);
	if (error)
		return fail_error(name, error);
	twz_print("%llu\n", (unsigned long long)c->value);
	return STATUS_OK;
}

static int stop(const char *name)
{
	struct counter *c = open_counter(name, false);
	uint32_t *staged;
	struct twz_tx tx;
	int error;

	if (!c)
		return STATUS_FAILED;
	twz_tx_begin(&tx);
	staged = twz_tx_open(&tx, &c->stop);
	if (staged)
		*staged = 1;
	error = twz_tx_commit(&tx);
	if (error)
		return fail_error(name, error);
	twz_rt_wake(&c->stop, ~0u);
	return STATUS_OK;
}

static int show(const char *name)
{
	const struct counter *c = open_counter(name, false);

	if (!c)
		return STATUS_FAILED;
	twz_print("%llu in %llu boot%s\n", (unsigned long long)c->value,
		  (unsigned long long)c->boots, c->boots == 1 ? "" : "s");
	return STATUS_OK;
}

int main(int argc, char **argv)
{
	const char *every = "1000", *to = NULL;
	bool wants_show = false, wants_stop = false;
	const struct option options[] = {{.name = "--every", .value = &every},
					 {.name = "--to", .value = &to},
					 {.name = "--show", .flag = &wants_show},
					 {.name = "--stop", .flag = &wants_stop},
					 {0}};
	int64_t every_ms, last;

	program_begin(help, options, 1, 1, &argc, argv);
	every_ms = parse_number(every, INT32_MAX);
	last = to ? parse_number(to, COUNT_MAX) : COUNT_MAX;
	if (every_ms < 0)
		fail_usage("a number of milliseconds is wanted, not ", every);
	if (last < 0)
		fail_usage("a number is wanted, not ", to);
	if (wants_show)
		program_end(show(argv[0]));
	if (wants_stop)
		program_end(stop(argv[0]));
	program_end(start(argv[0], (uint64_t)every_ms * MS, (uint64_t)last));
}
