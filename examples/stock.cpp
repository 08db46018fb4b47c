/*
 * stock.cpp - a warehouse in C++17: articles by number, sold in transactions that end with their scope.
 *
 * Shows: the same headers in C++; a guard for transactions; a loop over a map; a vector beside it.
 *
 *     c++ -std=c++17 -o stock stock.cpp $(pkg-config --cflags --libs twz)
 *
 *     ./stock my.store put 7 12 teapot      12 pieces of article 7
 *     ./stock my.store sell 7 3
 *     ./stock my.store                      what is there, and what was sold
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include <twz/map.h>
#include <twz/store.h>
#include <twz/twz.h>
#include <twz/vec.h>

namespace {

struct article {
	uint64_t pieces;
	char name[40];
};

struct sale {
	uint32_t number, pieces;
};

struct stock {
	twz_map(uint32_t, struct article) articles;
	twz_vec(struct sale) sales;
};

void check(int error)
{
	if (error)
		throw std::runtime_error(twz_error_text(error));
}

/* Aborts unless it was committed: an exception in between leaves nothing behind. */
class transaction {
      public:
	transaction()
	{
		twz_tx_begin(&tx);
	}
	~transaction()
	{
		if (open)
			twz_tx_abort(&tx);
	}
	transaction(const transaction &) = delete;
	transaction &operator=(const transaction &) = delete;

	void commit()
	{
		open = false;
		check(twz_tx_commit(&tx));
	}
	operator twz_tx *()
	{
		return &tx;
	}

      private:
	struct twz_tx tx;
	bool open = true;
};

void put(stock *stock, uint32_t number, uint64_t pieces, const char *name)
{
	article a{pieces, ""};

	std::strncpy(a.name, name, sizeof(a.name) - 1);
	check(twz_map_put(nullptr, &stock->articles, number, a));
}

/* The article loses what the list of sales gains, or neither. */
void sell(stock *stock, uint32_t number, uint32_t pieces)
{
	transaction tx;
	article a;

	check(twz_tx_add(tx, stock));
	check(twz_map_get_tx(tx, &stock->articles, number, &a));
	if (a.pieces < pieces)
		throw std::runtime_error("there are only " + std::to_string(a.pieces));
	a.pieces -= pieces;
	check(twz_map_put(tx, &stock->articles, number, a));
	check(twz_vec_push(tx, &stock->sales, (sale{number, pieces})));
	tx.commit();
}

void print(const stock *stock)
{
	struct twz_map_cursor c;
	uint32_t number;
	article a;
	sale s;

	twz_map_each(&stock->articles, &c, &number, &a)
		std::printf("%4u %-10s %4llu\n", number, a.name, (unsigned long long)a.pieces);
	for (uint64_t i = 0; twz_vec_get(&stock->sales, i, &s) == 0; i++)
		std::printf("sold: %u of article %u\n", s.pieces, s.number);
}

int run(int argc, char **argv)
{
	const std::string what = argc > 2 ? argv[2] : "";
	struct twz_obj obj;
	stock *stock;
	int error = twz_store_open_or_make(argv[1], 64 << 20);

	if (error)
		throw std::runtime_error(twz_store_error_text(error));
	struct twz_new with_heap = {};
	with_heap.heap = true;
	check(twz_name_open_or_make("/stock", &with_heap, &obj));
	check(twz_first(&obj, &stock));

	if (what == "put" && argc == 6)
		put(stock, std::stoul(argv[3]), std::stoul(argv[4]), argv[5]);
	else if (what == "sell" && argc == 5)
		sell(stock, std::stoul(argv[3]), std::stoul(argv[4]));
	else if (what.empty())
		print(stock);
	else
		throw std::invalid_argument("there is no command '" + what + "' of that kind");
	return 0;
}

} // namespace

int main(int argc, char **argv)
{
	if (argc < 2) {
		std::fprintf(stderr, "usage: stock STORE [put NUMBER PIECES NAME | sell NUMBER PIECES]\n");
		return 2;
	}
	try {
		return run(argc, argv);
	} catch (const std::exception &e) {
		std::fprintf(stderr, "stock: %s\n", e.what());
		return 1;
	}
}
