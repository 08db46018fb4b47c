/*
 * edit.c - a line editor: the example of a program with a person's work in it, of which nothing is lost.
 *
 * The text is a list of lines in the heap of an object, and so is what can be undone. Each change is one
 * transaction: when the answer is there, it is durable, whatever happens next. The program registers
 * itself; brought back, it waits for somebody to sit down at it again (`asked`).
 */
#include "bin/common/program.h"

static const char help[] =
	"usage: edit NAME [COMMAND]...\n"
	"\n"
	"Edits the text in the object NAME, which is made if it does not exist. Commands are read\n"
	"from the standard input, or are the arguments:\n"
	"\n"
	"    a TEXT    the line TEXT at the end\n"
	"    i N TEXT  the line TEXT before line N\n"
	"    d N       line N away\n"
	"    u         the last change undone; again: the one before, up to the last save point\n"
	"    w         a save point: changes so far cannot be undone any more\n"
	"    p         the text, with the lines' numbers\n"
	"    n         how many changes there were, and how many lines there are\n"
	"    q         the end, as the end of the input\n"
	"\n"
	"Each change is answered with \"CHANGES: N lines\", and is durable then: it outlives "
	"every\n"
	"end of the machine. The program registers its view: if the machine ends while it edits, "
	"it\n"
	"is brought back at the next boot, and `edit NAME` goes on in it. Hosted on Linux there "
	"is\n"
	"no boot, and it starts anew.\n"
	"\n"
	"exit status: 0, 1 if something failed, 2 usage error\n";

#define MAGIC 0x74786574737a7774ull /* "twzstext" */
#define SECOND_NS 1000000000ull

struct line {
	twz_ptr(struct line) next;
	uint64_t length;
	char text[];
};

/* What was done, so that it can be undone: a line was inserted, or this one deleted. */
struct change {
	twz_ptr(struct change) before;
	twz_ptr(struct line) deleted; /* which this owns, or null */
	uint64_t at;                  /* lines in front of it */
};

enum asked { ASKED_NO, ASKED_YES, ASKED_TAKEN };

struct text {
	uint64_t magic;
	uint64_t lines;
	uint64_t changes; /* that there ever were, undone ones and undoing too */
	twz_ptr(struct line) first;
	twz_ptr(struct change) last; /* that can be undone */
	struct twz_id view; /* of the program that edits; zero where views are no objects */
	uint32_t asked;     /* who was brought back is to go on */
	uint32_t reserved;
};

static struct twz_id own_view(void)
{
	struct twz_id view = {0, 0};

	(void)twz_rt_view(&view); /* which leaves it so where views are no objects */
	return view;
}

/* ---- changes ------------------------------------------------------------------------------------ */

/* The pointer that owns the line with so many in front of it. */
static uint64_t *owner_of(struct text *text, uint64_t at)
{
	uint64_t *owner = &text->first.raw;

	while (at--)
		owner = &((struct line *)twz_ptr_get(owner))->next.raw;
	return owner;
}

/* A change begins, with the text locked. BUSY: another program edits it now. */
static int begin(struct twz_tx *tx, struct text *text)
{
	int error;

	twz_tx_begin(tx);
	error = twz_tx_add(tx, text);
	if (!error && !twz_id_equal(text->view, own_view()))
		error = TWZ_E_BUSY;
	return error;
}

static int end(struct twz_tx *tx, struct text *text, uint64_t lines, int error)
{
	if (error) {
		twz_tx_abort(tx);
		return error;
	}
	twz_tx_set(tx, &text->lines, lines);
	twz_tx_set(tx, &text->changes, text->changes + 1);
	return twz_tx_commit(tx);
}

/* In front of the others that can be undone. The line `deleted` is owned by it from now on. */
static int remember(struct twz_tx *tx, struct text *text, uint64_t at, uint64_t deleted)
{
	uint64_t before = text->last.raw;
	struct change *change;
	void *block;
	int error = heap_alloc(tx, sizeof(*change), &text->last.raw, &block);

	if (error)
		return error;
	change = block;
	change->before.raw = before;
	change->deleted.raw = deleted;
	change->at = at;
	twz_tx_fresh(tx, change, sizeof(*change));
	return 0;
}

/* The last one, which owns nothing any more, goes. */
static int forget(struct twz_tx *tx, struct text *text)
{
	uint64_t before = twz_get(&text->last)->before.raw;
	int error = twz_free(tx, &text->last);

	return error ? error : twz_tx_set(tx, &text->last.raw, before);
}

static int insert(struct text *text, uint64_t at, const char *bytes)
{
	uint64_t length = strlen(bytes), *owner, next;
	struct twz_tx tx;
	void *block;
	struct line *line;
	int error = begin(&tx, text);

	if (error)
		return end(&tx, text, 0, error);
	owner = owner_of(text, at);
	next = *owner;
	error = heap_alloc(&tx, sizeof(*line) + length, owner, &block);
	if (!error) {
		line = block;
		line->next.raw = next;
		line->length = length;
		memcpy(line->text, bytes, length);
		twz_tx_fresh(&tx, line, sizeof(*line) + length);
		error = remember(&tx, text, at, 0);
	}
	return end(&tx, text, text->lines + 1, error);
}

