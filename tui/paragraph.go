// Sentences in a pane that has nothing else to show.

package tui

import "strings"

// paragraph folds sentences into at most h lines of at most w cells, dim.
func paragraph(l *look, s string, w, h int) []string {
	var lines []string
	for part := range strings.SplitSeq(s, "\n") {
		for _, line := range foldText(part, w) {
			if len(lines) < h {
				lines = append(lines, l.ink.dim.on(cut(line, w, l.glyph.ellipsis)))
			}
		}
	}
	return lines
}
