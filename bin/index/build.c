/*
 * build.c - makes an index of all text below a path.
 *
 * The index is filled in an object that ends with the boot epoch: killed here, the build leaves
 * nothing. Then it is made durable and published (twz_name_publish): the name goes over to it in one
 * step, in which the index before is deleted. Killed in the middle of that, the new index can be
 * left under a name of its own, and the next build removes it.
 */
#include "bin/index/index.h"

#define STEP (512ull << 10) /* pages are asked for so many bytes at a time */
#define SHOW_NS 100000000u
#define LOOK 4096u /* an object with a zero byte among the first ones is no text */

/* The build cannot go on: what there is of it is deleted. */
static _Noreturn void give_up(struct builder *b, const char *where, int error)
{
	fail_error(where, error);
	twz_obj_delete(b->obj.id);
	program_end(STATUS_FAILED);
}

void *builder_take(struct builder *b, uint64_t bytes)
{
	uint64_t at = b->ix ? b->ix->end : TWZ_OBJ_DATA;
	uint64_t end = at + ((bytes + 15) & ~15ull);

	if (end > TWZ_SLOT_SIZE)
		give_up(b, b->name, TWZ_E_RANGE);
	if (end > b->ready) {
		uint64_t ready = end + STEP < TWZ_SLOT_SIZE ? end + STEP : TWZ_SLOT_SIZE;
		int error;

		ready &= ~(TWZ_PAGE - 1);
		error = twz_rt_touch(b->obj.base + b->ready, ready - b->ready);
		if (error)
			give_up(b, b->name, error);
		b->ready = ready;
	}
	if (b->ix)
		b->ix->end = end;
	return b->obj.base + at;
}

static struct document *document_new(struct builder *b)
{
	struct index *ix = b->ix;
	struct document *documents = twz_get(&ix->documents), *more;

	if (ix->ndocuments == b->room) {
		b->room = b->room ? 2 * b->room : 16;
		more = builder_take(b, b->room * sizeof(*more));
		/* Within the object pointers stay what they are, and their targets unmapped. */
		if (documents)
			memcpy(more, documents, ix->ndocuments * sizeof(*more));
		twz_set(&ix->documents, more);
		documents = more;
	}
	return &documents[ix->ndocuments++];
}

static void add_lines(struct builder *b, uint32_t document, const char *text, uint64_t bytes)
{
	const char *end = text + bytes, *line, *stop;
	char word[WORD_MAX];
	uint32_t number = 0, length;

	for (line = text; line < end; line = stop + 1) {
		const char *at = line;

		stop = memchr(line, '\n', (size_t)(end - line));
		if (!stop)
			stop = end;
		number++;
		while ((length = word_next(&at, stop, word)))
			posting_add(b, index_insert(b, word, length), line, number, document);
	}
	b->ix->nlines += number;
}

static void add_text(struct builder *b, const struct twz_obj *obj, const char *path, uint64_t bytes)
{
	const char *text = twz_obj_data(obj);
	struct document *document;
	size_t length = strlen(path);
	char *name;
	int error;

	if (memchr(text, 0, bytes < LOOK ? bytes : LOOK)) {
		b->skipped++;
		return;
	}
	name = builder_take(b, length + 1);
	memcpy(name, path, length + 1);
	document = document_new(b);
	document->bytes = bytes;
	document->id = obj->id;
	twz_set(&document->name, name);
	error = twz_set(&document->text, text);
	if (error) /* TWZ_E_FOTFULL, for one */
		give_up(b, path, error);
	add_lines(b, (uint32_t)b->ix->ndocuments - 1, text, bytes);
}

static void show_progress(struct builder *b)
{
	uint64_t now;

	if (!b->progress)
		return;
	now = twz_rt_time_ns();
	if (now - b->shown < SHOW_NS)
		return;
	b->shown = now;
	twz_warn("\r%llu texts, %llu words ", (unsigned long long)b->ix->ndocuments,
		 (unsigned long long)b->ix->nwords);
}