static int delete_line(struct text *text, uint64_t at)
{
	struct twz_tx tx;
	uint64_t *owner;
	int error = begin(&tx, text);

	if (!error) {
		owner = owner_of(text, at);
		error = remember(&tx, text, at, *owner);
		if (!error)
			twz_tx_set(&tx, owner, ((struct line *)twz_ptr_get(owner))->next.raw);
	}
	return end(&tx, text, text->lines - 1, error);
}

static int undo(struct text *text)
{
	const struct change *change = twz_get(&text->last);
	struct line *line = twz_get(&change->deleted);
	uint64_t *owner, next;
	struct twz_tx tx;
	int error = begin(&tx, text);

	if (error)
		return end(&tx, text, 0, error);
	owner = owner_of(text, change->at);
	if (line) {
		twz_tx_set(&tx, &line->next.raw, *owner);
		twz_tx_set(&tx, owner, change->deleted.raw);
	} else {
		next = ((struct line *)twz_ptr_get(owner))->next.raw;
		error = heap_free(&tx, owner);
		twz_tx_set(&tx, owner, next);
	}
	if (!error)
		error = forget(&tx, text);
	return end(&tx, text, text->lines + (line ? 1 : -1ull), error);
}

/* Change by change: after a power cut those that are left can still be undone. */
static int save_point(struct text *text)
{
	int error = 0;

	while (!error && !twz_is_null(&text->last)) {
		struct change *change = twz_get(&text->last);
		struct twz_tx tx;

		error = begin(&tx, text);
		if (!error && !twz_is_null(&change->deleted))
			error = twz_free(&tx, &change->deleted);
		if (!error)
			error = forget(&tx, text);
		if (error)
			twz_tx_abort(&tx);
		else
			error = twz_tx_commit(&tx);
	}
	return error;
}

/* ---- commands ----------------------------------------------------------------------------------- */

static void print(const struct text *text)
{
	const struct line *line = twz_get(&text->first);

	for (uint64_t n = 1; line; line = twz_get(&line->next), n++)
		twz_print("%6llu  %.*s\n", (unsigned long long)n, (int)line->length, line->text);
}

static int say(const struct text *text)
{
	twz_print("%llu: %llu line%s\n", (unsigned long long)text->changes,
		  (unsigned long long)text->lines, text->lines == 1 ? "" : "s");
	return 0;
}

static int said(const struct text *text, int error)
{
	return error == TWZ_E_BUSY ? fail(NULL, "another program edits the text now")
	       : error             ? fail_error(NULL, error)
				   : say(text);
}

/* "N" or "N TEXT": a line's number, up to `most`, from 1. 0: it is none, which is said. */
static uint64_t number_of(const char *argument, const char **rest, uint64_t most)
{
	char digits[20] = "";
	uint64_t n = 0;
	int64_t value;

	while (n < sizeof(digits) - 1 && argument[n] >= '0' && argument[n] <= '9') {
		digits[n] = argument[n];
		n++;
	}
	*rest = argument[n] == ' ' ? argument + n + 1 : argument + n;
	value = parse_number(digits, INT64_MAX);
	if (value < 1 || (uint64_t)value > most) {
		fail(argument, "there is no such line");
		return 0;
	}
	return (uint64_t)value;
}

static int execute(struct text *text, const char *command)
{
	const char *argument = command[0] && command[1] == ' ' ? command + 2 : command + 1, *rest;
	uint64_t n;

	switch (command[0]) {
	case 'a':
		return said(text, insert(text, text->lines, argument));
	case 'i':
		n = number_of(argument, &rest, text->lines + 1);
		return n ? said(text, insert(text, n - 1, rest)) : STATUS_FAILED;
	case 'd':
		n = number_of(argument, &rest, text->lines);
		return n ? said(text, delete_line(text, n - 1)) : STATUS_FAILED;
	case 'u':
		if (twz_is_null(&text->last))
			return fail(NULL, "there is nothing to undo");
		return said(text, undo(text));
	case 'w':
		return said(text, save_point(text));
	case 'p':
		print(text);
		return 0;
	case 'n':
		return say(text);
	default:
		return fail(command, "is no command; --help lists them");
	}
}

static int session(struct text *text)
{
	const char *line;
	int status = STATUS_OK;

	while (!twz_flush() && (line = twz_rt_line("edit> ")) && strcmp(line, "q") != 0)
		if (line[0] && execute(text, line))
			status = STATUS_FAILED;
	return status;
}

/* ---- being brought back -------------------------------------------------------------------------- */

static int leave(int status)
{
	int error = twz_rt_unregister();

	return error && error != TWZ_E_ABSENT ? fail_error("not to be brought back", error)
					      : status;
}

/* It is somebody else's to go on: who started the program anew has taken the text over. */
static bool taken_over(const struct text *text)
{
	return !twz_id_equal(text->view, own_view());
}

