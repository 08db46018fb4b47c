# names.awk: the peers in the order in which they are shown, and their names. For figures.awk, table.awk and
# plot.awk, which are read behind it; all read the medians of bench/peers.sh, "WHAT PEER VALUE" with tabs.
BEGIN {
	FS = OFS = "\t"
	peers = split("libtwz plain rbtree btree lmdb lmdb-nosync sqlite sqlite-normal", peer, " ")
	title["libtwz"] = "libtwz"
	title["plain"] = "in ordinary memory"
	title["rbtree"] = "PMDK rbtree"
	title["btree"] = "PMDK btree"
	title["lmdb"] = "LMDB"
	title["lmdb-nosync"] = "LMDB, not durable"
	title["sqlite"] = "SQLite"
	title["sqlite-normal"] = "SQLite, durable later"
}

{ value[$1, $2] = $3 }

# A number as a person reads it: three digits that count, and thousands apart.
function number(v,    text, digits) {
	if (v < 10)
		return sprintf("%.2f", v) + 0
	if (v < 100)
		return sprintf("%.1f", v) + 0
	text = sprintf("%.0f", v)
	digits = ""
	while (length(text) > 3) {
		digits = "," substr(text, length(text) - 2) digits
		text = substr(text, 1, length(text) - 3)
	}
	return text digits
}

# How many times libtwz's it is, which does without what some peers offer beside: all in one transaction, and
# a state held for many look-ups.
function times(what, p,    ours) {
	ours = what
	sub(/_all_/, "_", ours)
	sub(/_held$/, "", ours)
	return number(value[what, p] / value[ours, "libtwz"])
}
