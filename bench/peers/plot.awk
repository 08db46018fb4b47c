# plot.awk: the medians as a picture, in SVG: bars on a scale of powers of ten, a panel for each thing.

BEGIN {
	left = 170    # of the bars
	wide = 400    # the longest one
	width = 700
	high = 20     # a bar with the gap behind it
	colour["libtwz"] = "#0b7a75"
	colour["plain"] = "#b8b8b8"
	colour["rbtree"] = colour["btree"] = "#d98324"
	colour["lmdb"] = colour["lmdb-nosync"] = "#3b6fb6"
	colour["sqlite"] = colour["sqlite-normal"] = "#8a5aa8"
}

function log10(x) {
	return log(x) / log(10)
}

function text(x, y, class, what) {
	body = body sprintf("<text x=\"%.0f\" y=\"%.0f\" class=\"%s\">%s</text>\n", x, y, class, what)
}

# A panel at `top`; the y below it.
function panel(top, what, heading, unit,    i, v, low, most, y, x, decade, bars) {
	most = low = value[what, "libtwz"]
	for (i = 1; i <= peers; i++) {
		v = value[what, peer[i]]
		if (v == "")
			continue
		bars++
		if (v < low) low = v
		if (v > most) most = v
	}
	low = int(log10(low) + 10) - 10   # down to a power of ten, which lies at the left end
	if (10 ^ low == value[what, "libtwz"])
		low--
	text(16, top + 16, "heading", heading)
	y = top + 28
	for (decade = low; decade <= log10(most); decade++) {
		x = left + wide * (decade - low) / (log10(most) - low)
		body = body sprintf("<path d=\"M%.1f %d v%d\" class=\"grid\"/>\n", x, y, bars * high + 4)
		text(x, y + bars * high + 18, "scale", number(10 ^ decade))
	}
	text(left - 26, y + bars * high + 18, "unit", unit)
	for (i = 1; i <= peers; i++) {
		v = value[what, peer[i]]
		if (v == "")
			continue
		x = wide * (log10(v) - low) / (log10(most) - low)
		text(left - 10, y + 14, peer[i] == "libtwz" ? "ours" : "name", title[peer[i]])
		body = body sprintf("<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\" fill=\"%s\"%s/>\n", \
			left, y + 3, x, high - 6, colour[peer[i]], \
			peer[i] ~ /-/ ? " fill-opacity=\"0.55\"" : "")
		text(left + x + 6, y + 14, "value", number(v) \
			(peer[i] == "libtwz" ? "" : " (" times(what, peer[i]) " x)"))
		y += high
	}
	return y + 44
}

END {
	y = 8
	y = panel(y, "random_insert", "Insert, each a durable transaction of its own", "ns")
	y = panel(y, "random_insert_many", "Insert, 1,000 in a transaction", "ns")
	y = panel(y, "random_look_up", "Look-up", "ns")
	y = panel(y, "random_scan", "Scan, each entry", "ns")
	y = panel(y, "start", "Start of a process to its first look-up", "us")
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n", \
		width, y, width, y
	print "<title>An ordered map of 1,000,000 random keys: time, shorter is better</title>"
	print "<style>"
	print "text { font: 12px system-ui, sans-serif; fill: #333; }"
	print ".heading { font-size: 14px; font-weight: 600; }"
	print ".name, .unit { text-anchor: end; } .ours { text-anchor: end; font-weight: 600; }"
	print ".scale { text-anchor: middle; } .scale, .unit { font-size: 10px; fill: #888; }"
	print ".value { font-size: 11px; } .grid { stroke: #e4e4e4; }"
	print "</style>"
	printf "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", width, y
	printf "%s", body
	print "</svg>"
}
