// Fuzzy matching: which of many names are meant by a few letters.

package tui

import (
	"strings"
	"unicode"
)

// fuzzy tells how well a query fits a text: every word of the query must stand in
// it, its letters in order but not side by side, whatever the case. More is
// better; an empty query fits everything alike.
func fuzzy(query, text string) (score int, ok bool) {
	for word := range strings.FieldsSeq(query) {
		n, ok := fuzzyWord([]rune(strings.ToLower(word)), []rune(text))
		if !ok {
			return 0, false
		}
		score += n
	}
	return score, true
}

// What a letter is worth, by where it is found.
const (
	fuzzyFirst     = 4 // at the start of the text
	fuzzyWordStart = 8 // at the start of a word
	fuzzyRun       = 5 // right behind the letter before
	fuzzyInside    = 1
	fuzzyWhole     = 12 // the word stands there in one piece
	fuzzyGap       = 4  // at most taken off for letters between two
)

// fuzzyWord tries each place where the word's first letter stands and takes the
// best.
func fuzzyWord(word, text []rune) (best int, ok bool) {
	for from, r := range text {
		if unicode.ToLower(r) != word[0] {
			continue
		}
		if n, fits := fuzzyFrom(word, text, from); fits && (!ok || n > best) {
			best, ok = n, true
		}
	}
	return best, ok
}

func fuzzyFrom(word, text []rune, from int) (score int, ok bool) {
	i, run, gap := 0, 0, 0
	if from == 0 {
		score = fuzzyFirst
	}
	for at := from; at < len(text) && i < len(word); at++ {
		if unicode.ToLower(text[at]) != word[i] {
			run = 0
			gap++
			continue
		}
		score -= min(gap, fuzzyGap)
		gap = 0
		switch {
		case at == 0 || !isWordRune(text[at-1]):
			score += fuzzyWordStart
		case run > 0:
			score += fuzzyRun
		default:
			score += fuzzyInside
		}
		run++
		i++
		if i == len(word) && run == len(word) {
			score += fuzzyWhole
		}
	}
	return score, i == len(word)
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
