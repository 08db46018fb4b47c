/*
 * kinds.c - objects of every kind, made, changed and shown the same in both homes.
 *
 *     kinds make        makes them in the namespace /kinds
 *     kinds change N    changes what can be changed of each, by the number N
 *     kinds show        says all that there is to say of them
 *     kinds delete ID   deletes an object
 */
#include "tests/home/both.h"

#define GIB ((uint64_t)1 << 30)
#define PAGES 40 /* of the plain object and of its copies */

typedef unsigned long long ull;

/* The root of the object with pointers. */
struct holder {
	twz_ptr(uint64_t) inside; /* in the same object */
	twz_ptr(uint64_t) plain;  /* in another */
	twz_ptr(uint64_t) sealed; /* in one that cannot change */
	twz_ptr(uint64_t) far;    /* behind the first GiB of another */
	twz_ptr(uint64_t) late;   /* a name: /kinds/now */
	twz_ptr(uint64_t) found;  /* the name now, by the search list /kinds/search */
	twz_ptr(uint64_t) none;   /* null */
	twz_ptr(uint64_t) gone;   /* to an object that was deleted */
	uint64_t value;
};

/* Places in the large object, which has pages only there. */
static const uint64_t places[] = {0, GIB - 4096, GIB, 3 * GIB + 12288, 512 * GIB, 1023 * GIB};
#define PLACES (sizeof(places) / sizeof(places[0]))

static const char *const plain[] = {"/kinds/plain", "/kinds/copy", "/kinds/copy-of-copy"};

static uint64_t *page(const struct twz_obj *obj, uint64_t n)
{
	return (uint64_t *)((uint8_t *)twz_obj_data(obj) + n * TWZ_PAGE);
}

static uint64_t *place(const struct twz_obj *large, unsigned i)
{
	return (uint64_t *)((uint8_t *)twz_obj_data(large) + places[i]);
}

static struct twz_obj open_one(const char *path)
{
	struct twz_obj obj;

	NEED(twz_name_open(path, &obj));
	return obj;
}

static struct twz_obj open_large(void)
{
	struct twz_obj obj;
	struct twz_id id;

	NEED(twz_name_resolve("/kinds/large", &id));
	NEED(twz_obj_open_large(id, &obj));
	return obj;
}

/* ---- made ----------------------------------------------------------------------------------------- */

static struct twz_obj make_one(const char *path, struct twz_new what)
{
	struct twz_obj obj;

	what.ending = true;
	NEED(twz_obj_new(&what, &obj));
	NEED(twz_name_publish(path, obj.id, 0));
	return obj;
}

static void copy(const char *from, const char *to)
{
	struct twz_id id;

	NEED(twz_obj_copy(open_one(from).id, true, &id));
	NEED(twz_name_publish(to, id, 0));
}

static void seal(const char *from, const char *to)
{
	struct twz_id id;

	NEED(twz_obj_seal(open_one(from).id, PAGES * TWZ_PAGE - 7, TWZ_READ, &id));
	NEED(twz_name_bind(to, id, TWZ_NAME_REPLACE | TWZ_NAME_DELETE));
}

/* /kinds/inner goes before /kinds, and has no "now". */
static struct twz_id make_search(void)
{
	struct twz_obj search = make_one("/kinds/search", (struct twz_new){0});
	struct twz_id list[2];

	NEED(twz_name_resolve("/kinds/inner", &list[0]));
	NEED(twz_name_resolve("/kinds", &list[1]));
	NEED(twz_search_set(&search, list, 2));
	return search.id;
}

