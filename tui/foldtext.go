// Sentences in lines. Chinese has no blanks between words: a line may end behind
// any of its characters, but none begins with the punctuation that closes.

package tui

import "strings"

// foldText cuts a sentence into lines of at most w cells: at blanks, and between
// Chinese characters. A word that is wider than a line is cut.
func foldText(s string, w int) []string {
	if w <= 0 || cells(s) <= w {
		return []string{s}
	}
	var lines []string
	line, width := "", 0
	for _, word := range foldWords(s) {
		n := cells(strings.TrimRight(word, " "))
		if width > 0 && width+n > w {
			lines = append(lines, strings.TrimRight(line, " "))
			line, width = "", 0
		}
		for n > w {
			head := cut(word, w, "")
			if head == "" { // a wide character in a line of one cell
				break
			}
			lines = append(lines, head)
			word = word[len(head):]
			n = cells(strings.TrimRight(word, " "))
		}
		line += word
		width += cells(word)
	}
	return append(lines, strings.TrimRight(line, " "))
}

// closing is punctuation that stays with what stands before it, opening what
// stays with what follows.
const (
	closing = "，。、；：？！）」』”’…,.;:?!)]"
	opening = "（「『“‘(["
)

// foldWords cuts a sentence into the pieces that a line may end behind, blanks at
// their ends.
func foldWords(s string) []string {
	var out []string
	from, before := 0, ""
	for at, r := range s {
		c := string(r)
		wide := cells(c) == 2 || cells(before) == 2
		switch {
		case at == 0 || c == " " || cells(c) == 0:
		case before == " ", wide && !strings.Contains(closing, c) && !strings.Contains(opening, before):
			out = append(out, s[from:at])
			from = at
		}
		before = c
	}
	return append(out, s[from:])
}