/* Brought back: arg is the text's address. It waits for who sits down at the machine. */
static void again(uint64_t arg)
{
	struct text *text = (struct text *)arg;
	const struct option options[] = {{0}};
	char *argv[] = {"edit", NULL};
	struct twz_obj obj;
	int argc = 1, status = STATUS_OK;
	uint32_t asked;

	program_begin(help, options, 0, 0, &argc, argv); /* for messages */
	if (twz_obj_at(text, &obj) || taken_over(text))
		program_end(leave(STATUS_OK));
	do {
		asked = ASKED_YES;
		if (__atomic_compare_exchange_n(&text->asked, &asked, ASKED_TAKEN, false,
						__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			break;
		twz_rt_wait(&text->asked, asked, ~0ull);
	} while (!taken_over(text));
	if (!taken_over(text)) {
		twz_print("back: ");
		say(text);
		status = session(text);
	}
	status = leave(status);
	twz_flush();
	__atomic_store_n(&text->asked, ASKED_NO, __ATOMIC_RELEASE);
	twz_rt_wake(&text->asked, ~0u);
	program_end(status);
}

static bool is_registered(struct twz_id view)
{
	struct twz_id id = {0, 0};

	while (!twz_id_none(view) && !twz_rt_view_next(&id))
		if (twz_id_equal(id, view))
			return true;
	return false;
}

/* If the program that edited when the machine ended is there, it goes on, and this one waits. */
static bool hand_over(struct text *text)
{
	uint32_t asked = ASKED_YES;

	if (!is_registered(text->view))
		return false;
	__atomic_store_n(&text->asked, ASKED_YES, __ATOMIC_RELEASE);
	twz_rt_wake(&text->asked, ~0u);
	twz_rt_wait(&text->asked, ASKED_YES, 2 * SECOND_NS);
	if (__atomic_compare_exchange_n(&text->asked, &asked, ASKED_NO, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return false; /* it does not answer */
	while (__atomic_load_n(&text->asked, __ATOMIC_ACQUIRE) == ASKED_TAKEN)
		twz_rt_wait(&text->asked, ASKED_TAKEN, ~0ull);
	return true;
}

/* ---- starting ----------------------------------------------------------------------------------- */

static int make(const char *name, struct twz_obj *obj)
{
	int error = twz_obj_new(&(struct twz_new){.ending = true, .heap = true}, obj);
	struct text *text;
	void *block;

	if (error)
		return error;
	error = heap_alloc(NULL, sizeof(*text), twz_heap_root(obj), &block);
	if (!error) {
		text = block;
		memset(text, 0, sizeof(*text));
		text->magic = MAGIC;
		error = twz_obj_sync(obj);
	}
	if (!error)
		error = twz_name_publish(name, obj->id, 0);
	if (error)
		twz_obj_delete(obj->id);
	return error;
}

/* The text of that name; null after an error, which was said. */
static struct text *open_text(const char *name)
{
	struct text *text = NULL;
	struct twz_obj obj;
	int error = twz_name_open(name, &obj);

	if (error == TWZ_E_NOTFOUND)
		error = make(name, &obj);
	if (error) {
		fail_error(name, error);
		return NULL;
	}
	if (obj_meta(obj.base)->heap)
		text = twz_ptr_get(twz_heap_root(&obj));
	if (text && text->magic == MAGIC)
		return text;
	fail(name, "is no text of this program");
	return NULL;
}

/* From now on this program edits, and no other. */
static int claim(struct text *text)
{
	struct twz_id *view;
	struct twz_tx tx;

	twz_tx_begin(&tx);
	view = twz_tx_open(&tx, &text->view);
	if (view)
		*view = own_view();
	return twz_tx_commit(&tx);
}

static int start(const char *name)
{
	struct text *text = open_text(name);
	int error;

	if (!text)
		return STATUS_FAILED;
	if (hand_over(text))
		return STATUS_OK;
	error = twz_rt_register(again, (uint64_t)text);
	if (error && error != TWZ_E_ABSENT)
		return fail_error("it cannot be brought back", error);
	error = claim(text);
	if (error)
		return fail_error(name, error);
	return leave(session(text));
}

static bool only_looks(const char *command)
{
	return command[0] == 'p' || command[0] == 'n';
}

/* The commands, and nothing that lasts but what they do. */
static int run(const char *name, char **commands, int ncommands)
{
	struct text *text = open_text(name);
	int status = STATUS_OK, error;

	if (!text)
		return STATUS_FAILED;
	for (int i = 0; i < ncommands; i++) {
		error = only_looks(commands[i]) ? 0 : claim(text);
		if (error)
			return fail_error(name, error);
		if (execute(text, commands[i]))
			status = STATUS_FAILED;
	}
	return status;
}

int main(int argc, char **argv)
{
	const struct option options[] = {{0}};

	program_begin(help, options, 1, 1 << 10, &argc, argv);
	program_end(argc == 1 ? start(argv[0]) : run(argv[0], argv + 1, argc - 1));
}