static void make_holder(void)
{
	struct twz_obj obj = make_one("/kinds/holder", (struct twz_new){.heap = true}), gone;
	struct twz_obj first = open_one(plain[0]), sealed = open_one("/kinds/sealed"),
		       large = open_large();
	struct holder *h;
	void *block;

	NEED(heap_alloc(NULL, sizeof(*h), twz_heap_root(&obj), &block));
	h = memset(block, 0, sizeof(*h));
	NEED(twz_obj_new(&(struct twz_new){.bytes = 8}, &gone));
	NEED(twz_set(&h->inside, &h->value));
	NEED(twz_set(&h->plain, page(&first, 1)));
	NEED(twz_set(&h->sealed, page(&sealed, 2)));
	NEED(twz_set(&h->far, place(&large, 3)));
	NEED(twz_set(&h->gone, page(&gone, 0)));
	twz_persist(h, sizeof(*h));
	NEED(twz_set_name(NULL, &h->late, "/kinds/now"));
	NEED(twz_set_name_in(NULL, &h->found, "now", make_search()));
	NEED(twz_obj_delete(gone.id));
}

static void make(void)
{
	struct twz_id id;
	struct twz_obj obj;

	NEED(twz_ns_make("/kinds", &id));
	NEED(twz_ns_make("/kinds/inner", &id));
	NEED(twz_ns_make("/kinds/inner/empty", &id));
	obj = make_one(plain[0], (struct twz_new){.bytes = PAGES * TWZ_PAGE});
	for (unsigned i = 0; i < PAGES; i++)
		*page(&obj, i) = 1000 + i;
	NEED(twz_obj_set_size(&obj, PAGES * TWZ_PAGE - 100));
	NEED(twz_obj_sync(&obj));
	NEED(twz_name_bind("/kinds/inner/the-same", obj.id, 0));
	copy(plain[0], plain[1]);
	copy(plain[1], plain[2]);
	seal(plain[0], "/kinds/sealed");
	obj = make_one("/kinds/large", (struct twz_new){.large = true});
	for (unsigned i = 0; i < PLACES; i++) {
		*place(&obj, i) = 70 + i;
		twz_persist(place(&obj, i), 8);
	}
	make_holder();
	NEED(twz_name_bind("/kinds/now", open_one(plain[1]).id, 0));
	obj = make_one("/kinds/limited", (struct twz_new){.bytes = 2 * TWZ_PAGE});
	*page(&obj, 0) = *page(&obj, 1) = 7;
	NEED(twz_obj_sync(&obj));
	NEED(twz_rt_limit(obj.id, TWZ_OBJ_DATA / TWZ_PAGE, 1, TWZ_WRITE));
	make_one("/kinds/empty", (struct twz_new){.perms = TWZ_READ | TWZ_DELETE});
}

/* ---- changed -------------------------------------------------------------------------------------- */

static void change_names(uint64_t n)
{
	char from[64], to[64];

	NEED(twz_name_bind("/kinds/now", open_one(plain[n % 3]).id, TWZ_NAME_REPLACE));
	for (unsigned i = 0; i < 30; i++) {
		twz_format(to, sizeof(to), "/kinds/inner/name %llu.%u", (ull)n, i);
		NEED(twz_name_bind(to, open_one(plain[i % 3]).id, 0));
	}
	twz_format(from, sizeof(from), "/kinds/inner/name %llu.7", (ull)n);
	twz_format(to, sizeof(to), "/kinds/moved %llu", (ull)n);
	NEED(twz_name_rename(from, to, 0));
	NEED(twz_name_unbind("/kinds/inner/the-same", 0));
	NEED(twz_name_bind("/kinds/inner/the-same", open_one(plain[0]).id, 0));
}

static void change(uint64_t n)
{
	struct twz_obj large = open_large(), limited = open_one("/kinds/limited"), obj;
	struct holder *h;
	struct twz_tx tx;
	char version[64];

	obj = open_one("/kinds/holder");
	h = twz_ptr_get(twz_heap_root(&obj));
	twz_tx_begin(&tx);
	for (unsigned i = 0; i < 3; i++) {
		obj = open_one(plain[i]);
		twz_tx_set(&tx, page(&obj, (5 * i + n) % PAGES), n);
		twz_tx_set(&tx, page(&obj, PAGES + n), 100 * n + i); /* a page more */
	}
	for (unsigned i = 0; i < PLACES; i++)
		twz_tx_set(&tx, place(&large, i), *place(&large, i) + n);
	twz_tx_set(&tx, page(&limited, 1), n);
	twz_tx_set(&tx, &h->value, 10 * n);
	NEED(twz_set_tx(&tx, &h->none, n % 2 ? page(&obj, PAGES + n) : NULL));
	NEED(twz_tx_commit(&tx));
	twz_format(version, sizeof(version), "/kinds/version %llu", (ull)n);
	copy(plain[n % 3], version);
	seal(plain[n % 3], "/kinds/sealed now");
	change_names(n);
}