static int add_object(struct builder *b, struct twz_id id, const char *path)
{
	struct twz_obj obj;
	uint64_t bytes;
	int error = twz_obj_open(id, &obj);

	if (error)
		return fail_error(path, error);
	if (need(path, id, TWZ_READ)) {
		twz_obj_recycle(&obj);
		return STATUS_FAILED;
	}
	bytes = twz_obj_size(&obj);
	if (bytes > TWZ_SLOT_SIZE - TWZ_OBJ_DATA) {
		error = twz_obj_open_large(id, &obj);
		if (error)
			return fail_error(path, error);
	}
	if (bytes)
		add_text(b, &obj, path, bytes);
	show_progress(b);
	twz_obj_recycle(&obj); /* or many texts would use up the slots */
	return STATUS_OK;
}

/* What is being walked through. */
struct space {
	struct builder *b;
	struct path *path;
	int status;
};

static int add(struct builder *b, struct path *path);

static int add_entry(const struct twz_name_entry *entry, void *arg)
{
	struct space *space = arg;
	size_t length;

	if (path_append(space->path, entry->name, &length))
		space->status = fail_error(entry->name, TWZ_E_NAME);
	else
		space->status |= add(space->b, space->path);
	path_cut(space->path, length);
	return 0;
}

static int add(struct builder *b, struct path *path)
{
	struct space space = {b, path, STATUS_OK};
	struct twz_id id;
	uint32_t type;
	int error = path_type(path->text, &id, &type);

	if (!error && type == TWZ_TYPE_NAMESPACE)
		error = twz_name_list(path->text, add_entry, &space);
	else if (!error && type == TWZ_TYPE_DATA)
		space.status = add_object(b, id, path->text);
	return error ? fail_error(path->text, error) : space.status;
}

/* Removes what a build that was killed left. */
static void clean(const char *name)
{
	struct path new;

	if (twz_format(new.text, sizeof(new.text), "%s" TWZ_NAME_NEW, name) < sizeof(new.text))
		twz_name_unbind(new.text, TWZ_NAME_DELETE);
}

/* Only an index is replaced, never somebody's text. A status, printed. */
static int refuse_other(const char *name)
{
	struct twz_obj obj;
	bool other;

	if (twz_name_open(name, &obj))
		return STATUS_OK;
	other = !index_is(&obj);
	twz_obj_recycle(&obj);
	return other ? fail(name, "exists and is no index") : STATUS_OK;
}

int index_build(const char *where, const char *name)
{
	const struct twz_new new = {.ending = true};
	struct builder b = {.name = name,
			    .ready = TWZ_OBJ_DATA,
			    .progress = twz_rt_terminal(2),
			    .shown = twz_rt_time_ns()};
	struct path path;
	uint64_t end;
	int status, error = path_set(&path, where);

	if (error)
		return fail_error(where, error);
	status = refuse_other(name);
	if (status)
		return status;
	clean(name);
	error = twz_obj_new(&new, &b.obj);
	if (error)
		return fail_error(name, error);
	b.ix = builder_take(&b, sizeof(*b.ix));
	b.ix->end = TWZ_OBJ_DATA + sizeof(*b.ix);
	b.ix->version = INDEX_VERSION;
	status = add(&b, &path);
	if (b.progress)
		twz_warn("\r\033[K");
	if (status) {
		twz_obj_delete(b.obj.id);
		return status;
	}
	b.ix->magic = INDEX_MAGIC;
	end = (b.ix->end + TWZ_PAGE - 1) / TWZ_PAGE; /* what was asked for too early goes back */
	error = twz_rt_drop(b.obj.id, end, TWZ_SLOT_SIZE / TWZ_PAGE - end);
	if (!error)
		error = twz_obj_set_size(&b.obj, b.ix->end - TWZ_OBJ_DATA);
	if (!error)
		error = twz_obj_sync(&b.obj);
	if (!error)
		error = twz_name_publish(name, b.obj.id, TWZ_NAME_REPLACE | TWZ_NAME_DELETE);
	if (error)
		give_up(&b, name, error);
	twz_print("%s: %llu words in %llu lines of %llu texts", name,
		  (unsigned long long)b.ix->nwords, (unsigned long long)b.ix->nlines,
		  (unsigned long long)b.ix->ndocuments);
	if (b.skipped)
		twz_print("; %llu objects are no text", (unsigned long long)b.skipped);
	twz_print("\n");
	return STATUS_OK;
}
