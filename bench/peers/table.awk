# table.awk: the medians as tables for people, in Markdown.

# The row's head, then a cell for each name in `columns`; no row for whom has none.
function row(p, columns, ratio,    i, n, what, cells, v, any) {
	n = split(columns, what, " ")
	for (i = 1; i <= n; i++) {
		v = value[what[i], p]
		any += v != ""
		cells = cells " |"
		if (v != "")
			cells = cells " " number(v) (ratio && p != "libtwz" ? " (" times(what[i], p) ")" : "")
	}
	if (any)
		print "| " title[p] cells " |"
}

function table(caption, head, columns, ratio,    i, rule) {
	print "\n" caption "\n\n| | " head " |"
	rule = head
	gsub(/[^|]+/, "---", rule)
	print "|---|" rule "|"
	for (i = 1; i <= peers; i++)
		row(peer[i], columns, ratio)
}

function timed(order) {
	return sprintf("%s_insert %s_insert_many %s_all_insert_many %s_look_up %s_look_up_held %s_scan",
		order, order, order, order, order, order)
}

END {
	counts = "instructions | flushes | fences | locked | system calls"
	table("**Counted: an insert** into 100,000 random keys, a transaction of its own.", counts, \
		"insert_instructions insert_flushes insert_fences insert_locked insert_calls")
	table("**Counted: a look-up** in 100,000 random keys.", counts, \
		"look_up_instructions look_up_flushes look_up_fences look_up_locked look_up_calls")
	table("**An update** of 64 bytes at one place, a transaction of its own.", counts " | ns", \
		"update_instructions update_flushes update_fences update_locked update_calls random_update")
	times_head = "insert | 1,000 at once | all at once | look-up | 1,000 of a state | scan"
	table("**Timed, random keys**: nanoseconds a key (and how many times libtwz's).", \
		times_head, timed("random"), 1)
	table("**Timed, rising keys**: the same.", times_head, timed("rising"), 1)
	table("**From the start of a process to its first look-up**: microseconds (times).", \
		"nobody has the store | another process has it | after a kill in a transaction", \
		"start start_beside start_killed", 1)
	table("**Two threads**, each with its own map, beside one: times as much done.", \
		"look-up | undisturbed | % | insert | undisturbed | %", \
		"two_look_up two_look_up_whole two_look_up_share two_insert two_insert_whole two_insert_share")
}