/* ---- shown ---------------------------------------------------------------------------------------- */

static void show_object(const char *path, struct twz_id id)
{
	char text[TWZ_ID_TEXT];
	struct twz_rt_stat stat;
	struct twz_obj obj;
	uint64_t sum = 0;

	twz_id_text(id, text);
	NEED(twz_obj_stat(id, &stat));
	NEED(twz_obj_open(id, &obj));
	twz_print("%s: %s type %u, rights %x, flags %x, %llu pages%s, %llu bytes\n", path, text,
		  stat.identity.type, stat.identity.perms, stat.identity.flags, (ull)stat.npages,
		  stat.end_epoch ? ", ends" : "", (ull)twz_obj_size(&obj));
	if (stat.identity.type != TWZ_TYPE_DATA)
		return;
	for (unsigned i = 0; i < 4 * PAGES * 512; i++)
		sum = sum * 31 + page(&obj, 0)[i];
	twz_print("    sum %llx\n", (ull)sum);
}

static int show_name(const struct twz_name_entry *entry, void *space)
{
	char path[TWZ_PATH_MAX];

	twz_format(path, sizeof(path), "%s/%s", (const char *)space, entry->name);
	show_object(path, entry->id);
	return entry->type == TWZ_TYPE_NAMESPACE ? twz_name_list(path, show_name, path) : 0;
}

static bool refused(const struct twz_fault *fault, void *what)
{
	twz_print("%s: fault of kind %u, %s\n", (const char *)what, fault->kind,
		  twz_error_text(fault->error));
	twz_flush();
	twz_rt_exit(0);
}

static void show(void)
{
	static char root[] = "/kinds", gone[] = "a pointer to what is gone";
	struct twz_obj obj = open_one("/kinds/holder"), large = open_large();
	struct holder *h = twz_ptr_get(twz_heap_root(&obj));

	NEED(twz_name_list(root, show_name, root));
	for (unsigned i = 0; i < PLACES; i++)
		twz_print("large at %llx: %llu\n", (ull)places[i], (ull)*place(&large, i));
	twz_print(
		"pointers: inside %llu, plain %llu, sealed %llu, far %llu, late %llu, found %llu\n",
		(ull)*twz_get(&h->inside), (ull)*twz_get(&h->plain), (ull)*twz_get(&h->sealed),
		(ull)*twz_get(&h->far), (ull)*twz_get(&h->late), (ull)*twz_get(&h->found));
	twz_print("raw: %llx %llx %llx %llx %llx %llx %llx, %s\n", (ull)h->inside.raw,
		  (ull)h->plain.raw, (ull)h->sealed.raw, (ull)h->far.raw, (ull)h->late.raw,
		  (ull)h->none.raw, (ull)h->gone.raw, twz_is_null(&h->none) ? "null" : "set");
	twz_rt_on_fault(refused, gone);
	twz_print("gone: %llu\n", (ull)*twz_get(&h->gone));
}

static void delete (const char *text)
{
	struct twz_id id;

	NEED(twz_id_parse(text, &id));
	NEED(twz_obj_delete(id));
}

int main(int argc, char **argv)
{
	HOLDS(argc > 1);
	if (!strcmp(argv[1], "make"))
		make();
	else if (!strcmp(argv[1], "change") && argc > 2)
		change(number(argv[2]));
	else if (!strcmp(argv[1], "delete") && argc > 2)
		delete (argv[2]);
	else
		show();
	return 0;
}
