// Tables: columns as wide as what is in them, within the width there is.

package tui

// column is one column of a table. All columns of width 0 in every row vanish.
type column struct {
	head  string
	right bool // flush right
	least int  // cells that it keeps when room is short
	give  int  // who gives room first: the highest; 0 never gives any
	most  int  // cells at most; 0: no limit
	grow  bool // takes the room that is left
}

// table lays rows out in lines of at most w cells: a heading first, painted with
// the look's heading ink. Cells may be painted; they are cut with the look's
// ellipsis.
func table(l *look, cols []column, rows [][]string, w int) (head string, lines []string) {
	width := tableWidths(cols, rows, w)
	heads := make([]string, len(cols))
	for i, c := range cols {
		heads[i] = c.head
	}
	head = l.ink.heading.on(tableLine(l, cols, width, heads))
	for _, row := range rows {
		lines = append(lines, tableLine(l, cols, width, row))
	}
	return head, lines
}

func tableWidths(cols []column, rows [][]string, w int) []int {
	width := make([]int, len(cols))
	total := -1
	for i, c := range cols {
		for _, row := range rows {
			if i < len(row) {
				width[i] = max(width[i], cells(row[i]))
			}
		}
		if width[i] == 0 && len(rows) > 0 {
			continue
		}
		width[i] = max(width[i], cells(c.head))
		if c.most > 0 {
			width[i] = min(width[i], c.most)
		}
		total += width[i] + 1
	}
	for give := 9; give > 0 && total > w; give-- {
		for i := len(cols) - 1; i >= 0 && total > w; i-- {
			if c := cols[i]; c.give == give && width[i] > c.least {
				cutBy := min(total-w, width[i]-c.least)
				width[i] -= cutBy
				total -= cutBy
				if width[i] == 0 {
					total--
				}
			}
		}
	}
	if total < w {
		for i, c := range cols {
			if c.grow {
				width[i] += w - total
				break
			}
		}
	}
	return width
}

func tableLine(l *look, cols []column, width []int, row []string) string {
	line := ""
	for i, c := range cols {
		if width[i] == 0 {
			continue
		}
		if line != "" {
			line += " "
		}
		text := ""
		if i < len(row) {
			text = row[i]
		}
		if c.right {
			line += flushRight(text, width[i], l.glyph.ellipsis)
		} else {
			line += fit(text, width[i], l.glyph.ellipsis)
		}
	}
	return line
}
